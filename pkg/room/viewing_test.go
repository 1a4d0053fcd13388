package room_test

import (
	"errors"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sfu/pkg/auth"
	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
	"sfu/pkg/room"
)

func TestASlotHoldsOneSource(t *testing.T) {
	r := start(t, room.Config{})
	ada, bob := r.join(everything, "Ada"), r.join(everything, "Bob")
	bob.receive(4)
	camera, camera2 := ada.share(auth.Camera), ada.share(auth.Camera)
	screen, sound := ada.share(auth.Screen), ada.share(auth.ScreenAudio)
	microphone := ada.share(auth.Microphone)
	want := [][2]room.TrackID{{microphone, camera}, {"", camera2}, {sound, screen}, {}}
	if got := bob.bindings(); !reflect.DeepEqual(got, want) {
		t.Errorf("bound %v, want %v", got, want)
	}
	bob.checkMirror()
}

func TestSubscriptions(t *testing.T) {
	r := start(t, room.Config{})
	ada, bob := r.join(everything, "Ada"), r.join(everything, "Bob")
	bob.receive(2)
	microphone, camera := ada.share(auth.Microphone), ada.share(auth.Camera)
	act := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	bound := func(want ...room.TrackID) {
		t.Helper()
		got := bob.bindings()
		if got[0] != [2]room.TrackID{want[0], want[1]} || got[1] != [2]room.TrackID{} {
			t.Errorf("bound %v, want %v", got, want)
		}
		bob.checkMirror()
	}
	bound(microphone, camera)
	act(bob.Unsubscribe(camera))
	bound(microphone, "")
	act(bob.SetAuto(false))
	bound("", "")
	act(bob.Subscribe(camera))
	bound("", camera)
	act(bob.SetAuto(true))
	bound(microphone, camera)
	if err := bob.Unsubscribe("nothing", camera); !errors.Is(err, room.ErrNotFound) {
		t.Errorf("unsubscribe: %v", err)
	}
	bound(microphone, "")
	bob.take()
	act(bob.Unsubscribe(camera))
	bob.expect()
}

// One's own tracks come back for the asking, seated as anybody else's, and never by themselves.
func TestOwnTracks(t *testing.T) {
	r := start(t, room.Config{})
	ada, bob := r.join(everything, "Ada"), r.join(everything, "Bob")
	slot := ada.receive(2)[0]
	act := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	bound := func(want ...room.TrackID) {
		t.Helper()
		if got := ada.bindings(); got[0] != [2]room.TrackID{want[0], want[1]} || got[1] != [2]room.TrackID{} {
			t.Errorf("bound %v, want %v", got, want)
		}
		ada.checkMirror()
	}
	microphone, camera := ada.share(auth.Microphone), ada.publish(auth.Camera, false)
	ada.take()
	act(ada.SetAuto(false))
	act(ada.SetAuto(true))
	bound("", "")
	ada.expect()
	act(ada.Subscribe(microphone, camera))
	bound(microphone, "")
	ada.take()
	ada.MediaArrives(camera, codec.VP8)
	bound(microphone, camera)
	ada.expect(room.SlotsBound{Bound: []room.Binding{{Down: slot.Video, Track: camera}}})
	act(ada.show(camera, forwarder.View{}, 0))
	act(ada.SetMuted(microphone, true))
	act(ada.SetAuto(false))
	bound(microphone, camera)
	ada.expect()
	if b := ada.snapshot().Bound; b[0].Track != microphone || b[1].Track != camera {
		t.Errorf("the snapshot says %v", b)
	}
	act(ada.Unsubscribe(microphone))
	bound("", camera)
	act(ada.Unpublish(camera))
	bound("", "")
	if err := ada.Subscribe(camera); !errors.Is(err, room.ErrNotFound) {
		t.Errorf("subscribe to what has ended: %v", err)
	}
	act(ada.Subscribe(microphone))
	if got := ada.bindings(); got[1][0] != microphone {
		t.Errorf("bound %v", got)
	}
	bob.checkMirror()
	ada.Forget(ada.peer)
	if s := ada.snapshot(); len(s.Bound) != 0 {
		t.Errorf("bound %v without a connection", s.Bound)
	}
}

// Where slots run out, one's own tracks have no right of their own.
func TestOwnTracksTakeTheirTurn(t *testing.T) {
	r := start(t, room.Config{MaxSlots: 1})
	ada, bob := r.join(everything, "Ada"), r.join(everything, "Bob")
	ada.receive(1)
	theirs := bob.share(auth.Camera)
	own := ada.share(auth.Camera)
	if err := ada.Subscribe(own); err != nil {
		t.Fatal(err)
	}
	if got := ada.bindings()[0][1]; got != theirs {
		t.Errorf("bound to %q", got)
	}
	if u := ada.snapshot().Unavailable; len(u) != 1 || u[0].Track != own {
		t.Errorf("unavailable: %v", u)
	}
	if err := ada.show(own, forwarder.DefaultView, 10); err != nil {
		t.Fatal(err)
	}
	if got := ada.bindings()[0][1]; got != own {
		t.Errorf("bound to %q after a pin", got)
	}
	ada.checkMirror()
}

