package forwarder

import (
	"cmp"
	"slices"
	"time"
)

const (
	// nackLimit is how many packets may be missing at once.
	nackLimit = 1000
	// nackTries is how often a packet is asked for.
	nackTries = 10
	// nackOvertaken is how many later packets must arrive before a packet counts as lost (RFC 9002 section 6.1.1).
	nackOvertaken = 3
	// nackUnknownRTT is assumed until the round trip is known.
	nackUnknownRTT = 100 * time.Millisecond
	// nackMargin is what an answer may take beyond the round trip: four times the least variation that we assume, 5 ms.
	nackMargin      = 20 * time.Millisecond
	nackMinInterval = 20 * time.Millisecond
	nackMaxInterval = 400 * time.Millisecond
	// nackVideoPatience and nackAudioPatience are how long a packet is worth waiting for.
	nackVideoPatience = 500 * time.Millisecond
	nackAudioPatience = 150 * time.Millisecond
)

// A missingPacket has been overtaken and not been seen.
type missingPacket struct {
	seq   uint64
	since Instant
	asked Instant
	// advances is what the generator's counter stood at when the packet was found missing.
	advances uint64
	tries    int
}

// A nackGenerator decides which packets of one media SSRC to ask for again (RFC 4585 section 6.2.1), and when to give up.
type nackGenerator struct {
	kind    Kind
	highest uint64
	// needed is the first packet of the latest keyframe: nothing before it is worth asking for.
	needed uint64
	// advances counts the packets that were later than all before them.
	advances uint64
	missing  []missingPacket // ascending
	reorder  reorderDelay
	rtt      time.Duration
	givenUp  int
	// broken is the highest packet that was given up, 0 when a keyframe has begun since.
	broken uint64
}

func newNackGenerator(k Kind) nackGenerator { return nackGenerator{kind: k, rtt: nackUnknownRTT} }

// insert takes the extended sequence number of a packet that arrived; recovered tells that it came as a retransmission. A jump over
// more than nackLimit packets, or too many packets missing at once, empties the list; lost tells so.
func (g *nackGenerator) insert(seq uint64, recovered bool, now Instant) {
	switch {
	case g.highest == 0:
		g.highest = seq
	case seq > g.highest:
		g.advance(seq, now)
	default:
		g.found(seq, recovered, now)
	}
}

func (g *nackGenerator) advance(seq uint64, now Instant) {
	from := max(g.highest+1, g.needed)
	g.highest = seq
	g.advances++
	if from >= seq {
		return
	}
	if seq-from > uint64(nackLimit-len(g.missing)) {
		g.overflow(from, seq)
		return
	}
	for s := from; s < seq; s++ {
		g.missing = append(g.missing, missingPacket{seq: s, since: now, advances: g.advances})
	}
}

func (g *nackGenerator) overflow(from, seq uint64) {
	g.givenUp += len(g.missing)
	// A sender that began anew has lost nothing, see extender.restarted.
	if seq-from < 1<<16 {
		g.givenUp += int(seq - from)
	}
	g.missing = g.missing[:0]
	g.broken = seq - 1
}

func (g *nackGenerator) found(seq uint64, recovered bool, now Instant) {
	i, ok := g.search(seq)
	if !ok {
		return
	}
	m := &g.missing[i]
	// Without RTX an answer to our request looks like the packet itself; it cannot come in less than the round trip.
	if !recovered && (m.tries == 0 || m.tries == 1 && now.Sub(m.asked) < g.rtt/2) {
		g.reorder.sample(now.Sub(m.since), now)
	}
	g.missing = slices.Delete(g.missing, i, i+1)
}

func (g *nackGenerator) search(seq uint64) (int, bool) {
	return slices.BinarySearchFunc(g.missing, seq, func(m missingPacket, seq uint64) int { return cmp.Compare(m.seq, seq) })
}

// keyframe tells that a keyframe begins with packet first. What is missing before it is not needed any more.
func (g *nackGenerator) keyframe(first uint64) {
	g.needed = max(g.needed, first)
	if g.broken < g.needed {
		g.broken = 0
	}
	i, _ := g.search(g.needed)
	g.missing = slices.Delete(g.missing, 0, i)
}

