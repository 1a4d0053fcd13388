package client

import (
	"context"
	"sync"

	"sfu/pkg/signaling/protocol"
)

// A room is the State, and those who wait for it to change.
type room struct {
	mu      sync.Mutex
	state   State
	changed chan struct{} // closed and replaced when it does
}

// change changes the State and wakes those who wait.
func (r *room) change(f func(*State)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f(&r.state)
	r.wake()
}

// wake has those who wait look again. mu is held.
func (r *room) wake() {
	close(r.changed)
	r.changed = make(chan struct{})
}

// snapshot returns a copy.
func (r *room) snapshot() State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.clone()
}

// ask asks ok, and returns what is closed with the next change.
func (r *room) ask(ok func(*State) bool) (met bool, changed <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return ok(&r.state), r.changed
}

// await waits until ok says yes, done or the end of ctx. It is false with no error for done.
func (r *room) await(ctx context.Context, done <-chan struct{}, ok func(*State) bool) (bool, error) {
	for {
		met, changed := r.ask(ok)
		if met {
			return true, nil
		}
		select {
		case <-changed:
		case <-done:
			met, _ := r.ask(ok)
			return met, nil
		case <-ctx.Done():
			return false, ctx.Err()
		}
	}
}

// self is the participant's own id.
func (r *room) self() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Self
}

// left is why oneself is out of the room, nil inside.
func (r *room) left() *protocol.Left {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.Left
}

// placeOf returns the m-line that carries a track.
func (r *room) placeOf(track string) (Place, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.PlaceOf(track)
}

// flowing reports whether the server should be sending media.
func (r *room) flowing() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.state.flowing()
}
