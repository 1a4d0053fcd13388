package room_test

import (
	"context"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"

	"sfu/pkg/auth"
	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
	"sfu/pkg/room"
)

func TestStats(t *testing.T) {
	r := start(t, room.Config{})
	ada, bob := r.join(everything, "Ada"), r.join(everything, "Bob")
	g := everything
	g.Room = "garden"
	r.join(g, "Far")
	bob.receive(3)
	camera := ada.share(auth.Camera)
	ada.share(auth.Microphone)
	ada.publish(auth.Screen, false)
	bob.SetConnected(false)
	if err := ada.Send("hello", ""); err != nil {
		t.Fatal(err)
	}
	s := r.stats()
	if len(s.Rooms) != 2 || s.RoomsStarted != 2 || s.RoomsEnded != 0 || s.Rooms[1].Name != "garden" {
		t.Fatalf("stats %+v", s)
	}
	k := s.Rooms[0]
	if k.Name != "kitchen" || k.Participants != 2 || k.Publishers != 1 || k.Tracks != [2]int{1, 2} || k.Bound != [2]int{1, 1} ||
		k.Messages != 1 || k.Since.IsZero() || len(k.Members) != 2 {
		t.Errorf("room %+v", k)
	}
	want := room.Track{ID: camera, Participant: ada.ID(), Source: auth.Camera, Kind: forwarder.Video, Codec: codec.VP8}
	if m := k.Members[0]; m.ID != ada.ID() || m.Name != "Ada" || !m.Connected || m.Slots != 0 || len(m.Tracks) != 3 || m.Tracks[0] != want {
		t.Errorf("member %+v", m)
	}
	if m := k.Members[1]; m.Connected || m.Slots != 3 || m.Since.IsZero() {
		t.Errorf("member %+v", m)
	}
}

// What a room has counted stays counted, through its end and through that of the worker.
func TestTotalsNeverFall(t *testing.T) {
	pool := forwarder.NewPool(forwarder.Config{Workers: 1, NewEgress: func() forwarder.Egress { return discard{} }})
	r := &rooms{room.NewRegistry(pool, room.Config{}, nil), t, pool}
	total := func() uint64 {
		s := r.stats()
		n := s.Ended.Withheld
		for _, k := range s.Rooms {
			n += k.Counters.Withheld
		}
		return n
	}
	for n := range uint64(5) {
		ada := r.join(everything, "Ada")
		r.Record("kitchen", forwarder.Counters{Withheld: 10})
		r.Record("kitchen", forwarder.Counters{Withheld: 7})
		if got := total(); got != 10*(n+1) {
			t.Errorf("the total with room %d is %d", n, got)
		}
		ada.leave(room.Left)
		if got := total(); got != 10*(n+1) {
			t.Errorf("the total after room %d is %d", n, got)
		}
	}
	ada := r.join(everything, "Ada")
	r.Record("kitchen", forwarder.Counters{Withheld: 10})
	r.Registry.Close()
	pool.Close()
	ada.leave(room.Left)
	if s := r.stats(); total() != 60 || s.RoomsStarted != 6 || s.RoomsEnded != 6 || len(s.Rooms) != 0 {
		t.Errorf("total %d, stats %+v", total(), s)
	}
}

// Stats do not wait longer than they may, and have the last known counters then.
func TestStatsGiveUp(t *testing.T) {
	r := start(t, room.Config{})
	r.join(everything, "Ada")
	r.Record("kitchen", forwarder.Counters{Keyframes: 3})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if s := r.Stats(ctx); s.Rooms[0].Counters.Keyframes != 3 {
		t.Errorf("stats %+v", s)
	}
}