// due appends the packets that are to be asked for now to dst. A packet is asked for when three later ones have arrived or it is
// later than reordering explains, and again after the round trip times 1.25 for each time before, within 20 to 400 ms. It is given
// up after ten times, or when it is older than 150 ms (audio) or the longer of 500 ms and three round trips (video).
// An rtt of 0 means that it is not known.
func (g *nackGenerator) due(now Instant, rtt time.Duration, dst []uint16) []uint16 {
	if len(g.missing) == 0 {
		return dst
	}
	interval := rtt + nackMargin
	if rtt <= 0 {
		rtt, interval = nackUnknownRTT, nackUnknownRTT
	}
	g.rtt = rtt
	patience := nackAudioPatience
	if g.kind == Video {
		patience = max(nackVideoPatience, 3*rtt)
	}
	reorder := g.reorder.wait(now)
	kept := g.missing[:0]
	for _, m := range g.missing {
		ready := m.ready(now, interval, reorder, g.advances)
		if now.Sub(m.since) > patience || ready && m.tries == nackTries {
			g.givenUp++
			g.broken = max(g.broken, m.seq)
			continue
		}
		if ready {
			m.tries++
			m.asked = now
			dst = append(dst, uint16(m.seq))
		}
		kept = append(kept, m)
	}
	g.missing = kept
	return dst
}

func (m *missingPacket) ready(now Instant, interval, reorder time.Duration, advances uint64) bool {
	if m.tries == 0 {
		// The packet that revealed the gap is the first of the later ones.
		return advances-m.advances >= nackOvertaken-1 || now.Sub(m.since) >= reorder
	}
	for i := 1; i < m.tries && interval < nackMaxInterval; i++ {
		interval += interval / 4
	}
	return now.Sub(m.asked) >= min(max(interval, nackMinInterval), nackMaxInterval)
}

// lost returns how many packets were given up since the last call. unrecoverable is true when the picture needs a keyframe because
// of them; one that has begun since then settles it. Audio never needs one.
func (g *nackGenerator) lost() (n int, unrecoverable bool) {
	n, unrecoverable = g.givenUp, g.broken != 0 && g.kind == Video
	g.givenUp, g.broken = 0, 0
	return n, unrecoverable
}

// pending returns how many packets are missing; due has nothing to do while it is 0.
func (g *nackGenerator) pending() int { return len(g.missing) }

const (
	reorderStart  = 5 * time.Millisecond
	reorderMax    = 20 * time.Millisecond
	reorderPeriod = 5 * time.Second
	// reorderEnough is how many samples a percentile needs before it may be shorter than reorderStart.
	reorderEnough = 20
)

// A reorderDelay learns how long to wait for a packet that may only have been overtaken: the 95th percentile of how late such
// packets came in the last 5 to 10 s, from 0 to 20 ms.
type reorderDelay struct {
	// counts are of samples by lateness in milliseconds, rounded up: those since began, and those of the period before.
	counts, before [reorderMax/time.Millisecond + 1]uint32
	began          Instant
	delay          time.Duration
	sampled        bool
}

func (r *reorderDelay) sample(late time.Duration, now Instant) {
	if age := now.Sub(r.began); !r.sampled || age >= 2*reorderPeriod {
		*r = reorderDelay{began: now, sampled: true}
	} else if age >= reorderPeriod {
		r.before, r.began = r.counts, now
		clear(r.counts[:])
	}
	late = min(max(late, 0), reorderMax)
	r.counts[(late+time.Millisecond-1)/time.Millisecond]++
	r.delay = r.percentile()
}

func (r *reorderDelay) percentile() time.Duration {
	var total uint32
	for i := range r.counts {
		total += r.counts[i] + r.before[i]
	}
	above := total / 20
	i := len(r.counts) - 1
	for ; i > 0; i-- {
		n := r.counts[i] + r.before[i]
		if n > above {
			break
		}
		above -= n
	}
	delay := time.Duration(i) * time.Millisecond
	if total < reorderEnough {
		return max(delay, reorderStart)
	}
	return delay
}

func (r *reorderDelay) wait(now Instant) time.Duration {
	if !r.sampled || now.Sub(r.began) >= 2*reorderPeriod {
		return reorderStart
	}
	return r.delay
}
