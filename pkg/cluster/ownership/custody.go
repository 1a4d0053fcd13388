package ownership

import (
	"slices"
	"time"
)

// This file is about rooms that this node owns: keeping them, giving them up, giving them away.

// verify looks at the record of an owned room. In a store that has no such record, it is written again.
func (n *Node) verify(r *room, now time.Time) {
	if r.check != 0 {
		delete(n.ops, r.check) // its answer belongs to the past
	}
	r.check, r.checked = n.begin(r), now
	n.emit(Get{r.check, r.rid})
}

// verified goes on with what the record of an owned room says.
func (n *Node) verified(r *room, result Result, record Record, epoch Epoch, now time.Time) {
	if r.phase != owned {
		return
	}
	// What a store says that is older than the one before counts too: there is no other.
	later := epoch.Compare(r.epoch) > 0 || epoch.Gen < r.epoch.Gen
	switch {
	case result == NotFound:
		n.reassert(r, Member{}, 0, now)
	case result != OK:
		r.checked = now.Add(-n.rules.Linger) // soon again
	case record.Owner.Incarnation == n.self.Incarnation:
		if later {
			r.record, r.epoch = record, epoch
		}
	case n.precedes(r, record, epoch):
		n.reassert(r, record.Owner, epoch.Rev, now)
	case later:
		n.lose(r, record.Owner, epoch, record.By == ByHandover, now)
	}
}

// precedes: somebody wrote the record after the store was lost, and knew of no owner as late as this one.
func (n *Node) precedes(r *room, record Record, epoch Epoch) bool {
	return epoch.Gen > r.epoch.Gen && record.Previous.Gen < epoch.Gen && record.Previous.Compare(r.epoch) < 0
}

// reassert writes the record again, over the revision rev of a rival's, or where there is none.
func (n *Node) reassert(r *room, rival Member, rev uint64, now time.Time) {
	r.check, r.checked, r.rival = n.begin(r), now, rival.Incarnation
	record := n.recordFor(r, ByReassert, r.epoch, now)
	r.record = record
	if rev == 0 {
		n.emit(Create{r.check, r.rid, record})
		return
	}
	n.emit(Update{r.check, r.rid, record, rev})
}

// reasserted goes on after that.
func (n *Node) reasserted(r *room, result Result, epoch Epoch, now time.Time) {
	if r.phase != owned {
		return
	}
	if result == OK {
		n.counts.Reasserted++
		r.epoch = epoch
		if r.rival != "" {
			n.emit(TellFenced{r.rival, FenceNotice{r.rid, n.self, epoch}})
		}
		return
	}
	r.checked = now.Add(-n.rules.Linger) // soon again
	if result == Conflict {
		n.verify(r, now)
	}
}

// lose ends the ownership in favour of another node.
func (n *Node) lose(r *room, owner Member, epoch Epoch, planned bool, now time.Time) {
	delete(n.ops, r.op)
	delete(n.ops, r.check)
	delete(n.ops, r.handing)
	r.check, r.handing, r.renewing = 0, 0, false
	if planned {
		n.counts.HandedOver++
	} else {
		n.counts.Fenced++
	}
	n.emit(Evict{RID: r.rid, Room: r.name, Planned: planned, Owner: owner})
	n.know(r, owner, epoch, now)
}

// Fenced takes the notice of a new owner.
func (n *Node) Fenced(notice FenceNotice, now time.Time) {
	r := n.rooms[notice.RID]
	if r == nil || notice.Owner.Incarnation == n.self.Incarnation {
		return
	}
	if (r.phase == owned || r.phase == releasing) && notice.Epoch.Compare(r.epoch) > 0 {
		n.lose(r, notice.Owner, notice.Epoch, r.handing != 0, now)
	}
}

// current reports whether the revision of an owned room means something in the store that there is.
func (n *Node) current(r *room) bool { return n.up && r.epoch.Gen == n.gen }

// release deletes the record of an empty room.
func (n *Node) release(r *room) {
	r.phase, r.op = releasing, n.begin(r)
	n.emit(Delete{r.op, r.rid, r.epoch.Rev})
}

// released goes on after a Delete, or after the Update that takes one back.
func (n *Node) released(r *room, result Result, epoch Epoch, now time.Time) {
	switch {
	case r.renewing && result == OK: // taken back
		r.renewing = false
		n.acquire(r, r.record, epoch, now)
	case result == OK:
		n.gone(r, now)
	default: // see tick
		r.renewing, r.retry = false, now
	}
}

// stillThere goes on with what became of a record that was perhaps deleted.
func (n *Node) stillThere(r *room, result Result, record Record, epoch Epoch, now time.Time) {
	switch {
	case result == NotFound:
		n.gone(r, now)
	case result != OK:
		if !r.wanted.IsZero() && now.Sub(r.wanted) >= n.rules.Patience {
			n.refuse(r, NoEngine, now)
		}
		r.retry = now.Add(n.rules.Retry)
	case record.Owner.Incarnation != n.self.Incarnation:
		n.forgo(r, record.Owner, epoch, now)
	case r.wanted.IsZero() && len(r.tickets) == 0 && !r.people:
		r.record, r.epoch = record, epoch
		n.release(r)
	default:
		// A delete that comes late must not find its revision.
		r.record, r.epoch = n.recordFor(r, ByRenewal, epoch, now), epoch
		r.op, r.renewing = n.begin(r), true
		n.emit(Update{r.op, r.rid, r.record, epoch.Rev})
	}
}

