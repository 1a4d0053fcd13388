package transport

import (
	"context"
	"errors"

	"sfu/pkg/forwarder"
)

// Errors of Conn.Answer that a client can cause. They come wrapped with a reason that may be shown to it.
var (
	// ErrBadSDP: the offer cannot be used; the text says why in a few words.
	ErrBadSDP = errors.New("the offer cannot be used")
	// ErrTooManyCandidates: the offer lists more ICE candidates than is sane.
	ErrTooManyCandidates = errors.New("too many ICE candidates")
	// ErrOverloaded: the node negotiates as many connections as it can.
	ErrOverloaded = errors.New("too many connections are being set up")
	// ErrClosed: the connection is gone.
	ErrClosed = errors.New("the connection is closed")
	// ErrTooManyStreams: the client used more SSRCs than it may.
	ErrTooManyStreams = errors.New("too many streams")
)

// A Refusal says why one m-line was rejected in an answer.
type Refusal uint8

// Why an m-line is rejected.
const (
	// RefusedDirection: the client asked for sendrecv; it sends or receives on an m-line.
	RefusedDirection Refusal = iota + 1
	// RefusedPermission: the client may not send this.
	RefusedPermission
	// RefusedCodec: no codec of the m-line is known.
	RefusedCodec
	// RefusedData: data channels are not offered.
	RefusedData
	// RefusedLimit: more slots than a client may have.
	RefusedLimit
)

// A Permit says what an offer may contain.
type Permit struct {
	// Publish is asked for each m-line that the client sends on.
	Publish func(mid string, kind forwarder.Kind) bool
	// Slots is how many slots the client may have on this connection, those of former offers included. The i-th audio and the i-th
	// video m-line that are new in an offer are one slot; an m-line without its other half is one too.
	Slots int
}

// An Answer is what came of an offer.
type Answer struct {
	SDP string
	// Sending are the m-lines, new and old, that the client sends on.
	Sending []Line
	// Slots are the new places for remote tracks.
	Slots []forwarder.Slot
	// Rejected are the m-lines that were turned down.
	Rejected map[string]Refusal
}

// A Line is one m-line.
type Line struct {
	Mid  string
	Kind forwarder.Kind
}

// A State is how far a connection is.
type State uint8

// The states of a Conn, in their usual order. Disconnected may become Connected again; Failed needs an ICE restart or a new Conn.
const (
	Connecting State = iota
	Connected
	Disconnected
	Failed
	Closed
)

// String returns the state as the protocol names it.
func (s State) String() string {
	return [...]string{"connecting", "connected", "disconnected", "failed", "closed"}[s]
}

// A Status is a State and what is known of it.
type Status struct {
	State State
	// Step is "ice" or "dtls" while connecting or after it failed.
	Step string
	// Path is "udp" or "tcp" once connected.
	Path string
	// Err is set when the connection was closed for what the client did; it wraps one of the errors above.
	Err error
}

// A Handler is told what happens to a Conn. Calls may come from any goroutine; they must not block and must not call the Conn.
type Handler interface {
	// StatusChanged is called one call at a time, in order.
	StatusChanged(Status)
	// DownTrackChanged is forwarder.PeerObserver's.
	DownTrackChanged(d *forwarder.DownTrack, s forwarder.DownTrackState)
}

// Connection is the surface of Conn, for those who stand a fake in for it.
type Connection interface {
	// Answer negotiates one offer. Calls must not overlap. An offer that is refused by our own eyes leaves the connection as it
	// was; one that fails later closes it, which the handler is told.
	Answer(ctx context.Context, offer string, permit Permit) (Answer, error)
	// Peer is the connection's media.
	Peer() *forwarder.Peer
	// Close ends the connection and waits for its goroutines. It may be called twice.
	Close()
}
