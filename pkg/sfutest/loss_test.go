package sfutest_test

import (
	"testing"
	"time"

	"sfu/pkg/client"
	"sfu/pkg/link"
	"sfu/pkg/reception"
	"sfu/pkg/sfutest"
)

// TestResidualLoss: of what a publisher sends over a path that loses 5 % to a viewer behind another one, next to nothing is missing in
// the end. Sound is not sent again: its loss is what both paths lose.
func TestResidualLoss(t *testing.T) {
	length, most := 10*time.Second, 0.03
	if atFullSize() {
		length, most = time.Minute, 0.003
	}
	srv := sfutest.Start(t, sfutest.Options{})
	clean := link.Config{Delay: 20 * time.Millisecond}
	lossy := clean
	lossy.Loss = 0.05
	up, down := sfutest.Path(t, lossy, lossy), sfutest.Path(t, lossy, lossy)
	alice := srv.Join(t, "kitchen", "alice", sfutest.Slots(client.NoSlots), sfutest.Over(up),
		sfutest.Publishing(sfutest.Microphone(), sfutest.Camera()))
	bob := srv.Join(t, "kitchen", "bob", sfutest.Over(down))
	sfutest.Eventually(t, "sound and picture", func() bool { return sfutest.Video(bob).Frames > 0 && sfutest.Audio(bob).Packets > 0 })
	<-time.After(length)
	// What is lost at the very end reveals itself by nothing.
	up.Set(clean, clean)
	down.Set(clean, clean)
	frames := sfutest.Video(bob).Frames
	sfutest.Eventually(t, "the last losses are revealed", func() bool { return sfutest.Video(bob).Frames > frames+30 })
	for _, p := range alice.Publications() {
		p.Player().SetAllActive(false)
	}
	settled(t, "packets arrive no more", func() uint64 { return sfutest.Video(bob).Packets + sfutest.Audio(bob).Packets })
	video, audio := sfutest.Video(bob), sfutest.Audio(bob)
	sent := alice.Publications()[1].Player().Stats()[0]
	t.Logf("video: %d packets, %d sent again to the server, %d repaired at the viewer, %d PLIs, longest gap %v",
		sent.Packets, sent.Resent, video.Recovered, video.PLIs, video.LongestGap.Round(time.Millisecond))
	if lost := residual(t, "video", video); lost > most {
		t.Errorf("%.2f %% of the video are lost", 100*lost)
	}
	if lost := residual(t, "audio", audio); lost < 0.02 || lost > 0.2 {
		t.Errorf("%.2f %% of the audio are lost by two paths of 5 %%", 100*lost)
	}
	for _, s := range []reception.Stats{video, audio} {
		if s.Damaged+s.Foreign+s.Unstamped != 0 {
			t.Errorf("line %s: damaged %d, foreign %d, unstamped %d", s.MID, s.Damaged, s.Foreign, s.Unstamped)
		}
	}
}

// residual returns the share of the publisher's packets that never reached the viewer.
func residual(t *testing.T, what string, s reception.Stats) float64 {
	t.Helper()
	share := float64(s.MissingOfThem) / float64(max(s.Published, 1))
	t.Logf("%s: %d of %d missing, %.3f %%", what, s.MissingOfThem, s.Published, 100*share)
	return share
}

// settled waits until a count has stood still for a second.
func settled(t *testing.T, what string, count func() uint64) {
	t.Helper()
	last, since := count(), time.Now()
	sfutest.Eventually(t, what, func() bool {
		if now := count(); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > time.Second
	})
}
