package room

import (
	"context"
	"errors"
	"log/slog"
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

// Errors of this package. Signaling turns them into codes.
var (
	ErrFull          = errors.New("the room is full")
	ErrOverloaded    = errors.New("the node takes no more rooms")
	ErrDraining      = errors.New("the node is about to end")
	ErrIdentityInUse = errors.New("someone with this identity is in the room")
	ErrNotAllowed    = errors.New("not permitted")
	ErrNotFound      = errors.New("no such track or participant")
	ErrLimit         = errors.New("a limit of the participant is reached")
	ErrTooBig        = errors.New("the message is too big")
	ErrLeft          = errors.New("the participant has left")
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
}

// A Track is what others are told of a published track.
type Track struct {
	ID          TrackID
	Participant ParticipantID
	Source      auth.Source
	Kind        forwarder.Kind
	Muted       bool
	Codec       codec.Type
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

// An Unavailable track is wanted but not seated. Codec is set when the viewer lacks it; otherwise slots ran out.
type Unavailable struct {
	Track TrackID
	Codec codec.Type
}

// A Snapshot is everything a participant must know of its room.
type Snapshot struct {
	Self        ParticipantID
	Room        string
	Members     []Member
	Bound       []Binding
	Unavailable []Unavailable
	Messages    []Message
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
)

// An Event is something that happened in a room: one of the types below.
type Event interface{ event() }

// The events a participant is told. State in them is absolute: "is now", never "changed by".
type (
	// MemberChanged: a participant joined or changed. Tracks is not set.
	MemberChanged struct{ Member Member }
	// MemberGone: a participant is gone.
	MemberGone struct {
		ID     ParticipantID
		Reason Reason
	}
	// TrackChanged: a track of someone else was published or changed.
	TrackChanged struct{ Track Track }
	// TrackGone: a track of someone else is no more.
	TrackGone struct{ ID TrackID }
	// SlotsBound: m-lines carry other tracks. Need asks for more slots. Unavailable replaces the list before; it is nil when
	// it did not change and empty when nothing is unavailable any more.
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
	// Ended: the participant itself is out of the room; nothing follows.
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

// An EventSink receives the events of one participant. Deliver must not block and must not call the room back.
type EventSink interface{ Deliver(Event) }

// Registry holds the rooms of this node.
type Registry struct{}

// NewRegistry returns a Registry without rooms.
func NewRegistry(pool *forwarder.Pool, cfg Config, log *slog.Logger) *Registry { panic("contract") }

// Join enters the room that g names, which appears with its first participant. name is what the participant wants to be called;
// the grant's name wins. Events that happen after the snapshot go to sink.
func (r *Registry) Join(g auth.Grant, name string, sink EventSink) (*Participant, Snapshot, error) {
	panic("contract")
}

// Participants returns how many are in a room, 0 for one that is not there.
func (r *Registry) Participants(room string) int { panic("contract") }

// Drain refuses new participants from now on.
func (r *Registry) Drain() { panic("contract") }

// Stats returns one entry per room, and the counters of the rooms that have ended as Ended. It asks the workers and gives up with ctx.
func (r *Registry) Stats(ctx context.Context) Stats { panic("contract") }

// Stats are the rooms of a node at one moment.
type Stats struct {
	Rooms []RoomStats
	// Ended sums the counters of all rooms that are no more; RoomsEnded counts them.
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
	Tracks    []Track
	Slots     int
}

// Participant is a member of a room and the handle through which it acts. Methods check its Grant, may be called from any
// goroutine, and return ErrLeft after it left.
type Participant struct{}

// ID returns the participant's id.
func (p *Participant) ID() ParticipantID { panic("contract") }

// Grant returns what the participant may do.
func (p *Participant) Grant() auth.Grant { panic("contract") }

// Media returns the group that the participant's connections must belong to.
func (p *Participant) Media() *forwarder.Group { panic("contract") }

// Snapshot returns the room as it is now. No event that is delivered after it is older than it.
func (p *Participant) Snapshot() (Snapshot, error) { panic("contract") }

// Publish forwards what the client sends on the m-line mid of peer. Others are told with its first media packet.
func (p *Participant) Publish(peer *forwarder.Peer, mid string, kind forwarder.Kind, source auth.Source, muted bool) (TrackID, error) {
	panic("contract")
}

// Unpublish ends one of the participant's own tracks.
func (p *Participant) Unpublish(id TrackID) error { panic("contract") }

// SetMuted mutes or unmutes one of the participant's own tracks.
func (p *Participant) SetMuted(id TrackID, muted bool) error { panic("contract") }

// Receive adds places for remote tracks.
func (p *Participant) Receive(slots []forwarder.Slot) error { panic("contract") }

// Forget takes away the places and ends the tracks that belong to peer, whose connection is gone.
func (p *Participant) Forget(peer *forwarder.Peer) { panic("contract") }

// SetAuto says whether everything is wanted ("auto") or only what Subscribe names.
func (p *Participant) SetAuto(auto bool) error { panic("contract") }

// Subscribe wants tracks, Unsubscribe does not.
func (p *Participant) Subscribe(ids ...TrackID) error   { panic("contract") }
func (p *Participant) Unsubscribe(ids ...TrackID) error { panic("contract") }

// SetView tells how large the viewer shows a track; priority is 0 to 10.
func (p *Participant) SetView(id TrackID, v forwarder.View, priority int) error { panic("contract") }

// Send sends a chat message to all, or to one.
func (p *Participant) Send(body string, to ParticipantID) error { panic("contract") }

// Rename changes the name that others see.
func (p *Participant) Rename(name string) error { panic("contract") }

// Remove puts someone else out of the room.
func (p *Participant) Remove(id ParticipantID) error { panic("contract") }

// SetConnected tells the others whether the participant's socket is there.
func (p *Participant) SetConnected(connected bool) { panic("contract") }

// DownTrackChanged turns what the forwarder says of a slot into a LayerChanged event.
func (p *Participant) DownTrackChanged(d *forwarder.DownTrack, s forwarder.DownTrackState) {
	panic("contract")
}

// Leave takes the participant out. Only the first call counts.
func (p *Participant) Leave(reason Reason) { panic("contract") }
