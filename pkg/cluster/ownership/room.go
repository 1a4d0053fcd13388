package ownership

import "time"

// A phase says what a node does about a room.
type phase uint8

const (
	// idle: nothing is known and nothing done.
	idle phase = iota
	// waiting: the next attempt is at retry.
	waiting
	// reading: the record is being read.
	reading
	// asking: the other nodes are asked, because the engine does not answer.
	asking
	// probing: the owner is silent and is asked directly.
	probing
	// opening: another node is asked to open it.
	opening
	// claiming: the record is being written with this node as the owner.
	claiming
	// known: another node owns it.
	known
	// owned: this node owns it.
	owned
	// releasing: this node owns it, and the record is being deleted, or was perhaps.
	releasing
)

// A room is a room that this node owns or looks for. At most one operation is under way in each, beside the check of an owned one.
type room struct {
	rid, name string
	phase     phase
	op        uint64
	// owner and epoch are those of a known room; an owned one has its own epoch and record.
	owner  Member
	epoch  Epoch
	record Record
	until  time.Time
	retry  time.Time
	// wanted is since when somebody waits, here or at a node that asked this one to open the room, zero for nobody.
	wanted time.Time
	// tickets are those of other nodes that asked this one to open the room.
	tickets []uint64
	// over is the record to replace, former its owner, and how it is replaced.
	over   Epoch
	former Incarnation
	by     Reason
	gone   bool
	tried  []Incarnation
	// people says that somebody is in the room here, empty since when not.
	people bool
	empty  time.Time
	// entered is set once somebody has been.
	entered bool
	// check is the operation that looks at an owned room's record; handing the one that gives it away.
	check   uint64
	checked time.Time
	handing uint64
	heir    Member
	// rival is whose record a check replaces.
	rival Incarnation
	// renewing says that a release is being taken back; unsure that a claim may have been made, or be made later.
	renewing, unsure bool
}

// room returns the machine of a room.
func (n *Node) room(rid, name string) *room {
	r := n.rooms[rid]
	if r == nil {
		r = &room{rid: rid, name: name}
		n.rooms[rid] = r
	}
	if r.name == "" {
		r.name = name
	}
	return r
}

// drop forgets a room about which nothing is left to know.
func (n *Node) drop(r *room) {
	delete(n.ops, r.op)
	delete(n.ops, r.check)
	delete(n.ops, r.handing)
	delete(n.rooms, r.rid)
}

// Want says that somebody wants to enter a room through this node. A Resolved effect follows, perhaps at once.
func (n *Node) Want(name string, now time.Time) {
	r := n.room(RID(name), name)
	if r.phase == owned {
		n.keep(r, now) // who is told so has Linger to come in
		n.resolve(r, Outcome{Here: true, Owner: n.self, Epoch: r.epoch}, now)
		return
	}
	if r.wanted.IsZero() {
		r.wanted = now
	}
	switch r.phase {
	case known:
		if n.valid(r, now) {
			n.resolve(r, Outcome{Owner: r.owner, Epoch: r.epoch}, now)
			return
		}
		n.look(r, now)
	case idle:
		n.look(r, now)
	}
}

// Look returns what is known of a room without deciding anything, and without waiting.
func (n *Node) Look(name string, now time.Time) (Outcome, bool) {
	r := n.rooms[RID(name)]
	switch {
	case r == nil:
		return Outcome{}, false
	case r.phase == owned:
		return Outcome{Here: true, Owner: n.self, Epoch: r.epoch}, true
	case r.phase == known && n.valid(r, now):
		return Outcome{Owner: r.owner, Epoch: r.epoch}, true
	}
	return Outcome{}, false
}

// valid reports whether what is known of another owner may be used without reading again.
func (n *Node) valid(r *room, now time.Time) bool {
	if p := n.view.peers[r.owner.Incarnation]; p != nil && p.refused.After(p.heard) && p.refused.After(p.reached) {
		return false
	}
	if n.view.silence(r.owner.Incarnation, now) >= n.rules.Silence && n.up {
		return false
	}
	return now.Before(r.until) || !n.up
}

