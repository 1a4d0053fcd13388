package room

import "errors"

// Errors of this package. Signaling turns them into codes.
var (
	// ErrFull: the room holds as many participants, or as many publishers of video, as it may.
	ErrFull = errors.New("the room is full")
	// ErrOverloaded: the node holds as many rooms as it may.
	ErrOverloaded = errors.New("the node takes no more rooms")
	// ErrDraining: the node takes nobody any more.
	ErrDraining = errors.New("the node is about to end")
	// ErrIdentityInUse: the token's identity is in the room already, and its socket is there. It is never put out for another: only a
	// resume takes its seat over, and that needs no Join.
	ErrIdentityInUse = errors.New("someone with this identity is in the room")
	// ErrNotAllowed: the grant does not permit it.
	ErrNotAllowed = errors.New("not permitted")
	// ErrNotFound: what was named does not exist, or is nothing that the caller may know of.
	ErrNotFound = errors.New("no such track or participant")
	// ErrLimit: the participant has as many tracks, slots or subscriptions as it may.
	ErrLimit = errors.New("a limit of the participant is reached")
	// ErrTooBig: a chat message is longer than Config.ChatBytes.
	ErrTooBig = errors.New("the message is too big")
	// ErrBadName: a name is longer than 64 code points.
	ErrBadName = errors.New("the name is too long")
	// ErrLeft: the participant is out of the room.
	ErrLeft = errors.New("the participant has left")
)

// Config bounds what rooms may hold. A zero field takes its default.
type Config struct {
	MaxRooms               int // 1000
	MaxParticipants        int // per room, 100
	MaxVideoPublishers     int // per room, 50
	TracksPerParticipant   int // 8
	MaxSlots               int // per participant, 32
	GrowSlots              int // slots asked for at a time, 4
	ChatTail               int // messages kept for late joiners, 100
	ChatBytes              int // one message, 4096
	SubscriptionsPerPerson int // explicitly named tracks, 400

	// Began and Ended are told when a room begins and ends, in order, with a lock held: they must not block nor call the Registry. They may be nil.
	Began, Ended func(room string)
}

func (c Config) withDefaults() Config {
	fill := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	fill(&c.MaxRooms, 1000)
	fill(&c.MaxParticipants, 100)
	fill(&c.MaxVideoPublishers, 50)
	fill(&c.TracksPerParticipant, 8)
	fill(&c.MaxSlots, 32)
	fill(&c.GrowSlots, 4)
	fill(&c.ChatTail, 100)
	fill(&c.ChatBytes, 4096)
	fill(&c.SubscriptionsPerPerson, 400)
	return c
}
