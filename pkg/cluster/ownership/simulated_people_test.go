package ownership

import (
	"time"
)

// This file is the people of the simulation: they want in, stay for a while, and come again.

// resolved tells the people who wait at this node.
func (p *process) resolved(e Resolved) {
	w := p.w
	for _, name := range w.rooms {
		if RID(name) != e.RID {
			continue
		}
		people := p.waiting[name]
		p.waiting[name] = nil
		for _, who := range people {
			switch {
			case e.Outcome.Refused != "":
				w.refused++
				w.retry(who)
			case e.Outcome.Here:
				onTheWay := w.between(0, 50*time.Millisecond)
				if w.chance(0.1) { // longer than an empty room is kept
					onTheWay = w.between(0, 4*time.Second)
				}
				p.later(onTheWay, func() { p.enter(who) })
			default:
				p.send(who, e.Outcome)
			}
		}
	}
}

// send takes somebody to the owner, as the mesh does.
func (p *process) send(who *person, o Outcome) {
	w := p.w
	to := w.process(o.Owner)
	if !p.meets(to) || to.frozen > w.now {
		p.later(w.between(time.Millisecond, 500*time.Millisecond), func() {
			p.core.Unreachable(o.Owner.Incarnation, p.time())
			w.retry(who)
		})
		return
	}
	to.later(w.between(0, 30*time.Millisecond), func() {
		if epoch, is := to.core.Owned(RID(who.room)); !is || epoch != o.Epoch {
			to.core.DoubtRID(RID(who.room), to.time())
			w.retry(who)
			return
		}
		to.core.Want(who.room, to.time()) // keeps the room for them
		to.enter(who)
	})
}

func (p *process) enter(who *person) {
	p.w.settled++
	p.people[who.room]++
	if p.people[who.room] == 1 {
		p.core.Begun(who.room, p.time())
	}
	stay := p.w.between(500*time.Millisecond, 12*time.Second)
	p.later(stay, func() {
		if p.people[who.room] > 0 {
			p.people[who.room]--
			if p.people[who.room] == 0 {
				p.core.Emptied(who.room, p.time())
			}
		}
	})
}

// empty puts everybody out of a room; they come again.
func (p *process) empty(name string, again bool) {
	count := p.people[name]
	if count == 0 {
		return
	}
	p.people[name] = 0
	p.core.Emptied(name, p.time())
	if again {
		for range count {
			p.w.retry(&person{room: name})
		}
	}
}

// retry lets somebody try again, through any node that lives.
func (w *world) retry(who *person) {
	who.tries++
	if who.tries > 40 {
		return
	}
	w.after(w.between(50*time.Millisecond, 600*time.Millisecond), func() { w.want(who) })
}

func (w *world) want(who *person) {
	p := w.nodes[w.rng.IntN(len(w.nodes))]
	if p.crashed || p.frozen > w.now {
		w.retry(who)
		return
	}
	p.act(func() {
		p.waiting[who.room] = append(p.waiting[who.room], who)
		p.core.Want(who.room, p.time())
	})
}

// moveOut hands over the rooms of a node that drains.
func (p *process) moveOut() {
	if !p.core.draining {
		return
	}
	for _, name := range p.core.OwnedRooms() {
		if !p.core.Handing(name) {
			p.core.HandOver(name, p.time())
		}
	}
}
