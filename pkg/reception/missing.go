package reception

import "time"

// Times of NACKs, after libwebrtc.
const (
	// reorderPatience is how long a packet may be late before it is asked for.
	reorderPatience = 10 * time.Millisecond
	// mostTries and longestWait end the asking.
	mostTries   = 10
	longestWait = time.Second
	// mostMissing bounds the list; with more, only a keyframe helps.
	mostMissing = 500
	// defaultRTT is assumed until it is known.
	defaultRTT = 100 * time.Millisecond
	leastRetry = 20 * time.Millisecond
)

// missing are the packets of one SSRC that are being asked for.
type missing struct {
	packets []missingPacket
	// givenUp counts those that never came.
	givenUp uint64
}

type missingPacket struct {
	seq   uint64
	since time.Time
	asked time.Time
	tries int
}

// add takes the count numbers before seq, and reports false when there are too many: then all are forgotten.
func (m *missing) add(seq, count uint64, now time.Time) bool {
	if count+uint64(len(m.packets)) > mostMissing {
		m.givenUp += uint64(len(m.packets)) + count
		m.packets = m.packets[:0]
		return false
	}
	for n := seq - count; n < seq; n++ {
		m.packets = append(m.packets, missingPacket{seq: n, since: now})
	}
	return true
}

// arrived takes seq off the list.
func (m *missing) arrived(seq uint64) {
	for i := range m.packets {
		if m.packets[i].seq == seq {
			m.packets = append(m.packets[:i], m.packets[i+1:]...)
			return
		}
	}
}

// due appends the numbers to ask for now to dst. lost reports that some were given up.
func (m *missing) due(now time.Time, rtt time.Duration, dst []uint16) (sequences []uint16, lost bool) {
	retry := max(rtt, leastRetry)
	keep := m.packets[:0]
	for _, p := range m.packets {
		if p.tries >= mostTries && now.Sub(p.asked) >= retry || now.Sub(p.since) >= longestWait {
			m.givenUp++
			lost = true
			continue
		}
		if !now.Before(p.next(retry)) {
			p.tries++
			p.asked = now
			dst = append(dst, uint16(p.seq))
		}
		keep = append(keep, p)
	}
	m.packets = keep
	return dst, lost
}

// next is when p is to be asked for.
func (p *missingPacket) next(retry time.Duration) time.Time {
	if p.tries == 0 {
		return p.since.Add(reorderPatience)
	}
	return p.asked.Add(retry)
}

// nextDue is when due has something to do, and false when the list is empty.
func (m *missing) nextDue(rtt time.Duration) (at time.Time, ok bool) {
	retry := max(rtt, leastRetry)
	for i := range m.packets {
		if t := m.packets[i].next(retry); i == 0 || t.Before(at) {
			at = t
		}
	}
	return at, len(m.packets) > 0
}
