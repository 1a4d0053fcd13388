package ownership

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var (
	start = time.Unix(1_790_000_000, 0)
	me    = Member{Incarnation: "me", Node: "me", Addr: "me:1"}
	other = Member{Incarnation: "other", Node: "other", Addr: "other:1"}
	third = Member{Incarnation: "third", Node: "third", Addr: "third:1"}
)

// first always takes the first of several.
func first(int) int { return 0 }

// newTestNode has been connected for long and hears of other and third.
func newTestNode(now time.Time) *Node {
	n := NewNode(me, DefaultRules(), first, now.Add(-time.Minute))
	n.Up(1, false, now.Add(-time.Minute))
	n.ticked = now
	hear(n, now, me, other, third)
	answering(n)
	n.Effects()
	return n
}

// answering has all peers answered a probe, before anything else happened.
func answering(n *Node) {
	for _, p := range n.peers {
		p.shunned = time.Time{}
	}
}

func hear(n *Node, now time.Time, members ...Member) {
	for _, m := range members {
		n.Heard(Heartbeat{Member: m, State: StateActive, Sequence: uint64(now.UnixNano())}, now)
	}
}

// only returns the one effect of type E among what is to be done.
func only[E Effect](t *testing.T, n *Node) E {
	t.Helper()
	var all []E
	effects := n.Effects()
	for _, e := range effects {
		if one, is := e.(E); is {
			all = append(all, one)
		}
	}
	if len(all) != 1 {
		t.Fatalf("effects are %v, want one %T", effects, *new(E))
	}
	return all[0]
}

// owning lets n own a room.
func owning(t *testing.T, n *Node, name string, now time.Time) Epoch {
	t.Helper()
	n.Asked(OpenRequest{RID: RID(name), Room: name}, 1, now)
	e := Epoch{n.gen, 7}
	n.Wrote(only[Create](t, n).Op, OK, e, now)
	if answer := only[Reply](t, n).Answer; answer.Refused != "" || answer.Epoch != e {
		t.Fatalf("the room was not opened: %+v", answer)
	}
	return e
}

func TestDeath(t *testing.T) {
	for _, c := range []struct {
		name          string
		silence, echo time.Duration
		connected     time.Duration
		down          bool
		probe         ProbeResult
		dead          bool
	}{
		{"reached", time.Minute, 0, time.Minute, false, Reached, false},
		{"another process has its address", 1300 * time.Millisecond, 0, time.Minute, false, WrongNode, true},
		{"another process, and no engine", 1300 * time.Millisecond, 0, time.Minute, true, WrongNode, true},
		{"another process, but we have only begun to listen", time.Minute, 0, 1200 * time.Millisecond, false, WrongNode, false},
		{"another process, but its heartbeats come: two nodes say the same address", 600 * time.Millisecond, 0, time.Minute, false, WrongNode, false},
		{"refused, just heard", time.Second, 0, time.Minute, false, RefusedProbe, false},
		{"refused and silent", 1300 * time.Millisecond, 0, time.Minute, false, RefusedProbe, true},
		{"no reply, silent for a while", 1900 * time.Millisecond, 0, time.Minute, false, NoReply, false},
		{"no reply and silent", 2 * time.Second, 0, time.Minute, false, NoReply, true},
		{"one's own heartbeat does not come back", time.Minute, 1100 * time.Millisecond, time.Minute, false, NoReply, false},
		{"connected a moment ago", time.Minute, 0, 2900 * time.Millisecond, false, NoReply, false},
		{"the engine is down", time.Minute, 0, time.Minute, true, NoReply, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := NewNode(me, DefaultRules(), first, start)
			n.Up(1, false, start)
			hear(n, start, other)
			now := start.Add(time.Hour)
			n.since = now.Add(-c.connected)
			hear(n, now.Add(-c.silence), other)
			hear(n, now.Add(-c.echo), me)
			if c.down {
				n.Down(now)
			}
			if dead := n.Dead(other.Incarnation, c.probe, now); dead != c.dead {
				t.Errorf("dead is %v", dead)
			}
		})
	}
}

