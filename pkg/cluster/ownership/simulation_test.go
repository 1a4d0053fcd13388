package ownership

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

// This file is a world in which nodes live: a store, a network, people, and a scheduler that lets time pass from event to event. All that
// happens follows from the seed.

type event struct {
	at    time.Duration
	order int
	do    func()
}

type schedule []*event

func (s schedule) Len() int { return len(s) }
func (s schedule) Less(i, j int) bool {
	return s[i].at < s[j].at || s[i].at == s[j].at && s[i].order < s[j].order
}
func (s schedule) Swap(i, j int) { s[i], s[j] = s[j], s[i] }
func (s *schedule) Push(e any)   { *s = append(*s, e.(*event)) }
func (s *schedule) Pop() any {
	old := *s
	e := old[len(old)-1]
	*s = old[:len(old)-1]
	return e
}

// zero is when the world begins.
var zero = time.Unix(1_790_000_000, 0)

// A simulated process is one incarnation of a node.
type process struct {
	w       *world
	core    *Node
	member  Member
	crashed bool
	frozen  time.Duration // until when; its events wait
	// cut says which ways are cut: to the engine, to the other nodes.
	cutEngine, cutPeers bool
	connected           bool
	gen                 int64
	people              map[string]int
	// waiting are clients whose Want has no answer yet.
	waiting map[string][]*person
	tickets uint64
	replies map[uint64]func(OpenAnswer)
	handing map[string]bool
}

// A person wants to be in a room.
type person struct {
	room  string
	tries int
}

type entry struct {
	record Record
	rev    uint64
	by     *process
}

// A world is one run.
type world struct {
	rng     *rand.Rand
	now     time.Duration
	events  schedule
	order   int
	nodes   []*process // one for each address, the present incarnation
	all     []*process
	started int
	rooms   []string

	store   map[string]entry
	gen     int64
	rev     uint64
	down    bool
	lazy    time.Duration // until when it elects a leader
	lossy   float64
	owners  map[string]Incarnation // by room and epoch
	quiet   bool
	refused int
	settled int                      // wants that were fulfilled in the end
	double  map[string]time.Duration // since when a room has two owners that should know better
	astray  map[string]time.Duration // since when people are in a room on a node that does not own it
	err     error
	trace   []string
	tracing bool
}

func (w *world) fail(format string, args ...any) {
	if w.err == nil {
		w.err = fmt.Errorf("at %v: "+format, append([]any{w.now}, args...)...)
	}
}

func (w *world) log(format string, args ...any) {
	if w.tracing {
		w.trace = append(w.trace, fmt.Sprintf("%8.3f ", w.now.Seconds())+fmt.Sprintf(format, args...))
	}
}

func (w *world) after(d time.Duration, do func()) {
	w.order++
	heap.Push(&w.events, &event{w.now + d, w.order, do})
}

func (w *world) between(low, high time.Duration) time.Duration {
	return low + time.Duration(w.rng.Int64N(int64(high-low)+1))
}

func (w *world) chance(p float64) bool { return w.rng.Float64() < p }

// newWorld has as many nodes and rooms.
func newWorld(seed uint64, nodes, rooms int) *world {
	w := &world{
		rng: rand.New(rand.NewPCG(seed, 1)), store: map[string]entry{}, gen: 1000, owners: map[string]Incarnation{},
	}
	for i := range rooms {
		w.rooms = append(w.rooms, fmt.Sprintf("room%d", i))
	}
	for i := range nodes {
		w.nodes = append(w.nodes, nil)
		w.start(i)
	}
	w.double, w.astray = map[string]time.Duration{}, map[string]time.Duration{}
	w.watch()
	return w
}

// fencedWithin is how long an owner that was replaced may go on once nothing keeps it from knowing.
const fencedWithin = 6 * time.Second

// watch looks again and again for rooms with two owners that live, are awake and have been connected, and for such nodes with people in a
// room that they do not own.
func (w *world) watch() {
	for _, name := range w.rooms {
		owners := 0
		for _, p := range w.nodes {
			if _, owns := p.core.Owned(RID(name)); owns && !p.crashed && p.frozen <= w.now && p.connected && p.reachesEngine() {
				owners++
			}
		}
		switch since, is := w.double[name]; {
		case owners < 2 || w.down || w.lazy > w.now:
			delete(w.double, name)
		case !is:
			w.double[name] = w.now
		case w.now-since > fencedWithin:
			w.fail("%s has had %d owners for %v", name, owners, w.now-since)
		}
	}
	for _, name := range w.rooms {
		for _, p := range w.nodes {
			key := string(p.member.Incarnation) + name
			_, owns := p.core.Owned(RID(name))
			switch since, is := w.astray[key]; {
			case owns || p.people[name] == 0 || p.crashed || p.frozen > w.now || !p.connected || !p.reachesEngine() || w.down || w.lazy > w.now:
				delete(w.astray, key)
			case !is:
				w.astray[key] = w.now
			case w.now-since > fencedWithin:
				w.fail("%d people have been in %s on %s for %v, which does not own it", p.people[name], name, p.member.Incarnation, w.now-since)
			}
		}
	}
	w.after(250*time.Millisecond, w.watch)
}

