package room

import (
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"sfu/pkg/auth"
	"sfu/pkg/forwarder"
)

// errEnded: the room's last participant has left; the name is free.
var errEnded = errors.New("the room has ended")

// A room is the participants and tracks under one name, from the first Join to the last Leave.
type room struct {
	name     string
	cfg      Config
	registry *Registry
	group    *forwarder.Group
	log      *slog.Logger
	since    time.Time
	// done is closed when the room ends.
	done chan struct{}

	mu sync.Mutex
	// members are in the order of their joining.
	members []*Participant
	byID    map[ParticipantID]*Participant
	// holders counts participants whose owners have not called Leave: members, and those who were removed.
	holders int
	ended   bool
	tracks  map[TrackID]*track
	// sources are the oldest first.
	sources    []*source
	lastSource sourceID
	chat       chat
	// inheritsUntil is until when the chat of a room that came from elsewhere outlives it.
	inheritsUntil time.Time
	// watching is set while a goroutine looks after viewers that are short of slots.
	watching bool
	// wants is scratch space of reseat.
	wants []want

	// notices have a lock of their own, which is taken after mu.
	notices notices
}

func newRoom(name string, r *Registry) *room {
	return &room{
		name:     name,
		cfg:      r.cfg,
		registry: r,
		group:    r.pool.NewGroup(),
		log:      r.log.With("room", name),
		since:    time.Now(),
		done:     make(chan struct{}),
		byID:     map[ParticipantID]*Participant{},
		tracks:   map[TrackID]*track{},
	}
}

// newID returns 80 random bits.
func newID() string { return rand.Text()[:16] }

// join adds a participant, in the place of its ghost if it has one. name is clean.
func (r *room) join(g auth.Grant, name string, sink EventSink) (*Participant, Snapshot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return nil, Snapshot{}, errEnded
	}
	ghost := r.identified(g.Identity)
	switch {
	case ghost != nil && ghost.connected:
		return nil, Snapshot{}, ErrIdentityInUse
	case ghost != nil:
		r.takeAway(ghost, Replaced)
		ghost.sink.Deliver(Ended{Replaced})
	case len(r.members) >= r.cfg.MaxParticipants:
		return nil, Snapshot{}, ErrFull
	}
	p := &Participant{
		id: ParticipantID(newID()), grant: g, room: r, sink: sink, since: time.Now(),
		name: name, connected: true, viewer: newViewer(),
	}
	r.tell(MemberChanged{p.member()}, nil)
	r.members = append(r.members, p)
	r.byID[p.id] = p
	r.holders++
	return p, r.snapshot(p), nil
}

// identified returns the member with that identity, nil when there is none. At most one has it, and "" is nobody's.
func (r *room) identified(identity string) *Participant {
	i := slices.IndexFunc(r.members, func(p *Participant) bool { return identity != "" && p.grant.Identity == identity })
	if i < 0 {
		return nil
	}
	return r.members[i]
}

// depart takes p out of the room, which ends with its last member.
func (r *room) depart(p *Participant, reason Reason) {
	r.takeAway(p, reason)
	if len(r.members) == 0 {
		r.ended = true
		close(r.done)
	}
}

// takeAway ends the tracks of p, parks its slots and tells the others.
func (r *room) takeAway(p *Participant, reason Reason) {
	p.left = true
	r.members = slices.DeleteFunc(r.members, func(m *Participant) bool { return m == p })
	delete(r.byID, p.id)
	p.viewer.park()
	known := r.takeOut(slices.Clone(p.tracks))
	r.tell(MemberGone{ID: p.id, Reason: reason}, nil)
	if known {
		r.reseatAll(time.Now())
	}
}

// tell delivers e to all members but one, which may be nil.
func (r *room) tell(e Event, except *Participant) {
	for _, m := range r.members {
		if m != except {
			m.sink.Deliver(e)
		}
	}
}

func (r *room) snapshot(p *Participant) Snapshot {
	s := Snapshot{
		Self:        p.id,
		Room:        r.name,
		Members:     make([]Member, 0, len(r.members)),
		Bound:       p.viewer.bindings(),
		Need:        p.viewer.asked,
		Unavailable: slices.Clone(p.viewer.unavailable),
		Messages:    slices.Clone(r.chat.tail),
	}
	for _, m := range r.members {
		member := m.member()
		for _, t := range m.tracks {
			if t.announced || m == p {
				member.Tracks = append(member.Tracks, t.describe())
			}
		}
		s.Members = append(s.Members, member)
	}
	return s
}
