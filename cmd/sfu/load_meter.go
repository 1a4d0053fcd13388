package main

import (
	"runtime"
	"sync"
	"time"
)

// fullShare is the share of its processors at which a node counts as full: above it, packets begin to wait.
const fullShare = 0.8

// A loadMeter says how busy this process is.
type loadMeter struct {
	mu   sync.Mutex
	at   time.Time
	used time.Duration
	load float64
	// spent is processorTime; tests have their own.
	spent func() time.Duration
}

// loadWindow is the shortest time over which load is measured.
const loadWindow = 400 * time.Millisecond

func newLoad() *loadMeter {
	return &loadMeter{at: time.Now(), used: processorTime(), spent: processorTime}
}

// read returns 0 for an idle process and 1 for one that uses as much as it should.
func (l *loadMeter) read(now time.Time) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	elapsed := now.Sub(l.at)
	if elapsed < loadWindow {
		return l.load
	}
	used := l.spent()
	share := float64(used-l.used) / float64(elapsed) / float64(processors()) / fullShare
	// Half of what it was: one busy moment must not send all new rooms elsewhere.
	l.load = (l.load + share) / 2
	l.at, l.used = now, used
	return l.load
}

func processors() int { return runtime.GOMAXPROCS(0) }
