package transport

import (
	"sync/atomic"

	"sfu/pkg/udp"
)

// Stats count connections since the start.
type Stats struct {
	// Open connections, and those of them whose handshake is under way, of which Limit may be.
	Open, Connecting, Limit int
	// EstablishedUDP and EstablishedTCP count connections that came about by the path they took.
	EstablishedUDP, EstablishedTCP uint64
	// FailedICE and FailedDTLS count those that did not, by the step they failed at.
	FailedICE, FailedDTLS uint64
	// Disconnects counts how often an established connection fell silent, TooManyStreams those closed for their SSRCs.
	Disconnects, TooManyStreams uint64
	// QueueDropped counts packets that found a connection's send queue full, SendFailed those the system would not send, and
	// Policed those that a client sent beyond its rate.
	QueueDropped, SendFailed, Policed uint64
	// Unreadable counts packets that a client sent and that could not be decrypted, came twice, are too large, are nothing that a
	// connection carries, or came when too many waited for the handshake.
	Unreadable uint64
	// DirectIn and DirectOut count the datagrams that went past pion, PlainIn and PlainOut those that it decrypted, or encrypted or framed.
	DirectIn, DirectOut, PlainIn, PlainOut uint64
	// Sockets are the UDP sockets.
	Sockets udp.Stats
}

// counters are those of Stats that connections add to.
type counters struct {
	udp, tcp, failedICE, failedDTLS, disconnects, streams, dropped, failed, policed, unreadable atomic.Uint64
	directIn, directOut, plainIn, plainOut                                                      atomic.Uint64
}

// Stats returns the counters.
func (e *Engine) Stats() Stats {
	c := &e.counters
	s := Stats{
		Limit: e.cfg.MaxConnecting, Connecting: len(e.connecting), EstablishedUDP: c.udp.Load(), EstablishedTCP: c.tcp.Load(),
		FailedICE: c.failedICE.Load(), FailedDTLS: c.failedDTLS.Load(), Disconnects: c.disconnects.Load(), TooManyStreams: c.streams.Load(),
		QueueDropped: c.dropped.Load(), SendFailed: c.failed.Load(), Policed: c.policed.Load(),
		Unreadable: c.unreadable.Load(),
		DirectIn:   c.directIn.Load(), DirectOut: c.directOut.Load(), PlainIn: c.plainIn.Load(), PlainOut: c.plainOut.Load(),
	}
	for i, k := range e.sockets {
		if i == 0 {
			s.Sockets = k.Stats()
		} else {
			s.Sockets.Add(k.Stats())
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	s.Open = len(e.conns)
	return s
}
