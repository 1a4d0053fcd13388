package signaling

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"sfu/pkg/signaling/protocol"
)

func TestARoomThatMovesSendsEveryoneAwayEvenlyOverTheTime(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		var all []*client
		for i := range 8 {
			all = append(all, w.join("kitchen", with(fmt.Sprint("p", i), camera())))
		}
		other := w.join("cellar", with("Eve", camera()))
		began := time.Now()
		if n := w.server.Move("kitchen", 4*time.Second); n != len(all) {
			t.Errorf("%d were told, not %d", n, len(all))
		}
		var told []time.Duration
		for range 40 {
			synctest.Wait()
			for i := range all {
				if all[i] != nil && all[i].link.ending().code != 0 {
					told = append(told, time.Since(began))
					checkMoved(t, all[i])
					all[i] = nil
				}
			}
			if gone := len(told) + w.rooms.Participants("kitchen"); gone != len(all) {
				t.Errorf("after %v %d are told or in the room", time.Since(began), gone)
			}
			time.Sleep(100 * time.Millisecond)
		}
		want := []time.Duration{0, 500, 1000, 1500, 2000, 2500, 3000, 3500}
		for i := range want {
			want[i] *= time.Millisecond
		}
		if !slices.Equal(told, want) {
			t.Errorf("they were told after %v", told)
		}
		other.mustOK(protocol.Ping{})
	})
}

// checkMoved checks the last words of a socket.
func checkMoved(t *testing.T, c *client) {
	t.Helper()
	left := heardOf[protocol.Left](c)
	want := protocol.Left{Reason: "moved", Code: protocol.Moved, Message: protocol.Moved.Info().Sentence}
	if len(left) != 1 || left[0] != want || c.link.ending() != (ending{4002, "moved"}) {
		t.Errorf("heard %+v, closed with %+v", left, c.link.ending())
	}
}

func TestWhoIsToldThatSomeoneMovedHearsTheReason(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada, bob := w.join("kitchen", with("Ada")), w.join("kitchen", with("Bob"))
		w.server.Move("kitchen", time.Minute)
		synctest.Wait()
		stays, went := ada, bob
		if ada.link.ending().code != 0 {
			stays, went = bob, ada
		}
		if gone := heardOf[protocol.Gone](stays); len(gone) != 1 || gone[0] != (protocol.Gone{Participant: went.self, Reason: "moved"}) {
			t.Errorf("heard %+v", gone)
		}
		// No time is left: the rest goes now.
		if n := w.server.MoveNow("kitchen"); n != 1 {
			t.Errorf("%d were still there", n)
		}
		synctest.Wait()
		checkMoved(t, stays)
		if n := w.rooms.Participants("kitchen"); n != 0 {
			t.Errorf("%d are still there", n)
		}
	})
}

func TestALaterMoveDoesNotPutAnEarlierOneOff(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		w.join("kitchen", with("Ada"))
		bob := w.join("kitchen", with("Bob"))
		w.server.Move("kitchen", time.Second)
		w.server.Move("kitchen", time.Hour)
		time.Sleep(time.Second)
		synctest.Wait()
		if n := w.rooms.Participants("kitchen"); n != 0 {
			t.Errorf("%d are still there, Bob's socket %+v", n, bob.link.ending())
		}
	})
}

func TestASeatWithoutASocketMovesToo(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada := w.join("kitchen", with("Ada", camera()))
		ada.link.lose()
		synctest.Wait()
		w.server.MoveNow("kitchen")
		synctest.Wait()
		if n := w.rooms.Participants("kitchen"); n != 0 {
			t.Errorf("%d are still there", n)
		}
		if m := ada.resume(ada.session).(protocol.Error); m.Code != protocol.ResumeInvalid {
			t.Errorf("a resume got %+v", m)
		}
	})
}

