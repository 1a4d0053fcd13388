package forwarder

import "time"

// ingress is what a connection receives: its m-lines, and which SSRC is which.
type ingress struct {
	lines   []*line
	streams []stream
	// hit is the stream of the last packet: packets come in runs.
	hit int
	ids Extensions
	// learned counts SSRCs that were met, less what learnedAt forgives.
	learned   int
	learnedAt Instant
	exceeded  bool
	// busy is set while reports cannot wait for the next look at everything: by packets, and by what is wanted of the client.
	busy     bool
	feedback feedbackRecorder
	meter    rateMeter
	clock    participantClock
}

// A stream is one SSRC of a client: an encoding or its retransmissions.
type stream struct {
	ssrc uint32
	rtx  bool
	enc  *encoding
}

// forgiveSSRC is how often one more SSRC may appear in a long call.
const forgiveSSRC = 10 * time.Second

func (in *ingress) find(ssrc uint32) *stream {
	if in.hit < len(in.streams) && in.streams[in.hit].ssrc == ssrc {
		return &in.streams[in.hit]
	}
	for i := range in.streams {
		if in.streams[i].ssrc == ssrc {
			in.hit = i
			return &in.streams[i]
		}
	}
	return nil
}

// receiveRTP takes one RTP packet of this connection.
func (p *Peer) receiveRTP(d *datagram, limits *Limits) {
	in := &p.ingress
	in.busy = true
	c := &p.group.counters
	var h header
	if h.parse(d.buf.bytes()) != nil {
		c.Dropped[DropMalformed]++
		d.buf.Release()
		return
	}
	if x := h.element(in.ids.TransportCC); len(x) == 2 {
		in.feedback.record(uint16(x[0])<<8|uint16(x[1]), d.at)
	}
	s := in.find(h.ssrc)
	if s == nil {
		s = p.learn(&h, d.at, limits)
	}
	if s == nil {
		c.Dropped[DropUnknown]++
		d.buf.Release()
		return
	}
	l := s.enc.line
	kind := KindIndex(l.media.Kind)
	c.PacketsIn[kind]++
	c.BytesIn[kind] += uint64(d.buf.n)
	in.meter.add(d.buf.n, d.at)
	if l.track == nil {
		c.Dropped[DropUnpublished]++
		d.buf.Release()
		return
	}
	if l.media.Kind == Audio {
		if x := h.element(l.media.Extensions.AudioLevel); len(x) == 1 {
			l.track.hear(x[0])
		}
	}
	s.enc.receive(&h, d, s.rtx)
}

// learn finds out what a new SSRC is, from its header extensions (RFC 8843 section 9.2, RFC 8852) or, for clients that send none,
// from its payload type. It returns nil for a packet that does not say enough.
func (p *Peer) learn(h *header, now Instant, limits *Limits) *stream {
	in := &p.ingress
	l := in.lineOf(h)
	if l == nil {
		return nil
	}
	rid, rtx := h.element(in.ids.RID), false
	if repaired := h.element(in.ids.RepairedRID); repaired != nil {
		rid, rtx = repaired, true
	}
	var enc *encoding
	for _, e := range l.encodings {
		if e.rid == string(rid) {
			enc = e
		}
	}
	if enc == nil {
		return nil
	}
	if rid == nil {
		rtx = enc.formatOf(h.payloadType, true) != nil
	}
	if !in.allow(now, limits.SSRCs) {
		if !in.exceeded {
			in.exceeded = true
			p.observer.TooManyStreams()
		}
		return nil
	}
	return in.assign(h.ssrc, enc, rtx)
}

// lineOf returns the m-line that a packet says it belongs to.
func (in *ingress) lineOf(h *header) *line {
	if mid := h.element(in.ids.MID); mid != nil {
		for _, l := range in.lines {
			if l.media.Mid == string(mid) {
				return l
			}
		}
		return nil
	}
	var only *line
	for _, l := range in.lines {
		for _, f := range l.media.Formats {
			if f.PayloadType == h.payloadType || f.RTX != 0 && f.RTX == h.payloadType {
				if only != nil {
					return nil
				}
				only = l
				break
			}
		}
	}
	return only
}

// allow counts one more SSRC.
func (in *ingress) allow(now Instant, limit int) bool {
	if forgiven := int(now.Sub(in.learnedAt) / forgiveSSRC); forgiven > 0 {
		in.learned = max(0, in.learned-forgiven)
		in.learnedAt = now
	}
	in.learned++
	return in.learned <= limit
}

// assign makes ssrc the one of enc, or of its retransmissions; the one before, if any, is forgotten.
func (in *ingress) assign(ssrc uint32, enc *encoding, rtx bool) *stream {
	if !rtx {
		if enc.ssrc != 0 && enc.ssrc != ssrc {
			enc.restart()
			enc.sequence = extender{}
		}
		enc.ssrc = ssrc
		enc.reception.ssrc = ssrc
	}
	for i := range in.streams {
		s := &in.streams[i]
		if s.enc == enc && s.rtx == rtx || s.ssrc == ssrc {
			*s = stream{ssrc: ssrc, rtx: rtx, enc: enc}
			return s
		}
	}
	in.streams = append(in.streams, stream{ssrc: ssrc, rtx: rtx, enc: enc})
	return &in.streams[len(in.streams)-1]
}
