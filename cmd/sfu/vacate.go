package main

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// A vacancy is a drain that an operator asked for: the node gives its rooms away and takes nobody new, but goes on to run, so that it
// can be taken back.
type vacancy struct {
	node *node

	mu       sync.Mutex
	stop     context.CancelFunc
	deadline time.Time
	done     chan struct{}
	// ending is set once the process is to end, which nobody takes back.
	ending bool
}

// begin drains within timeout. A drain that is under way goes on as it is.
func (v *vacancy) begin(timeout time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.stop != nil || v.ending {
		return
	}
	v.deadline = time.Now().Add(timeout)
	ctx, cancel := context.WithDeadline(context.Background(), v.deadline)
	done := make(chan struct{})
	v.stop, v.done = cancel, done
	v.node.health.draining.Store(true)
	v.node.goroutines.Go(func() {
		defer close(done)
		v.node.log.Info("draining, as asked for", "timeout", timeout)
		if v.node.parts.Vacate != nil {
			v.node.parts.Vacate(ctx)
		}
	})
}

// takeBack ends the drain, if there is one. It returns false where the process is to end.
func (v *vacancy) takeBack() bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.ending {
		return false
	}
	if v.halt() {
		v.node.log.Info("takes new people again")
		if v.node.parts.Undrain != nil {
			v.node.parts.Undrain()
		}
		v.node.health.draining.Store(false)
	}
	return true
}

// end is for a process that ends, by deadline at the latest: it does what is left to do itself.
func (v *vacancy) end(deadline time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.halt()
	v.ending, v.deadline = true, deadline
}

// halt stops the drain and reports whether there was one. v.mu is held.
func (v *vacancy) halt() bool {
	if v.stop == nil {
		return false
	}
	v.stop()
	<-v.done
	v.stop = nil
	return true
}

// under returns the deadline of the drain, and whether there is one.
func (v *vacancy) under() (time.Time, bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.deadline, v.stop != nil || v.ending
}

// drainAnswer is what /drain and /undrain answer.
type drainAnswer struct {
	Draining  bool    `json:"draining"`
	Remaining int     `json:"remaining"`
	Seconds   float64 `json:"seconds,omitempty"` // to the deadline
}

func (v *vacancy) routes(mux *http.ServeMux, timeout time.Duration) {
	mux.HandleFunc("POST /drain", func(w http.ResponseWriter, _ *http.Request) {
		v.begin(timeout)
		writeJSON(w, http.StatusAccepted, v.answer())
	})
	mux.HandleFunc("POST /undrain", func(w http.ResponseWriter, _ *http.Request) {
		if !v.takeBack() {
			refuse(w, http.StatusConflict, "draining", "The server is about to end, which cannot be taken back.")
			return
		}
		writeJSON(w, http.StatusOK, v.answer())
	})
	mux.HandleFunc("GET /drain", func(w http.ResponseWriter, _ *http.Request) { writeJSON(w, http.StatusOK, v.answer()) })
}

func (v *vacancy) answer() drainAnswer {
	a := drainAnswer{}
	var deadline time.Time
	if deadline, a.Draining = v.under(); a.Draining {
		a.Seconds = max(0, time.Until(deadline).Seconds())
	}
	if v.node.parts.People != nil {
		a.Remaining = v.node.parts.People()
	}
	return a
}

// vacate gives the rooms away, refuses who wants to join those that are left, and puts out at the end whoever is still there.
func (a *assembly) vacate(ctx context.Context, delay time.Duration) {
	if a.handOver(ctx, delay) {
		deadline, _ := ctx.Deadline()
		a.rooms.Drain()
		a.signals.Announce(deadline)
		a.awaitEmpty(ctx)
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		a.rooms.Drain()
		a.signals.MoveAll()
	}
}

// awaitEmpty returns when nobody is left, or when ctx ends.
func (a *assembly) awaitEmpty(ctx context.Context) {
	tick := time.NewTicker(250 * time.Millisecond)
	defer tick.Stop()
	for a.signals.Stats().Sessions > 0 {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// handOver waits until balancers have seen that the node is not ready, and moves the rooms. It returns false where ctx ended before.
func (a *assembly) handOver(ctx context.Context, delay time.Duration) bool {
	select {
	case <-time.After(delay):
	case <-ctx.Done():
		return false
	}
	a.cluster.Load().Drain(ctx)
	return ctx.Err() == nil
}

// undrain takes vacate back.
func (a *assembly) undrain() {
	a.cluster.Load().Undrain()
	a.rooms.Undrain()
	a.signals.Undrain()
}
