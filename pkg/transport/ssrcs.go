package transport

import "time"

const (
	// maxRTCPStreams bounds the SSRCs that a client's RTCP may be about at once: what it receives and sends, with room to spare.
	maxRTCPStreams = 512
	// maxStreamsEver bounds the SSRCs of a connection's whole life, as none of them is forgotten.
	maxStreamsEver = 1024
	// forgiveSSRC is how often one more SSRC may appear in a long call: whoever changes codecs or shares again sends on new ones.
	forgiveSSRC = 10 * time.Second
)

// An ssrcBudget is what is left for new SSRCs.
type ssrcBudget struct {
	known map[uint32]struct{}
	last  uint32 // of known, where that is not empty
	used  int    // less what was forgiven
	ever  int
	at    int64 // ns, until when was forgiven
}

// knows reports whether ssrc may be used: it was before, or it is one more that may be. limit may at once; now is in ns.
func (b *ssrcBudget) knows(ssrc uint32, now int64, limit int) bool {
	if ssrc == b.last && len(b.known) > 0 {
		return true
	}
	if _, known := b.known[ssrc]; !known {
		if !b.take(now, limit) {
			return false
		}
		if b.known == nil {
			b.known = map[uint32]struct{}{}
		}
		b.known[ssrc] = struct{}{}
	}
	b.last = ssrc
	return true
}

// take reports whether one more SSRC may appear at now, in ns. limit may at once.
func (b *ssrcBudget) take(now int64, limit int) bool {
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
