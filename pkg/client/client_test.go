package client_test

import (
	"context"
	"errors"
	"net"
	"net/http/httptest"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sfu/internal/plainsfu/baseline"
	"sfu/pkg/client"
	"sfu/pkg/codec"
	"sfu/pkg/link"
	"sfu/pkg/reception"
	"sfu/pkg/sfutest"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/synthetic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is far more than anything here takes.
const patience = 30 * time.Second

func within(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// startPlain starts the baseline and returns its address.
func startPlain(t *testing.T) string {
	t.Helper()
	server, err := baseline.New(&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, baseline.Config{})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		web.Close()
	})
	return web.URL
}

func join(t *testing.T, url, room string, opts client.Options) *client.Client {
	t.Helper()
	c, err := client.Join(within(t), url, room, opts)
	if err != nil {
		t.Fatalf("join as %q: %v", opts.Name, err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close %q: %v", opts.Name, err)
		}
	})
	return c
}

// until waits until ok says yes, looking every 10 ms, for what no message tells.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.After(patience)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("still not: %s", what)
		}
	}
}

func camera(c codec.Type) client.Publish {
	track := synthetic.Camera(1_000_000, 360, 30)
	track.Codec = c
	return client.Publish{Source: protocol.Camera, Track: track}
}

func microphone() client.Publish {
	return client.Publish{Source: protocol.Microphone, Track: synthetic.Microphone()}
}

// line returns what arrived on the only line of a kind that got anything.
func line(t *testing.T, c *client.Client, video bool) reception.Stats {
	t.Helper()
	var found reception.Stats
	for _, s := range c.Received() {
		if s.Video == video && s.Packets > 0 {
			found = s
		}
	}
	return found
}

func checkClean(t *testing.T, s reception.Stats) {
	t.Helper()
	if s.Lost+s.MissingOfThem+s.Damaged+s.Foreign+s.Unstamped+s.Duplicates != 0 {
		t.Errorf("line %s: lost %d, missing %d, damaged %d, foreign %d, unstamped %d, duplicates %d",
			s.MID, s.Lost, s.MissingOfThem, s.Damaged, s.Foreign, s.Unstamped, s.Duplicates)
	}
}

func TestCall(t *testing.T) {
	for _, c := range []codec.Type{codec.VP8, codec.VP9, codec.H264, codec.AV1} {
		t.Run(c.String(), func(t *testing.T) {
			url := startPlain(t)
			viewer := join(t, url, "room", client.Options{Name: "viewer", Slots: 2})
			publisher := join(t, url, "room", client.Options{Name: "publisher", Slots: client.NoSlots, Publish: []client.Publish{microphone(), camera(c)}})
			until(t, "100 packets of video and 50 of sound", func() bool {
				return line(t, viewer, true).Packets > 100 && line(t, viewer, false).Packets > 50
			})
			video, audio := line(t, viewer, true), line(t, viewer, false)
			checkClean(t, video)
			checkClean(t, audio)
			if video.Keyframes == 0 || video.Width != 640 || video.Height != 360 || video.Codec != c || audio.Codec != codec.Opus {
				t.Errorf("%d keyframes of %dx%d %v, sound %v", video.Keyframes, video.Width, video.Height, video.Codec, audio.Codec)
			}
			if video.Latency.Count() == 0 || video.Latency.Quantile(0.5) > time.Second {
				t.Errorf("latency %v", video.Latency.Quantile(0.5))
			}
			if track := publisher.Publications()[1].Player().Track(); video.Publisher != track.Publisher {
				t.Error("the stamps are another publisher's")
			}
			state := viewer.State()
			if len(state.Participants) != 2 || len(state.Bound) != 2 {
				t.Errorf("%+v", state)
			}
			if s, ok := viewer.ReceivedOf(publisher.Publications()[1].Track()); !ok || s.MID != video.MID {
				t.Errorf("the track is not where its packets are: %v", s.MID)
			}
			if times := publisher.Times(); times.Joined.Before(times.Started) || times.Connected.Before(times.Joined) {
				t.Errorf("%+v", times)
			}
			// The sender hears back: reports, and which keyframes are wanted.
			until(t, "a receiver report", func() bool {
				return viewer.Received()[0].SenderReports > 0 || line(t, viewer, true).SenderReports > 0
			})
		})
	}
}

