package forwarder

import (
	"context"
	"math/rand/v2"
)

// A Group is the media of one room. All its connections are served by one worker.
type Group struct {
	worker *Worker
	// Counters is owned by the worker.
	counters Counters
}

// NewPeer adds a connection. Packets for it go to w, what happens to it is told to o.
func (g *Group) NewPeer(w Writer, o PeerObserver) *Peer {
	p := &Peer{group: g, worker: g.worker, writer: w, observer: o}
	p.egress.ssrc = 1 + rand.Uint32N(1<<32-1)
	g.worker.do(func(Instant) { g.worker.router.addPeer(p) })
	return p
}

// Counters returns what the group's connections did so far; it never falls.
func (g *Group) Counters(ctx context.Context) (Counters, error) {
	var c Counters
	if err := g.worker.ask(ctx, func(Instant) { c = g.counters }); err != nil {
		// The worker may still write c.
		return Counters{}, err
	}
	return c, nil
}

// Close ends the group. Its peers must be closed before.
func (g *Group) Close() { g.worker.groups.Add(-1) }
