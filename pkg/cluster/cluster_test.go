package cluster

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"sfu/pkg/cluster/mesh"
	"sfu/pkg/cluster/ownership"
)

func TestAlone(t *testing.T) {
	m := join(t, nil, "alone")
	began := time.Now()
	if who, status := m.get("kitchen"); who != "alone" || status != http.StatusOK {
		t.Fatalf("%d %s", status, who)
	}
	t.Logf("first room after %v", time.Since(began))
	s := m.Stats()
	if s.Owned != 1 || !s.Engine.Up || s.Ownership.ClaimedOK != 1 {
		t.Errorf("%+v", s)
	}
	if err := m.Condition(); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	m.rooms.enter("kitchen")
	m.Drain(ctx) // nobody to give it to: returns
	if _, status := m.get("hall"); status != http.StatusServiceUnavailable {
		t.Errorf("a new room while draining: %d", status)
	}
	if who, _ := m.get("kitchen"); who != "alone" {
		t.Errorf("a room that is there, while draining: %s", who)
	}
	m.Undrain()
	if who, _ := m.get("hall"); who != "alone" {
		t.Errorf("after the drain was taken back: %s", who)
	}
}

func TestRaceForOneRoom(t *testing.T) {
	all := three(t, newBroker(t))
	for round := range 10 {
		room := fmt.Sprint("room", round)
		answers := make([]string, 60)
		var racing sync.WaitGroup
		for i := range answers {
			racing.Go(func() { answers[i], _ = all[i%3].get(room) })
		}
		racing.Wait()
		owner := ownerOf(t, all, room).cfg.Name
		for i, who := range answers {
			if who != owner {
				t.Errorf("%s: number %d through %s was served by %q, the owner is %s", room, i, all[i%3].cfg.Name, who, owner)
			}
		}
	}
}

func TestKilledOwnerIsReplaced(t *testing.T) {
	all := three(t, newBroker(t))
	all[0].get("kitchen")
	owner := ownerOf(t, all, "kitchen")
	rest := except(all, owner)
	rest[0].get("kitchen") // knows the owner
	owner.kill()
	began := time.Now()
	who, status := rest[0].get("kitchen")
	took := time.Since(began)
	t.Logf("replaced after %v", took)
	if status != http.StatusOK || who == owner.cfg.Name {
		t.Fatalf("%d %s", status, who)
	}
	if next := ownerOf(t, all, "kitchen"); next.cfg.Name != who {
		t.Errorf("%s served it, %s owns it", who, next.cfg.Name)
	}
	var takeovers uint64
	for _, m := range rest {
		takeovers += m.Stats().Ownership.TakenOverDead
	}
	if takeovers != 1 {
		t.Errorf("%d takeovers", takeovers)
	}
	if who2, _ := rest[1].get("kitchen"); who2 != who {
		t.Errorf("through the other node: %s, through the first %s", who2, who)
	}
}

// Clients are not led to the address of an owner that is gone: they come here, and the room gets a new one.
func TestNobodyIsLedToTheDead(t *testing.T) {
	b := newBroker(t)
	var all []*member
	for _, name := range []string{"a", "b", "c"} {
		all = append(all, join(t, b, name, func(c *Config) { c.URL = "http://" + name }))
	}
	together(t, all)
	all[0].get("kitchen")
	owner := ownerOf(t, all, "kitchen")
	rest := except(all, owner)
	if at, err := rest[0].Find(t.Context(), "kitchen"); err != nil || at.URL != owner.cfg.URL {
		t.Fatalf("%+v %v", at, err)
	}
	owner.kill()
	eventually(t, "nobody is led there", func() bool {
		at, err := rest[0].Find(t.Context(), "kitchen")
		return err == nil && at.Here
	})
	who, status := rest[0].get("kitchen")
	if status != http.StatusOK {
		t.Fatalf("%d %s", status, who)
	}
	if at, err := rest[1].Find(t.Context(), "kitchen"); err != nil || !at.Here && at.URL != "http://"+who {
		t.Errorf("%+v %v", at, err)
	}
}

