package sfutest_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sfu/pkg/client"
	"sfu/pkg/codec"
	"sfu/pkg/link"
	"sfu/pkg/reception"
	"sfu/pkg/room"
	"sfu/pkg/sfutest"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/synthetic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func checkClean(t *testing.T, s reception.Stats) {
	t.Helper()
	if s.Lost+s.Damaged+s.Foreign+s.Unstamped+s.Duplicates != 0 {
		t.Errorf("line %s: lost %d, damaged %d, foreign %d, unstamped %d, duplicates %d", s.MID, s.Lost, s.Damaged, s.Foreign, s.Unstamped, s.Duplicates)
	}
}

func do(t *testing.T, c *client.Client, m protocol.ClientMessage) {
	t.Helper()
	if _, err := c.Do(sfutest.Context(t), m); err != nil {
		t.Fatal(err)
	}
}

func view(t *testing.T, c *client.Client, tiles ...protocol.Tile) {
	t.Helper()
	do(t, c, protocol.View{Tracks: tiles})
}

func TestTwoPeopleTalk(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{})
	publish := sfutest.Publishing(sfutest.Microphone(), sfutest.Camera())
	alice := srv.Join(t, "kitchen", "alice", publish)
	bob := srv.Join(t, "kitchen", "bob", publish)
	for _, pair := range [][2]*client.Client{{alice, bob}, {bob, alice}} {
		hears, speaks := pair[0], pair[1]
		sfutest.Eventually(t, "sound and picture", func() bool { return sfutest.Video(hears).Frames > 30 && sfutest.Audio(hears).Packets > 30 })
		video, audio := sfutest.Video(hears), sfutest.Audio(hears)
		checkClean(t, video)
		checkClean(t, audio)
		if video.Keyframes == 0 || video.Codec != codec.VP8 || video.Width != 640 {
			t.Errorf("%d keyframes, %v, %d wide", video.Keyframes, video.Codec, video.Width)
		}
		if video.Publisher != speaks.Publications()[1].Player().Track().Publisher {
			t.Error("the picture is another's")
		}
		state := hears.State()
		place, bound := state.PlaceOf(speaks.Publications()[1].Track())
		if !bound || place.MID != video.MID {
			t.Errorf("the track is at %v, its packets at %s", place, video.MID)
		}
	}
}

// S7: one person alone sees and hears the own stream back from the server, for the asking and no longer than that.
func TestEcho(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{})
	alice := srv.Join(t, "kitchen", "alice", sfutest.Publishing(sfutest.Microphone(), sfutest.Simulcast()))
	microphone, camera := alice.Publications()[0].Track(), alice.Publications()[1].Track()
	own := []string{microphone, camera}
	do(t, alice, protocol.Subscribe{Tracks: own})
	comesBack := func() bool { return sfutest.Video(alice).Frames > 30 && sfutest.Audio(alice).Packets > 30 }
	sfutest.Eventually(t, "the own sound and picture", comesBack)
	if p := sfutest.Video(alice).Publisher; p != alice.Publications()[1].Player().Track().Publisher {
		t.Errorf("the picture is that of %v", p)
	}
	view(t, alice, protocol.Tile{Track: camera, Width: 1280, Height: 720})
	sfutest.Eventually(t, "the size that was asked for", func() bool { return sfutest.Video(alice).Width == 1280 })

	bob := srv.Join(t, "kitchen", "bob", sfutest.Publishing(sfutest.Microphone(), sfutest.Camera()))
	sfutest.Eventually(t, "bob sees and hears alice", func() bool { return sfutest.Video(bob).Frames > 30 && sfutest.Audio(bob).Packets > 30 })
	if s := bob.State(); len(s.Bound) != 2 || len(s.Unavailable) != 0 {
		t.Errorf("bob has %v, and lacks %v", s.Bound, s.Unavailable)
	}
	theirs := bob.Publications()[1].Track()
	sfutest.Eventually(t, "alice sees bob and herself", func() bool {
		bobs, seen := alice.ReceivedOf(theirs)
		hers, back := alice.ReceivedOf(camera)
		return seen && back && bobs.Frames > 30 && hers.Frames > 60
	})
	sound, _ := alice.ReceivedOf(microphone)
	picture, _ := alice.ReceivedOf(camera)
	checkClean(t, sound)
	checkClean(t, picture)

	do(t, alice, protocol.Unsubscribe{Tracks: own})
	sfutest.Await(t, alice, "only bob is bound", func(s *client.State) bool { return len(s.Bound) == 2 })
	packetsOf := func(lines ...string) (n uint64) {
		for _, s := range alice.Received() {
			if slices.Contains(lines, s.MID) {
				n += s.Packets
			}
		}
		return n
	}
	frames := func() uint64 { s, _ := alice.ReceivedOf(theirs); return s.Frames }
	sfutest.Eventually(t, "what was on its way has come", func() bool {
		before, from := packetsOf(sound.MID, picture.MID), frames()
		sfutest.Eventually(t, "bob's picture goes on", func() bool { return frames() > from+15 })
		return packetsOf(sound.MID, picture.MID) == before
	})
	for _, c := range []*client.Client{alice, bob} {
		for _, s := range c.Received() {
			checkClean(t, s)
		}
	}
}

