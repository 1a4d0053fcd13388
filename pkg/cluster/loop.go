package cluster

import (
	"context"
	"time"

	"sfu/pkg/cluster/ownership"
)

// A loop is the one goroutine that touches the core. Everything reaches the core through the inbox.
type loop struct {
	inbox chan func(core *ownership.Node, now time.Time)
	done  chan struct{}
}

func newLoop() *loop {
	return &loop{inbox: make(chan func(*ownership.Node, time.Time), 256), done: make(chan struct{})}
}

// run is the loop, until life ends. tick is called at every interval and carryOut with all that the core wants done; neither may block.
func (l *loop) run(life context.Context, core *ownership.Node, interval time.Duration, tick func(*ownership.Node, time.Time), carryOut func(ownership.Effect)) {
	defer close(l.done)
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case f := <-l.inbox:
			f(core, time.Now())
		case <-ticker.C:
			now := time.Now()
			core.Tick(now)
			tick(core, now)
		case <-life.Done():
			return
		}
		for _, e := range core.Effects() {
			carryOut(e)
		}
	}
}

// post gives the loop something to do. What comes after the end is lost.
func (l *loop) post(f func(core *ownership.Node, now time.Time)) {
	select {
	case l.inbox <- f:
	case <-l.done:
	}
}

// query runs f on the loop and waits for it; it returns false after the end.
func (l *loop) query(f func(core *ownership.Node, now time.Time)) bool {
	ran := make(chan struct{})
	l.post(func(core *ownership.Node, now time.Time) { f(core, now); close(ran) })
	select {
	case <-ran:
		return true
	case <-l.done:
		return false
	}
}
