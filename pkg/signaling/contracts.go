package signaling

import (
	"sfu/pkg/auth"
	"sfu/pkg/forwarder"
	"sfu/pkg/room"
	"sfu/pkg/transport"
)

// Rooms is what a Server needs of room.Registry. FromRegistry makes one of it.
type Rooms interface {
	// Join enters the room that g names; see room.Registry.Join.
	Join(g auth.Grant, name string, sink room.EventSink) (Participant, room.Snapshot, error)
	// Participants returns how many are in a room.
	Participants(room string) int
}

// A Participant is what a session does in its room. It is implemented by *room.Participant, where each method is described.
type Participant interface {
	Publisher
	Viewer
	Member
}

// A Publisher is the part of a Participant that its own tracks need.
type Publisher interface {
	Media() *forwarder.Group
	Publish(peer *forwarder.Peer, mid string, kind forwarder.Kind, source auth.Source, muted bool) (room.TrackID, error)
	Unpublish(id room.TrackID) error
	SetMuted(id room.TrackID, muted bool) error
	// Forget is told that a connection is gone, with its tracks and its slots.
	Forget(peer *forwarder.Peer)
}

// A Viewer is the part of a Participant that decides what it is sent.
type Viewer interface {
	Receive(slots []forwarder.Slot) error
	SetAuto(auto bool) error
	Subscribe(ids ...room.TrackID) error
	Unsubscribe(ids ...room.TrackID) error
	SetViews(shown ...room.Shown) error
	DownTrackChanged(d *forwarder.DownTrack, s forwarder.DownTrackState)
}

// A Member is the part of a Participant that is about people.
type Member interface {
	ID() room.ParticipantID
	Snapshot() (room.Snapshot, error)
	Send(body string, to room.ParticipantID) error
	Rename(name string) error
	Remove(id room.ParticipantID) error
	SetConnected(connected bool)
	Leave(reason room.Reason)
}

// A Dial makes the connection for a PeerConnection that a client is about to offer. The connection's media joins group.
type Dial func(group *forwarder.Group, h transport.Handler) (transport.Connection, error)

// FromRegistry returns the rooms of r.
func FromRegistry(r *room.Registry) Rooms { return registry{r} }

type registry struct{ *room.Registry }

func (r registry) Join(g auth.Grant, name string, sink room.EventSink) (Participant, room.Snapshot, error) {
	p, snapshot, err := r.Registry.Join(g, name, sink)
	if err != nil {
		return nil, snapshot, err // p is a nil pointer and must not become an interface that is not nil
	}
	return p, snapshot, nil
}
