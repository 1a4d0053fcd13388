package transport

import (
	"sync/atomic"

	"github.com/pion/webrtc/v4"

	"sfu/pkg/forwarder"
	"sfu/pkg/srtp"
)

// room is how many packets a connection on UDP takes at a time: all that a batch may bring. What the kernel does not take is lost, as on any
// network.
const room = 1 << 12

// A writer sends what the forwarder has for one connection. Who encrypts is settled before the first packet and stays: one SSRC, one encryptor,
// for ever (RFC 3711 section 9.1). With a sealer it is us, and packets leave by the worker's own calls on UDP (egress.go) or by way of the
// queue on TCP; without one it is pion, behind the queue.
type writer struct {
	// open is set while the connection can carry packets.
	open     atomic.Bool
	sealer   atomic.Pointer[srtp.Sealer]
	route    atomic.Pointer[route]
	queue    *sendQueue
	counters *counters
	// first and last are the ends of the chain of this connection's packets in a batch, chained their number. They belong to the worker.
	first, last int32
	chained     int
}

func newWriter(c *counters) *writer {
	w := &writer{counters: c}
	w.queue = newSendQueue(c)
	return w
}

// Room is forwarder.Writer's.
func (w *writer) Room() int {
	if !w.open.Load() {
		return 0
	}
	if w.sealer.Load() != nil {
		switch r := w.route.Load(); {
		case r == nil:
			return 0
		case r.to != nil:
			return room
		}
	}
	return w.queue.room()
}

// Write queues one packet: sealed where we seal, else as it is, for pion.
func (w *writer) Write(o *forwarder.Outgoing) {
	if w.queue.room() == 0 {
		w.counters.dropped.Add(1)
		return
	}
	p := outPackets.Get().(*outPacket)
	p.rtcp, p.sealed, p.header = o.RTCP, false, len(o.Header())
	p.route = nil
	if sealer := w.sealer.Load(); sealer != nil {
		p.sealed, p.route = true, w.route.Load()
		p.size = seal(sealer, p.data[:], o)
	} else {
		p.size = gather(p.data[:], o)
	}
	if p.size == 0 || p.sealed && p.route == nil {
		w.counters.failed.Add(1)
		outPackets.Put(p)
		return
	}
	w.queue.push(p)
}

// gather puts the parts of o together in space and returns its size, 0 if it is too large.
func gather(space []byte, o *forwarder.Outgoing) int {
	header, prefix := o.Header(), o.Prefix()
	if len(header)+len(prefix)+len(o.Payload) > len(space) {
		return 0
	}
	n := copy(space, header)
	n += copy(space[n:], prefix)
	return n + copy(space[n:], o.Payload)
}

// seal encrypts o into space and returns its size, 0 if that fails.
func seal(s *srtp.Sealer, space []byte, o *forwarder.Outgoing) int {
	if o.RTCP {
		if len(o.Payload)+srtp.OverheadRTCP > len(space) {
			return 0
		}
		b, err := s.SealRTCP(space[:0], o.Payload)
		if err != nil {
			return 0
		}
		return len(b)
	}
	n := gather(space[:len(space)-srtp.Overhead], o)
	if n == 0 {
		return 0
	}
	header := o.Header()
	return len(s.SealRTP(space[:0], header, space[len(header):n], o.ROC))
}

// secure has packets be sealed with s from now on. It is called before the writer opens.
func (w *writer) secure(s *srtp.Sealer) { w.sealer.Store(s) }

// redirect sends to r from now on.
func (w *writer) redirect(r *route) { w.route.Store(r) }

// stop ends the queue; the caller makes sure that a blocked send returns, by closing the connection.
func (w *writer) stop() {
	w.open.Store(false)
	w.queue.stop()
}

// bind gives the writer the stream that encrypts where pion does; any m-line's will do, for pion has one session per connection.
func (w *writer) bind(stream webrtc.TrackLocalWriter) { w.queue.bind(stream) }
