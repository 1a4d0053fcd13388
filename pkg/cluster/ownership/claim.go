package ownership

import (
	"cmp"
	"slices"
	"time"
)

// This file is about who is to own a room that nobody owns, and about becoming that owner.

// place chooses who opens the room.
func (r *room) place(now time.Time) {
	if len(r.tickets) > 0 { // another node has chosen this one
		r.claim(now)
		return
	}
	if r.wanted.IsZero() {
		r.drop()
		return
	}
	if now.Before(r.node.held) && r.by == ByJoin {
		r.later(r.node.held)
		return
	}
	if len(r.tried) >= r.node.rules.Candidates {
		r.refuse(cmp.Or(r.why, Full), now)
		return
	}
	exclude := r.tried
	if r.former != "" {
		exclude = append(slices.Clone(r.tried), r.former)
	}
	to, refused := r.node.choose(r.node.describe(now), exclude, r.node.random, now)
	switch {
	case refused == Full:
		r.refuse(cmp.Or(r.why, Full), now)
	case refused != "":
		r.refuse(refused, now)
	case to.Incarnation == r.node.self.Incarnation:
		r.claim(now)
	default:
		r.phase, r.op, r.heir = opening, r.begin(), to
		r.node.emit(Open{r.op, to, OpenRequest{RID: r.rid, Room: r.name, Over: r.over, Former: r.former, Gone: r.gone}})
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
func (r *room) claim(now time.Time) {
	if why := r.node.mayClaim(r.by, now); why != "" {
		if len(r.tickets) == 0 && (why == Full || why == Draining) { // decided since it was chosen
			r.tried, r.why = append(r.tried, r.node.self.Incarnation), why
			r.place(now)
			return
		}
		r.refuse(why, now)
		return
	}
	if r.by != ByJoin && r.over.Gen != r.node.gen { // a revision of a store that is no more
		r.later(now.Add(r.node.rules.Retry))
		return
	}
	r.phase, r.op = claiming, r.begin()
	r.record = r.recordFor(r.by, r.over, now)
	if r.by == ByJoin {
		r.node.emit(Create{r.op, r.rid, r.record})
		return
	}
	r.node.emit(Update{r.op, r.rid, r.record, r.over.Rev})
}

func (r *room) recordFor(by Reason, previous Epoch, now time.Time) Record {
	return Record{Version: recordVersion, Room: r.name, Owner: r.node.self, Previous: previous, Created: now, By: by}
}

// Wrote reports a Create, an Update or a Delete. epoch is that of a record that was written.
func (n *Node) Wrote(op uint64, result Result, epoch Epoch, now time.Time) {
	r := n.take(op)
	switch {
	case r == nil:
	case op == r.check:
		r.check = 0
		r.reasserted(result, epoch, now)
	case op == r.op && r.phase == claiming:
		r.op = 0
		r.claimed(result, epoch, now)
	case op == r.op && r.phase == releasing:
		r.op = 0
		r.released(result, epoch, now)
	}
}

// claimed goes on after the attempt to own the room.
func (r *room) claimed(result Result, epoch Epoch, now time.Time) {
	switch result {
	case OK:
		r.node.counts.ClaimedOK++
		if r.by == ByTakeover {
			if r.gone {
				r.node.counts.TakenOverGone++
			} else {
				r.node.counts.TakenOverDead++
			}
		}
		if r.former != "" {
			r.node.emit(TellFenced{r.former, FenceNotice{r.rid, r.node.self, epoch}})
		}
		r.acquire(r.record, epoch, now)
	case Conflict:
		r.node.counts.ClaimedConflict++
		r.look(now)
	default:
		r.node.counts.ClaimedError++
		r.unsure = r.unsure || result == Unknown
		r.later(now.Add(r.node.rules.Retry))
	}
}

// acquire makes the room this node's.
func (r *room) acquire(record Record, epoch Epoch, now time.Time) {
	r.phase, r.op, r.owner, r.record, r.epoch, r.name = owned, 0, r.node.self, record, epoch, record.Room
	r.empty, r.checked, r.entered = now, now, r.people
	r.resolve(Outcome{Here: true, Owner: r.node.self, Epoch: epoch}, now)
}
