package ownership

import (
	"cmp"
	"slices"
	"time"
)

// A State says what a node takes.
type State string

// The states of a node: it takes rooms; it ends soon; it sees neither engine nor peers.
const (
	StateActive   State = "active"
	StateDraining State = "draining"
	StateIsolated State = "isolated"
)

// A Heartbeat is what each node says of itself, twice a second.
type Heartbeat struct {
	Member
	State State `json:"state"`
	// Load is 0 for an idle node and 1 for one that is full.
	Load    float64 `json:"load"`
	Rooms   int     `json:"rooms"`
	People  int     `json:"people"`
	Version string  `json:"version"`
	// Sequence counts the heartbeats of the incarnation.
	Sequence uint64 `json:"seq"`
}

// A peer is another node as this one sees it.
type peer struct {
	last Heartbeat
	// heard is when its last heartbeat came, reached when it last answered a probe, refused when it last could not be reached.
	heard, reached, refused time.Time
	// dead is when a probe found it dead, zero once it is heard of.
	dead     time.Time
	reserved []time.Time
}

// A view is what a node knows of the others. It includes itself.
type view struct {
	rules Rules
	self  Incarnation
	peers map[Incarnation]*peer
	// echo is when one's own heartbeat last came back, since when the engine was last found up.
	echo, since time.Time
}

func (v *view) hear(h Heartbeat, now time.Time) {
	if h.Incarnation == v.self {
		v.echo = now
		return
	}
	p := v.peers[h.Incarnation]
	if p == nil {
		p = &peer{}
		v.peers[h.Incarnation] = p
	}
	if h.Sequence < p.last.Sequence {
		return // overtaken on its way
	}
	p.last, p.heard, p.dead = h, now, time.Time{}
}

// forget drops who has been silent for long.
func (v *view) forget(now time.Time) {
	for inc, p := range v.peers {
		if now.Sub(p.heard) > v.rules.Forget && now.Sub(p.reached) > v.rules.Forget {
			delete(v.peers, inc)
		}
	}
}

// silence is how long inc has not been heard of, as far as this node can know.
func (v *view) silence(inc Incarnation, now time.Time) time.Duration {
	from := v.since
	if p := v.peers[inc]; p != nil {
		for _, at := range []time.Time{p.heard, p.reached} {
			if at.After(from) {
				from = at
			}
		}
	}
	return now.Sub(from)
}

// fresh reports whether inc was heard of within limit.
func (v *view) fresh(inc Incarnation, limit time.Duration, now time.Time) bool {
	p := v.peers[inc]
	return p != nil && (now.Sub(p.heard) < limit || now.Sub(p.reached) < limit)
}

// mayJudge reports whether this node's own sight of the engine is good enough to call others dead.
func (v *view) mayJudge(up bool, now time.Time) bool {
	return up && now.Sub(v.since) >= v.rules.Settled && now.Sub(v.echo) < v.rules.Echo
}

// dead decides on a silent owner by what a probe found.
func (v *view) dead(inc Incarnation, probe ProbeResult, up bool, now time.Time) bool {
	switch probe {
	case WrongNode:
		// Who is heard of lives, and two nodes say the same address, as in containers of two hosts.
		p := v.peers[inc]
		return p == nil || now.Sub(p.heard) >= v.rules.Refused
	case RefusedProbe:
		return v.mayJudge(up, now) && v.silence(inc, now) >= v.rules.Refused
	case NoReply:
		return v.mayJudge(up, now) && v.silence(inc, now) >= v.rules.Silence
	}
	return false
}

// members lists the peers that were heard of or reached within limit, in a stable order.
func (v *view) members(limit time.Duration, now time.Time) []Member {
	var all []Member
	for inc, p := range v.peers {
		if v.fresh(inc, limit, now) {
			all = append(all, p.last.Member)
		}
	}
	slices.SortFunc(all, func(a, b Member) int { return cmp.Compare(a.Incarnation, b.Incarnation) })
	return all
}

// choose returns the node to open a room: of two random ones the less loaded, this one where it is not much worse. own is what this node
// would say of itself. Where nobody takes rooms, the Refusal says why.
func (v *view) choose(own Heartbeat, exclude []Incarnation, random func(n int) int, now time.Time) (Member, Refusal) {
	type candidate struct {
		member Member
		load   float64
		from   *peer
	}
	var all []candidate
	refusal := Full
	consider := func(h Heartbeat, p *peer, reserved float64) {
		switch {
		case slices.Contains(exclude, h.Incarnation):
		case h.State != StateActive:
			if h.Incarnation == v.self {
				refusal = Refusal(h.State)
			}
		case h.Load+reserved < 1:
			all = append(all, candidate{h.Member, h.Load + reserved, p})
		}
	}
	for _, m := range v.members(v.rules.Silence, now) {
		p := v.peers[m.Incarnation]
		p.reserved = slices.DeleteFunc(p.reserved, func(at time.Time) bool { return now.Sub(at) >= v.rules.Reservation })
		consider(p.last, p, v.rules.Weight*float64(len(p.reserved)))
	}
	here := len(all)
	consider(own, nil, 0)
	if len(all) == 0 {
		return Member{}, refusal
	}
	best := random(len(all))
	if len(all) > 1 {
		other := random(len(all) - 1)
		if other >= best {
			other++
		}
		if all[other].load < all[best].load {
			best = other
		}
	}
	if here < len(all) && all[here].load <= all[best].load+v.rules.Near {
		best = here
	}
	if p := all[best].from; p != nil {
		p.reserved = append(p.reserved, now)
	}
	return all[best].member, ""
}