func TestSimulcastFollowsTheView(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{})
	alice := srv.Join(t, "kitchen", "alice", sfutest.Publishing(sfutest.Simulcast()))
	bob := srv.Join(t, "kitchen", "bob")
	track := alice.Publications()[0].Track()
	sfutest.Await(t, bob, "the camera is seated", func(s *client.State) bool { _, ok := s.PlaceOf(track); return ok })
	for _, want := range []struct {
		width, height int
		encoding      uint8
	}{{1280, 720, 2}, {320, 180, 0}, {640, 360, 1}} {
		view(t, bob, protocol.Tile{Track: track, Width: want.width, Height: want.height})
		sfutest.Eventually(t, "the encoding that fits", func() bool {
			s := sfutest.Video(bob)
			return s.Packets > 0 && s.Encoding == want.encoding && s.Width == want.width
		})
	}
	s := sfutest.Video(bob)
	checkClean(t, s)
	if s.Switches < 2 {
		t.Errorf("%d switches", s.Switches)
	}
	view(t, bob, protocol.Tile{Track: track})
	sfutest.Await(t, bob, "the hidden picture is not sent", func(s *client.State) bool {
		place, _ := s.PlaceOf(track)
		return !s.Layers[place].Sending && s.Layers[place].Reason == "view"
	})
}

func TestSlotsGrowWhenTheServerAsks(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{})
	bob := srv.Join(t, "kitchen", "bob", sfutest.Slots(1))
	for _, name := range []string{"a", "b", "c"} {
		srv.Join(t, "kitchen", name, sfutest.Slots(client.NoSlots), sfutest.Publishing(sfutest.Camera()))
	}
	sfutest.Await(t, bob, "three cameras are seated", func(s *client.State) bool { return len(s.Bound) == 3 && len(s.Unavailable) == 0 })
	sfutest.Eventually(t, "three pictures", func() bool {
		pictures := 0
		for _, s := range bob.Received() {
			if s.Frames > 10 {
				pictures++
			}
		}
		return pictures == 3
	})
	for _, s := range bob.Received() {
		checkClean(t, s)
	}
}

func TestRepair(t *testing.T) {
	stalls := sfutest.Stalls(t)
	srv := sfutest.Start(t, sfutest.Options{})
	clean := link.Config{Delay: 10 * time.Millisecond}
	lossy := link.Config{Delay: 10 * time.Millisecond, Loss: 0.04}
	up := sfutest.Path(t, lossy, clean)
	down := sfutest.Path(t, clean, lossy)
	alice := srv.Join(t, "kitchen", "alice", sfutest.Slots(client.NoSlots), sfutest.Publishing(sfutest.Camera()), sfutest.Over(up))
	bob := srv.Join(t, "kitchen", "bob", sfutest.Over(down))
	sfutest.Eventually(t, "packets repaired on both links", func() bool {
		return sfutest.Video(bob).Recovered > 20 && alice.Publications()[0].Player().Stats()[0].Resent > 20
	})
	alice.Publications()[0].Player().SetAllActive(false)
	sfutest.Eventually(t, "nothing missing", func() bool {
		s := sfutest.Video(bob)
		may := sfutest.MayGiveUp(stalls, s.Packets)
		return s.Lost <= may && s.MissingOfThem <= may
	})
	if s := sfutest.Video(bob); s.Damaged+s.Foreign+s.Unstamped != 0 || s.GivenUp > sfutest.MayGiveUp(stalls, s.Packets) {
		t.Errorf("damaged %d, foreign %d, unstamped %d, given up %d of %d, stalled for %v", s.Damaged, s.Foreign, s.Unstamped, s.GivenUp, s.Packets, stalls())
	}
}

