package transport

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
)

// inbound takes what was decrypted, passes each packet on within the call, and counts: a client that uses too many SSRCs is out. It belongs to
// the goroutine that decrypts.
type inbound struct {
	conn    *Conn
	streams ssrcBudget // of RTP
	reports ssrcBudget // of who sends RTCP
	limit   pacing
}

// rtp takes a packet of the stream ssrc.
func (in *inbound) rtp(ssrc uint32, packet []byte) {
	if !in.streams.knows(ssrc, in.limit.now, in.conn.engine.cfg.MaxSSRCs) {
		in.conn.abort(ErrTooManyStreams)
		return
	}
	if in.limit.allow() {
		in.conn.peer.Receive(packet, false)
	}
}

// rtcp takes a compound, which counts as the packets that it is made of. ssrc is who sends it.
func (in *inbound) rtcp(ssrc uint32, compound []byte) {
	if !in.reports.knows(ssrc, in.limit.now, maxRTCPStreams) {
		in.conn.abort(ErrTooManyStreams)
		return
	}
	for rest := compound; len(rest) >= 4; {
		if !in.limit.allow() {
			return
		}
		rest = rest[min(len(rest), 4+4*int(binary.BigEndian.Uint16(rest[2:]))):]
	}
	in.conn.peer.Receive(compound, true)
}

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