// TestCombine finds counters that were added and not summed up.
func TestCombine(t *testing.T) {
	var a, b, want forwarder.Counters
	next := uint64(0)
	var fill func(a, b, want reflect.Value)
	fill = func(a, b, want reflect.Value) {
		switch a.Kind() {
		case reflect.Struct:
			for i := range a.NumField() {
				fill(a.Field(i), b.Field(i), want.Field(i))
			}
		case reflect.Array:
			for i := range a.Len() {
				fill(a.Index(i), b.Index(i), want.Index(i))
			}
		default:
			next++
			a.SetUint(next)
			b.SetUint(1000 * next)
			want.SetUint(1001 * next)
		}
	}
	fill(reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem(), reflect.ValueOf(&want).Elem())
	if got := room.Combine(a, b, func(x, y uint64) uint64 { return x + y }); got != want {
		t.Errorf("the sum is %+v, want %+v", got, want)
	}
}

// A room's media goes when the last owner has let go of it, which may be that of someone who was removed.
func TestRoomsEndWithTheirLastParticipant(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, room.Config{MaxRooms: 1})
		mod, bob := r.join(everything, "Mod"), r.join(everything, "Bob")
		if err := mod.Remove(bob.ID()); err != nil {
			t.Fatal(err)
		}
		mod.leave(room.Left)
		synctest.Wait()
		if n := r.Unsettled(); n != 1 {
			t.Errorf("%d rooms to settle while one has connections", n)
		}
		if s := r.stats(); s.RoomsEnded != 1 || len(s.Rooms) != 0 {
			t.Errorf("stats %+v", s)
		}
		again := r.join(everything, "Again")
		if s := again.snapshot(); len(s.Members) != 1 {
			t.Errorf("the name's new room is not new: %+v", s)
		}
		bob.leave(room.Left)
		synctest.Wait()
		if n := r.Unsettled(); n != 1 {
			t.Errorf("%d rooms are open or unsettled, want the new one", n)
		}
	})
}

// Everyone comes and goes at once, under one name.
func TestNamesAreReusedAtOnce(t *testing.T) {
	r := start(t, room.Config{MaxRooms: 1})
	var coming sync.WaitGroup
	for range 8 {
		coming.Go(func() {
			for range 100 {
				c, err := r.tryJoin(everything, "")
				if err != nil {
					t.Errorf("join: %v", err)
					return
				}
				c.leave(room.Left)
			}
		})
	}
	coming.Wait()
	if n := r.Participants("kitchen"); n != 0 {
		t.Errorf("%d participants are left", n)
	}
	if s := r.stats(); s.RoomsEnded != s.RoomsStarted || len(s.Rooms) != 0 {
		t.Errorf("stats %+v", s)
	}
}

func BenchmarkJoin40th(b *testing.B) {
	r := start(b, room.Config{})
	for range 39 {
		c := r.join(everything, "")
		c.receive(8)
		c.share(auth.Microphone)
		c.share(auth.Camera)
		c.sink.mu.Lock()
		c.sink.members = map[room.ParticipantID]room.Member{}
		c.sink.mu.Unlock()
	}
	b.ReportAllocs()
	for b.Loop() {
		p, s, err := r.Join(everything, "Forty", ignore{})
		if err != nil || len(s.Members) != 40 {
			b.Fatal(err)
		}
		p.Leave(room.Left)
	}
}

// BenchmarkAnnounce is a camera that 39 others are seated anew for.
func BenchmarkAnnounce(b *testing.B) {
	r := start(b, room.Config{})
	var last *room.Participant
	var peer *forwarder.Peer
	for range 40 {
		c := r.join(everything, "")
		c.receive(32)
		c.share(auth.Microphone)
		last, peer = c.Participant, c.peer
	}
	b.ReportAllocs()
	for b.Loop() {
		id, err := last.Publish(peer, "camera", forwarder.Video, auth.Camera, false)
		if err != nil {
			b.Fatal(err)
		}
		last.MediaArrives(id, codec.VP8)
		if err := last.Unpublish(id); err != nil {
			b.Fatal(err)
		}
	}
}

type ignore struct{}

func (ignore) Deliver(room.Event) {}
