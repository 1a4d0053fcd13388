package udp

import "sync/atomic"

// Stats count what Readers and Senders of a Socket did since it was opened.
type Stats struct {
	// DatagramsIn were read, in CallsIn system calls that returned some; Truncated of them were larger than their buffer.
	DatagramsIn, CallsIn, Truncated uint64
	// ReadErrors are those that said something about an earlier datagram that was sent, not about reading.
	ReadErrors uint64
	// Overflowed counts what the kernel dropped before it was read, mostly because the socket's buffer was full; modulo 2^32, and 0 where the
	// system does not say.
	Overflowed uint64
	// DatagramsOut were handed to the kernel, in CallsOut system calls, failed ones included.
	DatagramsOut, CallsOut uint64
	// Runs are the messages that the kernel was to cut up (GSO), Segments the datagrams in them; both are part of DatagramsOut.
	Runs, Segments uint64
	// DroppedFull counts datagrams that found the socket's buffer or the system's memory full, DroppedTooLarge those that exceed what the path
	// takes, DroppedUnreachable those that the network, a firewall or the socket's family keeps from their destination, and
	// DroppedOther the rest, such as what was flushed after Close.
	DroppedFull, DroppedTooLarge, DroppedUnreachable, DroppedOther uint64
	// Batching says whether several messages go into a system call, GSO whether several datagrams go into a message.
	Batching, GSO bool
}

// counters are those of Stats that are added to.
type counters struct {
	datagramsIn, callsIn, truncated, readErrors atomic.Uint64
	datagramsOut, callsOut, runs, segments      atomic.Uint64
	full, tooLarge, unreachable, other          atomic.Uint64
}

// tally is what one Flush did; it is added up before it is told, as other Senders count as well.
type tally struct {
	datagrams, calls, runs, segments   uint64
	full, tooLarge, unreachable, other uint64
}

// add counts t and forgets it.
func (c *counters) add(t *tally) {
	for _, sum := range [...]struct {
		counter *atomic.Uint64
		n       uint64
	}{
		{&c.datagramsOut, t.datagrams}, {&c.callsOut, t.calls}, {&c.runs, t.runs}, {&c.segments, t.segments},
		{&c.full, t.full}, {&c.tooLarge, t.tooLarge}, {&c.unreachable, t.unreachable}, {&c.other, t.other},
	} {
		if sum.n != 0 {
			sum.counter.Add(sum.n)
		}
	}
	*t = tally{}
}

// Stats returns what happened so far.
func (s *Socket) Stats() Stats {
	c := &s.counters
	return Stats{
		DatagramsIn: c.datagramsIn.Load(), CallsIn: c.callsIn.Load(), Truncated: c.truncated.Load(), ReadErrors: c.readErrors.Load(),
		Overflowed: s.overflowed(), DatagramsOut: c.datagramsOut.Load(), CallsOut: c.callsOut.Load(), Runs: c.runs.Load(), Segments: c.segments.Load(),
		DroppedFull: c.full.Load(), DroppedTooLarge: c.tooLarge.Load(), DroppedUnreachable: c.unreachable.Load(), DroppedOther: c.other.Load(),
		Batching: s.batching.Load(), GSO: s.gso.Load(),
	}
}

// Add adds what another socket did. Batching and GSO are then those of all sockets.
func (s *Stats) Add(o Stats) {
	s.DatagramsIn += o.DatagramsIn
	s.CallsIn += o.CallsIn
	s.Truncated += o.Truncated
	s.ReadErrors += o.ReadErrors
	s.Overflowed += o.Overflowed
	s.DatagramsOut += o.DatagramsOut
	s.CallsOut += o.CallsOut
	s.Runs += o.Runs
	s.Segments += o.Segments
	s.DroppedFull += o.DroppedFull
	s.DroppedTooLarge += o.DroppedTooLarge
	s.DroppedUnreachable += o.DroppedUnreachable
	s.DroppedOther += o.DroppedOther
	s.Batching = s.Batching && o.Batching
	s.GSO = s.GSO && o.GSO
}