func TestOwnTracksNeedThePermission(t *testing.T) {
	r := start(t, room.Config{})
	g := everything
	g.Subscribe = false
	ada := r.join(g, "Ada")
	if err := ada.Subscribe(ada.share(auth.Camera)); !errors.Is(err, room.ErrNotAllowed) {
		t.Errorf("subscribe: %v", err)
	}
}

func TestCodecOfTheViewer(t *testing.T) {
	r := start(t, room.Config{})
	ada, bob := r.join(everything, "Ada"), r.join(everything, "Bob")
	slot := bob.receive(1)[0]
	microphone, camera := ada.share(auth.Microphone), ada.publish(auth.Camera, false)
	bob.take()
	ada.MediaArrives(camera, codec.AV1)
	if got := bob.take(); len(got) != 2 || !reflect.DeepEqual(got[1], room.SlotsBound{Unavailable: []room.Unavailable{{Track: camera, Codec: codec.AV1}}}) {
		t.Errorf("events %+v", got)
	}
	if got := bob.bindings()[0]; got != [2]room.TrackID{microphone, ""} {
		t.Errorf("bound %v", got)
	}
	ada.MediaArrives(camera, codec.VP8)
	if got := bob.take(); len(got) != 2 || !reflect.DeepEqual(got[1], room.SlotsBound{
		Bound: []room.Binding{{Down: slot.Video, Track: camera}}, Unavailable: []room.Unavailable{}}) {
		t.Errorf("events %+v", got)
	}
	bob.checkMirror()
}