func TestDeadOwnerIsReplaced(t *testing.T) {
	n := newTestNode(start)
	n.Want("kitchen", start)
	now := start.Add(2500 * time.Millisecond)
	n.ticked = now // it was awake all the time
	hear(n, now, me, third)
	record := Record{Version: 1, Room: "kitchen", Owner: other, By: ByJoin}
	n.Read(only[Get](t, n).Op, OK, record, Epoch{1, 5}, now)
	if p := only[Probe](t, n); p.Peer != other {
		t.Fatalf("%v is probed", p.Peer)
	}
	n.Probed(other.Incarnation, NoReply, now)
	update := only[Update](t, n)
	if update.Rev != 5 || update.Record.Owner != me || update.Record.By != ByTakeover || update.Record.Previous != (Epoch{1, 5}) {
		t.Errorf("the record becomes %+v over %d", update.Record, update.Rev)
	}
	n.Wrote(update.Op, OK, Epoch{1, 9}, now)
	effects := fmt.Sprint(n.Effects())
	if !strings.Contains(effects, "true {me") || !strings.Contains(effects, "{other {") {
		t.Errorf("the effects are %s; who waits must come in, and the former owner hear of it", effects)
	}
}

// What a probe found is old after a while: the owner may be there again, without the engine.
// TestTakeoversAreToldApart: also those for another node, which has probed.
func TestTakeoversAreToldApart(t *testing.T) {
	for _, gone := range []bool{false, true} {
		n := newTestNode(start)
		now := start.Add(3 * time.Second)
		hear(n, now, me)
		n.Asked(OpenRequest{RID: RID("kitchen"), Room: "kitchen", Over: Epoch{1, 4}, Former: other.Incarnation, Gone: gone}, 1, now)
		n.Wrote(only[Update](t, n).Op, OK, Epoch{1, 5}, now)
		if c := n.Counts(); (c.TakenOverGone == 1) != gone || (c.TakenOverDead == 1) == gone {
			t.Errorf("another process at its address: %v, counted %+v", gone, c)
		}
	}
}

func TestOldProbeKillsNobody(t *testing.T) {
	n := newTestNode(start)
	now := start.Add(2500 * time.Millisecond)
	n.Tick(now)
	hear(n, now, me, third)
	n.since = start.Add(-time.Minute)
	n.Probed(other.Incarnation, NoReply, now)
	now = now.Add(10 * time.Second)
	hear(n, now, me, third)
	n.Want("kitchen", now)
	n.Read(only[Get](t, n).Op, OK, Record{Version: 1, Room: "kitchen", Owner: other}, Epoch{1, 5}, now)
	only[Probe](t, n)
}

// A process that was frozen takes what came meanwhile for new: others' silence says nothing then, whatever it is told first.
func TestFrozenJudgeKillsNobody(t *testing.T) {
	n := newTestNode(start)
	now := start.Add(1500 * time.Millisecond)
	for at := start; !at.After(now); at = at.Add(100 * time.Millisecond) {
		n.Tick(at)
		hear(n, at, me, third)
	}
	n.Want("kitchen", now)
	n.Read(only[Get](t, n).Op, OK, Record{Version: 1, Room: "kitchen", Owner: other}, Epoch{1, 5}, now)
	only[Probe](t, n)
	now = now.Add(5 * time.Second)
	hear(n, now, me)
	n.Probed(other.Incarnation, NoReply, now)
	for _, e := range n.Effects() {
		switch e.(type) {
		case Update, Open:
			t.Errorf("%T", e)
		}
	}
}

