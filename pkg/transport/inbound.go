package transport

import (
	"bytes"
	"encoding/binary"
	"io"
	"sync"
	"sync/atomic"

	"github.com/pion/transport/v5/packetio"

	"sfu/pkg/forwarder"
	"sfu/pkg/srtp"
)

// inbound takes what a client sends: from the sockets and paths once the connection has an opener, else what pion has decrypted. pion makes one
// buffer per SSRC, a megabyte each, and keeps it as long as the connection; these hold nothing, pass each packet on within the call, and
// count: a client that uses too many SSRCs is out.
type inbound struct {
	conn   *Conn
	opener atomic.Pointer[opener]
	rtp    ssrcBudget
	rtcp   ssrcBudget
	limit  pacing
	// last and lastSSRC belong to the goroutine that decrypts RTCP.
	last     []byte
	lastSSRC uint32
}

// An opener decrypts what one client sends. UDP and TCP are read by different goroutines.
type opener struct {
	mu   sync.Mutex
	srtp *srtp.Opener
	// made is how many SSRCs it has met.
	made uint64
}

// secure has packets be decrypted with o from now on.
func (in *inbound) secure(o *srtp.Opener) { in.opener.Store(&opener{srtp: o}) }

// take takes the datagram of size bytes in b, which is then the forwarder's, and reports whether it did: before the connection is secured packets
// are pion's to keep until then. now is in ns.
func (in *inbound) take(inlet *forwarder.Inlet, b *forwarder.Buffer, size int, truncated bool, now int64) bool {
	o := in.opener.Load()
	if o == nil {
		return false
	}
	if truncated {
		in.conn.engine.counters.unreadable.Add(1)
		b.Release()
		return true
	}
	packet, control, ok := in.open(o, b.Space()[:size], now)
	if !ok {
		b.Release()
		return true
	}
	b.SetLen(len(packet))
	inlet.Add(in.conn.peer, b, control)
	return true
}

// takeCopy is take for datagrams that come one by one, in memory of pion's.
func (in *inbound) takeCopy(packet []byte) bool {
	o := in.opener.Load()
	if o == nil {
		return false
	}
	if packet, control, ok := in.open(o, packet, sinceStart()); ok {
		in.conn.peer.Receive(packet, control)
	}
	return true
}

// open decrypts a packet in place.
func (in *inbound) open(o *opener, packet []byte, now int64) (plain []byte, control, ok bool) {
	counters := &in.conn.engine.counters
	control = isRTCP(packet)
	packets := 1
	o.mu.Lock()
	var err error
	if control {
		plain, err = o.srtp.OpenRTCP(packet)
		packets = packetsIn(plain)
	} else {
		plain, err = o.srtp.OpenRTP(packet)
	}
	more := o.srtp.Made() > o.made
	o.made = o.srtp.Made()
	o.mu.Unlock()
	switch {
	case err != nil:
		counters.unreadable.Add(1)
	case more && !in.rtp.take(now, in.conn.engine.cfg.MaxSSRCs):
		in.conn.abort(ErrTooManyStreams)
	case in.limit.allow(now, packets):
		counters.directIn.Add(1)
		return plain, control, true
	}
	return nil, control, false
}

// packetsIn returns how many RTCP packets a compound has, each of which is work (RFC 3550 section 6.1).
func packetsIn(compound []byte) int {
	n := 0
	for len(compound) >= 4 {
		n++
		size := 4 * (int(binary.BigEndian.Uint16(compound[2:])) + 1)
		compound = compound[min(size, len(compound)):]
	}
	return max(n, 1)
}

// buffer is pion's BufferFactory.
func (in *inbound) buffer(kind packetio.BufferPacketType, ssrc uint32) io.ReadWriteCloser {
	budget, limit := &in.rtcp, maxRTCPStreams
	if kind == packetio.RTPBufferPacket {
		budget, limit = &in.rtp, in.conn.engine.cfg.MaxSSRCs
	}
	switch {
	case !budget.take(sinceStart(), limit):
		in.conn.abort(ErrTooManyStreams)
		return discard{}
	case kind == packetio.RTPBufferPacket:
		return (*rtpSink)(in)
	}
	return &rtcpSink{in: in, ssrc: ssrc}
}

// discard stands in for a stream that is one too many.
type discard struct{}

func (discard) Read([]byte) (int, error)    { return 0, io.EOF }
func (discard) Write(b []byte) (int, error) { return len(b), nil }
func (discard) Close() error                { return nil }

// rtpSink is written by the goroutine that decrypts RTP. pion's own readers find it at its end and go.
type rtpSink inbound

func (s *rtpSink) Write(b []byte) (int, error) {
	if s.limit.allow(sinceStart(), 1) {
		s.conn.engine.counters.plainIn.Add(1)
		s.conn.peer.Receive(b, false)
	}
	return len(b), nil
}
func (s *rtpSink) Read([]byte) (int, error) { return 0, io.EOF }
func (s *rtpSink) Close() error             { return nil }

// rtcpSink is written by the goroutine that decrypts RTCP. pion takes compounds apart and writes each packet by itself, once for every SSRC
// that it is about (that the compound is about, where it names none), in ascending order; the forwarder wants it once.
type rtcpSink struct {
	in   *inbound
	ssrc uint32
}

func (s *rtcpSink) Write(b []byte) (int, error) {
	in := s.in
	again := s.ssrc > in.lastSSRC && bytes.Equal(b, in.last)
	in.lastSSRC = s.ssrc
	if !again {
		in.last = append(in.last[:0], b...)
		if in.limit.allow(sinceStart(), 1) {
			in.conn.engine.counters.plainIn.Add(1)
			in.conn.peer.Receive(b, true)
		}
	}
	return len(b), nil
}
func (s *rtcpSink) Read([]byte) (int, error) { return 0, io.EOF }
func (s *rtcpSink) Close() error             { return nil }

// packetsPerSecond bounds what one connection may send, RTP and RTCP together.
const packetsPerSecond = 6000

// pacing is a token bucket. Times are in ns.
type pacing struct {
	mu      sync.Mutex
	tokens  float64
	filled  int64 // ns
	dropped *atomic.Uint64
}

// allow takes what a datagram of so many packets costs, or counts them as dropped.
func (p *pacing) allow(now int64, packets int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.tokens = min(p.tokens+float64(now-p.filled)*packetsPerSecond/1e9, packetsPerSecond)
	p.filled = now
	if p.tokens < float64(packets) {
		p.dropped.Add(uint64(packets))
		return false
	}
	p.tokens -= float64(packets)
	return true
}
