package signaling

import "time"

// A bucket is a token bucket: rate events per second, burst at once. The zero value lets nothing pass; newBucket returns a full one.
type bucket struct {
	rate, burst float64
	level       float64
	updated     time.Time
}

func newBucket(rate, burst float64, now time.Time) bucket {
	return bucket{rate: rate, burst: burst, level: burst, updated: now}
}

// take reports whether one event may happen now, and counts it if so.
func (b *bucket) take(now time.Time) bool {
	b.fill(now)
	if b.level < 1 {
		return false
	}
	b.level--
	return true
}

func (b *bucket) fill(now time.Time) {
	if passed := now.Sub(b.updated); passed > 0 {
		b.level = min(b.burst, b.level+b.rate*passed.Seconds())
		b.updated = now
	}
}
