package sfutest

import (
	"sync/atomic"
	"testing"
	"time"
)

// StallLimit is how long a process may be kept from running before what it should have done within a fraction of a second says nothing of it.
const StallLimit = 100 * time.Millisecond

// Stalls watches, until the test ends, whether this process gets to run. The result is the longest time for which it did not, so far.
func Stalls(t testing.TB) func() time.Duration {
	const every = 5 * time.Millisecond
	var longest atomic.Int64
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for last := time.Now(); ; {
			select {
			case <-ticker.C:
			case <-quit:
				return
			}
			now := time.Now()
			longest.Store(max(longest.Load(), int64(now.Sub(last)-every)))
			last = now
		}
	}()
	t.Cleanup(func() {
		close(quit)
		<-done
	})
	return func() time.Duration { return time.Duration(longest.Load()) }
}

// MayGiveUp is how many of that many packets may be given up instead of repaired: none, unless stalls has seen the process stand still.
func MayGiveUp(stalls func() time.Duration, packets uint64) uint64 {
	if stalls() < StallLimit {
		return 0
	}
	return packets / 50
}
