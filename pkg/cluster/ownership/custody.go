package ownership

import (
	"slices"
	"time"
)

// This file is about rooms that this node owns: keeping them, giving them up, giving them away.

// verify looks at the record of an owned room. In a store that has no such record, it is written again.
func (r *room) verify(now time.Time) {
	if r.check != 0 {
		delete(r.node.ops, r.check) // its answer belongs to the past
	}
	r.check, r.checked = r.begin(), now
	r.node.emit(Get{r.check, r.rid})
}

// verified goes on with what the record of an owned room says.
func (r *room) verified(result Result, record Record, epoch Epoch, now time.Time) {
	if r.phase != owned {
		return
	}
	// What a store says that is older than the one before counts too: there is no other.
	later := epoch.Compare(r.epoch) > 0 || epoch.Gen < r.epoch.Gen
	// A store that lost its last writes gives their revisions away again: who stands in it first has them.
	older := epoch.Gen == r.epoch.Gen && epoch.Rev < r.epoch.Rev
	switch {
	case result == NotFound:
		r.reassert(Member{}, 0, now)
	case result != OK:
		r.checked = now.Add(-r.node.rules.Linger) // soon again
	case record.Owner.Incarnation == r.node.self.Incarnation:
		if later || older {
			r.record, r.epoch = record, epoch
		}
		if older { // or the answer was old
			r.checked = now.Add(-r.node.rules.Linger)
		}
	case older, r.precedes(record, epoch):
		r.reassert(record.Owner, epoch.Rev, now)
	default:
		r.lose(record.Owner, epoch, later && record.By == ByHandover, now)
	}
}

// precedes: somebody wrote the record after the store was lost, and knew of no owner as late as this one.
func (r *room) precedes(record Record, epoch Epoch) bool {
	return epoch.Gen > r.epoch.Gen && record.Previous.Gen < epoch.Gen && record.Previous.Compare(r.epoch) < 0
}

// reassert writes the record again, over the revision rev of a rival's, or where there is none.
func (r *room) reassert(rival Member, rev uint64, now time.Time) {
	r.check, r.checked, r.rival = r.begin(), now, rival.Incarnation
	record := r.recordFor(ByReassert, r.epoch, now)
	r.record = record
	if rev == 0 {
		r.node.emit(Create{r.check, r.rid, record})
		return
	}
	r.node.emit(Update{r.check, r.rid, record, rev})
}

// reasserted goes on after that.
func (r *room) reasserted(result Result, epoch Epoch, now time.Time) {
	if r.phase != owned {
		return
	}
	if result == OK {
		r.node.counts.Reasserted++
		r.epoch = epoch
		if r.rival != "" {
			r.node.emit(TellFenced{r.rival, FenceNotice{r.rid, r.node.self, epoch}})
		}
		return
	}
	r.checked = now.Add(-r.node.rules.Linger) // soon again
	if result == Conflict {
		r.verify(now)
	}
}

// lose ends the ownership in favour of another node.
func (r *room) lose(owner Member, epoch Epoch, planned bool, now time.Time) {
	delete(r.node.ops, r.op)
	delete(r.node.ops, r.check)
	delete(r.node.ops, r.handing)
	r.check, r.handing, r.renewing = 0, 0, false
	if planned {
		r.node.counts.HandedOver++
	} else {
		r.node.counts.Fenced++
	}
	r.node.emit(Evict{RID: r.rid, Room: r.name, Planned: planned, Owner: owner})
	r.know(owner, epoch, now)
}

// Fenced takes the notice of a new owner.
func (n *Node) Fenced(notice FenceNotice, now time.Time) {
	r := n.rooms[notice.RID]
	if r == nil || notice.Owner.Incarnation == n.self.Incarnation {
		return
	}
	if (r.phase == owned || r.phase == releasing) && notice.Epoch.Compare(r.epoch) > 0 {
		r.lose(notice.Owner, notice.Epoch, r.handing != 0, now)
	}
}

// current reports whether the revision of an owned room means something in the store that there is.
func (r *room) current() bool { return r.node.up && r.epoch.Gen == r.node.gen }

// release deletes the record of an empty room.
func (r *room) release() {
	r.phase, r.op = releasing, r.begin()
	r.node.emit(Delete{r.op, r.rid, r.epoch.Rev})
}

// released goes on after a Delete, or after the Update that takes one back.
func (r *room) released(result Result, epoch Epoch, now time.Time) {
	switch {
	case r.renewing && result == OK: // taken back
		r.renewing = false
		r.acquire(r.record, epoch, now)
	case result == OK:
		r.freed(now)
	default: // see tick
		r.renewing, r.retry = false, now
	}
}

// stillThere goes on with what became of a record that was perhaps deleted.
func (r *room) stillThere(result Result, record Record, epoch Epoch, now time.Time) {
	switch {
	case result == NotFound:
		r.freed(now)
	case result != OK:
		if !r.wanted.IsZero() && now.Sub(r.wanted) >= r.node.rules.Patience {
			r.refuse(NoEngine, now)
		}
		r.retry = now.Add(r.node.rules.Retry)
	case record.Owner.Incarnation != r.node.self.Incarnation:
		r.forgo(record.Owner, epoch, now)
	case r.wanted.IsZero() && len(r.tickets) == 0 && !r.people:
		r.record, r.epoch = record, epoch
		r.release()
	default:
		// A delete that comes late must not find its revision.
		r.record, r.epoch = r.recordFor(ByRenewal, epoch, now), epoch
		r.op, r.renewing = r.begin(), true
		r.node.emit(Update{r.op, r.rid, r.record, epoch.Rev})
	}
}

