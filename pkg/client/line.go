package client

import (
	"context"
	"fmt"
	"sync"
	"time"

	"sfu/pkg/signaling/protocol"
)

// A line is the way to the server: the present socket, what was asked on it and is not answered, and whether it is still answered at all.
type line struct {
	mu     sync.Mutex
	socket *socket
	// open is whether the room was entered on the present socket, so that requests may be sent.
	open     bool
	lastID   uint64
	pending  map[uint64]func(protocol.ServerMessage, error)
	cutUntil time.Time
	pulse    pulse
}

// use puts a socket in the place of the last one, which it returns, nil for none. A ping that the last one did not answer says nothing about it.
func (l *line) use(s *socket) (last *socket) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last, l.socket, l.pulse = l.socket, s, pulse{}
	return last
}

// present is the socket in use.
func (l *line) present() *socket {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.socket
}

// close closes the present socket, where there is one.
func (l *line) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.socket != nil {
		l.socket.close()
	}
}

// hello sends the first message on a new socket and returns the answer. Nobody else may read meanwhile.
func (l *line) hello(ctx context.Context, m protocol.ClientMessage) (protocol.Joined, error) {
	l.mu.Lock()
	l.lastID++
	id, s := l.lastID, l.socket
	l.mu.Unlock()
	stop := context.AfterFunc(ctx, s.deafen)
	defer stop()
	if err := s.write(protocol.EncodeRequest(id, m)); err != nil {
		return protocol.Joined{}, fmt.Errorf("%s: %w", m.Type(), err)
	}
	_, answer, err := s.read()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	if err != nil {
		return protocol.Joined{}, fmt.Errorf("%s: %w", m.Type(), err)
	}
	switch answer := answer.(type) {
	case protocol.Joined:
		return answer, nil
	case protocol.Error:
		return protocol.Joined{}, &answer
	}
	return protocol.Joined{}, fmt.Errorf("%s: the server answers %s", m.Type(), answer.Type())
}

// opened tells that the room was entered.
func (l *line) opened() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open = true
}

// send sends a request; take is called with its answer, on the reading goroutine.
func (l *line) send(m protocol.ClientMessage, take func(protocol.ServerMessage, error)) error {
	l.mu.Lock()
	if !l.open {
		l.mu.Unlock()
		return fmt.Errorf("%s: %w", m.Type(), ErrSocketLost)
	}
	l.lastID++
	id, s := l.lastID, l.socket
	if l.pending == nil {
		l.pending = map[uint64]func(protocol.ServerMessage, error){}
	}
	l.pending[id] = take
	l.mu.Unlock()
	if err := s.write(protocol.EncodeRequest(id, m)); err != nil {
		l.mu.Lock()
		_, waiting := l.pending[id]
		delete(l.pending, id)
		l.mu.Unlock()
		if waiting {
			return fmt.Errorf("%s: %w: %w", m.Type(), ErrSocketLost, err)
		}
	}
	return nil
}

// request sends a request and waits for its answer.
func (l *line) request(ctx context.Context, m protocol.ClientMessage) (protocol.ServerMessage, error) {
	type result struct {
		m   protocol.ServerMessage
		err error
	}
	results := make(chan result, 1)
	if err := l.send(m, func(m protocol.ServerMessage, err error) { results <- result{m, err} }); err != nil {
		return nil, err
	}
	select {
	case r := <-results:
		if r.err != nil {
			return nil, fmt.Errorf("%s: %w", m.Type(), r.err)
		}
		return r.m, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("%s: %w", m.Type(), ctx.Err())
	}
}

// answered gives an answer to whoever asked.
func (l *line) answered(re uint64, m protocol.ServerMessage) {
	l.mu.Lock()
	take := l.pending[re]
	delete(l.pending, re)
	l.mu.Unlock()
	if take == nil {
		return
	}
	if refused, ok := m.(protocol.Error); ok {
		take(nil, &refused)
		return
	}
	take(m, nil)
}

// shut is for a socket that is lost: nothing more is sent on it. It returns who waits for an answer.
func (l *line) shut() (waiting map[uint64]func(protocol.ServerMessage, error)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	waiting, l.open, l.pending = l.pending, false, nil
	return waiting
}

// cut loses the socket and keeps it lost for d. Silently, the server does not see it end; otherwise it does at once.
func (l *line) cut(d time.Duration, silently bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cutUntil = time.Now().Add(d)
	if silently {
		l.socket.deafen()
		return
	}
	l.socket.cut()
}

// cutFor is how long the socket is to be kept lost from now on.
func (l *line) cutFor() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return time.Until(l.cutUntil)
}

// look pings the server when that is due, and cuts a socket on which no answer comes. flowing is whether media should come, packets how much has.
func (l *line) look(now time.Time, flowing bool, packets func() uint64) {
	l.mu.Lock()
	if !l.open {
		l.pulse = pulse{}
		l.mu.Unlock()
		return
	}
	ping, doubtful, s := l.pulse.due(now), l.pulse.doubtful(now), l.socket
	l.mu.Unlock()
	switch {
	case ping:
		_ = l.send(protocol.Ping{}, l.pong) // a socket that fails ends by itself
	case doubtful:
		count := packets()
		l.mu.Lock()
		lost := l.socket == s && l.pulse.doubtful(now) && l.pulse.lost(now, count, flowing)
		l.mu.Unlock()
		if lost {
			s.cut()
		}
	}
}

func (l *line) pong(_ protocol.ServerMessage, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err == nil {
		l.pulse.answered(time.Now())
	}
}
