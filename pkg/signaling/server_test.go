package signaling

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sfu/pkg/signaling/protocol"
)

func TestJoinsAreAdmittedAFewAtATime(t *testing.T) {
	inBubble(t, Options{Joins: 1, JoinQueue: 1}, func(t *testing.T, w *world) {
		w.tryJoin("kitchen", with("Slow", protocol.Offer{PC: "main", N: 1, SDP: "hang"}))
		waited := make(chan protocol.ServerMessage, 1)
		go func() {
			_, m := w.tryJoin("kitchen", with("Second"))
			waited <- m
		}()
		synctest.Wait()
		began := time.Now()
		if _, m := w.tryJoin("kitchen", with("Third")); m.(protocol.Error).Code != protocol.Overloaded || m.(protocol.Error).RetryAfter == 0 {
			t.Errorf("the third got %+v", m)
		}
		if time.Since(began) != 0 {
			t.Error("the third waited")
		}
		if m := (<-waited).(protocol.Error); m.Code != protocol.Overloaded || time.Since(began) != defaultTiming.patience {
			t.Errorf("the second got %+v after %v", m, time.Since(began))
		}
	})
}

func TestJoinDurationsAreObserved(t *testing.T) {
	type observed struct {
		took   time.Duration
		result string
	}
	var mu sync.Mutex
	var seen []observed
	opts := Options{ObserveJoin: func(d time.Duration, result string) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, observed{d, result})
	}}
	inBubble(t, opts, func(t *testing.T, w *world) {
		w.tryJoin("kitchen", with("Ada", protocol.Offer{PC: "main", N: 1, SDP: "hang"}))
		time.Sleep(2 * time.Second)
		close(w.dialer.conn(0).release)
		w.tryJoin("kitchen", protocol.Join{Token: "rubbish"})
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		want := map[observed]bool{{2 * time.Second, "ok"}: true, {0, "token_invalid"}: true}
		if len(seen) != 2 || !want[seen[0]] || !want[seen[1]] {
			t.Errorf("observed %+v", seen)
		}
	})
}

func TestJoinedCarriesTURNCredentialsOfTheParticipant(t *testing.T) {
	inBubble(t, turnOptions(t), func(t *testing.T, w *world) {
		_, m := w.tryJoin("kitchen", with("Ada"))
		servers := m.(protocol.Joined).ICEServers
		if len(servers) != 3 || !strings.HasSuffix(servers[2].Username, ":p1") || servers[2].Credential == "" {
			t.Errorf("got %+v", servers)
		}
	})
}

func TestManualSubscription(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		w.join("kitchen", with("Ada", camera()))
		j := with("Bob", viewer())
		j.Subscribe = protocol.SubscribeManual
		c, m := w.tryJoin("kitchen", j)
		for _, b := range m.(protocol.Joined).Bound {
			if b.Track != "" {
				t.Errorf("bound %+v", b)
			}
		}
		c.mustOK(protocol.Subscribe{Tracks: []string{"t2"}})
		if slots := heardOf[protocol.Slots](c); len(slots) != 1 || slots[0].Bound[0].Track != "t2" {
			t.Errorf("heard %+v", slots)
		}
		c.mustOK(protocol.Unsubscribe{Tracks: []string{"t2"}})
		if slots := heardOf[protocol.Slots](c); len(slots) != 1 || slots[0].Bound[0].Track != "" {
			t.Errorf("heard %+v", slots)
		}
	})
}

func TestOwnTracksComeBackForTheAsking(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		j := with("Ada", camera())
		j.Offers[0].SDP += "\nslot 2 3"
		ada := w.join("kitchen", j)
		if slots := heardOf[protocol.Slots](ada); len(slots) != 0 {
			t.Errorf("heard %+v before asking", slots)
		}
		own := []string{"t1", "t2"}
		ada.mustOK(protocol.Subscribe{Tracks: own})
		slots := heardOf[protocol.Slots](ada)
		if len(slots) != 1 || len(slots[0].Bound) != 2 || slots[0].Bound[0].Track != "t1" || slots[0].Bound[1].Track != "t2" {
			t.Errorf("heard %+v", slots)
		}
		ada.mustOK(protocol.View{Tracks: []protocol.Tile{{Track: "t2", Width: 320, Height: 180}}})
		ada.mustOK(protocol.Unsubscribe{Tracks: own})
		if slots := heardOf[protocol.Slots](ada); len(slots) != 1 || len(slots[0].Bound) != 2 || slots[0].Bound[1].Track != "" {
			t.Errorf("heard %+v", slots)
		}
	})
}

