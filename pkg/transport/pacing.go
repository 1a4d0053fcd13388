package transport

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
)

// packetsPerSecond bounds what one connection may send, RTP and RTCP together.
const packetsPerSecond = 6000

// pacing is a token bucket. Times are in ns.
type pacing struct {
	mu      sync.Mutex
	tokens  float64
	filled  int64
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
