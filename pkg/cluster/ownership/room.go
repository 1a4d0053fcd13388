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
	node      *Node
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
	// why is what the last of tried said.
	why Refusal
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
		r = &room{node: n, rid: rid, name: name}
		n.rooms[rid] = r
	}
	if r.name == "" {
		r.name = name
	}
	return r
}

// drop forgets a room about which nothing is left to know. While people are in it there is: they are told to go, and nobody would tell of
// them again if the room became this node's before they are gone.
func (r *room) drop() {
	delete(r.node.ops, r.op)
	delete(r.node.ops, r.check)
	delete(r.node.ops, r.handing)
	if r.people {
		r.phase, r.op, r.check, r.handing = idle, 0, 0, 0
		return
	}
	delete(r.node.rooms, r.rid)
}

// Want says that somebody wants to enter a room through this node. A Resolved effect follows, perhaps at once.
func (n *Node) Want(name string, now time.Time) {
	r := n.room(RID(name), name)
	if r.phase == owned {
		r.keep(now) // who is told so has Linger to come in
		r.resolve(Outcome{Here: true, Owner: n.self, Epoch: r.epoch}, now)
		return
	}
	if r.wanted.IsZero() {
		r.wanted = now
	}
	switch r.phase {
	case known:
		if r.valid(now) {
			r.resolve(Outcome{Owner: r.owner, Epoch: r.epoch}, now)
			return
		}
		r.look(now)
	case idle:
		r.look(now)
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
	case r.phase == known && r.valid(now):
		return Outcome{Owner: r.owner, Epoch: r.epoch}, true
	}
	return Outcome{}, false
}

// valid reports whether what is known of another owner may be used without reading again.
func (r *room) valid(now time.Time) bool {
	if r.node.refuses(r.owner.Incarnation) {
		return false
	}
	if r.node.silence(r.owner.Incarnation, now) >= r.node.rules.Silence && r.node.up {
		return false
	}
	return now.Before(r.until) || !r.node.up
}

// DoubtRID says that another node takes this one for the owner of a room that it does not know: the record is read.
func (n *Node) DoubtRID(rid string, now time.Time) {
	r := n.room(rid, "")
	if r.phase == idle || r.phase == known {
		r.look(now)
	}
}

// look starts anew.
func (r *room) look(now time.Time) {
	r.tried, r.why, r.over, r.former, r.by, r.gone = nil, "", Epoch{}, "", ByJoin, false
	r.read(now)
}

func (r *room) read(now time.Time) {
	if !r.node.up {
		r.ask(now)
		return
	}
	r.phase, r.op = reading, r.begin()
	r.node.emit(Get{r.op, r.rid})
}

func (r *room) ask(now time.Time) {
	r.phase, r.op = asking, r.begin()
	r.node.emit(Ask{r.op, r.rid, r.node.members(r.node.rules.Forget, now)})
}

// later tries again after a while.
func (r *room) later(at time.Time) { r.phase, r.op, r.retry = waiting, 0, at }

// tick does what is due for one room.
func (r *room) tick(now time.Time) {
	switch {
	case r.phase == waiting && !now.Before(r.retry):
		if r.wanted.IsZero() && len(r.tickets) == 0 && !r.unsure {
			r.drop()
			return
		}
		r.look(now)
	case r.phase == releasing && r.op == 0 && r.node.up && !now.Before(r.retry):
		r.op = r.begin()
		r.node.emit(Get{r.op, r.rid})
	case r.phase == known && !now.Before(r.until.Add(r.node.rules.Forget)) && r.wanted.IsZero():
		r.drop()
		return
	case r.phase == idle && r.wanted.IsZero() && len(r.tickets) == 0:
		r.drop()
		return
	case r.phase == owned && !r.people && r.check == 0 && r.handing == 0 && r.current() && now.Sub(r.empty) >= r.node.linger():
		r.release()
	}
	if !r.wanted.IsZero() && now.Sub(r.wanted) >= r.node.rules.Patience {
		r.refuse(r.whyNot(now), now)
	}
}

