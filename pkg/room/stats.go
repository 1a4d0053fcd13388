package room

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"sfu/pkg/forwarder"
)

// askedAtOnce is how many rooms are asked for their counters at the same time.
const askedAtOnce = 16

// Stats are the rooms of a node at one moment.
type Stats struct {
	// Rooms are the oldest first.
	Rooms []RoomStats
	// Ended sums the counters of all rooms that are no more; RoomsEnded counts them. The sum over Rooms and Ended never falls.
	Ended        forwarder.Counters
	RoomsStarted uint64
	RoomsEnded   uint64
}

// RoomStats are those of one live room.
type RoomStats struct {
	Name         string
	Since        time.Time
	Participants int
	// Publishers of them have at least one track.
	Publishers int
	// Tracks are counted by kind (forwarder.KindIndex).
	Tracks [2]int
	// Bound counts the m-lines towards viewers that carry a track, by kind.
	Bound    [2]int
	Messages uint64
	Counters forwarder.Counters
	Members  []MemberStats
}

// MemberStats is for the operator's view of a room.
type MemberStats struct {
	ID        ParticipantID
	Name      string
	Connected bool
	Since     time.Time
	// Tracks are its own, also those that are not announced yet.
	Tracks []Track
	Slots  int
}

// Stats returns one entry per room, and the counters of the rooms that have ended as Ended. It asks the workers and gives up with
// ctx: counters that did not come in time are the last that did.
func (r *Registry) Stats(ctx context.Context) Stats {
	r.refresh(ctx)
	var s Stats
	var live []*room
	r.mu.Lock()
	s.RoomsStarted, s.RoomsEnded, s.Ended = r.ledger.started, r.ledger.ended, r.ledger.total
	for room, a := range r.ledger.open {
		if a.ended {
			s.Ended = combine(s.Ended, a.latest, func(x, y uint64) uint64 { return x + y })
			continue
		}
		live = append(live, room)
		s.Rooms = append(s.Rooms, RoomStats{Name: room.name, Since: room.since, Counters: a.latest})
	}
	r.mu.Unlock()
	for i, room := range live {
		room.describe(&s.Rooms[i])
	}
	slices.SortFunc(s.Rooms, func(a, b RoomStats) int {
		return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Name, b.Name))
	})
	return s
}

// refresh asks the workers for the counters of all rooms that are not settled.
func (r *Registry) refresh(ctx context.Context) {
	r.mu.Lock()
	rooms := make([]*room, 0, len(r.ledger.open))
	for room := range r.ledger.open {
		rooms = append(rooms, room)
	}
	r.mu.Unlock()
	var asking sync.WaitGroup
	turns := make(chan struct{}, askedAtOnce)
	for _, room := range rooms {
		turns <- struct{}{}
		asking.Go(func() {
			defer func() { <-turns }()
			c, err := room.group.Counters(ctx)
			if err != nil {
				return
			}
			r.mu.Lock()
			defer r.mu.Unlock()
			r.ledger.record(room, c)
		})
	}
	asking.Wait()
}

// describe fills in what the room itself knows.
func (r *room) describe(s *RoomStats) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.Participants = len(r.members)
	s.Messages = r.chat.sent
	s.Members = make([]MemberStats, 0, len(r.members))
	for _, p := range r.members {
		m := MemberStats{ID: p.id, Name: p.name, Connected: p.connected, Since: p.since, Slots: len(p.viewer.slots)}
		for _, t := range p.tracks {
			m.Tracks = append(m.Tracks, t.describe())
			s.Tracks[forwarder.KindIndex(t.kind)]++
		}
		if len(p.tracks) > 0 {
			s.Publishers++
		}
		for _, b := range p.viewer.slots {
			for _, l := range [...]line{b.audio, b.video} {
				if l.track != nil {
					s.Bound[forwarder.KindIndex(l.track.kind)]++
				}
			}
		}
		s.Members = append(s.Members, m)
	}
}