// DoubtRID says that another node takes this one for the owner of a room that it does not know: the record is read.
func (n *Node) DoubtRID(rid string, now time.Time) {
	r := n.room(rid, "")
	if r.phase == idle || r.phase == known {
		n.look(r, now)
	}
}

// look starts anew.
func (n *Node) look(r *room, now time.Time) {
	r.tried, r.over, r.former, r.by, r.gone = nil, Epoch{}, "", ByJoin, false
	n.read(r, now)
}

func (n *Node) read(r *room, now time.Time) {
	if !n.up {
		n.ask(r, now)
		return
	}
	r.phase, r.op = reading, n.begin(r)
	n.emit(Get{r.op, r.rid})
}

func (n *Node) ask(r *room, now time.Time) {
	r.phase, r.op = asking, n.begin(r)
	n.emit(Ask{r.op, r.rid, n.view.members(n.rules.Forget, now)})
}

// later tries again after a while.
func (n *Node) later(r *room, at time.Time) { r.phase, r.op, r.retry = waiting, 0, at }

// tick does what is due for one room.
func (n *Node) tick(r *room, now time.Time) {
	switch {
	case r.phase == waiting && !now.Before(r.retry):
		if r.wanted.IsZero() && len(r.tickets) == 0 && !r.unsure {
			n.drop(r)
			return
		}
		n.look(r, now)
	case r.phase == releasing && r.op == 0 && n.up && !now.Before(r.retry):
		r.op = n.begin(r)
		n.emit(Get{r.op, r.rid})
	case r.phase == known && !now.Before(r.until.Add(n.rules.Forget)) && r.wanted.IsZero():
		n.drop(r)
		return
	case r.phase == idle && r.wanted.IsZero() && len(r.tickets) == 0:
		n.drop(r)
		return
	case r.phase == owned && !r.people && r.check == 0 && r.handing == 0 && n.current(r) && now.Sub(r.empty) >= n.linger():
		n.release(r)
	}
	if !r.wanted.IsZero() && now.Sub(r.wanted) >= n.rules.Patience {
		n.refuse(r, n.whyNot(r, now), now)
	}
}

// keep begins the time anew for which an empty room is kept, but not on a node that drains: it refuses whoever comes, and they come again.
func (n *Node) keep(r *room, now time.Time) {
	if !n.draining {
		r.empty = now
	}
}

// linger is how long an empty room is kept: hardly at all on a node that ends soon, so that others can have it.
func (n *Node) linger() time.Duration {
	if n.draining {
		return min(n.rules.Linger, n.rules.Leaving)
	}
	return n.rules.Linger
}

// whyNot names the reason why somebody waited in vain.
func (n *Node) whyNot(r *room, now time.Time) Refusal {
	switch {
	case !n.up:
		return NoEngine
	case now.Before(n.held):
		return Held
	case r.phase == probing || r.owner.Incarnation != "":
		return Alive
	}
	return NoAnswer
}

// Read reports a Get or an Ask.
func (n *Node) Read(op uint64, result Result, record Record, epoch Epoch, now time.Time) {
	r := n.take(op)
	switch {
	case r == nil:
	case op == r.check:
		r.check = 0
		n.verified(r, result, record, epoch, now)
	case op == r.op && r.phase == reading:
		r.op = 0
		n.found(r, result, record, epoch, now)
	case op == r.op && r.phase == releasing:
		r.op = 0
		n.stillThere(r, result, record, epoch, now)
	case op == r.op && r.phase == asking:
		r.op = 0
		if result == OK && record.Owner.Incarnation != n.self.Incarnation {
			n.know(r, record.Owner, epoch, now)
			return
		}
		if n.up { // it is only slow, or elects a leader
			n.later(r, now.Add(n.rules.Retry))
			return
		}
		n.refuse(r, NoEngine, now)
	}
}