func TestSocketLostMediaGoesOn(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{})
	alice := srv.Join(t, "kitchen", "alice", sfutest.Publishing(sfutest.Camera()))
	bob := srv.Join(t, "kitchen", "bob")
	sfutest.Eventually(t, "a picture", func() bool { return sfutest.Video(bob).Frames > 10 })
	bob.CutSocket(500*time.Millisecond, false)
	before := sfutest.Video(bob).Frames
	sfutest.Await(t, bob, "the socket is lost", func(s *client.State) bool { return !s.Online || s.Resumed > 0 })
	// What happens meanwhile is in the snapshot.
	do(t, alice, protocol.Say{Body: "still there?"})
	sfutest.Await(t, bob, "resumed", func(s *client.State) bool { return s.Resumed == 1 && len(s.Messages) == 1 && len(s.Bound) == 1 })
	sfutest.Eventually(t, "more frames", func() bool { return sfutest.Video(bob).Frames > before+15 })
	checkClean(t, sfutest.Video(bob))
	// And offers go on where they were.
	if err := bob.AddSlots(sfutest.Context(t), 2); err != nil {
		t.Error(err)
	}
}

// The server does not see the old socket end; the new one replaces it.
func TestSocketLostSilently(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{})
	bob := srv.Join(t, "kitchen", "bob")
	bob.CutSocket(0, true)
	sfutest.Await(t, bob, "resumed", func(s *client.State) bool { return s.Resumed == 1 })
	do(t, bob, protocol.Ping{})
}

// What is wished while the socket is lost is done when it is back.
func TestOfferWhileOffline(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{})
	bob := srv.Join(t, "kitchen", "bob", sfutest.Slots(1))
	for _, name := range []string{"a", "b"} {
		srv.Join(t, "kitchen", name, sfutest.Slots(client.NoSlots), sfutest.Publishing(sfutest.Camera()))
	}
	bob.CutSocket(300*time.Millisecond, false)
	sfutest.Await(t, bob, "the socket is lost", func(s *client.State) bool { return !s.Online || s.Resumed > 0 })
	if err := bob.AddSlots(sfutest.Context(t), 1); err != nil {
		t.Fatal(err)
	}
	if s := bob.State(); s.Resumed != 1 {
		t.Errorf("resumed %d times", s.Resumed)
	}
	pub, err := bob.Publish(sfutest.Context(t), sfutest.Microphone())
	if err != nil || pub.Track() == "" {
		t.Errorf("%q, %v", pub.Track(), err)
	}
}

// After an offer that was refused, others work.
func TestOfferRefused(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{})
	bob := srv.Join(t, "kitchen", "bob", sfutest.Slots(1))
	var refused *protocol.Error
	for n := 0; refused == nil; n++ {
		if err := bob.RestartICE(sfutest.Context(t)); err != nil && !errors.As(err, &refused) {
			t.Fatal(err)
		}
		if n > 200 {
			t.Fatal("200 offers in a row and no refusal")
		}
	}
	if refused.Code != protocol.RateLimited {
		t.Errorf("refused as %s", refused.Code)
	}
	for range 20 {
		<-time.After(500 * time.Millisecond) // the server gives out offers by the second
		if bob.RestartICE(sfutest.Context(t)) == nil {
			return
		}
	}
	t.Error("no offer is answered again")
}

