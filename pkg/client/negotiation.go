package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"sfu/pkg/signaling/protocol"
)

// A change is something that needs an offer.
type change struct {
	// prepare adds m-lines before the offer is made; nil adds none.
	prepare func(*peer) error
	// restart asks for new ICE credentials.
	restart bool
	// growing marks a change that adds slots.
	growing bool
	// done is told how it went; it must not block. nil tells nobody.
	done func(protocol.Answer, error)
}

func (ch *change) finish(a protocol.Answer, err error) {
	if ch.done != nil {
		ch.done(a, err)
	}
}

// A negotiation makes offers, one at a time. Changes that come while one is under way wait for the next.
type negotiation struct {
	mu     sync.Mutex
	n      uint64
	closed bool
	// ready is whether offers may be made: the room was entered, and what was under way before has been said again.
	ready    bool
	waiting  []change
	underWay bool
	offer    protocol.Offer // under way
	flying   []change       // what it carries
	// refused is set when the last offer was. pion cannot take it back, so it is made again before any other.
	refused bool
}

// firstOffer makes the offer that goes with join, nil where there is nothing to offer.
func (c *Client) firstOffer() (*protocol.Offer, error) {
	if len(c.peer.outgoing) == 0 && c.peer.slots == 0 {
		return nil, nil
	}
	c.offers.mu.Lock()
	defer c.offers.mu.Unlock()
	if err := c.offers.make(c.peer, false); err != nil {
		return nil, fmt.Errorf("join: %w", err)
	}
	return &c.offers.offer, nil
}

// make makes the next offer. mu is held.
func (n *negotiation) make(p *peer, restart bool) error {
	sdp, err := p.offer(restart)
	if err != nil {
		return err
	}
	n.n++
	n.offer = protocol.Offer{PC: peerConnectionID, N: n.n, SDP: sdp, Tracks: map[string]protocol.Publication{}}
	for _, o := range p.outgoing {
		if !o.named {
			muted, _ := o.wanted()
			n.offer.Tracks[o.mid()] = protocol.Publication{Source: o.publish.Source, Muted: muted}
		}
	}
	n.underWay = true
	return nil
}

// answered applies an answer to the offer under way.
func (n *negotiation) answered(p *peer, a protocol.Answer) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.apply(p, a)
}

func (n *negotiation) apply(p *peer, a protocol.Answer) error {
	if !n.underWay || a.N != n.offer.N || a.PC != n.offer.PC {
		return fmt.Errorf("the server answers offer %d of %s, not %d of %s", a.N, a.PC, n.offer.N, n.offer.PC)
	}
	n.underWay = false
	if err := p.answer(a.SDP); err != nil {
		return err
	}
	for _, o := range p.outgoing {
		mid := o.mid()
		if _, asked := n.offer.Tracks[mid]; !asked {
			continue
		}
		o.named = true
		o.setTrack(a.Published[mid])
		if why, refused := a.Rejected[mid]; refused {
			o.refuse(&protocol.Error{Code: why.Code, Message: why.Message})
		}
	}
	return nil
}

// do makes a change with the next offer.
func (n *negotiation) do(c *Client, ch change) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		ch.finish(protocol.Answer{}, ErrClosed)
		return
	}
	n.waiting = append(n.waiting, ch)
	n.flush(c)
}

// grow adds count slots, unless slots are being added already: the server asks again when it must.
func (n *negotiation) grow(c *Client, count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, ch := range slices.Concat(n.waiting, n.flying) {
		if ch.growing {
			return
		}
	}
	if most := c.Info().Limits.Slots; most > 0 {
		count = min(count, most-c.peer.slots)
	}
	if count <= 0 || n.closed {
		return
	}
	n.waiting = append(n.waiting, change{prepare: func(p *peer) error { return p.addSlots(count) }, growing: true})
	n.flush(c)
}

