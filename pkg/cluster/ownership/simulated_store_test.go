package ownership

import (
	"time"
)

// This file is the store of the simulation: what is written may be lost, late, or answered in vain.

// operate does something in the store, and reports after a while.
func (p *process) operate(do func() func(Result)) {
	w := p.w
	if !p.connected || p.gen != w.gen {
		p.later(time.Millisecond, func() { do()(Unavailable) })
		return
	}
	if !p.reachesEngine() {
		p.later(w.between(200*time.Millisecond, time.Second), func() { do()(Unknown) })
		return
	}
	if w.lazy > w.now || w.chance(w.lossy) {
		result := Unavailable
		if w.chance(0.5) {
			result = Unknown
		}
		p.later(w.between(time.Millisecond, time.Second), func() { do()(result) })
		return
	}
	gen := w.gen
	w.after(w.between(time.Millisecond, 20*time.Millisecond), func() {
		done := do()
		p.later(w.between(time.Millisecond, 20*time.Millisecond), func() {
			if w.gen != gen {
				done(Unknown)
				return
			}
			done(OK)
		})
	})
}

// write changes the store if the condition holds when the write arrives, which may be long after it was given up. A nil record deletes.
func (p *process) write(op uint64, rid string, condition func() bool, record *Record) {
	w := p.w
	gen, known := w.gen, p.gen
	apply := func() (Result, Epoch) {
		if w.gen != gen || !condition() {
			return Conflict, Epoch{}
		}
		w.rev++
		if record == nil {
			at := w.store[rid]
			// A store that has given a revision away again cannot tell whose it is. What goes wrong by that must come right by itself.
			if at.record.Owner.Incarnation != p.member.Incarnation && !w.forgetful {
				w.fail("%s deletes the record of %s", p.member.Incarnation, at.record.Owner.Incarnation)
			}
			if r := p.core.rooms[rid]; !p.crashed && r != nil && r.phase == owned && !w.forgetful {
				w.fail("the record of %s is deleted while %s serves it", r.name, p.member.Incarnation)
			}
			delete(w.store, rid)
		} else {
			if record.Owner.Incarnation != p.member.Incarnation {
				w.fail("%s claims for %s", p.member.Incarnation, record.Owner.Incarnation)
			}
			w.store[rid] = entry{*record, w.rev, p}
		}
		return OK, Epoch{w.gen, w.rev}
	}
	report := func(result Result, e Epoch) {
		p.later(w.between(time.Millisecond, 20*time.Millisecond), func() {
			if w.gen != gen && result == OK {
				result = Unknown
			}
			p.core.Wrote(op, result, e, p.time())
		})
	}
	switch {
	case !p.connected || known != w.gen:
		report(Unavailable, Epoch{})
	case !p.reachesEngine() || w.lazy > w.now || w.chance(w.lossy):
		if w.chance(0.4) {
			report(Unavailable, Epoch{})
			return
		}
		if w.chance(0.6) && p.reachesEngine() { // it arrives, and its answer is lost
			w.after(w.between(0, 3*time.Second), func() { apply() })
		}
		p.later(w.between(500*time.Millisecond, time.Second), func() { p.core.Wrote(op, Unknown, Epoch{}, p.time()) })
	default:
		w.after(w.between(time.Millisecond, 20*time.Millisecond), func() { report(apply()) })
	}
}
