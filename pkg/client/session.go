package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gorilla/websocket"

	"sfu/pkg/signaling/protocol"
)

// Times of the socket.
const (
	// silence is how long the server may say nothing, not even ping.
	silence    = 15 * time.Second
	writeLimit = 5 * time.Second
	// maxServerMessage bounds what the server says at once: a snapshot of a large room with its answers.
	maxServerMessage = 4 << 20
)

// backoff is how long to wait before each attempt to resume; the last one repeats.
var backoff = []time.Duration{0, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second}

// A socket is one WebSocket.
type socket struct {
	conn    *websocket.Conn
	writing sync.Mutex
	deaf    atomic.Bool
}

func (c *Client) dial(ctx context.Context) (*socket, error) {
	at, err := c.socketURL()
	if err != nil {
		return nil, err
	}
	dialer := websocket.Dialer{
		Subprotocols: []string{protocol.Version}, NetDialContext: c.opts.DialContext, TLSClientConfig: c.opts.TLS, HandshakeTimeout: 10 * time.Second,
	}
	conn, answer, err := dialer.DialContext(ctx, at, nil)
	if err != nil {
		if answer != nil && answer.StatusCode != http.StatusSwitchingProtocols {
			body, _ := io.ReadAll(io.LimitReader(answer.Body, maxInfoBytes))
			err = refusal(answer.Status, body)
		}
		return nil, fmt.Errorf("open the socket: %w", err)
	}
	conn.SetReadLimit(maxServerMessage)
	s := &socket{conn: conn}
	s.heard()
	answerPing := conn.PingHandler()
	conn.SetPingHandler(func(data string) error {
		s.heard()
		return answerPing(data)
	})
	return s, nil
}

// heard gives the server another time of silence.
func (s *socket) heard() {
	_ = s.conn.SetReadDeadline(time.Now().Add(silence))
	if s.deaf.Load() {
		_ = s.conn.SetReadDeadline(time.Now())
	}
}

// deafen ends reading, for good and unnoticed by the server.
func (s *socket) deafen() {
	s.deaf.Store(true)
	_ = s.conn.SetReadDeadline(time.Now())
}

func (s *socket) write(frame []byte) error {
	s.writing.Lock()
	defer s.writing.Unlock()
	_ = s.conn.SetWriteDeadline(time.Now().Add(writeLimit))
	return s.conn.WriteMessage(websocket.TextMessage, frame)
}

// read returns the next message of a known type.
func (s *socket) read() (re uint64, m protocol.ServerMessage, err error) {
	for {
		_, frame, err := s.conn.ReadMessage()
		if err != nil {
			return 0, nil, err
		}
		s.heard()
		if re, m, err = protocol.DecodeServer(frame); err == nil {
			return re, m, nil
		}
	}
}

func (s *socket) close() { _ = s.conn.Close() }

