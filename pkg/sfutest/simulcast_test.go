package sfutest_test

import (
	"fmt"
	"testing"
	"time"

	"sfu/pkg/client"
	"sfu/pkg/reception"
	"sfu/pkg/sfutest"
	"sfu/pkg/signaling/protocol"
)

// simulcastCall is a publisher of three encodings and a viewer who sees the largest.
func simulcastCall(t *testing.T) (pub *client.Publication, viewer *client.Client, gaps *reception.Receiver) {
	t.Helper()
	srv := sfutest.Start(t, sfutest.Options{})
	gaps = reception.New(reception.Config{})
	pub = srv.Join(t, "kitchen", "alice", sfutest.Slots(client.NoSlots), sfutest.Publishing(sfutest.Simulcast())).Publications()[0]
	viewer = srv.Join(t, "kitchen", "bob", receivingWith(gaps))
	sfutest.Await(t, viewer, "the camera is seated", func(s *client.State) bool { _, ok := s.PlaceOf(pub.Track()); return ok })
	see(t, viewer, pub, 1280, 720)
	return pub, viewer, gaps
}

// see shows the camera in a tile and waits until the picture has its size.
func see(t *testing.T, viewer *client.Client, pub *client.Publication, width, height int) {
	t.Helper()
	view(t, viewer, protocol.Tile{Track: pub.Track(), Width: width, Height: height})
	sfutest.Eventually(t, fmt.Sprintf("a picture of %dx%d", width, height), func() bool {
		s := sfutest.Video(viewer)
		return s.Packets > 0 && s.Width == width && s.Height == height
	})
}

// TestEverySwitchIsClean: each change of the tile brings the other encoding, and the picture never stands still for long.
func TestEverySwitchIsClean(t *testing.T) {
	switches := 8
	if atFullSize() {
		switches = 50
	}
	pub, viewer, gaps := simulcastCall(t)
	before := sfutest.Video(viewer)
	gaps.ResetGaps()
	var slowest time.Duration
	for i := range switches {
		start := time.Now()
		if i%2 == 0 {
			see(t, viewer, pub, 320, 180)
		} else {
			see(t, viewer, pub, 1280, 720)
		}
		slowest = max(slowest, time.Since(start))
	}
	s := sfutest.Video(viewer)
	t.Logf("slowest switch %v", slowest.Round(time.Millisecond))
	within(t, "longest time without video", s.LongestGap, 300*time.Millisecond)
	checkClean(t, s)
	if abrupt := s.Abrupt - before.Abrupt; s.MissingOfThem+abrupt != 0 {
		t.Errorf("%d packets of the encodings did not come, %d switches without a keyframe", s.MissingOfThem, abrupt)
	}
	// On the way up the encoding in between may be shown first.
	if n := s.Switches - before.Switches; n < uint64(switches) || n > uint64(2*switches) {
		t.Errorf("%d switches for %d changes of the tile", n, switches)
	}
}

// TestStoppedEncodingIsReplaced: a browser that lacks bandwidth stops its largest encoding, and its viewers go on with the next lower one.
func TestStoppedEncodingIsReplaced(t *testing.T) {
	pub, viewer, gaps := simulcastCall(t)
	for _, stop := range []struct {
		rid   string
		width int
	}{{"f", 640}, {"h", 320}} {
		// A keyframe that has just gone by would have to be waited for, see keyframeGuard in pkg/forwarder.
		frames := sfutest.Video(viewer).Frames
		sfutest.Eventually(t, "the picture flows", func() bool { return sfutest.Video(viewer).Frames > frames+15 })
		gaps.ResetGaps()
		pub.Player().SetActive(stop.rid, false)
		sfutest.Eventually(t, "the next lower encoding", func() bool { return sfutest.Video(viewer).Width == stop.width })
		within(t, "encoding "+stop.rid+" replaced after", sfutest.Video(viewer).LongestGap, 500*time.Millisecond)
	}
	checkClean(t, sfutest.Video(viewer))
	pub.Player().SetAllActive(true)
	sfutest.Eventually(t, "the largest encoding is back", func() bool { return sfutest.Video(viewer).Width == 1280 })
	checkClean(t, sfutest.Video(viewer))
}
