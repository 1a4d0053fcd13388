package signaling

import "sfu/pkg/signaling/protocol"

// A link is what a session needs of its socket. No method blocks.
type link interface {
	// send queues a frame. A socket that cannot take it ends.
	send(frame []byte)
	// shut ends the socket after what is queued and the frames of last.
	shut(e ending, last ...[]byte)
	// requests are what the client asks, one at a time. Between two of them the socket waits.
	requests() <-chan protocol.Request
	// lost is closed when nothing more will come.
	lost() <-chan struct{}
}

// endingOf returns the ending for a code with which the server closes a socket.
func endingOf(code protocol.Code) ending { return ending{code.CloseAfterRefusal(), string(code)} }

// An outbox speaks to a client while there is one.
type outbox struct {
	link  link
	tally *tally
}

func (o *outbox) open() bool { return o.link != nil }

// event says something that answers nothing.
func (o *outbox) event(m protocol.ServerMessage) {
	if o.link != nil {
		o.tally.sent.inc(m.Type())
		o.link.send(protocol.EncodeEvent(m))
	}
}

// reply answers the request re, which is 0 where the socket that it came on is gone.
func (o *outbox) reply(re uint64, m protocol.ServerMessage) {
	if o.link != nil {
		o.tally.sent.inc(m.Type())
		o.link.send(protocol.EncodeReply(re, m))
	}
}

// shut ends the link, with last words where there are any.
func (o *outbox) shut(e ending, last ...[]byte) {
	if o.link != nil {
		o.link.shut(e, last...)
		o.link = nil
	}
}
