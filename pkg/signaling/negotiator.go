package signaling

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"sfu/pkg/forwarder"
	"sfu/pkg/transport"
)

// A negotiator owns one connection: it dials it, answers the offers for it and closes it. Each is done on a goroutine that ends with it, so
// that an answer that takes its time holds up nobody else, and an idle connection has no goroutine here.
type negotiator struct {
	line    *line
	group   *forwarder.Group
	dial    Dial
	timeout time.Duration
	post    func(any)
	ctx     context.Context // ends when the line hangs up

	mu   sync.Mutex // held while an offer is answered
	conn transport.Connection
}

// offered is an offer to answer.
type offered struct {
	n      uint64
	sdp    string
	permit transport.Permit
}

// negotiated is what came of it. fatal is set where the connection is of no use any more; the session then hangs up.
type negotiated struct {
	line   *line
	n      uint64
	conn   transport.Connection
	answer transport.Answer
	err    error
	fatal  bool
}

// A statusChanged tells how far the connection of a line is.
type statusChanged struct {
	line   *line
	status transport.Status
}

// A downTrackChanged tells what a viewer's m-line carries.
type downTrackChanged struct {
	down  *forwarder.DownTrack
	state forwarder.DownTrackState
}

// StatusChanged implements transport.Handler.
func (n *negotiator) StatusChanged(s transport.Status) { n.post(statusChanged{n.line, s}) }

// DownTrackChanged implements transport.Handler. It goes through the session's inbox, because the media path must not wait for
// the lock of the room.
func (n *negotiator) DownTrackChanged(d *forwarder.DownTrack, s forwarder.DownTrackState) {
	n.post(downTrackChanged{d, s})
}

// take answers an offer, and says nothing when the line hangs up meanwhile.
func (n *negotiator) take(o offered) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ctx.Err() != nil {
		return
	}
	result := negotiated{line: n.line, n: o.n}
	result.answer, result.err = n.answer(o)
	result.conn = n.conn
	result.fatal = result.err != nil &&
		!errors.Is(result.err, transport.ErrBadSDP) && !errors.Is(result.err, transport.ErrTooManyCandidates)
	n.post(result)
}

// close closes the connection, once the line has hung up.
func (n *negotiator) close() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.conn != nil {
		n.conn.Close()
	}
}

// answer dials the connection where that was not done yet, and answers. SDP of strangers is parsed below: a panic there is their
// offer's failure and nobody else's.
func (n *negotiator) answer(o offered) (a transport.Answer, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic while answering an offer: %v\n%s", p, debug.Stack())
		}
	}()
	if n.conn == nil {
		dialed, err := n.dial(n.group, n)
		if err != nil {
			return a, fmt.Errorf("dial: %w", err)
		}
		n.conn = dialed
	}
	ctx, cancel := context.WithTimeout(n.ctx, n.timeout)
	defer cancel()
	return n.conn.Answer(ctx, o.sdp, o.permit)
}
