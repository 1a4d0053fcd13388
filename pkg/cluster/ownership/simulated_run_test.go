package ownership

import (
	"container/heap"
	"maps"
	"slices"
	"time"
)

// This file is a run of the simulation: misfortunes, then peace, then the verdict.

// misfortune is one of the things that happen to clusters.
func (w *world) misfortune() {
	p := w.nodes[w.rng.IntN(len(w.nodes))]
	long := w.between(300*time.Millisecond, 6*time.Second)
	kind := w.rng.IntN(10)
	w.log("misfortune %d on %s for %v", kind, p.member.Incarnation, long)
	switch kind {
	case 0: // killed, and started again
		i := slices.Index(w.nodes, p)
		p.crashed = true
		for _, name := range w.rooms {
			for range p.people[name] {
				w.retry(&person{room: name})
			}
		}
		w.after(long, func() { w.start(i) })
	case 1:
		p.frozen = w.now + long
	case 2:
		p.cutEngine = true
		p.disconnect(w.between(100*time.Millisecond, 3*time.Second))
		w.after(long, func() { p.cutEngine = false })
	case 3:
		p.cutPeers = true
		w.after(long, func() { p.cutPeers = false })
	case 4:
		p.cutPeers, p.cutEngine = true, true
		p.disconnect(w.between(100*time.Millisecond, 3*time.Second))
		w.after(long, func() { p.cutPeers, p.cutEngine = false, false })
	case 5: // the engine elects a leader
		w.lazy = w.now + long
	case 6, 7, 9: // it stops, and comes back: with its records, or empty, or without what was written last
		if w.down {
			return
		}
		if kind == 9 {
			gen, rev, store := w.gen, w.rev, maps.Clone(w.store)
			w.after(w.between(0, 2*time.Second), func() {
				w.stop(long, func() {
					if w.gen == gen {
						w.rev, w.store, w.forgetful = rev, store, true
					}
				})
			})
			return
		}
		w.stop(long, func() {
			if kind == 7 {
				w.gen++
				w.store, w.rev = map[string]entry{}, 0
				for _, each := range w.nodes {
					each.disconnect(w.between(0, 50*time.Millisecond))
				}
			}
		})
	case 8:
		p.act(func() { p.core.Drain() })
		w.after(long, func() { p.act(func() { p.core.Undrain() }) })
	}
}

// stop stops the engine for a while; then is what happens before it answers again.
func (w *world) stop(long time.Duration, then func()) {
	if w.down {
		return
	}
	w.down = true
	for _, each := range w.nodes {
		each.disconnect(w.between(10*time.Millisecond, time.Second))
	}
	w.after(long, func() {
		w.down = false
		then()
	})
}

// play runs the world: misfortunes and people for a while, then peace, at whose end everything must be in order.
func (w *world) play(trouble time.Duration, misfortunes, people int) error {
	w.lossy = w.rng.Float64() * 0.1
	for range misfortunes {
		w.after(w.between(500*time.Millisecond, trouble), w.misfortune)
	}
	for range people {
		w.after(w.between(0, trouble), func() { w.want(&person{room: w.rooms[w.rng.IntN(len(w.rooms))]}) })
	}
	peace := trouble + 7*time.Second
	w.after(peace, func() { w.lossy, w.quiet = 0, true })
	// Who comes long after that must get in at once, and find whoever is there.
	w.after(peace+14*time.Second, func() {
		w.refused = 0
		for _, name := range w.rooms {
			for range 2 {
				w.want(&person{room: name, tries: 30})
			}
		}
	})
	end := peace + 15*time.Second
	for len(w.events) > 0 && w.err == nil {
		e := heap.Pop(&w.events).(*event)
		if e.at > end {
			break
		}
		w.now = e.at
		e.do()
	}
	w.judge()
	return w.err
}

// judge looks at the end.
func (w *world) judge() {
	if w.err != nil {
		return
	}
	if w.refused > 0 {
		w.fail("%d were refused in peace", w.refused)
	}
	for _, name := range w.rooms {
		rid := RID(name)
		at, written := w.store[rid]
		var owner *process
		for _, p := range w.nodes {
			epoch, owns := p.core.Owned(rid)
			if owns && (!written || at.record.Owner.Incarnation != p.member.Incarnation || at.rev != epoch.Rev || w.gen != epoch.Gen) {
				w.fail("%s believes that it owns %s under %s; the store says %s %d", p.member.Incarnation, name, epoch, at.record.Owner.Incarnation, at.rev)
			}
			if owns {
				owner = p
			}
		}
		for _, p := range w.nodes {
			if p.people[name] > 0 && p != owner {
				w.fail("%d people are in %s on %s, which does not own it", p.people[name], name, p.member.Incarnation)
			}
		}
	}
}
