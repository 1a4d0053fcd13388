package transport

import (
	"sync/atomic"

	"sfu/pkg/forwarder"
	"sfu/pkg/srtp"
)

// room is how many packets a connection on UDP takes at a time: all that a batch may bring. What the kernel does not take is lost, as on any
// network.
const room = 1 << 12

// A writer sends what the forwarder has for one connection. Who encrypts is settled before the first packet and stays: one SSRC, one encryptor,
// for ever (RFC 3711 section 9.1). With a sealer packets leave by the worker's own calls on UDP (egress.go), or by way of the queue on TCP;
// without one the wire encrypts, behind the queue.
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
		if r := w.route.Load(); r != nil && r.to != nil {
			return room
		}
	}
	return w.queue.room()
}

// Write queues one packet: sealed where we seal, else as it is, for the wire to encrypt.
func (w *writer) Write(o *forwarder.Outgoing) {
	if !w.open.Load() || w.queue.room() == 0 {
		w.counters.dropped.Add(1)
		return
	}
	p := outPackets.Get().(*outPacket)
	sealer := w.sealer.Load()
	p.rtcp, p.sealed = o.RTCP, sealer != nil
	if p.sealed {
		p.size = seal(sealer, p.data[:], o)
	} else {
		p.size = gather(p.data[:], o)
	}
	if p.size == 0 {
		w.counters.failed.Add(1)
		outPackets.Put(p)
		return
	}
	w.queue.push(p)
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