// TestClientThatHangsUp: it says nothing about the node that its request was on its way to.
func TestClientThatHangsUp(t *testing.T) {
	all := three(t, newBroker(t))
	all[0].get("kitchen")
	edge := except(all, ownerOf(t, all, "kitchen"))[0]
	at, err := edge.Locate(t.Context(), "kitchen")
	if err != nil {
		t.Fatal(err)
	}
	gone, hangUp := context.WithCancel(t.Context())
	hangUp()
	at.Elsewhere.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/v1/rooms/kitchen", nil).WithContext(gone))
	known := false
	edge.query(func(core *ownership.Node, now time.Time) { _, known = core.Look("kitchen", now) })
	if !known {
		t.Error("the owner counts as unreachable")
	}
}

func TestClosedOwnerLeavesNothing(t *testing.T) {
	all := three(t, newBroker(t))
	all[0].get("kitchen")
	owner := ownerOf(t, all, "kitchen")
	rest := except(all, owner)
	owner.ended = true
	owner.Close()
	began := time.Now()
	if who, status := rest[0].get("kitchen"); status != http.StatusOK {
		t.Errorf("%d %s", status, who)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a room that was given up is had again after %v only", took)
	}
	for _, m := range rest {
		if s := m.Stats().Ownership; s.TakenOverDead+s.TakenOverGone != 0 {
			t.Errorf("%s took it over: %+v", m.cfg.Name, s)
		}
	}
}