// found goes on with what was read.
func (n *Node) found(r *room, result Result, record Record, epoch Epoch, now time.Time) {
	if result == OK || result == NotFound {
		r.unsure = false
	}
	switch {
	case result == NotFound:
		r.owner = Member{}
		n.place(r, now)
	case result != OK:
		n.ask(r, now)
	case record.Owner.Incarnation == n.self.Incarnation:
		n.acquire(r, record, epoch, now)
	default:
		r.owner, r.epoch = record.Owner, epoch
		n.judge(r, now)
	}
}

// judge decides whether the owner that the record names is there.
func (n *Node) judge(r *room, now time.Time) {
	inc := r.owner.Incarnation
	p := n.view.peers[inc]
	refused := p != nil && p.refused.After(p.heard) && p.refused.After(p.reached)
	if n.view.fresh(inc, n.rules.Refused, now) && !refused {
		n.know(r, r.owner, r.epoch, now)
		return
	}
	if p != nil && now.Sub(p.dead) < n.rules.Cache && n.view.mayJudge(n.up, now) { // a probe has just said so
		n.replace(r, false, now)
		return
	}
	r.phase, r.op = probing, 0
	n.emit(Probe{r.owner})
}

// probed goes on with what the owner's probe said.
func (n *Node) probed(r *room, result ProbeResult, now time.Time) {
	switch {
	case result == Reached:
		n.know(r, r.owner, r.epoch, now)
	case n.view.dead(r.owner.Incarnation, result, n.up, now):
		n.replace(r, result == WrongNode, now)
	default:
		n.later(r, now.Add(n.rules.Retry))
	}
}

// replace looks for a node that takes the room from its dead owner; gone says that another process has its address.
func (n *Node) replace(r *room, gone bool, now time.Time) {
	r.over, r.former, r.by, r.gone = r.epoch, r.owner.Incarnation, ByTakeover, gone
	n.place(r, now)
}

// know notes that another node owns the room.
func (n *Node) know(r *room, owner Member, epoch Epoch, now time.Time) {
	r.phase, r.op, r.owner, r.epoch, r.until = known, 0, owner, epoch, now.Add(n.rules.Cache)
	n.resolve(r, Outcome{Owner: owner, Epoch: epoch}, now)
}

// resolve tells all who wait.
func (n *Node) resolve(r *room, o Outcome, now time.Time) {
	r.wanted = time.Time{}
	n.emit(Resolved{r.rid, o})
	for _, t := range r.tickets {
		n.emit(Reply{t, OpenAnswer{Owner: o.Owner, Epoch: o.Epoch, Refused: o.Refused}})
	}
	r.tickets = nil
	if o.Refused != "" {
		n.counts.Refused[string(o.Refused)]++
	}
}

// refuse ends the waiting in vain. What is under way goes on, and is of use to whoever comes next.
func (n *Node) refuse(r *room, why Refusal, now time.Time) {
	n.resolve(r, Outcome{Refused: why, RetryAfter: n.retryAfter(why, now)}, now)
	switch {
	case r.op != 0 || r.phase == owned || r.phase == releasing:
	case r.unsure:
		n.later(r, now.Add(n.rules.Retry))
	default:
		r.phase = idle
	}
}

func (n *Node) retryAfter(why Refusal, now time.Time) time.Duration {
	if why == Held {
		return max(n.rules.Retry, n.held.Sub(now))
	}
	return 2 * time.Second
}

// Begun tells that the first participant came into a room here, Emptied that the last one left.
func (n *Node) Begun(name string, now time.Time) {
	r := n.room(RID(name), name)
	r.people, r.entered = true, true
	if r.phase != owned && r.phase != releasing { // they were on the way for longer than an empty room is kept
		n.emit(Evict{RID: r.rid, Room: name, Owner: r.owner})
	}
}

// Emptied tells that nobody is in a room here any more.
func (n *Node) Emptied(name string, now time.Time) {
	if r := n.rooms[RID(name)]; r != nil {
		r.people, r.empty = false, now
	}
}
