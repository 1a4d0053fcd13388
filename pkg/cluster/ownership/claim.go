package ownership

import (
	"slices"
	"time"
)

// This file is about who is to own a room that nobody owns, and about becoming that owner.

// place chooses who opens the room.
func (n *Node) place(r *room, now time.Time) {
	if len(r.tickets) > 0 { // another node has chosen this one
		n.claim(r, now)
		return
	}
	if r.wanted.IsZero() {
		n.drop(r)
		return
	}
	if now.Before(n.held) && r.by == ByJoin {
		n.later(r, n.held)
		return
	}
	if len(r.tried) >= n.rules.Candidates {
		n.refuse(r, Full, now)
		return
	}
	exclude := r.tried
	if r.former != "" {
		exclude = append(slices.Clone(r.tried), r.former)
	}
	to, refused := n.view.choose(n.describe(now), exclude, n.random, now)
	switch {
	case refused != "":
		n.refuse(r, refused, now)
	case to.Incarnation == n.self.Incarnation:
		n.claim(r, now)
	default:
		r.phase, r.op, r.heir = opening, n.begin(r), to
		n.emit(Open{r.op, to, OpenRequest{RID: r.rid, Room: r.name, Over: r.over, Former: r.former}})
	}
}

// mayClaim returns why this node takes no room now, "" if it does.
func (n *Node) mayClaim(by Reason, now time.Time) Refusal {
	switch state := n.State(now); {
	case state != StateActive:
		return Refusal(state)
	case !n.up:
		return NoEngine
	case by == ByJoin && now.Before(n.held):
		return Held
	case n.owned() >= n.rules.MaxRooms || by == ByJoin && n.neverEntered() >= n.rules.MaxEmpty:
		return Full
	}
	return ""
}

func (n *Node) neverEntered() int {
	count := 0
	for _, r := range n.rooms {
		if r.phase == owned && !r.entered {
			count++
		}
	}
	return count
}

// claim writes this node's name into the record.
func (n *Node) claim(r *room, now time.Time) {
	if why := n.mayClaim(r.by, now); why != "" {
		if len(r.tickets) == 0 && (why == Full || why == Draining) { // decided since it was chosen
			r.tried = append(r.tried, n.self.Incarnation)
			n.place(r, now)
			return
		}
		n.refuse(r, why, now)
		return
	}
	if r.by != ByJoin && r.over.Gen != n.gen { // a revision of a store that is no more
		n.later(r, now.Add(n.rules.Retry))
		return
	}
	r.phase, r.op = claiming, n.begin(r)
	r.record = n.recordFor(r, r.by, r.over, now)
	if r.by == ByJoin {
		n.emit(Create{r.op, r.rid, r.record})
		return
	}
	n.emit(Update{r.op, r.rid, r.record, r.over.Rev})
}

func (n *Node) recordFor(r *room, by Reason, previous Epoch, now time.Time) Record {
	return Record{Version: recordVersion, Room: r.name, Owner: n.self, Previous: previous, Created: now, By: by}
}

// Wrote reports a Create, an Update or a Delete. epoch is that of a record that was written.
func (n *Node) Wrote(op uint64, result Result, epoch Epoch, now time.Time) {
	r := n.take(op)
	switch {
	case r == nil:
	case op == r.check:
		r.check = 0
		n.reasserted(r, result, epoch, now)
	case op == r.op && r.phase == claiming:
		r.op = 0
		n.claimed(r, result, epoch, now)
	case op == r.op && r.phase == releasing:
		r.op = 0
		n.released(r, result, epoch, now)
	}
}

// claimed goes on after the attempt to own the room.
func (n *Node) claimed(r *room, result Result, epoch Epoch, now time.Time) {
	switch result {
	case OK:
		n.counts.ClaimedOK++
		if r.by == ByTakeover {
			if r.gone {
				n.counts.TakenOverGone++
			} else {
				n.counts.TakenOverDead++
			}
		}
		if r.former != "" {
			n.emit(TellFenced{r.former, FenceNotice{r.rid, n.self, epoch}})
		}
		n.acquire(r, r.record, epoch, now)
	case Conflict:
		n.counts.ClaimedConflict++
		n.look(r, now)
	default:
		n.counts.ClaimedError++
		r.unsure = r.unsure || result == Unknown
		n.later(r, now.Add(n.rules.Retry))
	}
}

// acquire makes the room this node's.
func (n *Node) acquire(r *room, record Record, epoch Epoch, now time.Time) {
	r.phase, r.op, r.owner, r.record, r.epoch, r.name = owned, 0, n.self, record, epoch, record.Room
	r.empty, r.checked, r.entered = now, now, r.people
	n.resolve(r, Outcome{Here: true, Owner: n.self, Epoch: epoch}, now)
}
