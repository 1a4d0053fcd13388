package room

import (
	"time"

	"sfu/pkg/auth"
	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
)

// ParticipantID and TrackID are opaque, unguessable enough to be shown to anyone, and never used twice on a node.
type (
	ParticipantID string
	TrackID       string
)

// A Track is what others are told of a published track.
type Track struct {
	ID          TrackID
	Participant ParticipantID
	Source      auth.Source
	Kind        forwarder.Kind
	Muted       bool
	// Codec is Unknown until the first media packet is here; others are told of the track only then.
	Codec codec.Type
}

// A Member is what others are told of a participant.
type Member struct {
	ID        ParticipantID
	Name      string
	Connected bool
	Tracks    []Track
}

// A Message is a chat message.
type Message struct {
	// ID counts up from 1 in each room, private messages included.
	ID   uint64
	From ParticipantID
	Name string
	Body string
	At   time.Time
	// To is set on a private message.
	To ParticipantID
}

// A Binding says what an m-line towards a viewer carries; Track is "" when it is parked.
type Binding struct {
	Down  *forwarder.DownTrack
	Track TrackID
}

// An Unavailable track is wanted, unmuted and, if it is video, visible, but it is not seated. Codec is set when the viewer lacks
// it; otherwise slots ran out.
type Unavailable struct {
	Track TrackID
	Codec codec.Type
}

// A Snapshot is everything a participant must know of its room.
type Snapshot struct {
	Self ParticipantID
	Room string
	// Members are in the order of their joining, oneself included. Tracks of others are listed once they are announced, one's
	// own at once.
	Members []Member
	// Bound lists every m-line that Receive was given, the parked ones too.
	Bound []Binding
	// Need is how many more slots the participant was asked for since it last brought some.
	Need        int
	Unavailable []Unavailable
	// Messages are the last public ones, oldest first.
	Messages []Message
}

// A Reason says why a participant is gone.
type Reason string

// Why a participant is gone.
const (
	Left     Reason = "left"
	Lost     Reason = "lost"
	Removed  Reason = "removed"
	Replaced Reason = "replaced"
	Shutdown Reason = "shutdown"
	Moved    Reason = "moved"
)

// An Event is something that happened in a room: one of the types below.
type Event interface{ event() }

// The events a participant is told. State in them is absolute: "is now", never "changed by".
type (
	// MemberChanged: a participant joined or changed. Tracks is not set. Who renames itself is told too.
	MemberChanged struct{ Member Member }
	// MemberGone: a participant is gone. Its tracks went before.
	MemberGone struct {
		ID     ParticipantID
		Reason Reason
	}
	// TrackChanged: a track of someone else was published or changed.
	TrackChanged struct{ Track Track }
	// TrackGone: a track of someone else is no more.
	TrackGone struct{ ID TrackID }
	// SlotsBound: m-lines carry other tracks; Bound lists those that changed. Need asks for that many more slots. Unavailable
	// replaces the list before; it is nil when it did not change and empty when nothing is unavailable any more.
	SlotsBound struct {
		Bound       []Binding
		Need        int
		Unavailable []Unavailable
	}
	// LayerChanged: what a viewer's m-line sends has changed.
	LayerChanged struct {
		Down  *forwarder.DownTrack
		Track TrackID
		State forwarder.DownTrackState
	}
	// MessageReceived: a chat message, also the participant's own.
	MessageReceived struct{ Message Message }
	// Policed: a track of one's own sends more than it may.
	Policed struct{ Track TrackID }
	// Ended: the participant was removed or replaced; nothing follows. Who calls Leave itself is not told.
	Ended struct{ Reason Reason }
)

func (MemberChanged) event()   {}
func (MemberGone) event()      {}
func (TrackChanged) event()    {}
func (TrackGone) event()       {}
func (SlotsBound) event()      {}
func (LayerChanged) event()    {}
func (MessageReceived) event() {}
func (Policed) event()         {}
func (Ended) event()           {}

// An EventSink receives the events of one participant, in their order. Deliver is called with the room locked: it must not block
// and must not call the room back.
type EventSink interface{ Deliver(Event) }