// While the engine is silent nobody is declared dead, however long that lasts.
func TestSilentEngineKillsNobody(t *testing.T) {
	n := newTestNode(start)
	n.Want("kitchen", start)
	n.Read(only[Get](t, n).Op, OK, Record{Version: 1, Room: "kitchen", Owner: other}, Epoch{1, 5}, start)
	n.Effects()
	for now := start; now.Before(start.Add(time.Minute)); now = now.Add(100 * time.Millisecond) {
		n.Tick(now)
		n.Probed(other.Incarnation, NoReply, now)
		n.Want("kitchen", now)
		for _, e := range n.Effects() {
			switch e := e.(type) {
			case Update, Create, Open:
				t.Fatalf("after %v: %T", now.Sub(start), e)
			case Get:
				n.Read(e.Op, OK, Record{Version: 1, Room: "kitchen", Owner: other}, Epoch{1, 5}, now)
			}
		}
	}
}

func TestStoreThatCameBackEmpty(t *testing.T) {
	join := func(previous Epoch) *Record {
		return &Record{Version: 1, Room: "kitchen", Owner: other, Previous: previous, By: ByJoin}
	}
	for _, c := range []struct {
		name   string
		found  *Record
		writes string // what this node does: creates, replaces or is fenced
	}{
		{"nobody wrote", nil, "creates"},
		{"somebody claimed it as new", join(Epoch{}), "replaces"},
		{"an older owner was faster", join(Epoch{1, 3}), "replaces"},
		{"a later owner was faster", join(Epoch{1, 8}), "fenced"},
		{"its new owner was replaced already", join(Epoch{2, 1}), "fenced"},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := newTestNode(start)
			former := owning(t, n, "kitchen", start)
			n.Begun("kitchen", start)
			n.Down(start)
			n.Up(2, false, start)
			get := only[Get](t, n)
			result, found := NotFound, Record{}
			if c.found != nil {
				result, found = OK, *c.found
			}
			n.Read(get.Op, result, found, Epoch{2, 2}, start)
			effects := n.Effects()
			did := ""
			for _, e := range effects {
				switch e := e.(type) {
				case Create:
					did = "creates"
					if e.Record.Previous != former || e.Record.By != ByReassert {
						t.Errorf("it writes %+v", e.Record)
					}
				case Update:
					did = "replaces"
				case Evict:
					did = "fenced"
				}
			}
			if did != c.writes {
				t.Errorf("this node %q, want %q: %v", did, c.writes, effects)
			}
		})
	}
}

// Nodes without the room wait before they claim it in a new store.
func TestNewStoreIsHeld(t *testing.T) {
	n := newTestNode(start)
	n.Down(start)
	n.Up(2, false, start)
	n.Effects()
	n.Want("kitchen", start)
	n.Read(only[Get](t, n).Op, NotFound, Record{}, Epoch{}, start)
	for _, e := range n.Effects() {
		t.Errorf("at once: %T", e)
	}
	n.Asked(OpenRequest{RID: RID("hall"), Room: "hall"}, 3, start)
	if a := only[Reply](t, n).Answer; a.Refused != Held {
		t.Errorf("another node is told %+v", a)
	}
	now := start.Add(2100 * time.Millisecond)
	hear(n, now, me)
	n.Tick(now)
	n.Read(only[Get](t, n).Op, NotFound, Record{}, Epoch{}, now)
	only[Create](t, n)
}

// An engine that is connected and does not answer, as while it elects a leader, is on nobody's way to a room that is there.
func TestReadThatFails(t *testing.T) {
	n := newTestNode(start)
	n.Want("kitchen", start)
	n.Read(only[Get](t, n).Op, Unavailable, Record{}, Epoch{}, start)
	ask := only[Ask](t, n)
	if len(ask.Peers) != 2 {
		t.Errorf("asked are %v", ask.Peers)
	}
	n.Read(ask.Op, NotFound, Record{}, Epoch{}, start)
	if effects := n.Effects(); len(effects) > 0 {
		t.Errorf("who waits is told %v at once", effects)
	}
	now := start.Add(200 * time.Millisecond)
	n.Tick(now)
	n.Read(only[Get](t, n).Op, Unavailable, Record{}, Epoch{}, now)
	n.Read(only[Ask](t, n).Op, OK, Record{Version: 1, Room: "kitchen", Owner: other}, Epoch{1, 5}, now)
	if o := only[Resolved](t, n).Outcome; o.Owner != other || o.Epoch != (Epoch{1, 5}) {
		t.Errorf("who waits is told %+v", o)
	}
}

