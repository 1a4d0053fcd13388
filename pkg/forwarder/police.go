package forwarder

import "time"

const (
	// policeBurst is how many seconds of the bit rate may come at once: what makes 150 % of it last for two seconds.
	policeBurst = 1.0
	// policePacketBurst is how many seconds of the packet rate may come at once; a keyframe comes in one burst.
	policePacketBurst = 0.5
	// policeNotice is the least time between two notices.
	policeNotice = 2 * time.Second
)

// A policer bounds what one track may send: packets/s, and bits/s of which 150 % are tolerated for two seconds.
type policer struct {
	packets, bits tokenBucket
	at            Instant
	started       bool
	noticedAt     Instant
	noticed       bool
}

// newPolicer returns a policer of the given limits per second.
func newPolicer(packetsPerSecond, bitsPerSecond int) policer {
	return policer{
		packets: newTokenBucket(float64(packetsPerSecond), policePacketBurst),
		bits:    newTokenBucket(float64(bitsPerSecond), policeBurst),
	}
}

// admit reports whether a packet of size bytes is within the limits. One that is not takes nothing from them.
func (p *policer) admit(size int, now Instant) bool {
	if p.started && now > p.at {
		seconds := now.Sub(p.at).Seconds()
		p.packets.fill(seconds)
		p.bits.fill(seconds)
	}
	p.at, p.started = max(p.at, now), true
	bits := float64(size) * 8
	if p.packets.tokens < 1 || p.bits.tokens < bits {
		return false
	}
	p.packets.tokens--
	p.bits.tokens -= bits
	return true
}

// notify reports whether the publisher should be told now that packets are dropped, which is true at most once in two seconds.
// It is asked when one is.
func (p *policer) notify(now Instant) bool {
	if p.noticed && now.Sub(p.noticedAt) < policeNotice {
		return false
	}
	p.noticedAt, p.noticed = now, true
	return true
}

// A tokenBucket holds what may be spent at once; it fills at rate per second.
type tokenBucket struct{ tokens, rate, size float64 }

func newTokenBucket(rate, seconds float64) tokenBucket {
	return tokenBucket{tokens: rate * seconds, rate: rate, size: rate * seconds}
}

func (b *tokenBucket) fill(seconds float64) { b.tokens = min(b.tokens+b.rate*seconds, b.size) }
