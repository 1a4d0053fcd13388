package forwarder

import (
	"encoding/binary"
	"time"
)

const (
	// answerSpan is how old a packet may be that is sent again; browsers do not ask for older ones.
	answerSpan = time.Second
	// maxResends is how often one packet is sent again.
	maxResends = 6
	sentMin    = 64
	sentMax    = 4096
)

// A sentPacket is what must be known to send a packet again with the same bytes.
type sentPacket struct {
	out        uint64
	in         uint64
	encoding   *encoding // nil for padding
	at, resent Instant
	header     outHeader
	generation uint32
	prefix     [prefixSize - 2]byte
	prefixLen  uint8
	replaced   uint8
	resends    uint8
	used       bool
}

// sentPackets remembers what was sent on an m-line: a ring by outgoing number that grows until it reaches answerSpan back.
type sentPackets struct{ ring []sentPacket }

// put returns the place for packet out.
func (s *sentPackets) put(out uint64, now Instant) *sentPacket {
	if s.ring == nil {
		s.ring = make([]sentPacket, sentMin)
	}
	p := &s.ring[out&uint64(len(s.ring)-1)]
	if p.used && len(s.ring) < sentMax && now.Sub(p.at) < answerSpan+answerSpan/5 {
		s.grow()
		p = &s.ring[out&uint64(len(s.ring)-1)]
	}
	p.out, p.at, p.used = out, now, true
	p.resent, p.resends = 0, 0
	return p
}

func (s *sentPackets) grow() {
	old := s.ring
	s.ring = make([]sentPacket, 2*len(old))
	for _, p := range old {
		if p.used {
			s.ring[p.out&uint64(len(s.ring)-1)] = p
		}
	}
}

// find returns the packet that was last sent with this number.
func (s *sentPackets) find(sequence uint16, lastOut uint64) *sentPacket {
	if len(s.ring) == 0 {
		return nil
	}
	out := lastOut - uint64(uint16(lastOut)-sequence)
	if p := &s.ring[out&uint64(len(s.ring)-1)]; p.used && p.out == out {
		return p
	}
	return nil
}

// rtxStream is the retransmission stream of an m-line (RFC 4588).
type rtxStream struct {
	next     uint64  // extended
	budget   float64 // bytes
	filledAt Instant
}

// rtxShare is the part of what an m-line sends that may be sent again, rtxBurst what may be at once, in bytes.
const (
	rtxShare = 0.2
	rtxBurst = 128 << 10
)

// allow takes size bytes from the budget.
func (r *rtxStream) allow(size int, bitsPerSecond float64, now Instant) bool {
	r.budget += now.Sub(r.filledAt).Seconds() * max(bitsPerSecond/8*rtxShare, 16<<10)
	r.budget = min(r.budget, rtxBurst)
	r.filledAt = now
	if r.budget < float64(size) {
		return false
	}
	r.budget -= float64(size)
	return true
}

func newRTXStream(now Instant) rtxStream {
	return rtxStream{next: firstOut(), budget: rtxBurst, filledAt: now}
}

// answer sends the packet with this number again if it is known, not too old and not asked for too often.
func (d *DownTrack) answer(sequence uint16, now Instant) {
	m := &d.media
	c := &d.peer.group.counters
	c.NACKsIn++
	s := m.sent.find(sequence, m.rewriter.lastOut)
	if s == nil || now.Sub(s.at) > answerSpan || s.resends >= maxResends {
		c.NACKsUnanswered++
		return
	}
	if now.Sub(max(s.at, s.resent)) < d.peer.egress.resendInterval() {
		return // it is on its way: the NACK crossed it
	}
	var payload []byte
	if s.encoding != nil {
		p := s.encoding.history.get(s.in)
		if p == nil || s.encoding.generation != s.generation {
			c.NACKsUnanswered++
			return
		}
		payload = p.payload[s.replaced:]
	}
	if !m.rtx.allow(len(payload)+headerSize, float64(m.meter.rate(now)), now) || d.peer.writer.Room() <= audioReserve {
		c.NACKsUnanswered++
		return
	}
	s.resends++
	s.resent = now
	c.RetransmittedOut[KindIndex(d.kind)]++
	d.resend(s, payload, now)
}

// resend sends s once more: wrapped in the retransmission stream where the packet's own format has one, else as it was, to the last
// bit, for a number must never be encrypted twice with different content (RFC 3711 section 9.1).
func (d *DownTrack) resend(s *sentPacket, payload []byte, now Instant) {
	m := &d.media
	if s.encoding == nil {
		d.sendPadding(&s.header, now)
		return
	}
	h := s.header
	o := d.peer.worker.router.batch.add()
	o.To, o.RTCP, o.Payload, o.prefixLen = d.peer.writer, false, payload, 0
	if rtx := d.rtxTypeOf(h.payloadType); rtx != 0 && m.stream.RTX != 0 {
		binary.BigEndian.PutUint16(o.prefix[:], h.sequence)
		o.prefixLen = 2
		h.payloadType, h.ssrc = rtx, m.stream.RTX
		h.number(m.rtx.next)
		m.rtx.next++
		d.stamp(&h)
	}
	h.marshal(o)
	o.prefixLen += uint8(copy(o.prefix[o.prefixLen:], s.prefix[:s.prefixLen]))
	d.countBytes(o, now)
}

func (d *DownTrack) rtxTypeOf(payloadType uint8) uint8 {
	for i := range d.formats {
		if d.formats[i].PayloadType == payloadType {
			return d.formats[i].RTX
		}
	}
	return 0
}