// Without the engine too, an owner that says it is none any more is not asked again and again.
func TestStaleWithoutEngine(t *testing.T) {
	n := newTestNode(start)
	n.Want("kitchen", start)
	n.Read(only[Get](t, n).Op, OK, Record{Version: 1, Room: "kitchen", Owner: other}, Epoch{1, 5}, start)
	n.Effects()
	n.Down(start)
	n.Stale(RID("kitchen"))
	n.Want("kitchen", start)
	n.Read(only[Ask](t, n).Op, OK, Record{Version: 1, Room: "kitchen", Owner: third}, Epoch{1, 8}, start)
	if o := only[Resolved](t, n).Outcome; o.Owner != third {
		t.Errorf("who waits is told %+v", o)
	}
}

// Whoever was frozen learns soon that it was replaced, also where the first look at its record fails.
func TestFailedCheckIsRepeated(t *testing.T) {
	n := newTestNode(start)
	owning(t, n, "kitchen", start)
	n.Begun("kitchen", start)
	now := start.Add(5 * time.Second)
	n.Tick(now)
	n.Read(only[Get](t, n).Op, Unavailable, Record{}, Epoch{}, now)
	now = now.Add(100 * time.Millisecond)
	n.Tick(now)
	n.Read(only[Get](t, n).Op, OK, Record{Version: 1, Room: "kitchen", Owner: other}, Epoch{1, 20}, now)
	only[Evict](t, n)
}

func TestChoice(t *testing.T) {
	for _, c := range []struct {
		name               string
		mine, his, thirds  float64
		draining, hisDrain bool
		want               Incarnation
		refused            Refusal
	}{
		{"equal: the way between nodes is saved", 0.1, 0.1, 0.1, false, false, "me", ""},
		{"nearly equal", 0.12, 0.11, 0.11, false, false, "me", ""},
		{"busier than others", 0.5, 0.1, 0.3, false, false, "other", ""},
		{"draining", 0, 0.9, 0.9, true, false, "other", ""},
		{"the other drains", 0.5, 0, 0.2, false, true, "third", ""},
		{"all are full", 1, 1, 1.2, false, false, "", Full},
		{"all but a busy one are full", 1, 0.97, 1.2, false, false, "other", ""},
		{"draining, others are full", 0, 1, 1, true, false, "", Draining},
	} {
		t.Run(c.name, func(t *testing.T) {
			n := NewNode(me, DefaultRules(), first, start)
			n.Up(1, false, start)
			state := StateActive
			if c.hisDrain {
				state = StateDraining
			}
			n.Heard(Heartbeat{Member: other, State: state, Load: c.his}, start)
			n.Heard(Heartbeat{Member: third, State: StateActive, Load: c.thirds}, start)
			answering(n)
			n.Measured(c.mine, 0, "")
			if c.draining {
				n.Drain()
			}
			at, refused := n.choose(n.describe(start), nil, first, start)
			if at.Incarnation != c.want || refused != c.refused {
				t.Errorf("chosen is %q, refused %q", at.Incarnation, refused)
			}
		})
	}
}

// Rooms that are placed within moments are spread, although heartbeats show their load later.
func TestPlacementsAreRemembered(t *testing.T) {
	n := NewNode(me, DefaultRules(), first, start)
	n.Up(1, false, start)
	n.Measured(0.5, 0, "")
	hear(n, start, other, third)
	answering(n)
	count := map[Incarnation]int{}
	for range 20 {
		at, _ := n.choose(n.describe(start), nil, first, start)
		count[at.Incarnation]++
	}
	if count[other.Incarnation] != 10 || count[third.Incarnation] != 10 {
		t.Errorf("20 rooms go to %v", count)
	}
}

