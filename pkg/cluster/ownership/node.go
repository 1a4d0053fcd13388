package ownership

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// A Node is what one node of a cluster knows and decides. Its methods return nothing: what they want done waits in Effects. It is not safe
// for concurrent use.
type Node struct {
	View
	random func(n int) int
	rooms  map[string]*room
	ops    map[uint64]*room
	last   uint64
	// held is until when former owners come first.
	held     time.Time
	draining bool
	own      Heartbeat
	ticked   time.Time
	audited  string
	effects  []Effect
	counts   Counts
}

// Counts are counters of a Node since its start.
type Counts struct {
	// Claimed counts own claims, by how they ended.
	ClaimedOK, ClaimedConflict, ClaimedError uint64
	// TakenOver counts claims over a dead owner: one that did not answer, and one whose address another process has.
	TakenOverDead, TakenOverGone uint64
	Fenced, Reasserted           uint64
	HandedOver, HandoverRefused  uint64
	HandoverFailed               uint64
	// Refused counts the refusals told to those who wanted a room.
	Refused map[string]uint64
}

// NewNode returns the Node of self. random returns a number in [0, n). The engine is taken for down until Up.
func NewNode(self Member, rules Rules, random func(n int) int, now time.Time) *Node {
	return &Node{
		View:   View{rules: rules, self: self, peers: map[Incarnation]*peer{}, down: now},
		random: random,
		rooms:  map[string]*room{},
		ops:    map[uint64]*room{},
		ticked: now,
		own:    Heartbeat{Member: self},
		counts: Counts{Refused: map[string]uint64{}},
	}
}

// Effects returns what is to be done, in order, and forgets it.
func (n *Node) Effects() []Effect {
	effects := n.effects
	n.effects = nil
	return effects
}

func (n *Node) emit(e Effect) { n.effects = append(n.effects, e) }

// begin returns the number of an operation for r.
func (r *room) begin() uint64 {
	r.node.last++
	r.node.ops[r.node.last] = r
	return r.node.last
}

func (n *Node) take(op uint64) *room {
	r := n.ops[op]
	delete(n.ops, op)
	return r
}

// Up tells that the engine answers, with the store that was made at gen. young is set for a store that has just been made, where
// there may be other nodes: former owners come first then.
func (n *Node) Up(gen int64, young bool, now time.Time) {
	changed := n.gen != 0 && gen != n.gen
	if changed || young {
		n.held = now.Add(n.rules.Hold)
	}
	n.up, n.gen = true, gen
	n.since = now
	for _, r := range n.sorted() {
		if r.phase == owned {
			r.verify(now)
		}
	}
}

// Down tells that the engine does not answer any more.
func (n *Node) Down(now time.Time) {
	if n.up {
		n.up, n.down = false, now
	}
}

// Measured tells what this node would say of itself; what belongs to ownership is filled in by Heartbeat.
func (n *Node) Measured(load float64, people int, version string) {
	n.own.Load, n.own.People, n.own.Version = load, people, version
}

// Heartbeat returns the next one to publish.
func (n *Node) Heartbeat(now time.Time) Heartbeat {
	n.own.Sequence++
	return n.describe(now)
}

func (n *Node) describe(now time.Time) Heartbeat {
	h := n.own
	h.State = n.State(now)
	h.Rooms = n.owned()
	if h.Rooms >= n.rules.MaxRooms {
		h.Load = max(h.Load, 1)
	}
	h.Load = max(h.Load, float64(h.Rooms)/float64(n.rules.MaxRooms))
	return h
}

func (n *Node) owned() int {
	count := 0
	for _, r := range n.rooms {
		if r.phase == owned || r.phase == releasing {
			count++
		}
	}
	return count
}

// State returns what the node takes.
func (n *Node) State(now time.Time) State {
	switch {
	case n.draining:
		return StateDraining
	case n.isolated(now):
		return StateIsolated
	}
	return StateActive
}

