package client

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gorilla/websocket"

	"sfu/pkg/signaling/protocol"
)

// backoff is how long to wait before each attempt to resume; the last one repeats.
var backoff = []time.Duration{0, 500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second}

// run reads until the Client is out of the room.
func (c *Client) run() {
	defer close(c.done)
	for {
		err := c.listenTo(c.line.present())
		c.opts.Log.Debug("the socket has ended", "error", err)
		c.lost()
		if c.over(err) || !c.back(err) {
			break
		}
	}
	c.end()
	c.line.close()
	c.media.end()
	c.offers.close()
	c.source.Close()
	if c.peer != c.stopped {
		c.peer.stop()
		c.closePeer(c.peer)
	}
	c.background.Wait()
}

// listenTo handles what comes on one socket, until it ends.
func (c *Client) listenTo(s *socket) error {
	for {
		re, m, err := s.read()
		if err != nil {
			return err
		}
		if re != 0 {
			c.line.answered(re, m)
		}
		if _, left := m.(protocol.Left); re == 0 || left {
			c.happened(m)
		}
	}
}

// happened takes an event.
func (c *Client) happened(m protocol.ServerMessage) {
	c.room.change(func(s *State) { s.apply(m) })
	if c.opts.OnMessage != nil {
		c.opts.OnMessage(m)
	}
	if s, ok := m.(protocol.Slots); ok && s.Need > 0 && !c.opts.NoGrow {
		c.offers.grow(c, s.Need)
	}
}

// lost tells everybody that the socket is. Who learns it one way must not find it otherwise the other. An offer may be on its way out to that socket
// still, so that offers pause last.
func (c *Client) lost() {
	waiting := c.line.shut()
	c.room.change(func(s *State) { s.Online = false })
	c.offers.pause()
	for _, take := range waiting {
		take(nil, ErrSocketLost)
	}
}

// over reports whether the Client is out of the room for good, and keeps the reason.
func (c *Client) over(err error) bool {
	if c.life.Err() != nil {
		return true
	}
	if left := c.room.left(); left != nil {
		switch reason := left.Reason; {
		case reason == "left":
			return true
		case c.opts.Rejoin > 0 && passes(reason):
			return false
		default:
			c.giveUp(fmt.Errorf("out of the room: %s", reason))
			return true
		}
	}
	var closed *websocket.CloseError
	if errors.As(err, &closed) && final(closed.Code, c.opts.Rejoin > 0) {
		c.giveUp(fmt.Errorf("the server closed the socket: %d %s", closed.Code, closed.Text))
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
	sentAway := c.room.left() != nil
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
			c.giveUp(err)
			return false
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
	timer := time.NewTimer(max(wait, c.line.cutFor()))
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// giveUp keeps why the Client is out of the room, unless that is because of Close.
func (c *Client) giveUp(err error) {
	if c.life.Err() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.err = err
}

// takeUp resumes the session on a new socket.
func (c *Client) takeUp(ctx context.Context) error {
	if err := c.redial(ctx); err != nil {
		return err
	}
	c.mu.Lock()
	secret := c.session
	c.mu.Unlock()
	joined, err := c.line.hello(ctx, protocol.Resume{Session: secret})
	if err != nil {
		c.line.close()
		return err
	}
	c.enter(joined)
	return nil
}

// redial opens a socket in place of the last one.
func (c *Client) redial(ctx context.Context) error {
	at, err := c.socketURL()
	if err != nil {
		return err
	}
	s, err := c.opts.dial(ctx, at)
	if err != nil {
		return err
	}
	if last := c.line.use(s); last != nil {
		last.close()
	}
	if c.life.Err() != nil {
		s.close() // Close may have seen the old one
		return ErrClosed
	}
	return nil
}

// CutSocket loses the socket and keeps it lost for d. Silently, the server does not see it end; otherwise it does at once.
func (c *Client) CutSocket(d time.Duration, silently bool) { c.line.cut(d, silently) }
