package ownership

import (
	"container/heap"
	"fmt"
	"math/rand/v2"
	"time"
)

// This file is a world in which nodes live: a network, and a scheduler that lets time pass from event to event; simulated_*.go are the store and the people. All that
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
	settled int // wants that were fulfilled in the end
	// forgetful is set once the store has given revisions away again.
	forgetful bool
	double    map[string]time.Duration // since when a room has two owners that should know better
	astray    map[string]time.Duration // since when people are in a room on a node that does not own it
	err       error
	trace     []string
	tracing   bool
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
		if other, is := p.w.owners[key]; is && other != p.member.Incarnation && !p.w.forgetful {
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