func TestWhoResumesInARoomThatMovesGoesAtTheTimeThatWasSet(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		clients := []*client{w.join("kitchen", with("Ada")), w.join("kitchen", with("Bob"))}
		w.server.Move("kitchen", 2*time.Second)
		synctest.Wait()
		for _, c := range clients {
			if c.link.ending().code != 0 {
				continue
			}
			if m := c.resume(c.session); m.Type() != "joined" {
				t.Fatalf("a resume got %+v", m)
			}
			time.Sleep(time.Second)
			synctest.Wait()
			checkMoved(t, c)
		}
	})
}

func TestWhoIsJoiningARoomThatMovesComesAgain(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		c := &client{t: t, w: w, room: "kitchen", link: newMemoryLink(), id: 1}
		if m := c.greet(with("Ada", protocol.Offer{PC: "main", N: 1, SDP: "hang"})); m != nil {
			t.Fatalf("got %+v", m)
		}
		w.server.Move("kitchen", time.Hour)
		synctest.Wait()
		checkUnavailable(t, c.reply(c.id))
		if c.link.ending() != (ending{4503, "room_unavailable"}) || w.rooms.Participants("kitchen") != 0 {
			t.Errorf("closed with %+v, %d in the room", c.link.ending(), w.rooms.Participants("kitchen"))
		}
	})
}

func TestWhoCameBeforeTheRoomMovedIsRefused(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		before := memoryVisitor("kitchen")
		time.Sleep(time.Millisecond)
		w.server.MoveNow("kitchen")
		link := newMemoryLink()
		_, err := w.server.greet(context.Background(), link, before, protocol.Request{ID: 1, Body: with("Ada")})
		var refused *protocol.Error
		if !errors.As(err, &refused) {
			t.Fatalf("got %v", err)
		}
		checkUnavailable(t, *refused)
		// During the join.
		w.tokens.onRedeem = func() { w.server.MoveNow("kitchen") }
		_, m := w.tryJoin("kitchen", with("Bob"))
		checkUnavailable(t, m)
		w.tokens.onRedeem = nil
		if n := w.rooms.Participants("kitchen"); n != 0 {
			t.Errorf("%d are in the room", n)
		}
		// Who comes after it was led here by a Locator that knows.
		time.Sleep(time.Millisecond)
		w.join("kitchen", with("Ada"))
	})
}

func checkUnavailable(t *testing.T, m protocol.ServerMessage) {
	t.Helper()
	if e, ok := m.(protocol.Error); !ok || e.Code != protocol.RoomUnavailable || e.RetryAfter != 2000 {
		t.Errorf("got %+v", m)
	}
}

func TestMovesThatAreLongPastAreForgotten(t *testing.T) {
	m, now := moves{}, time.Now()
	for i := range 1000 {
		m.note(fmt.Sprint("room", i), now.Add(time.Duration(i)*time.Second))
	}
	if len(m) != 61 {
		t.Errorf("%d are kept", len(m))
	}
}

func TestUndrain(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		w.server.Undrain() // there is nothing to take back
		ada := w.join("kitchen", with("Ada"))
		drained := make(chan error, 2)
		for range 2 {
			go func() { drained <- w.server.Drain(context.Background()) }()
		}
		time.Sleep(time.Second)
		if said := heardOf[protocol.Drain](ada); len(said) != 2 {
			t.Errorf("heard %+v", said)
		}
		w.server.Undrain()
		for range 2 {
			if err := <-drained; !errors.Is(err, ErrUndrained) {
				t.Errorf("the drain ended with %v", err)
			}
		}
		if said := heardOf[protocol.Undrain](ada); len(said) != 1 {
			t.Errorf("heard %+v", said)
		}
		w.join("kitchen", with("Bob"))
		ada.resume(ada.session)
		if said := heardOf[protocol.Drain](ada); len(said) != 0 {
			t.Errorf("after a resume heard %+v", said)
		}
		// Another drain is not undone by the one that was.
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := w.server.Drain(ctx); err != nil {
			t.Error(err)
		}
		w.server.Undrain()
		if _, m := w.tryJoin("kitchen", with("Eve")); m.(protocol.Error).Code != protocol.Draining {
			t.Errorf("after the end a join got %#v", m)
		}
	})
}
