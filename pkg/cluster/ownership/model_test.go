package ownership

import (
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// schedules returns how many to play: SCHEDULES, or a million with SFU_LONG, or what is quick enough.
func schedules() int {
	if n, err := strconv.Atoi(os.Getenv("SCHEDULES")); err == nil {
		return n
	}
	switch {
	case os.Getenv("SFU_LONG") != "":
		return 1_000_000
	case raceEnabled:
		return 1500
	}
	return 10_000
}

// playSeed plays one schedule; what it is like follows from the seed.
func playSeed(seed uint64, tracing bool) (*world, error) {
	w := newWorld(seed, 2+int(seed%3), 1+int(seed/3%3))
	w.tracing = tracing
	return w, w.play(time.Duration(4+seed%9)*time.Second, int(seed%6), 6+int(seed%20))
}

// TestSchedulesRepeat: without that a seed that failed would be of no use.
func TestSchedulesRepeat(t *testing.T) {
	count := uint64(600)
	if raceEnabled {
		count = 60
	}
	for seed := range count {
		first, _ := playSeed(seed, true)
		again, _ := playSeed(seed, true)
		if !slices.Equal(first.trace, again.trace) {
			t.Fatalf("seed %d took another course the second time", seed)
		}
	}
}

func TestModel(t *testing.T) {
	count := schedules()
	first, _ := strconv.ParseUint(os.Getenv("SEED"), 10, 64)
	var next, settled atomic.Uint64
	next.Store(first)
	var each sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		each.Go(func() {
			for !t.Failed() {
				seed := next.Add(1) - 1
				if seed >= first+uint64(count) {
					return
				}
				w, err := playSeed(seed, false)
				settled.Add(uint64(w.settled))
				if err != nil {
					again, _ := playSeed(seed, os.Getenv("TRACE") != "")
					for _, line := range again.trace {
						t.Log(line)
					}
					t.Errorf("SEED=%d SCHEDULES=1: %v", seed, err)
				}
			}
		})
	}
	each.Wait()
	if !t.Failed() && settled.Load() < uint64(count) {
		t.Errorf("only %d people got in in %d schedules: nothing was tested", settled.Load(), count)
	}
}