func TestRoomIsReleased(t *testing.T) {
	n := newTestNode(start)
	e := owning(t, n, "kitchen", start)
	n.Begun("kitchen", start)
	n.Emptied("kitchen", start)
	now := start.Add(9 * time.Second)
	hear(n, now, me)
	n.Tick(now)
	for _, effect := range n.Effects() {
		if _, is := effect.(Delete); is {
			t.Fatal("the room is given up while somebody may come back")
		}
	}
	now = start.Add(21 * time.Second)
	n.Tick(now)
	for _, effect := range n.Effects() {
		if get, is := effect.(Get); is { // the process was not called for long: it looks first
			n.Read(get.Op, OK, n.rooms[RID("kitchen")].record, e, now)
		}
	}
	n.Tick(now)
	if d := only[Delete](t, n); d.Rev != e.Rev {
		t.Errorf("revision %d is deleted, the claim was %d", d.Rev, e.Rev)
	}
}

// A delete whose answer is lost may come late. Who wants the room meanwhile must not be served under a revision that it would find.
func TestLateDelete(t *testing.T) {
	n := newTestNode(start)
	e := owning(t, n, "kitchen", start)
	r := n.rooms[RID("kitchen")]
	r.release()
	d := only[Delete](t, n)
	n.Want("kitchen", start)
	n.Wrote(d.Op, Unknown, Epoch{}, start)
	n.Tick(start)
	n.Read(only[Get](t, n).Op, OK, r.record, e, start)
	update := only[Update](t, n)
	if update.Rev != e.Rev || update.Record.By != ByRenewal {
		t.Errorf("the record is written as %+v over %d", update.Record, update.Rev)
	}
	n.Wrote(update.Op, OK, Epoch{1, 12}, start)
	if o := only[Resolved](t, n).Outcome; !o.Here || o.Epoch != (Epoch{1, 12}) {
		t.Errorf("who wanted it is told %+v", o)
	}
}

// Who was told that the room is here and comes when it has been given up must not be served without it.
func TestSomebodyComesTooLate(t *testing.T) {
	n := newTestNode(start)
	e := owning(t, n, "kitchen", start)
	now := start.Add(900 * time.Millisecond)
	n.Drain()
	n.Tick(now)
	n.Effects()
	now = now.Add(900 * time.Millisecond)
	n.Tick(now)
	d := only[Delete](t, n)
	n.Wrote(d.Op, OK, Epoch{e.Gen, 9}, now)
	n.Effects()
	n.Begun("kitchen", now)
	if evict := only[Evict](t, n); evict.Room != "kitchen" {
		t.Errorf("%+v", evict)
	}
}

// A node that asked this one to open a room waits for a while and not longer; neither is the room looked at for ever.
func TestTicketIsAnsweredInTime(t *testing.T) {
	n := newTestNode(start)
	n.Asked(OpenRequest{RID: RID("kitchen"), Room: "kitchen"}, 5, start)
	n.Wrote(only[Create](t, n).Op, Conflict, Epoch{}, start)
	answered, reads := time.Duration(0), 0
	for now := start; now.Before(start.Add(20 * time.Second)); now = now.Add(100 * time.Millisecond) {
		hear(n, now, me, third)
		n.peers[other.Incarnation].heard = now.Add(-1300 * time.Millisecond) // it lives, and cannot be reached from here
		n.Tick(now)
		for effects := n.Effects(); len(effects) > 0; effects = n.Effects() {
			for _, e := range effects {
				switch e := e.(type) {
				case Get:
					reads++
					n.Read(e.Op, OK, Record{Version: 1, Room: "kitchen", Owner: other}, Epoch{1, 5}, now)
				case Probe:
					n.Probed(e.Peer.Incarnation, NoReply, now)
				case Reply:
					answered = now.Sub(start)
				}
			}
		}
	}
	if answered == 0 || answered > 7*time.Second || len(n.rooms) > 0 {
		t.Errorf("answered after %v; %d rooms are left, after %d reads", answered, len(n.rooms), reads)
	}
}