// Drain makes the node take no new rooms; Undrain takes that back.
func (n *Node) Drain() { n.draining = true }

// Undrain makes the node take rooms again.
func (n *Node) Undrain() { n.draining = false }

// Probed reports a Probe.
func (n *Node) Probed(inc Incarnation, result ProbeResult, now time.Time) {
	if n.late(now) {
		n.Tick(now) // nobody is judged by what was heard before
	}
	n.probed(inc, result, now)
	for _, r := range n.sorted() {
		if r.phase == probing && r.owner.Incarnation == inc {
			r.probed(result, now)
		}
	}
}

// Unreachable tells that inc could not be reached when somebody was sent there. What was known of its rooms is looked at again.
func (n *Node) Unreachable(inc Incarnation, now time.Time) {
	n.unreachable(inc, now)
	for _, r := range n.rooms {
		if r.phase == known && r.owner.Incarnation == inc {
			r.until = now
		}
	}
}

// Tick does what has become due. It is called every 100 ms or so.
func (n *Node) Tick(now time.Time) {
	paused := n.late(now)
	n.ticked = now
	if paused {
		// Timers of the others went on: what was heard before the pause says nothing about now.
		n.since = now
	}
	if n.up { // otherwise they may all be there still
		n.forget(now)
	}
	for _, m := range n.lookout(now) {
		n.emit(Probe{m})
	}
	for _, r := range n.sorted() {
		if paused && r.phase == owned {
			r.verify(now)
		}
		r.tick(now)
	}
	n.audit(now)
}

// late reports whether the process was frozen, or had no processor, and does not know it yet.
func (n *Node) late(now time.Time) bool { return now.Sub(n.ticked) > n.rules.Pause }

// audit looks at one record after the other, so that no error of the past lasts.
func (n *Node) audit(now time.Time) {
	if !n.up {
		return
	}
	var first, next *room
	for _, r := range n.rooms {
		if r.phase != owned || r.check != 0 || now.Sub(r.checked) < n.rules.Linger {
			continue
		}
		if first == nil || r.rid < first.rid {
			first = r
		}
		if r.rid > n.audited && (next == nil || r.rid < next.rid) {
			next = r
		}
	}
	if next == nil {
		next = first
	}
	if next != nil {
		n.audited = next.rid
		next.verify(now)
	}
}

// sorted returns the rooms in an order that does not depend on the map's.
func (n *Node) sorted() []*room {
	all := make([]*room, 0, len(n.rooms))
	for _, r := range n.rooms {
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b *room) int { return strings.Compare(a.rid, b.rid) })
	return all
}

// Owned returns the epoch under which this node owns a room.
func (n *Node) Owned(rid string) (Epoch, bool) {
	r := n.rooms[rid]
	if r == nil || r.phase != owned {
		return Epoch{}, false
	}
	return r.epoch, true
}

// OwnRecord returns the record of a room that this node owns.
func (n *Node) OwnRecord(rid string) (Record, Epoch, bool) {
	r := n.rooms[rid]
	if r == nil || r.phase != owned {
		return Record{}, Epoch{}, false
	}
	return r.record, r.epoch, true
}

// OwnedRooms returns the names of the rooms that this node owns.
func (n *Node) OwnedRooms() []string {
	var names []string
	for _, r := range n.sorted() {
		if r.phase == owned {
			names = append(names, r.name)
		}
	}
	return names
}

// Peers returns the last heartbeat of every node that is not forgotten, this one first, with how long ago it came.
func (n *Node) Peers(now time.Time) ([]Heartbeat, []time.Duration) {
	all, ages := []Heartbeat{n.describe(now)}, []time.Duration{0}
	for _, m := range n.members(n.rules.Forget, now) {
		p := n.peers[m.Incarnation]
		all, ages = append(all, p.last), append(ages, now.Sub(p.heard))
	}
	return all, ages
}

// Counts returns the counters.
func (n *Node) Counts() Counts {
	c := n.counts
	c.Refused = maps.Clone(n.counts.Refused)
	return c
}
