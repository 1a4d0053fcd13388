package reception

import (
	"math/bits"
	"time"
)

// A Histogram counts durations from 0 to a minute with a precision of about 6 %. The zero value is empty.
type Histogram struct {
	buckets [histogramBuckets]uint32
	count   uint64
	most    time.Duration
}

// Durations are counted in microseconds: exactly below 16, then 16 buckets for each power of two, up to 2^26 us.
const (
	histogramSteps   = 16
	histogramOctaves = 22
	histogramBuckets = histogramSteps * (histogramOctaves + 1)
)

// Add counts d; what is negative counts as 0.
func (h *Histogram) Add(d time.Duration) {
	h.buckets[bucketOf(d)]++
	h.count++
	h.most = max(h.most, d)
}

func bucketOf(d time.Duration) int {
	us := uint64(max(d, 0) / time.Microsecond)
	if us < histogramSteps {
		return int(us)
	}
	octave := bits.Len64(us) - 5 // 0 for 16 to 31
	if octave >= histogramOctaves {
		return histogramBuckets - 1
	}
	return histogramSteps + octave*histogramSteps + int(us>>octave) - histogramSteps
}

// lowest is the least duration of a bucket.
func lowest(bucket int) time.Duration {
	if bucket < histogramSteps {
		return time.Duration(bucket) * time.Microsecond
	}
	octave := bucket/histogramSteps - 1
	return time.Duration((histogramSteps+bucket%histogramSteps)<<octave) * time.Microsecond
}

// Count returns how many durations were added.
func (h *Histogram) Count() uint64 { return h.count }

// Max returns the longest.
func (h *Histogram) Max() time.Duration { return h.most }

// Quantile returns the duration that the share q of all, 0 to 1, does not exceed; 0 of none.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := uint64(q * float64(h.count))
	var seen uint64
	for i, n := range h.buckets {
		seen += uint64(n)
		if n > 0 && seen > rank || seen == h.count && seen > 0 {
			return min(lowest(i+1), h.most)
		}
	}
	return 0
}

// Merge adds what other has counted.
func (h *Histogram) Merge(other *Histogram) {
	for i, n := range other.buckets {
		h.buckets[i] += n
	}
	h.count += other.count
	h.most = max(h.most, other.most)
}

// Since returns what was counted after earlier, an older copy of h. Its Max is that of the highest bucket.
func (h *Histogram) Since(earlier *Histogram) Histogram {
	later := *h
	later.most = 0
	for i, n := range earlier.buckets {
		later.buckets[i] -= n
		if later.buckets[i] > 0 {
			later.most = min(lowest(i+1), h.most)
		}
	}
	later.count -= earlier.count
	return later
}