func TestHandover(t *testing.T) {
	n := newTestNode(start)
	e := owning(t, n, "kitchen", start)
	n.Begun("kitchen", start)
	n.Drain()
	if !n.HandOver("kitchen", start) || n.HandOver("kitchen", start) {
		t.Fatal("a room is handed over once at a time")
	}
	h := only[HandOver](t, n)
	if h.To != other || h.Epoch != e {
		t.Errorf("it goes to %v as %v", h.To, h.Epoch)
	}
	n.Answered(h.Op, OpenAnswer{Refused: Full}, start)
	if !n.HandOver("kitchen", start) {
		t.Fatal("no second node is tried")
	}
	h = only[HandOver](t, n)
	if h.To != third {
		t.Errorf("then to %v", h.To)
	}
	n.Answered(h.Op, OpenAnswer{Owner: third, Epoch: Epoch{1, 20}}, start)
	if evict := only[Evict](t, n); !evict.Planned || evict.Owner != third {
		t.Errorf("the room ends here as %+v", evict)
	}
	if _, owned := n.Owned(RID("kitchen")); owned {
		t.Error("it is still owned")
	}
}

// A node that drains refuses whoever asks for an empty room. That they ask again and again must not keep the room from others.
func TestDrainingNodeLetsGo(t *testing.T) {
	n := newTestNode(start)
	owning(t, n, "kitchen", start)
	n.Drain()
	for now := start; now.Before(start.Add(3 * time.Second)); now = now.Add(100 * time.Millisecond) {
		n.Want("kitchen", now)
		n.Tick(now)
		for _, e := range n.Effects() {
			if _, is := e.(Delete); is {
				return
			}
		}
	}
	t.Error("the room is kept")
}

// A store may be older than the one before: that of another cluster of servers, or one that was restored.
func TestOlderStore(t *testing.T) {
	for _, owner := range []Member{me, other} {
		n := newTestNode(start)
		n.Down(start)
		n.Up(2, false, start)
		now := start.Add(3 * time.Second)
		n.Tick(now)
		owning(t, n, "kitchen", now)
		n.Begun("kitchen", now)
		n.Down(now)
		n.Up(1, false, now)
		n.Read(only[Get](t, n).Op, OK, Record{Version: 1, Room: "kitchen", Owner: owner}, Epoch{1, 5}, now)
		epoch, owned := n.Owned(RID("kitchen"))
		if owned != (owner == me) || owned && epoch != (Epoch{1, 5}) {
			t.Errorf("the record names %s: owned %v under %s", owner.Node, owned, epoch)
		}
	}
}

func TestIsolation(t *testing.T) {
	n := newTestNode(start)
	n.Down(start)
	for now := start; now.Before(start.Add(4900 * time.Millisecond)); now = now.Add(100 * time.Millisecond) {
		n.Tick(now)
		if s := n.State(now); s != StateActive {
			t.Fatalf("%s after %v", s, now.Sub(start))
		}
	}
	now := start.Add(5100 * time.Millisecond)
	if s := n.State(now); s != StateIsolated {
		t.Errorf("%s without engine and peers", s)
	}
	n.Probed(other.Incarnation, Reached, now)
	if s := n.State(now); s != StateActive {
		t.Errorf("%s although a peer answers", s)
	}
}

// However long a node is cut off, it does not forget that there were others, and looks for them.
func TestIsolationLasts(t *testing.T) {
	n := newTestNode(start)
	n.Down(start)
	probed := map[Incarnation]time.Duration{}
	for now := start; now.Before(start.Add(5 * time.Minute)); now = now.Add(100 * time.Millisecond) {
		n.Tick(now)
		for _, e := range n.Effects() {
			if p, is := e.(Probe); is {
				n.Probed(p.Peer.Incarnation, NoReply, now)
				probed[p.Peer.Incarnation] = now.Sub(start)
			}
		}
		if s := n.State(now); now.Sub(start) > 6*time.Second && s != StateIsolated {
			t.Fatalf("%s after %v", s, now.Sub(start))
		}
	}
	for _, m := range []Member{other, third} {
		if probed[m.Incarnation] < 4*time.Minute {
			t.Errorf("%s was last looked for after %v", m.Node, probed[m.Incarnation])
		}
	}
}

