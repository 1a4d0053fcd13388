package mesh

import "sync/atomic"

// Stats are what a Mesh counts.
type Stats struct {
	// EdgeConnections are the WebSockets of this node's clients that are proxied to others now, OwnerConnections those that others
	// proxy to this node.
	EdgeConnections, OwnerConnections int64
	// DialErrors, NotOwnerErrors, CutErrors and OtherErrors count what went wrong since the start: the owner could not be reached; it did not own
	// the room in the epoch that was meant; Cut ended it, per connection or request; the connection broke or the answer was wrong.
	DialErrors, NotOwnerErrors, CutErrors, OtherErrors uint64
}

type counters struct {
	edge, owner                atomic.Int64
	dial, notOwner, cut, other atomic.Uint64
}

// Stats returns the counts of now.
func (m *Mesh) Stats() Stats {
	c := &m.counters
	return Stats{
		EdgeConnections: c.edge.Load(), OwnerConnections: c.owner.Load(),
		DialErrors: c.dial.Load(), NotOwnerErrors: c.notOwner.Load(), CutErrors: c.cut.Load(), OtherErrors: c.other.Load(),
	}
}