func TestDrainHandsRoomsOver(t *testing.T) {
	all := three(t, newBroker(t))
	leaver := all[0]
	const rooms = 6
	var own []string
	for i := 0; len(own) < rooms && i < 200; i++ {
		room := fmt.Sprint("room", i)
		if who, _ := leaver.get(room); who == leaver.cfg.Name {
			leaver.rooms.enter(room)
			leaver.rooms.enter(room)
			own = append(own, room)
		}
	}
	if len(own) < rooms {
		t.Fatalf("the node got only %d rooms", len(own))
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	leaver.Drain(ctx)
	if ctx.Err() != nil {
		t.Fatal("the drain did not end")
	}
	rest := except(all, leaver)
	for _, room := range own {
		owner := ownerOf(t, all, room)
		if owner == leaver {
			t.Errorf("%s stayed", room)
			continue
		}
		eventually(t, "people are told", func() bool {
			leaver.rooms.mu.Lock()
			defer leaver.rooms.mu.Unlock()
			return leaver.rooms.moved[room] == 2
		})
		owner.rooms.mu.Lock()
		if got := owner.rooms.restored[room]; got != "what was said in "+room {
			t.Errorf("with %s came %q", room, got)
		}
		owner.rooms.mu.Unlock()
		for _, m := range all {
			if who, _ := m.get(room); who != owner.cfg.Name {
				t.Errorf("%s through %s: %s, owner %s", room, m.cfg.Name, who, owner.cfg.Name)
			}
		}
	}
	eventually(t, "the others know that it drains", func() bool {
		return rest[0].Stats().Nodes["draining"] == 1 && rest[1].Stats().Nodes["draining"] == 1
	})
	if s := leaver.Stats(); s.Ownership.HandedOver != rooms || s.Ownership.Fenced != 0 {
		t.Errorf("%+v", s.Ownership)
	}
	if who, _ := leaver.get("something-new"); who == leaver.cfg.Name || who == "" {
		t.Errorf("a new room through the draining node: %q", who)
	}
}

// One refusal, or an engine that is away for a moment, does not end a drain.
func TestDrainGoesOn(t *testing.T) {
	b := newBroker(t)
	refusals := make(chan struct{}, 2)
	refusals <- struct{}{}
	refusals <- struct{}{}
	all := []*member{join(t, b, "a"), join(t, b, "b")}
	together(t, all)
	all[0].get("kitchen")
	leaver := ownerOf(t, all, "kitchen")
	next := except(all, leaver)[0]
	leaver.rooms.enter("kitchen")
	next.rooms.refusals = refusals
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	leaver.Drain(ctx)
	if owner := ownerOf(t, all, "kitchen"); owner != next {
		t.Errorf("the room stayed; %d refusals are left: %+v", len(refusals), leaver.Stats().Ownership)
	}
	// With nobody to give it to there is nothing to wait for.
	next.rooms.enter("kitchen")
	next.Drain(ctx)
	if ctx.Err() != nil {
		t.Error("the drain of the last node did not end")
	}
}

// What was said in a room stays nowhere that the room does not go.
func TestRefusedHandoverLeavesNothing(t *testing.T) {
	m := join(t, newBroker(t), "a")
	eventually(t, "the engine is up", func() bool { return m.Stats().Engine.Up })
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	m.Drain(ctx)
	data := fmt.Appendf(nil, `{"room":"kitchen","epoch":{"gen":1,"rev":1},"saved":"what was said"}`)
	if err := (service{m.Node}).Handover(ctx, "other", mesh.Handover{RID: ownership.RID("kitchen"), Data: data}); err == nil {
		t.Error("a node that drains takes a room")
	}
	if said := m.rooms.restored["kitchen"]; said != "" {
		t.Errorf("%q is kept", said)
	}
}

func TestEngineGone(t *testing.T) {
	b := newBroker(t)
	all := three(t, b)
	all[0].get("kitchen")
	owner := ownerOf(t, all, "kitchen")
	owner.rooms.enter("kitchen")
	rest := except(all, owner)
	rest[0].get("kitchen") // rest[1] has never seen it
	b.stop()
	for _, m := range all {
		eventually(t, "the engine is found down", func() bool { return !m.Stats().Engine.Up })
	}
	for _, m := range all {
		if who, status := m.get("kitchen"); who != owner.cfg.Name {
			t.Errorf("through %s, without the engine: %d %s", m.cfg.Name, status, who)
		}
		if _, status := m.get("new"); status != http.StatusServiceUnavailable {
			t.Errorf("a new room through %s, without the engine: %d", m.cfg.Name, status)
		}
		if err := m.Condition(); err != nil {
			t.Errorf("%s: %v", m.cfg.Name, err)
		}
	}
	b.start()
	began := time.Now()
	for _, m := range all {
		eventually(t, "the engine is found again", func() bool { return m.Stats().Engine.Up })
	}
	t.Logf("found again after %v", time.Since(began))
	eventually(t, "new rooms are opened", func() bool { _, status := all[1].get("new"); return status == http.StatusOK })
	noTakeovers(t, all)
}

func TestEngineCameBackEmpty(t *testing.T) {
	b := newBroker(t)
	all := three(t, b)
	owners := map[string]string{}
	for i := range 12 {
		room := fmt.Sprint("room", i)
		who, _ := all[i%3].get(room)
		owners[room] = who
		for _, m := range all {
			if m.cfg.Name == who {
				m.rooms.enter(room)
			}
		}
	}
	b.stop()
	b.empty()
	b.start()
	for _, m := range all {
		eventually(t, "rooms are written again", func() bool {
			s := m.Stats()
			return s.Engine.Up && s.Ownership.Reasserted >= uint64(s.Owned)
		})
	}
	for room, owner := range owners {
		for _, m := range all {
			if who, status := m.get(room); who != owner {
				t.Errorf("%s through %s: %d %q, before it was %s", room, m.cfg.Name, status, who, owner)
			}
		}
	}
	noTakeovers(t, all)
	for _, m := range all {
		if len(m.rooms.moved) > 0 {
			t.Errorf("%s: people were told to move: %v", m.cfg.Name, m.rooms.moved)
		}
	}
}

func noTakeovers(t *testing.T, all []*member) {
	t.Helper()
	for _, m := range all {
		if s := m.Stats().Ownership; s.TakenOverDead+s.TakenOverGone+s.Fenced > 0 {
			t.Errorf("%s: %+v", m.cfg.Name, s)
		}
	}
}

// Who gives up waiting leaves nothing behind.
func TestWaiterGoes(t *testing.T) {
	b := newBroker(t)
	m := join(t, b, "a")
	eventually(t, "the engine is up", func() bool { return m.Stats().Engine.Up })
	b.stop()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := m.Locate(ctx, "kitchen"); err == nil {
		t.Error("a room was found without waiting")
	}
	eventually(t, "nobody waits", func() bool {
		m.waiting.mu.Lock()
		defer m.waiting.mu.Unlock()
		return len(m.waiting.rooms) == 0
	})
	b.start()
}