// flush offers what waits, unless an offer is under way or there is no socket. mu is held.
func (n *negotiation) flush(c *Client) {
	if n.underWay || len(n.waiting) == 0 || !n.ready {
		return
	}
	if n.refused {
		n.again(c)
		return
	}
	waiting, restart := n.waiting, false
	n.flying, n.waiting = nil, nil
	for _, ch := range waiting {
		if ch.prepare != nil {
			if err := ch.prepare(c.peer); err != nil {
				ch.finish(protocol.Answer{}, err)
				continue
			}
		}
		restart = restart || ch.restart
		n.flying = append(n.flying, ch)
	}
	if len(n.flying) == 0 {
		return
	}
	if err := n.make(c.peer, restart); err != nil {
		n.fail(err)
		return
	}
	n.send(c)
}

// send sends the offer under way. When the socket is lost it is sent again after it was found. mu is held.
func (n *negotiation) send(c *Client) {
	_ = c.line.send(n.offer, func(m protocol.ServerMessage, err error) { n.reply(c, m, err) })
}

// reply takes the answer to the offer under way, on the reading goroutine.
func (n *negotiation) reply(c *Client, m protocol.ServerMessage, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed || errors.Is(err, ErrSocketLost) {
		return
	}
	a, ok := m.(protocol.Answer)
	if err == nil && !ok {
		err = fmt.Errorf("the server answers %s", m.Type())
	}
	if err != nil {
		n.underWay, n.refused = false, true
		if len(n.flying) == 0 { // the repetition was refused, too: what waited for it is as well
			n.flying, n.waiting = n.waiting, nil
		}
		n.fail(err)
	} else if err := n.apply(c.peer, a); err != nil {
		n.fail(err)
	} else {
		n.confirm(c)
		for _, ch := range n.flying {
			ch.finish(a, nil)
		}
		n.flying = nil
	}
	n.flush(c)
}

// confirm lets the server use what was new in the last answer. mu is held.
func (n *negotiation) confirm(c *Client) {
	_ = c.line.send(protocol.Applied{PC: n.offer.PC, N: n.offer.N}, func(protocol.ServerMessage, error) {}) // said again after a resume
}

// again sends the offer once more, under a new number. mu is held.
func (n *negotiation) again(c *Client) {
	n.n++
	n.offer.N = n.n
	n.underWay, n.refused = true, false
	n.send(c)
}

// fail tells those whose offer came to nothing. mu is held.
func (n *negotiation) fail(err error) {
	for _, ch := range n.flying {
		ch.finish(protocol.Answer{}, fmt.Errorf("negotiate: %w", err))
	}
	n.flying = nil
}

// resumed goes on after the socket was found again: the offer under way is sent once more, under a new number.
func (n *negotiation) resumed(c *Client) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ready = true
	if n.underWay {
		n.again(c)
		return
	}
	if n.n > 0 && !n.refused {
		n.confirm(c)
	}
	n.flush(c)
}

// pause is for a socket that is lost: there are no more offers until resumed or joined.
func (n *negotiation) pause() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ready = false
}

// begin has everything be offered anew, on the PeerConnection that use takes into use with mu held. What the last offer carried is carried
// by the first one of it, which restarts ICE more than any restart.
func (n *negotiation) begin(use func() error) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.n, n.underWay, n.refused, n.offer = 0, false, false, protocol.Offer{}
	waiting := n.waiting
	n.waiting = nil
	for _, ch := range waiting {
		if ch.prepare != nil {
			n.waiting = append(n.waiting, ch)
		} else {
			n.flying = append(n.flying, ch)
		}
	}
	return use()
}

// joined goes on after the first offer of a PeerConnection was answered.
func (n *negotiation) joined(c *Client) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.ready = true
	for _, ch := range n.flying {
		ch.finish(protocol.Answer{}, nil)
	}
	n.flying = nil
	n.flush(c)
}

// close ends negotiation; whoever waits is told.
func (n *negotiation) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.closed = true
	for _, ch := range slices.Concat(n.flying, n.waiting) {
		ch.finish(protocol.Answer{}, ErrClosed)
	}
	n.flying, n.waiting = nil, nil
}

// negotiate makes a change and waits until it is answered.
func (c *Client) negotiate(ctx context.Context, ch change) error {
	result := make(chan error, 1)
	ch.done = func(_ protocol.Answer, err error) { result <- err }
	c.offers.do(c, ch)
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}
