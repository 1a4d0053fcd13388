package signaling

import (
	"context"
	"sync/atomic"
	"time"

	"sfu/pkg/room"
)

// An admission bounds the joins that are worked on at a time. A few wait for a moment; the rest is sent away, because a queue that
// grows helps nobody.
type admission struct {
	places   chan struct{}
	waiting  atomic.Int64
	queue    int64
	patience time.Duration
}

func newAdmission(places, queue int, patience time.Duration) *admission {
	return &admission{places: make(chan struct{}, places), queue: int64(queue), patience: patience}
}

// enter waits for a place. Its error is room.ErrOverloaded or that of ctx.
func (a *admission) enter(ctx context.Context) error {
	select {
	case a.places <- struct{}{}:
		return nil
	default:
	}
	defer a.waiting.Add(-1)
	if a.waiting.Add(1) > a.queue {
		return room.ErrOverloaded
	}
	patience := time.NewTimer(a.patience)
	defer patience.Stop()
	select {
	case a.places <- struct{}{}:
		return nil
	case <-patience.C:
		return room.ErrOverloaded
	case <-ctx.Done():
		return ctx.Err()
	}
}

// leave gives the place back.
func (a *admission) leave() { <-a.places }