func TestTCP(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{})
	srv.Join(t, "kitchen", "alice", sfutest.TCP, sfutest.Publishing(sfutest.Camera()))
	bob := srv.Join(t, "kitchen", "bob", sfutest.TCP)
	sfutest.Eventually(t, "a picture", func() bool { return sfutest.Video(bob).Frames > 30 })
	checkClean(t, sfutest.Video(bob))
	sfutest.Await(t, bob, "the server sees TCP", func(s *client.State) bool { return s.Media["main"].Path == "tcp" })
}

func TestPublishMuteUnpublish(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{})
	alice := srv.Join(t, "kitchen", "alice", sfutest.Slots(client.NoSlots), sfutest.Publishing(sfutest.Microphone()))
	bob := srv.Join(t, "kitchen", "bob")
	ctx := sfutest.Context(t)
	screen, err := alice.Publish(ctx, sfutest.Screen())
	if err != nil {
		t.Fatal(err)
	}
	id := screen.Track()
	sfutest.Await(t, bob, "the screen is announced", func(s *client.State) bool { _, ok := s.Track(id); return ok })
	sfutest.Eventually(t, "the screen is seen", func() bool { s, ok := bob.ReceivedOf(id); return ok && s.Frames > 3 && s.Width == 1920 })
	if err := screen.Mute(ctx, true); err != nil {
		t.Fatal(err)
	}
	sfutest.Await(t, bob, "the screen is muted", func(s *client.State) bool { x, ok := s.Track(id); return ok && x.Muted })
	if err := screen.Mute(ctx, false); err != nil {
		t.Fatal(err)
	}
	sfutest.Await(t, bob, "the screen is not muted", func(s *client.State) bool { x, ok := s.Track(id); return ok && !x.Muted })
	if err := screen.Unpublish(ctx); err != nil {
		t.Fatal(err)
	}
	sfutest.Await(t, bob, "the screen is gone", func(s *client.State) bool { _, ok := s.Track(id); return !ok })
	if err := screen.Republish(ctx, protocol.Camera); err != nil {
		t.Fatal(err)
	}
	again := screen.Track()
	sfutest.Eventually(t, "the m-line carries another track", func() bool { s, ok := bob.ReceivedOf(again); return ok && s.Frames > 3 })
}

// S12: a refusal has a code and a sentence.
func TestRefusals(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{Rooms: room.Config{MaxParticipants: 1}})
	srv.Join(t, "kitchen", "alice")
	_, err := srv.TryJoin(t, "kitchen", "bob")
	var refused *protocol.Error
	if !errors.As(err, &refused) || refused.Code != protocol.RoomFull {
		t.Errorf("the second of one: %v", err)
	}
	if _, err := srv.TryJoin(t, "no such name", "bob"); !errors.As(err, &refused) || refused.Code != protocol.BadRoomName {
		t.Errorf("a bad name: %v", err)
	}
}

func TestLeaveAndChat(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{})
	alice, bob := srv.Join(t, "kitchen", "alice"), srv.Join(t, "kitchen", "bob")
	sfutest.Await(t, alice, "bob is here", func(s *client.State) bool { return len(s.Participants) == 2 })
	do(t, bob, protocol.Say{Body: "bye", To: alice.Self()})
	sfutest.Await(t, alice, "a message", func(s *client.State) bool { return len(s.Messages) == 1 && s.Messages[0].Body == "bye" })
	do(t, bob, protocol.Rename{Name: "robert"})
	sfutest.Await(t, alice, "a new name", func(s *client.State) bool { return s.Participants[bob.Self()].Name == "robert" })
	if err := bob.Leave(sfutest.Context(t)); err != nil {
		t.Fatal(err)
	}
	sfutest.Await(t, alice, "bob is gone", func(s *client.State) bool { return len(s.Participants) == 1 })
}

// What is lost for longer than the server's patience is over; the room goes on.
func TestServerEnds(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{})
	bob := srv.Join(t, "kitchen", "bob", sfutest.Publishing(client.Publish{Source: protocol.Camera, Track: synthetic.Camera(300_000, 180, 15)}))
	go func() { _ = srv.Drain(sfutest.Context(t)) }()
	sfutest.Await(t, bob, "the drain is announced", func(s *client.State) bool { return s.Draining })
	if err := bob.Leave(sfutest.Context(t)); err != nil {
		t.Error(err)
	}
}
