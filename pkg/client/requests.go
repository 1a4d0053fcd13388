package client

import (
	"context"
	"fmt"

	"sfu/pkg/signaling/protocol"
	"sfu/pkg/synthetic"
)

// Do sends a request that needs nothing else done here, such as View, Subscribe, Say or Rename, and returns its answer. The error is a
// *protocol.Error for what the server refuses, and ErrSocketLost when no answer came.
func (c *Client) Do(ctx context.Context, m protocol.ClientMessage) (protocol.ServerMessage, error) {
	return c.line.request(ctx, m)
}

// RestartICE gives the connection new credentials and looks for a new path. Media goes on if the old one still works.
func (c *Client) RestartICE(ctx context.Context) error {
	return c.negotiate(ctx, change{restart: true})
}

// AddSlots adds places for count remote participants.
func (c *Client) AddSlots(ctx context.Context, count int) error {
	return c.negotiate(ctx, change{prepare: func(p *peer) error { return p.addSlots(count) }, growing: true})
}

// RequestKeyframe asks for a keyframe on the m-line that carries track. It reports whether there is one, and whether the receiver can.
func (c *Client) RequestKeyframe(track string) bool {
	place, ok := c.room.placeOf(track)
	asker, can := c.opts.Receiver.(interface{ RequestKeyframe(mid string) })
	if ok && can {
		asker.RequestKeyframe(place.MID)
	}
	return ok && can
}

// A Publication is a track that the Client publishes.
type Publication struct {
	client *Client
	out    *outgoing
}

// Publish publishes another track. It returns when the server has answered.
func (c *Client) Publish(ctx context.Context, what Publish) (*Publication, error) {
	var out *outgoing
	err := c.negotiate(ctx, change{prepare: func(p *peer) (err error) {
		out, err = p.publish(what)
		return err
	}})
	if err != nil {
		return nil, fmt.Errorf("publish: %w", err)
	}
	pub := &Publication{c, out}
	return pub, pub.Err()
}

// Publications are the tracks of Options.Publish and those published later, in order.
func (c *Client) Publications() []*Publication {
	c.offers.mu.Lock()
	defer c.offers.mu.Unlock()
	var all []*Publication
	for _, o := range c.peer.outgoing {
		all = append(all, &Publication{c, o})
	}
	return all
}

// Track is the id that the server gave, "" when it refused.
func (p *Publication) Track() string {
	id, _ := p.out.result()
	return id
}

// Err says why the server refused the track.
func (p *Publication) Err() error {
	_, err := p.out.result()
	return err
}

// Player is what sends the track.
func (p *Publication) Player() *synthetic.Player { return p.out.player }

// Mute mutes the track, which stops its packets, or unmutes it.
func (p *Publication) Mute(ctx context.Context, muted bool) error {
	p.out.want(muted, false)
	if muted {
		p.out.player.SetAllActive(false)
	}
	if _, err := p.client.line.request(ctx, protocol.Mute{Track: p.Track(), Muted: muted}); err != nil {
		return err
	}
	if !muted {
		p.out.player.SetAllActive(true)
	}
	return nil
}

// Unpublish ends the track. Its m-line stays and can be published again.
func (p *Publication) Unpublish(ctx context.Context) error {
	p.out.want(false, true)
	p.out.player.SetAllActive(false)
	_, err := p.client.line.request(ctx, protocol.Unpublish{Track: p.Track()})
	return err
}

// Republish publishes on the m-line of a track that was unpublished.
func (p *Publication) Republish(ctx context.Context, source string) error {
	p.client.offers.mu.Lock()
	mid := p.out.mid()
	p.client.offers.mu.Unlock()
	m, err := p.client.line.request(ctx, protocol.Publish{PC: peerConnectionID, Mid: mid, Source: source})
	if err != nil {
		return err
	}
	published, ok := m.(protocol.Published)
	if !ok {
		return fmt.Errorf("publish: the server answers %s", m.Type())
	}
	p.out.want(false, false)
	p.out.setTrack(published.Track)
	p.out.player.SetAllActive(true)
	return nil
}