func TestSimulcastPublisher(t *testing.T) {
	url := startPlain(t)
	viewer := join(t, url, "room", client.Options{Slots: 1})
	join(t, url, "room", client.Options{Slots: client.NoSlots, Publish: []client.Publish{{Source: protocol.Camera, Track: synthetic.Simulcast(1_500_000, 30)}}})
	until(t, "200 packets", func() bool { return line(t, viewer, true).Packets > 200 })
	s := line(t, viewer, true)
	checkClean(t, s)
	if s.Encoding != 2 || s.Width != 1280 || s.Switches != 0 {
		t.Errorf("encoding %d, width %d, %d switches", s.Encoding, s.Width, s.Switches)
	}
}

func TestSamplingViewer(t *testing.T) {
	url := startPlain(t)
	viewer := join(t, url, "room", client.Options{Slots: 1, Reception: reception.Config{Sample: 16}})
	join(t, url, "room", client.Options{Slots: client.NoSlots, Publish: []client.Publish{camera(codec.VP8)}})
	until(t, "10 checked packets", func() bool { return line(t, viewer, true).Checked > 10 })
	s := line(t, viewer, true)
	checkClean(t, s)
	if want := (s.Packets + 15) / 16; s.Checked > want || s.Checked+1 < want {
		t.Errorf("%d of %d packets checked", s.Checked, s.Packets)
	}
}

func TestGrowAndPublishLater(t *testing.T) {
	url := startPlain(t)
	viewer := join(t, url, "room", client.Options{Slots: 1})
	late := join(t, url, "room", client.Options{Slots: client.NoSlots, Publish: []client.Publish{microphone()}})
	ctx := within(t)
	join(t, url, "room", client.Options{Slots: client.NoSlots, Publish: []client.Publish{camera(codec.VP8)}})
	if err := viewer.AddSlots(ctx, 2); err != nil {
		t.Fatal(err)
	}
	pub, err := late.Publish(ctx, camera(codec.VP9))
	if err != nil || pub.Track() == "" {
		t.Fatalf("%q, %v", pub.Track(), err)
	}
	until(t, "two pictures and a sound", func() bool {
		var pictures, sounds int
		for _, s := range viewer.Received() {
			if s.Packets > 50 && s.Video {
				pictures++
			} else if s.Packets > 50 {
				sounds++
			}
		}
		return pictures == 2 && sounds == 1
	})
	for _, s := range viewer.Received() {
		checkClean(t, s)
	}
}

func TestRepairOverLossyLinks(t *testing.T) {
	stalls := sfutest.Stalls(t)
	url := startPlain(t)
	opts := client.Options{Name: "viewer", Slots: 1}
	var bad *link.Conn
	opts.Listen = func() (net.PacketConn, error) {
		path := link.Config{Delay: 15 * time.Millisecond, Jitter: 3 * time.Millisecond, Loss: 0.04}
		var err error
		bad, err = link.ListenUDP("127.0.0.1:0", link.Config{Delay: 15 * time.Millisecond}, path, 1)
		return bad, err
	}
	viewer := join(t, url, "room", opts)
	publisher := join(t, url, "room", client.Options{Slots: client.NoSlots, Publish: []client.Publish{camera(codec.VP8)}})
	until(t, "10 repaired packets", func() bool { return line(t, viewer, true).Recovered > 10 })
	publisher.Publications()[0].Player().SetAllActive(false)
	until(t, "everything repaired", func() bool {
		s := line(t, viewer, true)
		may := sfutest.MayGiveUp(stalls, s.Packets)
		return s.Lost <= may && s.GivenUp <= may
	})
	s := line(t, viewer, true)
	if s.Foreign+s.Damaged+s.Unstamped != 0 || s.MissingOfThem > sfutest.MayGiveUp(stalls, s.Packets) {
		t.Errorf("%+v, stalled for %v", s, stalls())
	}
	if s.Latency.Quantile(0.5) < 15*time.Millisecond {
		t.Errorf("latency %v over 15 ms", s.Latency.Quantile(0.5))
	}
	if _, down := bad.Counters(); down.Lost == 0 {
		t.Error("the link lost nothing")
	}
}

