package engine

import (
	"context"
	"time"
)

// callTimeout is how long a call, or a step of a check, takes at most.
const callTimeout = time.Second

// An Observer is told whether the engine can be used. It is called by one goroutine, one call at a time, and must not block; the first call
// may come before Open has returned. After Close there is none.
type Observer interface {
	// Up says that the bucket is there. generation is when it was created, in ns since 1970: another one than before means that all keys
	// are gone. What is written between that and Up goes into the new bucket already.
	Up(generation int64)
	// Down says that there is no connection or no bucket, and why. It comes again, without an Up between, when the reason is another.
	Down(reason error)
}

// A checkup is the verdict of a check in a session.
type checkup struct {
	session   *session
	verdict   verdict
	warning   string // what should be changed about the bucket
	roundTrip time.Duration
	markerTTL bool
}

// supervise is the supervisor's goroutine.
func (e *Engine) supervise() {
	defer e.running.Done()
	var (
		now     = time.Now()
		c       = condition{due: now.Add(unreachableInterval)}
		current *session
		results = make(chan checkup, 1)
		busy    bool
		warned  string
		timer   = time.NewTimer(0)
	)
	defer timer.Stop()
	for {
		timer.Reset(time.Until(c.due))
		var changes []change
		select {
		case <-e.ctx.Done():
			if busy {
				<-results
			}
			return
		case <-e.wake:
			if e.doubted.Swap(false) {
				c.doubt()
			}
		case <-timer.C:
		case r := <-results:
			busy = false
			if r.session != current {
				break
			}
			e.roundTrip.Store(int64(r.roundTrip))
			e.markerTTL.Store(r.markerTTL)
			if r.warning != "" && r.warning != warned {
				e.log.Warn(r.warning, "bucket", e.config.Bucket)
			}
			warned = r.warning
			changes = c.checked(time.Now(), r.verdict)
			current.up.Store(c.up)
		}
		now = time.Now()
		if latest := e.session.Load(); latest != current {
			if current != nil {
				<-current.ctx.Done() // the cause may not be there yet
				changes = append(changes, c.disconnect(now, context.Cause(current.ctx))...)
			}
			if current = latest; current != nil {
				c.connect(now)
			}
		}
		e.tell(changes)
		switch {
		case now.Before(c.due):
		case !c.connected:
			e.tell(c.unreachable(now, e.whyUnreachable()))
		case !busy:
			busy = true
			c.begin(now)
			go func(s *session) { results <- e.check(s) }(current)
		default:
			c.due = now.Add(doubtInterval)
		}
	}
}

// tell passes changes on.
func (e *Engine) tell(changes []change) {
	for _, c := range changes {
		if c.reason != nil {
			e.log.Warn("engine down", "reason", c.reason)
			e.observer.Down(c.reason)
			continue
		}
		e.log.Info("engine up", "mode", e.mode, "bucket", e.config.Bucket, "generation", c.generation)
		e.observer.Up(c.generation)
		e.firstUp.Do(func() { close(e.upOnce) })
	}
}

// whyUnreachable returns the last failure to connect: what the server said, or what kept the dialer from it.
func (e *Engine) whyUnreachable() error {
	if err := e.nc.LastError(); err != nil {
		return err
	}
	if err := e.refusal.Load(); err != nil {
		return *err
	}
	return errNotConnected
}