// gone ends a release.
func (n *Node) gone(r *room, now time.Time) {
	r.phase, r.op, r.renewing, r.owner = idle, 0, false, Member{}
	switch {
	case r.people: // came in while it was released, which takes longer than Linger only if a process was frozen
		n.emit(Evict{RID: r.rid, Room: r.name})
		fallthrough
	case !r.wanted.IsZero() || len(r.tickets) > 0:
		n.look(r, now)
	default:
		n.drop(r)
	}
}

// forgo notes that a released room has another owner already.
func (n *Node) forgo(r *room, owner Member, epoch Epoch, now time.Time) {
	if r.people {
		n.lose(r, owner, epoch, false, now)
		return
	}
	r.renewing = false
	n.know(r, owner, epoch, now)
}

// Asked takes another node's request to open a room; a Reply with the ticket follows.
func (n *Node) Asked(request OpenRequest, ticket uint64, now time.Time) {
	r := n.room(request.RID, request.Room)
	refuse := func(why Refusal) {
		n.counts.Refused[string(why)]++
		n.emit(Reply{ticket, OpenAnswer{Refused: why}})
		if r.phase == idle && r.wanted.IsZero() && len(r.tickets) == 0 {
			n.drop(r)
		}
	}
	if r.phase == owned {
		n.keep(r, now)
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
	if by == ByTakeover && n.view.fresh(request.Former, n.rules.Refused/2, now) {
		refuse(Alive)
		return
	}
	r.tickets = append(r.tickets, ticket)
	if r.wanted.IsZero() {
		r.wanted = now
	}
	if r.phase == idle || r.phase == known || r.phase == waiting {
		r.tried, r.over, r.former, r.by, r.gone = nil, request.Over, request.Former, by, false
		n.claim(r, now)
	}
}

// Answered reports an Open or a HandOver.
func (n *Node) Answered(op uint64, answer OpenAnswer, now time.Time) {
	r := n.take(op)
	switch {
	case r == nil:
	case op == r.handing:
		r.handing = 0
		n.handed(r, answer, now)
	case op == r.op && r.phase == opening:
		r.op = 0
		n.opened(r, answer, now)
	}
}

// opened goes on after another node was asked to open the room.
func (n *Node) opened(r *room, answer OpenAnswer, now time.Time) {
	switch {
	case answer.Refused == "" && answer.Owner.Incarnation != n.self.Incarnation:
		n.know(r, answer.Owner, answer.Epoch, now)
	case answer.Refused == "" || answer.Refused == Alive:
		n.later(r, now.Add(n.rules.Retry))
	case answer.Refused == NoAnswer:
		// It may own the room now: that is read before anyone else is asked.
		tried := append(r.tried, r.heir.Incarnation)
		n.look(r, now)
		r.tried = tried
	default:
		r.tried = append(r.tried, r.heir.Incarnation)
		n.place(r, now)
	}
}

// HandOver begins to give an owned room to another node. It returns false where there is none to take it, or the room is not this
// node's.
func (n *Node) HandOver(name string, now time.Time) bool {
	r := n.rooms[RID(name)]
	if r == nil || r.phase != owned || r.handing != 0 || !n.current(r) || now.Before(r.retry) {
		return false
	}
	exclude := append(slices.Clone(r.tried), n.self.Incarnation)
	to, refused := n.view.choose(Heartbeat{Member: n.self, State: StateDraining}, exclude, n.random, now)
	if refused != "" { // all have been asked
		r.tried, r.retry = nil, now.Add(n.rules.Retry)
		return false
	}
	r.handing, r.heir = n.begin(r), to
	n.emit(HandOver{r.handing, to, r.rid, r.name, r.epoch})
	return true
}

// Heirs reports whether there is a node that rooms could be handed over to.
func (n *Node) Heirs(now time.Time) bool {
	return slices.ContainsFunc(n.view.members(n.rules.Silence, now), func(m Member) bool {
		h := n.view.peers[m.Incarnation].last
		return h.State == StateActive && h.Load < 1
	})
}

// Handing reports whether a room is being given away.
func (n *Node) Handing(name string) bool {
	r := n.rooms[RID(name)]
	return r != nil && r.handing != 0
}

// handed goes on after that.
func (n *Node) handed(r *room, answer OpenAnswer, now time.Time) {
	switch {
	case r.phase != owned:
	case answer.Refused == "" && answer.Owner.Incarnation != n.self.Incarnation && answer.Epoch.Compare(r.epoch) > 0:
		n.lose(r, answer.Owner, answer.Epoch, true, now)
	case answer.Refused == NoAnswer:
		n.counts.HandoverFailed++
		r.tried = append(r.tried, r.heir.Incarnation)
		n.verify(r, now)
	default:
		n.counts.HandoverRefused++
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
		if r.phase == owned && n.current(r) {
			all = append(all, Delete{RID: r.rid, Rev: r.epoch.Rev})
			n.drop(r)
		}
	}
	return all
}