func TestRenameIsSeenByAll(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada, bob := w.join("kitchen", with("Ada")), w.join("kitchen", with("Bob"))
		heardOf[protocol.Participant](ada)
		bob.mustOK(protocol.Rename{Name: "Robert"})
		for _, c := range []*client{ada, bob} {
			if said := heardOf[protocol.Participant](c); len(said) != 1 || said[0].Name != "Robert" {
				t.Errorf("heard %+v", said)
			}
		}
	})
}

// S10: who joins at the same moment as others joins all the same.
func TestS10_ManyJoinAtTheSameMoment(t *testing.T) {
	for round := range 20 {
		n := newNetwork(t, Options{}, defaultTiming)
		var joining sync.WaitGroup
		for i := range 10 {
			c := n.dial(t, "kitchen")
			joining.Go(func() {
				c.send(with(fmt.Sprint("P", i), camera()))
				for {
					re, m, err := c.read()
					if err != nil {
						t.Errorf("round %d: %v", round, err)
						return
					}
					if _, ok := m.(protocol.Joined); ok && re == 1 {
						return
					}
				}
			})
		}
		joining.Wait()
		if got := n.rooms.Participants("kitchen"); got != 10 {
			t.Errorf("%d are in the room", got)
		}
	}
}

func TestDrainOverSockets(t *testing.T) {
	n := newNetwork(t, Options{}, defaultTiming)
	ada, silent := n.join(t, "kitchen", with("Ada", camera())), n.dial(t, "kitchen")
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	drained := make(chan error, 1)
	go func() { drained <- n.server.Drain(ctx) }()
	if d := next[protocol.Drain](ada); d.Deadline > 100 {
		t.Errorf("got %+v", d)
	}
	if left := next[protocol.Left](ada); left.Reason != "shutdown" {
		t.Errorf("got %+v", left)
	}
	for _, c := range []*wsClient{ada, silent} {
		if _, code, why := c.closed(); code != 1001 || why != "shutdown" {
			t.Errorf("ended with %d %q", code, why)
		}
		c.ws.Close()
	}
	if err := <-drained; err != nil {
		t.Error(err)
	}
	if s := n.server.Stats(); s.Sockets != 0 || s.Sessions != 0 || s.Closed["shutdown"] != 2 {
		t.Errorf("stats %+v", s)
	}
}

func TestResumeOverSockets(t *testing.T) {
	n := newNetwork(t, Options{}, defaultTiming)
	ada := n.join(t, "kitchen", with("Ada", camera()))
	first := ada.session
	ada.ws.NetConn().Close()
	n.expectClosed(t, "lost")
	again := n.dial(t, "kitchen")
	joined := again.ask(protocol.Resume{Session: first}).(protocol.Joined)
	if !joined.Resumed || joined.Self != ada.self || joined.Session == first {
		t.Errorf("got %+v", joined)
	}
	// Reading answers the ping behind joined, and that voids the old secret.
	again.ask(protocol.Ping{})
	for deadline := time.Now().Add(patience); ; {
		stranger := n.dial(t, "kitchen")
		m := stranger.ask(protocol.Resume{Session: first})
		if e, ok := m.(protocol.Error); ok && e.Code == protocol.ResumeInvalid {
			break
		}
		stranger.ask(protocol.Ping{}) // it took over before the pong was there; now it shows in turn that it has the secret
		if time.Now().After(deadline) {
			t.Fatalf("the old secret still works: %#v", m)
		}
	}
}

func TestStatsOfAShortCall(t *testing.T) {
	n := newNetwork(t, Options{}, defaultTiming)
	ada := n.join(t, "kitchen", with("Ada", camera()))
	ada.ask(protocol.Ping{})
	ada.ask(protocol.Rename{Name: "Ada L."})
	if s := n.server.Stats(); s.Sockets != 1 || s.Sessions != 1 || s.Accepted != 1 || s.Joins["ok"] != 1 {
		t.Errorf("stats %+v", s)
	}
	ada.ask(protocol.Leave{})
	if _, code, _ := ada.closed(); code != 1000 {
		t.Errorf("closed with %d", code)
	}
	ada.ws.Close()
	n.expectClosed(t, "left")
	s := n.server.Stats()
	if s.MessagesIn["join"] != 1 || s.MessagesIn["ping"] != 1 || s.MessagesOut["ok"] != 2 || s.MessagesOut["left"] != 1 || s.Sessions != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestOptionsThatCannotBeMeant(t *testing.T) {
	if _, err := NewServer(newFakeRooms(), nil, &fakeTokens{}, Options{AllowedOrigins: []string{"*"}}, (&logBook{}).logger()); err == nil {
		t.Error("any origin can be allowed")
	}
}
