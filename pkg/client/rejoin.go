package client

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"sfu/pkg/signaling/protocol"
)

// Times of joining anew.
const (
	// firstJitter spreads those who are sent away together.
	firstJitter = 250 * time.Millisecond
	// The wait after each attempt is anything up to a bound that doubles (full jitter), and retryAfter more where the server says so.
	firstBound, lastBound = time.Second, 8 * time.Second
	// contested is how long one's own old seat may be in the way.
	contested = 15 * time.Second
)

// passes reports whether someone who left for reason is meant to come back.
func passes(reason string) bool { return reason == "moved" || reason == "shutdown" || reason == "lost" }

// rejoin joins the room anew until that works, and reports false when it is over. Publications, slots and what the receiver knows go
// on, on another PeerConnection.
func (c *Client) rejoin() bool {
	ctx, cancel := context.WithTimeout(c.life, c.opts.Rejoin)
	defer cancel()
	c.media.pause()
	c.peer.stop()
	c.stopped = c.peer
	c.closePeer(c.peer)
	if r, ok := c.opts.Receiver.(interface{ Renew() }); ok {
		r.Renew()
	}
	r := &rejoining{}
	wait := time.Duration(rand.Int64N(int64(firstJitter)))
	for bound := firstBound; c.pause(ctx, wait); bound = min(2*bound, lastBound) {
		err := c.comeBack(ctx, r)
		if err == nil {
			return true
		}
		c.opts.Log.Debug("rejoin", "error", err)
		r.err = err
		if r.refused(err, time.Now()) {
			break
		}
		wait = time.Duration(rand.Int64N(int64(bound))) + retryAfter(err)
	}
	c.giveUp(r.err)
	return false
}

// A rejoining is what is known of the attempts to join anew.
type rejoining struct {
	offer *protocol.Offer // once there is a PeerConnection; it serves until it is answered
	ready bool
	err   error // of the last attempt
	// taken is since when the own place is said to be taken.
	taken time.Time
}

// refused reports whether err is for good.
func (r *rejoining) refused(err error, now time.Time) bool {
	var refused *protocol.Error
	if !errors.As(err, &refused) {
		return false
	}
	switch refused.Code {
	case protocol.RoomUnavailable, protocol.Overloaded, protocol.Draining, protocol.RateLimited, protocol.HelloTimeout, protocol.Shutdown,
		protocol.Internal:
		return false
	case protocol.IdentityInUse, protocol.RoomFull:
		if r.taken.IsZero() {
			r.taken = now
		}
		return now.Sub(r.taken) >= contested
	}
	return true
}

func retryAfter(err error) time.Duration {
	var refused *protocol.Error
	if errors.As(err, &refused) {
		return time.Duration(refused.RetryAfter) * time.Millisecond
	}
	return 0
}

// comeBack is one attempt.
func (c *Client) comeBack(ctx context.Context, r *rejoining) error {
	if err := c.ask(ctx); err != nil {
		return err
	}
	if !r.ready {
		if err := c.openPeer(ctx, c.stopped); err != nil {
			return errors.Join(err, c.dropPeer())
		}
		offer, err := c.firstOffer()
		if err != nil {
			return errors.Join(err, c.dropPeer())
		}
		c.stopped, r.offer, r.ready = nil, offer, true
	}
	if err := c.redial(ctx); err != nil {
		return err
	}
	if err := c.greet(ctx, r.offer); err != nil {
		c.line.close()
		c.lost()
		return err
	}
	c.offers.joined(c)
	return nil
}

// dropPeer closes a PeerConnection that came to nothing, so that the next attempt follows the one before it.
func (c *Client) dropPeer() error {
	if c.peer == c.stopped {
		return nil
	}
	failed := c.peer
	err := c.offers.begin(func() error {
		c.peer = c.stopped
		return nil
	})
	failed.stop()
	return errors.Join(err, failed.close())
}

// closePeer closes p, which is stopped, while other things go on.
func (c *Client) closePeer(p *peer) {
	c.background.Go(func() {
		if err := p.close(); err != nil {
			c.opts.Log.Debug("close the PeerConnection", "error", err)
		}
	})
}

// ask asks for the room anew.
func (c *Client) ask(ctx context.Context) error {
	info, err := c.opts.info(ctx, c.base, c.roomName)
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.info = *info
	return nil
}

// lookAgain asks where the room is after a socket could not be opened, if it may be elsewhere. What comes of it shows with the next attempt.
func (c *Client) lookAgain(ctx context.Context, err error) {
	var refused *protocol.Error
	elsewhere := errors.As(err, &refused) && refused.Code == protocol.RoomUnavailable
	if c.Info().Signal == "" && !elsewhere {
		return
	}
	if err := c.ask(ctx); err != nil {
		c.opts.Log.Debug("ask for the room", "error", err)
	}
}
