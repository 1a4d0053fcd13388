package forwarder

import (
	"testing"
	"time"
)

// TestTimelineAfterALongPause: a camera that was off overnight.
func TestTimelineAfterALongPause(t *testing.T) {
	for _, pause := range []time.Duration{time.Hour, 7 * time.Hour, 14 * time.Hour, 40 * time.Hour, 1000 * time.Hour} {
		line := timeline{clockRate: 90_000}
		now := Instant(time.Hour)
		last := line.begin(1000, now, 0, false)
		now = now.Add(pause)
		for i := range uint32(5) {
			var out uint32
			if in := 77_000 + 3000*i; i == 0 {
				out = line.begin(in, now, 0, false)
			} else {
				out = line.apply(in, now)
			}
			if step := int32(out - last); step <= 0 || i > 0 && step != 3000 {
				t.Errorf("after %v frame %d steps by %d", pause, i, step)
			}
			last, now = out, now.Add(time.Second/30)
		}
	}
}