// A node that has found no engine since its start knows of no room and no other node: it is of no use.
func TestBeforeTheFirstEngine(t *testing.T) {
	n := NewNode(me, DefaultRules(), first, start)
	if s := n.State(start); s != StateIsolated {
		t.Errorf("%s before the engine was found", s)
	}
	n.Up(1, false, start)
	n.Down(start)
	if s := n.State(start.Add(time.Hour)); s != StateActive {
		t.Errorf("%s without the engine, alone", s)
	}
}

func TestRoomsNobodyEntersAreBounded(t *testing.T) {
	n := newTestNode(start)
	n.rules.MaxEmpty = 3
	for i := range 3 {
		owning(t, n, fmt.Sprint("room", i), start)
	}
	n.Asked(OpenRequest{RID: RID("more"), Room: "more"}, 9, start)
	if a := only[Reply](t, n).Answer; a.Refused != Full {
		t.Errorf("a fourth is answered %+v", a)
	}
	n.Begun("room0", start)
	owning(t, n, "more", start)
}

func FuzzParseEpoch(f *testing.F) {
	f.Add("1790000000000000000-18446744073709551615")
	f.Add("-")
	f.Add("-1-2")
	f.Fuzz(func(t *testing.T, text string) {
		e, err := ParseEpoch(text)
		if err != nil {
			return
		}
		if again, err := ParseEpoch(e.String()); err != nil || again != e {
			t.Errorf("%q is %v and then %v, %v", text, e, again, err)
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	f.Add(Record{Version: 1, Room: "kitchen", Owner: me, By: ByJoin}.Encode())
	f.Add([]byte(`{"v":2,"room":"a","owner":{"inc":"b"},"new":[]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := ParseRecord(text)
		if err != nil {
			return
		}
		if again, err := ParseRecord(r.Encode()); err != nil || again.Owner != r.Owner {
			t.Errorf("%q is %+v and then %+v, %v", text, r, again, err)
		}
	})
}

// TestNobodyIsSentWhereNothingAnswers: a node whose port is closed is heard of all the same, and idle.
func TestNobodyIsSentWhereNothingAnswers(t *testing.T) {
	n := NewNode(me, DefaultRules(), first, start)
	n.Up(1, false, start)
	n.Measured(0.5, 0, "")
	hear(n, start, other)
	chosen := func(now time.Time) Incarnation {
		at, _ := n.choose(n.describe(now), nil, first, now)
		return at.Incarnation
	}
	if at := chosen(start); at != me.Incarnation {
		t.Errorf("before it has answered, %s is chosen", at)
	}
	n.Tick(start)
	if p := only[Probe](t, n); p.Peer != other {
		t.Errorf("%v is probed", p.Peer)
	}
	n.Probed(other.Incarnation, Reached, start)
	if at := chosen(start); at != other.Incarnation {
		t.Errorf("when it has, %s is chosen", at)
	}
	now := start.Add(time.Second)
	n.Unreachable(other.Incarnation, now)
	probes := 0
	for range 100 {
		now = now.Add(100 * time.Millisecond)
		hear(n, now, other)
		n.Tick(now)
		for _, e := range n.Effects() {
			if _, is := e.(Probe); is {
				probes++
				n.Probed(other.Incarnation, NoReply, now)
			}
		}
	}
	if at := chosen(now); at != me.Incarnation || probes != 5 {
		t.Errorf("%s is chosen; %d probes in 10 s", at, probes)
	}
	n.Drain()
	if _, why := n.choose(Heartbeat{Member: third, State: StateActive, Load: 1}, nil, first, now); why != Unreachable {
		t.Errorf("where all that have room are out of reach, the reason is %q", why)
	}
	n.Heard(Heartbeat{Member: other, State: StateActive, Load: 1, Sequence: uint64(now.UnixNano())}, now)
	if _, why := n.choose(Heartbeat{Member: third, State: StateActive, Load: 1}, nil, first, now); why != Full {
		t.Errorf("where the one out of reach is full as well, the reason is %q", why)
	}
	hear(n, now, other)
	n.Probed(other.Incarnation, Reached, now)
	if at := chosen(now); at != other.Incarnation {
		t.Errorf("when it answers again, %s is chosen", at)
	}
}

// TestWhyNobodyOpenedIt: not that all are full, where none could be reached.
func TestWhyNobodyOpenedIt(t *testing.T) {
	n := newTestNode(start)
	n.Measured(1, 0, "")
	n.Want("kitchen", start)
	n.Read(only[Get](t, n).Op, NotFound, Record{}, Epoch{}, start)
	for range 2 {
		n.Answered(only[Open](t, n).Op, OpenAnswer{Refused: Unreachable}, start)
	}
	if r := only[Resolved](t, n); r.Outcome.Refused != Unreachable {
		t.Errorf("the reason is %q", r.Outcome.Refused)
	}
}

// TestHeirsWithoutEngine: nobody is heard of then, and that is no reason to end a drain.
func TestHeirsWithoutEngine(t *testing.T) {
	n := newTestNode(start)
	n.Down(start.Add(time.Second))
	if now := start.Add(10 * time.Second); !n.Heirs(now) {
		t.Error("a drain ends while the engine restarts")
	}
	n.Up(1, false, start.Add(11*time.Second))
	if now := start.Add(14 * time.Second); n.Heirs(now) {
		t.Error("nodes that are gone count as heirs")
	}
}

// TestPeopleAreNotForgotten: they came when the room was no longer this node's, and before they are gone it is again.
func TestPeopleAreNotForgotten(t *testing.T) {
	n := newTestNode(start)
	n.Begun("kitchen", start)
	if e := only[Evict](t, n); e.Room != "kitchen" {
		t.Errorf("who is in it is told %+v", e)
	}
	now := start.Add(200 * time.Millisecond)
	n.Tick(now)
	owning(t, n, "kitchen", now)
	if !n.Populated("kitchen") {
		t.Error("nobody is in the room, it is said; it would be given up under who is there")
	}
	n.Emptied("kitchen", now)
	if n.Populated("kitchen") {
		t.Error("they left, and are still there")
	}
	n = newTestNode(start)
	n.Begun("kitchen", start)
	n.Emptied("kitchen", start)
	n.Tick(start)
	if len(n.rooms) != 0 {
		t.Errorf("%d rooms are left", len(n.rooms))
	}
}

// TestStoreThatLostItsLastWrites came back as the same store, some revisions younger.
func TestStoreThatLostItsLastWrites(t *testing.T) {
	n := newTestNode(start)
	owning(t, n, "kitchen", start) // as revision 7
	n.Up(1, false, start)
	n.Read(only[Get](t, n).Op, OK, Record{Version: 1, Room: "kitchen", Owner: other, By: ByJoin}, Epoch{1, 5}, start)
	update := only[Update](t, n)
	if update.Rev != 5 || update.Record.Owner != me {
		t.Fatalf("the former owner's record is replaced by %+v over %d", update.Record, update.Rev)
	}
	n.Wrote(update.Op, OK, Epoch{1, 6}, start)
	if told := only[TellFenced](t, n); told.To != other.Incarnation || told.Notice.Epoch != (Epoch{1, 6}) {
		t.Errorf("told is %+v", told)
	}

	n.Up(1, false, start)
	n.Read(only[Get](t, n).Op, OK, Record{Version: 1, Room: "kitchen", Owner: me, By: ByJoin}, Epoch{1, 4}, start)
	if e, _ := n.Owned(RID("kitchen")); e != (Epoch{1, 4}) {
		t.Errorf("one's own record has revision 4, the room %v", e)
	}

	n.Up(1, false, start)
	n.Tick(start) // the answer could have been an old one
	n.Effects()
	n.Read(n.rooms[RID("kitchen")].check, OK, Record{Version: 1, Room: "kitchen", Owner: third, By: ByJoin}, Epoch{1, 4}, start)
	if evict := only[Evict](t, n); evict.Owner != third || evict.Planned {
		t.Errorf("somebody else got its revision: %+v", evict)
	}
}