// simulated are the rules with shorter lingering, so that rooms end often.
func simulated() Rules {
	r := DefaultRules()
	r.Linger, r.MaxEmpty = 1500*time.Millisecond, 100
	return r
}

func (w *world) start(i int) {
	w.started++
	m := Member{Incarnation: Incarnation(fmt.Sprintf("inc%d", w.started)), Node: fmt.Sprintf("n%d", i), Addr: fmt.Sprintf("addr%d", i)}
	p := &process{
		w: w, member: m, people: map[string]int{}, waiting: map[string][]*person{}, replies: map[uint64]func(OpenAnswer){}, handing: map[string]bool{},
	}
	p.core = NewNode(m, simulated(), w.rng.IntN, zero.Add(w.now))
	w.nodes[i] = p
	w.all = append(w.all, p)
	p.connect(w.between(0, 100*time.Millisecond))
	p.every(w.between(100*time.Millisecond, 200*time.Millisecond), 150*time.Millisecond, func() { p.core.Tick(p.time()); p.moveOut() })
	p.every(w.between(0, 500*time.Millisecond), 500*time.Millisecond, p.beat)
}

func (p *process) time() time.Time { return zero.Add(p.w.now) }

// later lets p do something after d: when it is awake, unless it has crashed.
func (p *process) later(d time.Duration, do func()) {
	p.w.after(d, func() { p.act(do) })
}

func (p *process) act(do func()) {
	if p.crashed {
		return
	}
	if p.frozen > p.w.now {
		p.w.after(p.frozen-p.w.now, func() { p.act(do) })
		return
	}
	do()
	p.run()
}

func (p *process) every(first, period time.Duration, do func()) {
	var again func()
	again = func() {
		do()
		p.later(period, again)
	}
	p.later(first, again)
}

func (p *process) reachesEngine() bool { return !p.w.down && !p.cutEngine }

// connect finds the engine after a while, again and again.
func (p *process) connect(d time.Duration) {
	p.later(d, func() {
		if p.connected {
			return
		}
		if !p.reachesEngine() {
			p.connect(100 * time.Millisecond)
			return
		}
		p.connected, p.gen = true, p.w.gen
		p.core.Up(p.w.gen, false, p.time())
	})
}

// disconnect notices after a while that the engine is gone.
func (p *process) disconnect(d time.Duration) {
	p.later(d, func() {
		if !p.connected || p.reachesEngine() && p.gen == p.w.gen {
			return
		}
		p.connected = false
		p.core.Down(p.time())
		p.connect(50 * time.Millisecond)
	})
}

func (p *process) beat() {
	h := p.core.Heartbeat(p.time())
	if !p.connected || !p.reachesEngine() {
		return
	}
	for _, to := range p.w.nodes {
		if !p.w.chance(p.w.lossy) {
			to.later(p.w.between(time.Millisecond, 40*time.Millisecond), func() {
				if to.reachesEngine() && to.connected {
					to.core.Heard(h, to.time())
				}
			})
		}
	}
}

// run carries out what the core wants, and looks whether the rules hold.
func (p *process) run() {
	for effects := p.core.Effects(); len(effects) > 0; effects = p.core.Effects() {
		for _, e := range effects {
			p.carryOut(e)
		}
	}
	for rid, r := range p.core.rooms {
		if r.phase != owned {
			continue
		}
		key := rid + r.epoch.String()
		if other, is := p.w.owners[key]; is && other != p.member.Incarnation {
			p.w.fail("%s and %s both own %s under %s", other, p.member.Incarnation, r.name, r.epoch)
		}
		p.w.owners[key] = p.member.Incarnation
	}
}

func (p *process) carryOut(e Effect) {
	w := p.w
	w.log("%s %T %+v", p.member.Incarnation, e, e)
	switch e := e.(type) {
	case Get:
		p.operate(func() func(Result) {
			at, is := w.store[e.RID]
			gen := w.gen
			return func(result Result) {
				if result == OK && !is {
					result = NotFound
				}
				p.core.Read(e.Op, result, at.record, Epoch{gen, at.rev}, p.time())
			}
		})
	case Create:
		p.write(e.Op, e.RID, func() bool { _, is := w.store[e.RID]; return !is }, &e.Record)
	case Update:
		p.write(e.Op, e.RID, func() bool { return w.store[e.RID].rev == e.Rev && e.Rev != 0 }, &e.Record)
	case Delete:
		p.write(e.Op, e.RID, func() bool { return w.store[e.RID].rev == e.Rev && e.Rev != 0 }, nil)
	case Probe:
		p.probe(e.Peer)
	case Ask:
		p.ask(e)
	case Open:
		p.request(w.process(e.To), e.Op, e.Request, true)
	case HandOver:
		p.request(w.process(e.To), e.Op, OpenRequest{RID: e.RID, Room: e.Room, Over: e.Epoch, Former: p.member.Incarnation, Handover: true}, false)
	case Reply:
		if reply := p.replies[e.Ticket]; reply != nil {
			delete(p.replies, e.Ticket)
			reply(e.Answer)
		}
	case TellFenced:
		if to := w.process(Member{Incarnation: e.To}); to != nil && p.connected && p.reachesEngine() && !w.chance(w.lossy) {
			to.later(w.between(time.Millisecond, 50*time.Millisecond), func() {
				if to.connected && to.reachesEngine() {
					to.core.Fenced(e.Notice, to.time())
				}
			})
		}
	case Resolved:
		p.resolved(e)
	case Evict:
		p.later(w.between(0, 300*time.Millisecond), func() { p.empty(e.Room, true) })
	default:
		w.fail("unknown effect %T", e)
	}
}