func TestNeed(t *testing.T) {
	r := start(t, room.Config{MaxSlots: 7, GrowSlots: 4})
	bob := r.join(everything, "Bob")
	var people []*client
	enter := func(n int) {
		for range n {
			c := r.join(everything, "")
			c.share(auth.Microphone)
			people = append(people, c)
		}
	}
	needs := func(want ...int) {
		t.Helper()
		var got []int
		for _, e := range bob.take() {
			if s, ok := e.(room.SlotsBound); ok && s.Need > 0 {
				got = append(got, s.Need)
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("asked for %v, want %v", got, want)
		}
	}
	enter(3)
	needs()
	bob.receive(1)
	needs(4)
	if n := bob.snapshot().Need; n != 4 {
		t.Errorf("snapshot asks for %d", n)
	}
	enter(2)
	needs()
	enter(1)
	needs(2)
	bob.receive(4)
	needs(2)
	bob.receive(2)
	needs()
	enter(3)
	needs()
	if n := len(bob.snapshot().Unavailable); n != 2 {
		t.Errorf("%d unavailable", n)
	}
	for _, c := range people[:2] {
		c.leave(room.Left)
	}
	if s := bob.snapshot(); len(s.Unavailable) != 0 || s.Need != 0 {
		t.Errorf("%d unavailable, need %d", len(s.Unavailable), s.Need)
	}
	bob.checkMirror()
}

// A large shortage asks for a few slots at a time and not again at every turn.
func TestNeedIsAskedOnce(t *testing.T) {
	r := start(t, room.Config{})
	var cameras []room.TrackID
	for range 10 {
		cameras = append(cameras, r.join(everything, "").share(auth.Camera))
	}
	bob := r.join(everything, "Bob")
	bob.receive(1)
	asked := func() (n int) {
		for _, e := range bob.take() {
			n += e.(room.SlotsBound).Need
		}
		return n
	}
	if n := asked(); n != 4 {
		t.Errorf("asked for %d", n)
	}
	for i := range 10 {
		if err := bob.show(cameras[5], forwarder.DefaultView, i%2); err != nil {
			t.Fatal(err)
		}
	}
	if n := asked(); n != 0 {
		t.Errorf("asked for %d more", n)
	}
	bob.receive(4)
	if n := asked(); n != 4 {
		t.Errorf("asked for %d after four came", n)
	}
}

// Nobody who publishes only is asked for slots or told what it cannot see.
func TestWithoutSlots(t *testing.T) {
	r := start(t, room.Config{})
	ada, bob := r.join(everything, "Ada"), r.join(everything, "Bob")
	ada.share(auth.Camera)
	for _, e := range bob.take() {
		if s, ok := e.(room.SlotsBound); ok {
			t.Errorf("told %+v", s)
		}
	}
}

func TestAPageOfTilesIsShownAtOnce(t *testing.T) {
	r := start(t, room.Config{MaxSlots: 4})
	bob := r.join(everything, "Bob")
	bob.receive(2)
	var cameras []room.TrackID
	for range 4 {
		cameras = append(cameras, r.join(everything, "").share(auth.Camera))
	}
	show := func(visible ...int) {
		t.Helper()
		shown := make([]room.Shown, len(cameras))
		for i, id := range cameras {
			shown[i] = room.Shown{Track: id, Priority: 1}
		}
		for _, i := range visible {
			shown[i].View = forwarder.View{Width: 640, Height: 360}
		}
		if err := bob.SetViews(shown...); err != nil {
			t.Fatal(err)
		}
	}
	show(0, 1)
	bob.take()
	for range 3 {
		show(2, 3)
		if got := bob.bindings(); got[0][1] != cameras[2] && got[0][1] != cameras[3] {
			t.Fatalf("bound %v", got)
		}
		show(0, 1)
	}
	for _, e := range bob.take() {
		if s := e.(room.SlotsBound); s.Need > 0 || len(s.Unavailable) > 0 {
			t.Errorf("turning a page said %+v", s)
		}
	}
	bob.checkMirror()
}

func TestAPinnedTileIsSeatedAtOnce(t *testing.T) {
	r := start(t, room.Config{MaxSlots: 2})
	bob := r.join(everything, "Bob")
	bob.receive(2)
	var cameras []room.TrackID
	for range 3 {
		cameras = append(cameras, r.join(everything, "").share(auth.Camera))
	}
	if err := bob.show(cameras[2], forwarder.DefaultView, 10); err != nil {
		t.Fatal(err)
	}
	if got := bob.bindings(); got[0][1] != cameras[0] || got[1][1] != cameras[2] {
		t.Errorf("bound %v", got)
	}
	bob.checkMirror()
}

// Wishes end with the tracks that they name.
func TestWishesAreForgotten(t *testing.T) {
	r := start(t, room.Config{SubscriptionsPerPerson: 1})
	ada, bob := r.join(everything, "Ada"), r.join(everything, "Bob")
	for range 3 {
		camera := ada.share(auth.Camera)
		if err := bob.Unsubscribe(camera); err != nil {
			t.Fatal(err)
		}
		if err := ada.Unpublish(camera); err != nil {
			t.Fatal(err)
		}
	}
}

// Views that change nothing but sizes are not worth an event.
func TestViewChurn(t *testing.T) {
	r := start(t, room.Config{})
	ada, bob := r.join(everything, "Ada"), r.join(everything, "Bob")
	bob.receive(1)
	camera := ada.share(auth.Camera)
	bob.take()
	for i := range 1000 {
		if err := bob.show(camera, forwarder.View{Width: i % 2 * 640, Height: -i % 3}, i%15-2); err != nil {
			t.Fatal(err)
		}
	}
	bob.expect()
	if got := bob.bindings()[0][1]; got != camera {
		t.Errorf("bound to %q", got)
	}
}

// Who shouts is heard, even where slots ran out for good; who is heard stays for a while.
func TestLoudnessDecidesWhereSlotsRanOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, room.Config{MaxSlots: 2})
		var mu sync.Mutex
		loud := map[*forwarder.UpTrack]int{}
		r.SetLoudness(func(u *forwarder.UpTrack) int {
			mu.Lock()
			defer mu.Unlock()
			return loud[u]
		})
		bob := r.join(everything, "Bob")
		bob.receive(2)
		var people []*client
		var ids []room.TrackID
		for range 4 {
			c := r.join(everything, "")
			people, ids = append(people, c), append(ids, c.share(auth.Microphone))
		}
		shout := func(who, level int) {
			mu.Lock()
			defer mu.Unlock()
			loud[people[who].UpTrack(ids[who])] = level
		}
		heard := func() map[room.TrackID]bool {
			b := bob.bindings()
			return map[room.TrackID]bool{b[0][0]: true, b[1][0]: true}
		}
		// The seats are looked at every 500 ms; this is in between.
		time.Sleep(time.Minute + 100*time.Millisecond)
		if h := heard(); !h[ids[0]] || !h[ids[1]] {
			t.Errorf("the first two are not heard while all are silent: %v", h)
		}
		shout(0, 40)
		shout(3, 80)
		time.Sleep(time.Second)
		if h := heard(); !h[ids[0]] || !h[ids[3]] {
			t.Errorf("the loudest two are not heard: %v", h)
		}
		shout(2, 90)
		shout(3, 10)
		time.Sleep(800 * time.Millisecond)
		if h := heard(); !h[ids[3]] {
			t.Errorf("someone was cut off in the first second: %v", h)
		}
		time.Sleep(time.Second)
		if h := heard(); !h[ids[2]] {
			t.Errorf("the loudest is not heard after two seconds: %v", h)
		}
		bob.checkMirror()
		for _, c := range people[:2] {
			c.leave(room.Left)
		}
		bob.take()
		shout(2, 0)
		shout(3, 127)
		time.Sleep(time.Minute)
		bob.expect()
	})
}
