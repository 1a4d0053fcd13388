package ownership

import (
	"cmp"
	"math"
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
	dead time.Time
	// shunned is since when nothing but heartbeats comes from it, zero while it answers; asked is when that was last tried.
	shunned, asked time.Time
	reserved       []time.Time
}

// A View is what a node sees of the engine and of the other nodes, and what it may conclude from it.
type View struct {
	rules Rules
	self  Member
	peers map[Incarnation]*peer
	// up says whether the engine answers, gen which store it has. down is since when it does not.
	up   bool
	gen  int64
	down time.Time
	// echo is when one's own heartbeat last came back, since when what is seen can be trusted.
	echo, since time.Time
}

// Heard takes a heartbeat, one's own too.
func (v *View) Heard(h Heartbeat, now time.Time) {
	if h.Incarnation == v.self.Incarnation {
		v.echo = now
		return
	}
	p := v.peers[h.Incarnation]
	if p == nil {
		// Until it has answered for the first time, nobody is sent there.
		p = &peer{shunned: now}
		v.peers[h.Incarnation] = p
	}
	if h.Sequence < p.last.Sequence {
		return // overtaken on its way
	}
	p.last, p.heard, p.dead = h, now, time.Time{}
}

// forget drops who has been silent for long.
func (v *View) forget(now time.Time) {
	for inc, p := range v.peers {
		if now.Sub(p.heard) > v.rules.Forget && now.Sub(p.reached) > v.rules.Forget {
			delete(v.peers, inc)
		}
	}
}

// silence is how long inc has not been heard of, as far as this node can know.
func (v *View) silence(inc Incarnation, now time.Time) time.Duration {
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
func (v *View) fresh(inc Incarnation, limit time.Duration, now time.Time) bool {
	p := v.peers[inc]
	return p != nil && (now.Sub(p.heard) < limit || now.Sub(p.reached) < limit)
}

// Fresh reports whether a peer was heard of or reached a moment ago.
func (v *View) Fresh(inc Incarnation, now time.Time) bool { return v.fresh(inc, v.rules.Silence, now) }

// refuses reports whether the last attempt to reach inc failed, and nothing came from it since.
func (v *View) refuses(inc Incarnation) bool {
	p := v.peers[inc]
	return p != nil && p.refused.After(p.heard) && p.refused.After(p.reached)
}

// buried reports whether a probe has just found inc dead.
func (v *View) buried(inc Incarnation, now time.Time) bool {
	p := v.peers[inc]
	return p != nil && now.Sub(p.dead) < v.rules.Cache && v.mayJudge(now)
}

// Doubtful reports whether so long nothing has been heard of a peer, which is known as an owner or proxied to, that it should be
// probed; the answer of the probe is what connections to it depend on.
func (v *View) Doubtful(inc Incarnation, now time.Time) bool {
	return v.mayJudge(now) && v.silence(inc, now) >= v.rules.Silence
}

// mayJudge reports whether this node's own sight of the engine is good enough to call others dead.
func (v *View) mayJudge(now time.Time) bool {
	return v.up && now.Sub(v.since) >= v.rules.Settled && now.Sub(v.echo) < v.rules.Echo
}

// Dead decides whether a peer that a probe found in that condition is gone.
func (v *View) Dead(inc Incarnation, found ProbeResult, now time.Time) bool {
	switch found {
	case WrongNode:
		// Who is heard of lives, and two nodes say the same address, as in containers of two hosts. Who has just begun to listen has heard
		// of nobody.
		p := v.peers[inc]
		return now.Sub(v.since) >= v.rules.Refused && (p == nil || now.Sub(p.heard) >= v.rules.Refused)
	case RefusedProbe:
		return v.mayJudge(now) && v.silence(inc, now) >= v.rules.Refused
	case NoReply:
		return v.mayJudge(now) && v.silence(inc, now) >= v.rules.Silence
	}
	return false
}

// probed notes what a probe found.
func (v *View) probed(inc Incarnation, found ProbeResult, now time.Time) {
	p := v.peers[inc]
	switch {
	case p == nil:
	case found == Reached:
		p.reached, p.dead, p.shunned = now, time.Time{}, time.Time{}
	default:
		p.refused, p.dead = now, time.Time{}
		v.shun(p, now)
		if v.Dead(inc, found, now) {
			p.dead = now
		}
	}
}

// unreachable notes that inc could not be reached when somebody was sent there.
func (v *View) unreachable(inc Incarnation, now time.Time) {
	if p := v.peers[inc]; p != nil {
		p.refused = now
		v.shun(p, now)
	}
}

func (v *View) shun(p *peer, now time.Time) {
	if p.shunned.IsZero() {
		p.shunned, p.asked = now, now
	}
}

// isolated: neither engine nor any of the peers there were, or no engine yet.
func (v *View) isolated(now time.Time) bool {
	if v.gen == 0 {
		return true
	}
	if v.up || now.Sub(v.down) < v.rules.Isolation || len(v.peers) == 0 {
		return false
	}
	return len(v.members(v.rules.Isolation, now)) == 0
}

// lookout returns the peers to probe: all, where the engine, which would tell of them, has not answered for a while; otherwise those that are heard of
// but have not answered, so that they are chosen again as soon as they do.
func (v *View) lookout(now time.Time) []Member {
	alone := !v.up && now.Sub(v.down) >= v.rules.Isolation/2
	return slices.DeleteFunc(v.members(math.MaxInt64, now), func(m Member) bool {
		p := v.peers[m.Incarnation]
		switch {
		case alone && now.Sub(p.reached) >= time.Second && now.Sub(p.refused) >= time.Second:
			p.refused = now
		case !p.shunned.IsZero() && now.Sub(p.heard) < v.rules.Silence && now.Sub(p.asked) >= v.rules.Again:
		default:
			return true
		}
		p.asked = now
		return false
	})
}

// Member returns the peer of that incarnation.
func (v *View) Member(inc Incarnation) (Member, bool) {
	p := v.peers[inc]
	if p == nil {
		return Member{}, false
	}
	return p.last.Member, true
}

// Heirs reports whether there is a node that rooms could be handed over to. While the engine is away they may all be there still.
func (v *View) Heirs(now time.Time) bool {
	limit := v.rules.Silence
	if !v.up {
		limit = v.rules.Forget
	}
	return slices.ContainsFunc(v.members(limit, now), func(m Member) bool {
		h := v.peers[m.Incarnation].last
		return h.State == StateActive && h.Load < 1
	})
}

// members lists the peers that were heard of or reached within limit, in a stable order.
func (v *View) members(limit time.Duration, now time.Time) []Member {
	var all []Member
	for inc, p := range v.peers {
		if v.fresh(inc, limit, now) {
			all = append(all, p.last.Member)
		}
	}
	slices.SortFunc(all, func(a, b Member) int { return cmp.Compare(a.Incarnation, b.Incarnation) })
	return all
}

// choose returns the node to open a room: of two random ones that can be reached the less loaded, this one where it is not much worse. own is
// what this node would say of itself. Where nobody takes rooms, the Refusal says why.
func (v *View) choose(own Heartbeat, exclude []Incarnation, random func(n int) int, now time.Time) (Member, Refusal) {
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
			if h.Incarnation == v.self.Incarnation {
				refusal = Refusal(h.State)
			}
		case h.Load+reserved >= 1:
		case p != nil && !p.shunned.IsZero():
			refusal = Unreachable
		default:
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