func TestPublisherRepairs(t *testing.T) {
	url := startPlain(t)
	viewer := join(t, url, "room", client.Options{Slots: 1})
	opts := client.Options{Slots: client.NoSlots, Publish: []client.Publish{{Source: protocol.Camera, Track: synthetic.Simulcast(1_000_000, 30)}}}
	opts.Listen = func() (net.PacketConn, error) {
		return link.ListenUDP("127.0.0.1:0", link.Config{Delay: 10 * time.Millisecond, Loss: 0.04}, link.Config{Delay: 10 * time.Millisecond}, 3)
	}
	publisher := join(t, url, "room", opts)
	until(t, "10 packets sent again", func() bool {
		var resent uint64
		for _, s := range publisher.Publications()[0].Player().Stats() {
			resent += s.Resent
		}
		return resent > 10 && line(t, viewer, true).Packets > 300
	})
}

func TestRebindWithRestart(t *testing.T) {
	url := startPlain(t)
	var path *link.Conn
	opts := client.Options{Slots: 1, Listen: func() (net.PacketConn, error) {
		var err error
		path, err = link.ListenUDP("127.0.0.1:0", link.Config{}, link.Config{}, 1)
		return path, err
	}}
	viewer := join(t, url, "room", opts)
	join(t, url, "room", client.Options{Slots: client.NoSlots, Publish: []client.Publish{camera(codec.VP8)}})
	until(t, "50 packets", func() bool { return line(t, viewer, true).Packets > 50 })
	if err := path.Rebind(); err != nil {
		t.Fatal(err)
	}
	if err := viewer.RestartICE(within(t)); err != nil {
		t.Fatal(err)
	}
	before := line(t, viewer, true).Packets
	until(t, "100 more packets", func() bool { return line(t, viewer, true).Packets > before+100 })
	if !viewer.Connected() {
		t.Error("not connected")
	}
}

func TestLeave(t *testing.T) {
	url := startPlain(t)
	stays := join(t, url, "room", client.Options{Name: "stays"})
	goes := join(t, url, "room", client.Options{Name: "goes"})
	ctx := within(t)
	if err := stays.Await(ctx, func(s *client.State) bool { return len(s.Participants) == 2 }); err != nil {
		t.Fatal(err)
	}
	if err := goes.Leave(ctx); err != nil {
		t.Fatal(err)
	}
	if err := stays.Await(ctx, func(s *client.State) bool { return len(s.Participants) == 1 }); err != nil {
		t.Fatal(err)
	}
	if err := goes.Await(ctx, func(*client.State) bool { return false }); !errors.Is(err, client.ErrClosed) {
		t.Errorf("await after leaving: %v", err)
	}
	if _, err := goes.Do(ctx, protocol.Say{Body: "hello?"}); !errors.Is(err, client.ErrSocketLost) {
		t.Errorf("say after leaving: %v", err)
	}
}

// A server that does not know the session any more ends it.
func TestResumeRefused(t *testing.T) {
	url := startPlain(t)
	c, err := client.Join(within(t), url, "room", client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c.CutSocket(0, false)
	select {
	case <-c.Done():
	case <-time.After(patience):
		t.Fatal("goes on")
	}
	var refused *protocol.Error
	if err := c.Close(); !errors.As(err, &refused) || refused.Code != protocol.ResumeInvalid {
		t.Errorf("%v", err)
	}
}

func TestJoinFails(t *testing.T) {
	ctx := within(t)
	if _, err := client.Join(ctx, "http://127.0.0.1:1", "room", client.Options{}); err == nil {
		t.Error("joins where nobody listens")
	}
	if _, err := client.Join(ctx, "ftp://127.0.0.1", "room", client.Options{}); err == nil {
		t.Error("joins by ftp")
	}
	url := startPlain(t)
	bad := camera(codec.VP8)
	bad.Track.Encodings[0].Bitrate = 0
	if _, err := client.Join(ctx, url, "room", client.Options{Publish: []client.Publish{bad}}); err == nil {
		t.Error("publishes nonsense")
	}
	if _, err := client.Join(ctx, url, "room", client.Options{VideoCodecs: []codec.Type{codec.Opus}}); err == nil {
		t.Error("offers Opus as video")
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := client.Join(ended, url, "room", client.Options{}); err == nil {
		t.Error("joins without time")
	}
}