// hello sends the first message on a new socket and returns the answer.
func (c *Client) hello(ctx context.Context, m protocol.ClientMessage) (protocol.Joined, error) {
	c.mu.Lock()
	c.nextID++
	id, s := c.nextID, c.socket
	c.mu.Unlock()
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

// run reads until the Client is out of the room.
func (c *Client) run() {
	defer close(c.done)
	for {
		err := c.listenTo(c.socket)
		c.opts.Log.Debug("the socket has ended", "error", err)
		c.lost()
		if c.over(err) || !c.back(err) {
			break
		}
	}
	c.end()
	c.socket.close()
	c.stopRestarts()
	c.offers.close()
	c.source.Close()
	if c.peer != c.stopped {
		c.peer.stop()
		c.closePeer(c.peer)
	}
	c.background.Wait()
	c.mu.Lock()
	c.notify()
	c.mu.Unlock()
}

// listenTo handles what comes on one socket, until it ends.
func (c *Client) listenTo(s *socket) error {
	for {
		re, m, err := s.read()
		if err != nil {
			return err
		}
		if re != 0 {
			c.answered(re, m)
		}
		if _, left := m.(protocol.Left); re == 0 || left {
			c.happened(m)
		}
	}
}

// happened takes an event.
func (c *Client) happened(m protocol.ServerMessage) {
	c.mu.Lock()
	c.state.apply(m)
	c.notify()
	c.mu.Unlock()
	if c.opts.OnMessage != nil {
		c.opts.OnMessage(m)
	}
	if s, ok := m.(protocol.Slots); ok && s.Need > 0 && !c.opts.NoGrow {
		c.offers.grow(c, s.Need)
	}
}

// answered gives an answer to whoever asked.
func (c *Client) answered(re uint64, m protocol.ServerMessage) {
	c.mu.Lock()
	take := c.pending[re]
	delete(c.pending, re)
	c.mu.Unlock()
	if take == nil {
		return
	}
	if refused, ok := m.(protocol.Error); ok {
		take(nil, &refused)
		return
	}
	take(m, nil)
}

// lost gives up what waits for an answer.
func (c *Client) lost() {
	c.mu.Lock()
	c.state.Online = false
	pending := c.pending
	c.pending = map[uint64]func(protocol.ServerMessage, error){}
	c.notify()
	c.mu.Unlock()
	for _, take := range pending {
		take(nil, ErrSocketLost)
	}
}

// over reports whether the Client is out of the room for good, and keeps the reason.
func (c *Client) over(err error) bool {
	if c.life.Err() != nil {
		return true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Left != nil {
		switch reason := c.state.Left.Reason; {
		case reason == "left":
			return true
		case c.opts.Rejoin > 0 && passes(reason):
			return false
		default:
			c.err = fmt.Errorf("out of the room: %s", reason)
			return true
		}
	}
	var closed *websocket.CloseError
	if errors.As(err, &closed) && final(closed.Code, c.opts.Rejoin > 0) {
		c.err = fmt.Errorf("the server closed the socket: %d %s", closed.Code, closed.Text)
		return true
	}
	return false
}

// final reports whether a session whose socket was closed with code is over; otherwise it can be resumed or, where that is meant to be
// tried, the room can be joined anew.
func final(code int, rejoin bool) bool {
	switch code {
	case protocol.CloseLeft, protocol.Replaced.Info().Close, protocol.Removed.Info().Close:
		return true
	}
	return !rejoin && seatLost(code)
}

// seatLost reports whether there is nothing to be resumed after a socket was closed with code.
func seatLost(code int) bool {
	switch code {
	case websocket.CloseAbnormalClosure, protocol.SlowConsumer.Info().Close, websocket.CloseInternalServerErr:
		return false
	}
	return true
}

// back comes back into the room after a socket ended with err, and reports false when that is over.
func (c *Client) back(err error) bool {
	c.mu.Lock()
	sentAway := c.state.Left != nil
	c.mu.Unlock()
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		sentAway = sentAway || seatLost(closed.Code)
	}
	if !sentAway {
		err := c.resume()
		if err == nil {
			c.offers.resumed(c)
			return true
		}
		if c.opts.Rejoin == 0 {
			return c.giveUp(err)
		}
		c.opts.Log.Debug("resume", "error", err)
	}
	return c.rejoin()
}

// resume opens new sockets until one takes up the session. It fails when that is over.
func (c *Client) resume() error {
	ctx, cancel := context.WithTimeout(c.life, c.opts.ResumeFor)
	defer cancel()
	for attempt := 0; ; attempt++ {
		wait := backoff[min(attempt, len(backoff)-1)]
		wait += time.Duration(rand.Int64N(int64(wait/4 + 1)))
		if !c.pause(ctx, wait) {
			return ErrSocketLost
		}
		err := c.takeUp(ctx)
		var refused *protocol.Error
		switch {
		case err == nil:
			return nil
		case errors.As(err, &refused) && refused.Code == protocol.ResumeInvalid:
			return err
		}
		c.opts.Log.Debug("resume", "error", err)
		c.lookAgain(ctx, err)
	}
}

// pause waits, at least as long as the socket is to be kept lost. It reports whether ctx lasted.
func (c *Client) pause(ctx context.Context, wait time.Duration) bool {
	c.mu.Lock()
	wait = max(wait, time.Until(c.cutUntil))
	c.mu.Unlock()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

func (c *Client) giveUp(err error) bool {
	if c.life.Err() == nil {
		c.mu.Lock()
		c.err = err
		c.mu.Unlock()
	}
	return false
}

// takeUp resumes the session on a new socket.
func (c *Client) takeUp(ctx context.Context) error {
	if err := c.redial(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	secret := c.session
	c.mu.Unlock()
	joined, err := c.hello(ctx, protocol.Resume{Session: secret})
	if err != nil {
		c.socket.close()
		return err
	}
	c.enter(joined)
	return nil
}

// redial opens a socket in place of the last one.
func (c *Client) redial(ctx context.Context) error {
	s, err := c.dial(ctx)
	if err != nil {
		return err
	}
	c.use(s).close()
	if c.life.Err() != nil {
		s.close() // Close may have seen the old one
		return ErrClosed
	}
	return nil
}

// use puts a socket in the place of the last one, which it returns. A ping that the last one did not answer says nothing about it.
func (c *Client) use(s *socket) (last *socket) {
	c.mu.Lock()
	defer c.mu.Unlock()
	last, c.socket, c.pulse = c.socket, s, pulse{}
	return last
}

// CutSocket loses the socket and keeps it lost for d. Silently, the server does not see it end; otherwise it does at once.
func (c *Client) CutSocket(d time.Duration, silently bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.cutUntil = time.Now().Add(d)
	if silently {
		c.socket.deafen()
		return
	}
	_ = c.socket.conn.NetConn().Close()
}

// send sends a request; take is called with its answer, on the reading goroutine.
func (c *Client) send(m protocol.ClientMessage, take func(protocol.ServerMessage, error)) error {
	c.mu.Lock()
	if !c.state.Online {
		c.mu.Unlock()
		return fmt.Errorf("%s: %w", m.Type(), ErrSocketLost)
	}
	c.nextID++
	id, s := c.nextID, c.socket
	c.pending[id] = take
	c.mu.Unlock()
	if err := s.write(protocol.EncodeRequest(id, m)); err != nil {
		c.mu.Lock()
		_, waiting := c.pending[id]
		delete(c.pending, id)
		c.mu.Unlock()
		if waiting {
			return fmt.Errorf("%s: %w: %w", m.Type(), ErrSocketLost, err)
		}
	}
	return nil
}

// request sends a request and waits for its answer.
func (c *Client) request(ctx context.Context, m protocol.ClientMessage) (protocol.ServerMessage, error) {
	type result struct {
		m   protocol.ServerMessage
		err error
	}
	results := make(chan result, 1)
	if err := c.send(m, func(m protocol.ServerMessage, err error) { results <- result{m, err} }); err != nil {
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
