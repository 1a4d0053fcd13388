package reception

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestHistogramQuantiles(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		var whole, a, b Histogram
		var all []time.Duration
		top := 1 + rng.Int64N(int64(30*time.Second))
		for i := range 5000 {
			d := time.Duration(rng.Int64N(top))
			all = append(all, d)
			whole.Add(d)
			if i%2 == 0 {
				a.Add(d)
			} else {
				b.Add(d)
			}
		}
		a.Merge(&b)
		if a != whole {
			t.Fatal("merged histograms differ from one that counted everything")
		}
		slices.Sort(all)
		for _, q := range []float64{0, 0.01, 0.5, 0.95, 0.99, 0.999} {
			want, got := all[int(q*float64(len(all)))], whole.Quantile(q)
			if got < want-time.Microsecond || float64(got) > float64(want)*1.07+2000 {
				t.Errorf("quantile %v of durations up to %v: %v, want %v", q, time.Duration(top), got, want)
			}
		}
		if whole.Quantile(1) != whole.Max() || whole.Max() != all[len(all)-1] {
			t.Errorf("the longest is %v and %v, want %v", whole.Quantile(1), whole.Max(), all[len(all)-1])
		}
	}
}

func TestHistogramSince(t *testing.T) {
	var h Histogram
	for range 100 {
		h.Add(time.Second)
	}
	earlier := h
	for range 50 {
		h.Add(time.Millisecond)
	}
	since := h.Since(&earlier)
	if since.Count() != 50 || since.Max() > 1100*time.Microsecond || since.Quantile(0.99) > 1100*time.Microsecond || since.Quantile(0.1) < 900*time.Microsecond {
		t.Errorf("%d, %v, %v", since.Count(), since.Max(), since.Quantile(0.99))
	}
}

func TestHistogramEdges(t *testing.T) {
	var h Histogram
	if h.Quantile(0.5) != 0 || h.Count() != 0 {
		t.Error("an empty histogram says something")
	}
	h.Add(-time.Second)
	h.Add(time.Hour)
	if h.Count() != 2 || h.Max() != time.Hour || h.Quantile(0) > time.Microsecond {
		t.Errorf("%d, %v, %v", h.Count(), h.Max(), h.Quantile(0))
	}
	for i := range histogramBuckets {
		if got := bucketOf(lowest(i)); got != i {
			t.Fatalf("bucket %d begins in bucket %d", i, got)
		}
	}
}
