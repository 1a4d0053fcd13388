package signaling

import (
	"context"
	"errors"
	"net/http"

	"sfu/pkg/signaling/protocol"
)

// A Locator says which node a room lives on. It is asked before a WebSocket is upgraded and before a room's information is given. An error
// that is a *protocol.Error is what the client is told, such as protocol.RoomUnavailable; any other refuses it as overloaded.
type Locator interface {
	// Locate finds room, or decides where it will live.
	Locate(ctx context.Context, room string) (Location, error)
	// Find says where room is, without deciding that it be anywhere: what is nowhere yet is taken for here.
	Find(ctx context.Context, room string) (Location, error)
}

// A Location is where a room lives; the zero Location is here.
type Location struct {
	// Elsewhere serves the request on the node that has the room, usually as a reverse proxy.
	Elsewhere http.Handler
	// Signal is where clients open the room's socket themselves, an absolute ws or wss URL, where Elsewhere is nil and the room is not here.
	Signal string
}

// here keeps every room on this node.
type here struct{}

func (here) Locate(context.Context, string) (Location, error) { return Location{}, nil }
func (here) Find(context.Context, string) (Location, error)   { return Location{}, nil }

// errElsewhere refuses a socket that belongs to another node, where clients are told of it and not led there.
var errElsewhere = protocol.RoomUnavailable.Because("The room is on another server; ask for the room's information to learn where.")

// notLocated returns what a client is told when a Locator has failed.
func (s *Server) notLocated(err error, v visitor) *protocol.Error {
	var refusal *protocol.Error
	if errors.As(err, &refusal) {
		return refusal
	}
	s.log.Error("locate room", "room", v.room, "err", err)
	return refuse(protocol.Overloaded, nil, v.began)
}