// process returns the live process of that incarnation, nil if there is none.
func (w *world) process(m Member) *process {
	for _, p := range w.all {
		if p.member.Incarnation == m.Incarnation && !p.crashed {
			return p
		}
	}
	return nil
}

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
			if at.record.Owner.Incarnation != p.member.Incarnation {
				w.fail("%s deletes the record of %s", p.member.Incarnation, at.record.Owner.Incarnation)
			}
			if r := p.core.rooms[rid]; !p.crashed && r != nil && r.phase == owned {
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

// meets reports whether two processes can speak with each other directly.
func (p *process) meets(o *process) bool { return o != nil && !p.cutPeers && !o.cutPeers && p != o }

func (p *process) probe(to Member) {
	w := p.w
	target := w.process(to)
	var result ProbeResult
	delay := w.between(time.Millisecond, 20*time.Millisecond)
	switch {
	case target == nil:
		// Its address: somebody else, nobody, or no machine.
		result = RefusedProbe
		for _, other := range w.nodes {
			if other.member.Addr == to.Addr && !other.crashed && p.meets(other) && other.frozen <= w.now {
				result = WrongNode
			}
		}
		if p.cutPeers {
			result, delay = NoReply, 500*time.Millisecond
		}
	case !p.meets(target) || target.frozen > w.now:
		result, delay = NoReply, 500*time.Millisecond
	default:
		result = Reached
	}
	p.later(delay, func() { p.core.Probed(to.Incarnation, result, p.time()) })
}

func (p *process) ask(e Ask) {
	w := p.w
	p.later(w.between(5*time.Millisecond, 300*time.Millisecond), func() {
		for _, m := range e.Peers {
			o := w.process(m)
			if p.meets(o) && o.frozen <= w.now {
				if record, epoch, is := o.core.OwnRecord(e.RID); is {
					p.core.Read(e.Op, OK, record, epoch, p.time())
					return
				}
			}
		}
		p.core.Read(e.Op, NotFound, Record{}, Epoch{}, p.time())
	})
}

// request asks another node to open a room, over the engine or directly.
func (p *process) request(to *process, op uint64, request OpenRequest, overEngine bool) {
	w := p.w
	answered := false
	answer := func(d time.Duration, a OpenAnswer) {
		p.later(d, func() {
			if !answered {
				answered = true
				p.core.Answered(op, a, p.time())
			}
		})
	}
	way := func() bool {
		if overEngine {
			return to != nil && p.connected && to.connected && p.reachesEngine() && to.reachesEngine()
		}
		return p.meets(to)
	}
	if !way() {
		answer(w.between(time.Millisecond, 50*time.Millisecond), OpenAnswer{Refused: Unreachable})
		return
	}
	answer(2*time.Second, OpenAnswer{Refused: NoAnswer})
	if w.chance(w.lossy) {
		return
	}
	to.later(w.between(time.Millisecond, 30*time.Millisecond), func() {
		to.tickets++
		to.replies[to.tickets] = func(a OpenAnswer) {
			if way() && !w.chance(w.lossy) {
				answer(w.between(time.Millisecond, 30*time.Millisecond), a)
			}
		}
		to.core.Asked(request, to.tickets, to.time())
	})
}

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

// misfortune is one of the things that happen to clusters.
func (w *world) misfortune() {
	p := w.nodes[w.rng.IntN(len(w.nodes))]
	long := w.between(300*time.Millisecond, 6*time.Second)
	kind := w.rng.IntN(9)
	w.log("misfortune %d on %s for %v", kind, p.member.Incarnation, long)
	switch kind {
	case 0: // killed, and started again
		i := slices.Index(w.nodes, p)
		p.crashed = true
		for name, count := range p.people {
			for range count {
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
	case 6, 7: // it stops, and comes back: with its records, or empty
		if w.down {
			return
		}
		w.down = true
		for _, each := range w.nodes {
			each.disconnect(w.between(10*time.Millisecond, time.Second))
		}
		w.after(long, func() {
			w.down = false
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
