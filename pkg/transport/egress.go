package transport

import (
	"sfu/pkg/forwarder"
	"sfu/pkg/srtp"
	"sfu/pkg/udp"
)

// An egress sends one worker's batches. Its memory is touched by that worker alone, whose calls on one socket may overlap with others'.
type egress struct {
	engine *Engine
	// senders are per socket, made when they are needed.
	senders []*udp.Sender
	// touched are the writers of a batch, in the order of their first packets; next chains each one's packets.
	touched []*writer
	next    []int32
}

// NewEgress makes what sends one worker's packets, see forwarder.Config.
func (e *Engine) NewEgress() forwarder.Egress {
	return &egress{engine: e, senders: make([]*udp.Sender, len(e.sockets))}
}

// Flush is forwarder.Egress's. A batch is in the order of what was received; it is sent connection by connection, so that packets to the
// same one become runs that the kernel takes as one (udp.Sender). The order within a connection stays.
func (g *egress) Flush(b *forwarder.Batch) {
	g.chain(b)
	direct, plain := 0, 0
	for i, w := range g.touched {
		if g.send(w, b) {
			direct += w.chained
		} else {
			plain += w.chained
		}
		w.chained = 0
		g.touched[i] = nil
	}
	g.touched = g.touched[:0]
	for _, s := range g.senders {
		if s != nil {
			s.Flush()
		}
	}
	g.engine.counters.directOut.Add(uint64(direct))
	g.engine.counters.plainOut.Add(uint64(plain))
}

// chain finds out whose the packets are.
func (g *egress) chain(b *forwarder.Batch) {
	if n := len(b.Packets); n > len(g.next) {
		g.next = make([]int32, 2*n)
	}
	for i := range b.Packets {
		w := b.Packets[i].To.(*writer)
		if w.chained == 0 {
			g.touched = append(g.touched, w)
			w.first = int32(i)
		} else {
			g.next[w.last] = int32(i)
		}
		w.last = int32(i)
		w.chained++
	}
}

// send hands the packets of w to its socket's sender, and reports so, or puts them into its queue.
func (g *egress) send(w *writer, b *forwarder.Batch) (direct bool) {
	sealer, r := w.sealer.Load(), w.route.Load()
	at := w.first
	if sealer == nil || r == nil || r.to == nil || !w.open.Load() {
		for range w.chained {
			w.Write(&b.Packets[at])
			at = g.next[at]
		}
		return false
	}
	sender := g.sender(r.socket)
	for range w.chained {
		space := sender.Reserve()
		if n := seal(sealer, space, &b.Packets[at]); n > 0 {
			sender.Commit(n, r.to)
		} else {
			g.engine.counters.failed.Add(1)
		}
		at = g.next[at]
	}
	return true
}

func (g *egress) sender(k *socket) *udp.Sender {
	s := &g.senders[k.index]
	if *s == nil {
		*s = k.Socket.NewSender()
	}
	return *s
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
