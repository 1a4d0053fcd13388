package room

import (
	"sync"
	"time"

	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
)

// A notice is what the forwarder says of a track: that it is policed, or else that its media comes in a codec.
type notice struct {
	track   *track
	codec   codec.Type
	policed bool
}

// notices are those that a room has not heeded yet, the oldest first. The worker that brings them forwards the media of many
// rooms, so it must never wait for room.mu: it takes only the lock of this queue, under which nothing is done but to append and to take.
type notices struct {
	mu      sync.Mutex
	waiting []notice
	// heeding is set while a goroutine takes them.
	heeding bool
}

// note puts n into the queue. A goroutine heeds it at once, unless the Registry is closed: then nobody listens any more.
func (r *room) note(n notice) {
	q := &r.notices
	q.mu.Lock()
	defer q.mu.Unlock()
	if !q.heeding {
		q.heeding = r.registry.tasks.start(r.heedAll)
	}
	if q.heeding {
		q.waiting = append(q.waiting, n)
	}
}

// take empties the queue. When there was nothing in it, the goroutine is over: the next notice starts another.
func (q *notices) take() []notice {
	q.mu.Lock()
	defer q.mu.Unlock()
	taken := q.waiting
	q.waiting, q.heeding = nil, len(taken) > 0
	return taken
}

// heedAll acts on notices until there are none.
func (r *room) heedAll() {
	for r.heed() {
	}
}

// heed acts on the notices that are there and reports whether there were any. It takes them with the room locked, so that they
// keep their order. The viewers are seated once for all of them: when many join at once, many tracks start at once.
func (r *room) heed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.notices.take()
	announced := false
	for _, n := range taken {
		switch t := n.track; {
		case t.ended:
		case n.policed:
			t.owner.sink.Deliver(Policed{t.id})
		case r.announce(t, n.codec):
			announced = true
		}
	}
	if announced {
		r.reseatAll(time.Now())
	}
	return len(taken) > 0
}

// announce tells of t, or of its new codec, and reports whether that was news.
func (r *room) announce(t *track, c codec.Type) bool {
	if t.announced && t.codec == c {
		return false
	}
	t.announced, t.codec = true, c
	r.tell(TrackChanged{t.describe()}, t.owner)
	return true
}

// UpTrackStarted has t, or its new codec, announced. It is called by the forwarder.
func (t *track) UpTrackStarted(_ *forwarder.UpTrack, c codec.Type) {
	t.owner.room.note(notice{track: t, codec: c})
}

// UpTrackPoliced has the publisher told that packets are dropped. It is called by the forwarder.
func (t *track) UpTrackPoliced(*forwarder.UpTrack) {
	t.owner.room.note(notice{track: t, policed: true})
}