// keep begins the time anew for which an empty room is kept, but not on a node that drains: it refuses whoever comes, and they come again.
func (r *room) keep(now time.Time) {
	if !r.node.draining {
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
func (r *room) whyNot(now time.Time) Refusal {
	switch {
	case !r.node.up:
		return NoEngine
	case now.Before(r.node.held):
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
		r.verified(result, record, epoch, now)
	case op == r.op && r.phase == reading:
		r.op = 0
		r.found(result, record, epoch, now)
	case op == r.op && r.phase == releasing:
		r.op = 0
		r.stillThere(result, record, epoch, now)
	case op == r.op && r.phase == asking:
		r.op = 0
		if result == OK && record.Owner.Incarnation != n.self.Incarnation {
			r.know(record.Owner, epoch, now)
			return
		}
		if n.up { // it is only slow, or elects a leader
			r.later(now.Add(n.rules.Retry))
			return
		}
		r.refuse(NoEngine, now)
	}
}

// found goes on with what was read.
func (r *room) found(result Result, record Record, epoch Epoch, now time.Time) {
	if result == OK || result == NotFound {
		r.unsure = false
	}
	switch {
	case result == NotFound:
		r.owner = Member{}
		r.place(now)
	case result != OK:
		r.ask(now)
	case record.Owner.Incarnation == r.node.self.Incarnation:
		r.acquire(record, epoch, now)
	default:
		r.owner, r.epoch = record.Owner, epoch
		r.judge(now)
	}
}

// judge decides whether the owner that the record names is there.
func (r *room) judge(now time.Time) {
	inc := r.owner.Incarnation
	if r.node.fresh(inc, r.node.rules.Refused, now) && !r.node.refuses(inc) {
		r.know(r.owner, r.epoch, now)
		return
	}
	if r.node.buried(inc, now) {
		r.replace(false, now)
		return
	}
	r.phase, r.op = probing, 0
	r.node.emit(Probe{r.owner})
}

// probed goes on with what the owner's probe said.
func (r *room) probed(result ProbeResult, now time.Time) {
	switch {
	case result == Reached:
		r.know(r.owner, r.epoch, now)
	case r.node.Dead(r.owner.Incarnation, result, now):
		r.replace(result == WrongNode, now)
	default:
		r.later(now.Add(r.node.rules.Retry))
	}
}

// replace looks for a node that takes the room from its dead owner; gone says that another process has its address.
func (r *room) replace(gone bool, now time.Time) {
	r.over, r.former, r.by, r.gone = r.epoch, r.owner.Incarnation, ByTakeover, gone
	r.place(now)
}

// know notes that another node owns the room.
func (r *room) know(owner Member, epoch Epoch, now time.Time) {
	r.phase, r.op, r.owner, r.epoch, r.until = known, 0, owner, epoch, now.Add(r.node.rules.Cache)
	r.resolve(Outcome{Owner: owner, Epoch: epoch}, now)
}

// resolve tells all who wait.
func (r *room) resolve(o Outcome, now time.Time) {
	r.wanted = time.Time{}
	r.node.emit(Resolved{r.rid, o})
	for _, t := range r.tickets {
		r.node.emit(Reply{t, OpenAnswer{Owner: o.Owner, Epoch: o.Epoch, Refused: o.Refused}})
	}
	r.tickets = nil
	if o.Refused != "" {
		r.node.counts.Refused[string(o.Refused)]++
	}
}

// refuse ends the waiting in vain. What is under way goes on, and is of use to whoever comes next.
func (r *room) refuse(why Refusal, now time.Time) {
	r.resolve(Outcome{Refused: why, RetryAfter: r.node.retryAfter(why, now)}, now)
	switch {
	case r.op != 0 || r.phase == owned || r.phase == releasing:
	case r.unsure:
		r.later(now.Add(r.node.rules.Retry))
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
