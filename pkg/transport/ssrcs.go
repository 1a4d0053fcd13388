package transport

import (
	"sync"
	"time"
)

const (
	// maxRTCPStreams bounds the SSRCs that a client's RTCP may be about at once: what it receives and sends, with room to spare.
	maxRTCPStreams = 512
	// maxStreamsEver bounds the SSRCs of a connection's whole life, as pion forgets none of them.
	maxStreamsEver = 1024
	// forgiveSSRC is how often one more SSRC may appear in a long call: whoever changes codecs or shares again sends on new ones.
	forgiveSSRC = 10 * time.Second
)

// An ssrcBudget is what is left for new SSRCs. pion makes streams on several goroutines.
type ssrcBudget struct {
	mu   sync.Mutex
	used int // less what was forgiven
	ever int
	at   int64 // ns, until when was forgiven
}

// take reports whether one more SSRC may appear at now, in ns. limit may at once.
func (b *ssrcBudget) take(now int64, limit int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if forgiven := (now - b.at) / int64(forgiveSSRC); forgiven > 0 {
		b.used = max(0, b.used-int(forgiven))
		b.at += forgiven * int64(forgiveSSRC)
	}
	if b.used >= limit || b.ever >= max(limit, maxStreamsEver) {
		return false
	}
	b.used++
	b.ever++
	return true
}