// freed ends a release.
func (r *room) freed(now time.Time) {
	r.phase, r.op, r.renewing, r.owner = idle, 0, false, Member{}
	switch {
	case r.people: // came in while it was released, which takes longer than Linger only if a process was frozen
		r.node.emit(Evict{RID: r.rid, Room: r.name})
		fallthrough
	case !r.wanted.IsZero() || len(r.tickets) > 0:
		r.look(now)
	default:
		r.drop()
	}
}

// forgo notes that a released room has another owner already.
func (r *room) forgo(owner Member, epoch Epoch, now time.Time) {
	if r.people {
		r.lose(owner, epoch, false, now)
		return
	}
	r.renewing = false
	r.know(owner, epoch, now)
}

// Asked takes another node's request to open a room; a Reply with the ticket follows.
func (n *Node) Asked(request OpenRequest, ticket uint64, now time.Time) {
	r := n.room(request.RID, request.Room)
	refuse := func(why Refusal) {
		n.counts.Refused[string(why)]++
		n.emit(Reply{ticket, OpenAnswer{Refused: why}})
		if r.phase == idle && r.wanted.IsZero() && len(r.tickets) == 0 {
			r.drop()
		}
	}
	if r.phase == owned {
		r.keep(now)
		n.emit(Reply{ticket, OpenAnswer{Owner: n.self, Epoch: r.epoch}})
		return
	}
	by := ByJoin
	switch {
	case request.Handover:
		by = ByHandover
	case request.Former != "":
		by = ByTakeover
	}
	if why := n.mayClaim(by, now); why != "" {
		refuse(why)
		return
	}
	if by == ByTakeover && n.fresh(request.Former, n.rules.Refused/2, now) {
		refuse(Alive)
		return
	}
	r.tickets = append(r.tickets, ticket)
	if r.wanted.IsZero() {
		r.wanted = now
	}
	if r.phase == idle || r.phase == known || r.phase == waiting {
		r.tried, r.over, r.former, r.by, r.gone = nil, request.Over, request.Former, by, request.Gone
		r.claim(now)
	}
}

// Answered reports an Open or a HandOver.
func (n *Node) Answered(op uint64, answer OpenAnswer, now time.Time) {
	r := n.take(op)
	switch {
	case r == nil:
	case op == r.handing:
		r.handing = 0
		r.handed(answer, now)
	case op == r.op && r.phase == opening:
		r.op = 0
		r.opened(answer, now)
	}
}

// opened goes on after another node was asked to open the room.
func (r *room) opened(answer OpenAnswer, now time.Time) {
	switch {
	case answer.Refused == "" && answer.Owner.Incarnation != r.node.self.Incarnation:
		r.know(answer.Owner, answer.Epoch, now)
	case answer.Refused == "" || answer.Refused == Alive:
		r.later(now.Add(r.node.rules.Retry))
	case answer.Refused == NoAnswer:
		// It may own the room now: that is read before anyone else is asked.
		tried := append(r.tried, r.heir.Incarnation)
		r.look(now)
		r.tried = tried
	default:
		r.tried, r.why = append(r.tried, r.heir.Incarnation), answer.Refused
		r.place(now)
	}
}

// HandOver begins to give an owned room to another node. It returns false where there is none to take it, or the room is not this
// node's.
func (n *Node) HandOver(name string, now time.Time) bool {
	r := n.rooms[RID(name)]
	if r == nil || r.phase != owned || r.handing != 0 || !r.current() || now.Before(r.retry) {
		return false
	}
	exclude := append(slices.Clone(r.tried), n.self.Incarnation)
	to, refused := n.choose(Heartbeat{Member: n.self, State: StateDraining}, exclude, n.random, now)
	if refused != "" { // all have been asked
		r.tried, r.retry = nil, now.Add(n.rules.Retry)
		return false
	}
	r.handing, r.heir = r.begin(), to
	n.emit(HandOver{r.handing, to, r.rid, r.name, r.epoch})
	return true
}

// Handing reports whether a room is being given away.
func (n *Node) Handing(name string) bool {
	r := n.rooms[RID(name)]
	return r != nil && r.handing != 0
}

// handed goes on after that.
func (r *room) handed(answer OpenAnswer, now time.Time) {
	switch {
	case r.phase != owned:
	case answer.Refused == "" && answer.Owner.Incarnation != r.node.self.Incarnation && answer.Epoch.Compare(r.epoch) > 0:
		r.lose(answer.Owner, answer.Epoch, true, now)
	case answer.Refused == NoAnswer:
		r.node.counts.HandoverFailed++
		r.tried = append(r.tried, r.heir.Incarnation)
		r.verify(now)
	default:
		r.node.counts.HandoverRefused++
		r.tried = append(r.tried, r.heir.Incarnation)
	}
}

// Stale says that another node does not own a room, or not under the epoch that was known.
func (n *Node) Stale(rid string) {
	if r := n.rooms[rid]; r != nil && r.phase == known {
		r.phase, r.owner, r.epoch = idle, Member{}, Epoch{}
	}
}

// Populated reports whether somebody is in an owned room.
func (n *Node) Populated(name string) bool {
	r := n.rooms[RID(name)]
	return r != nil && r.phase == owned && r.people
}

// Abandon gives up all rooms at the end of the process and returns the deletes that tell the others. Nothing else may be done afterwards.
func (n *Node) Abandon() []Delete {
	n.draining = true
	var all []Delete
	for _, r := range n.sorted() {
		if r.phase == owned && r.current() {
			all = append(all, Delete{RID: r.rid, Rev: r.epoch.Rev})
			r.drop()
		}
	}
	return all
}
