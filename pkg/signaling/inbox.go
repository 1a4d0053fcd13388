package signaling

import (
	"sync"

	"sfu/pkg/room"
)

// highWater is how many items may wait for a session before its client is taken to be unable to follow.
const highWater = 1000

// An inbox is what a session still has to look at. Anyone may post; the session's goroutine takes. Posting never blocks: the room
// and the media path must not wait for a session.
type inbox struct {
	mu       sync.Mutex
	items    []any
	flooded  bool
	arrivals chan struct{}
}

func newInbox() *inbox { return &inbox{arrivals: make(chan struct{}, 1)} }

// Deliver implements room.EventSink.
func (b *inbox) Deliver(e room.Event) { b.post(e) }

func (b *inbox) post(item any) {
	b.mu.Lock()
	b.items = append(b.items, item)
	b.flooded = b.flooded || len(b.items) > highWater
	b.mu.Unlock()
	select {
	case b.arrivals <- struct{}{}:
	default:
	}
}

// take returns what has gathered, and whether it went over the high-water mark.
func (b *inbox) take() (items []any, flooded bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	items, flooded = b.items, b.flooded
	b.items, b.flooded = nil, false
	return items, flooded
}
