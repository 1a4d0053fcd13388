package transport

import (
	"bytes"
	"io"
	"sync"
	"sync/atomic"

	"github.com/pion/transport/v5/packetio"
)

// inbound takes what pion has decrypted. pion makes one buffer per SSRC, a megabyte each, and keeps it as long as the connection; these
// hold nothing, pass each packet on within the call, and count: a client that uses too many SSRCs is out.
type inbound struct {
	conn  *Conn
	rtp   ssrcBudget
	rtcp  ssrcBudget
	limit pacing
	// last and lastSSRC belong to the goroutine that decrypts RTCP.
	last     []byte
	lastSSRC uint32
}

// buffer is pion's BufferFactory.
func (in *inbound) buffer(kind packetio.BufferPacketType, ssrc uint32) io.ReadWriteCloser {
	budget, limit := &in.rtcp, maxRTCPStreams
	if kind == packetio.RTPBufferPacket {
		budget, limit = &in.rtp, in.conn.engine.cfg.MaxSSRCs
	}
	switch {
	case !budget.take(in.limit.now(), limit):
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
	if s.limit.allow() {
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
		if in.limit.allow() {
			in.conn.peer.Receive(b, true)
		}
	}
	return len(b), nil
}
func (s *rtcpSink) Read([]byte) (int, error) { return 0, io.EOF }
func (s *rtcpSink) Close() error             { return nil }

// packetsPerSecond bounds what one connection may send, RTP and RTCP together.
const packetsPerSecond = 6000

// pacing is a token bucket. It asks for the time at each packet, as a tick would be too coarse.
type pacing struct {
	mu      sync.Mutex
	tokens  float64
	filled  int64        // ns
	now     func() int64 // ns, monotonic
	dropped *atomic.Uint64
}

func (p *pacing) allow() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	p.tokens = min(p.tokens+float64(now-p.filled)*packetsPerSecond/1e9, packetsPerSecond)
	p.filled = now
	if p.tokens < 1 {
		p.dropped.Add(1)
		return false
	}
	p.tokens--
	return true
}
