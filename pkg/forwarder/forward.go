package forwarder

import "sfu/pkg/codec"

// downMedia is the worker's part of a DownTrack.
type downMedia struct {
	stream      Stream
	transportCC uint8
	source      *UpTrack
	view        View
	selector    selector
	rewriter    rewriter
	timeline    timeline
	sent        sentPackets
	rtx         rtxStream
	// format is what the current stream is sent as, from and generation where it comes from.
	format     *Format
	from       *encoding
	generation uint32
	left       leftStreams
	// stalled is set while the viewer's connection takes no more: video waits for the next keyframe after it does.
	stalled bool
	// lacksCodec is set when the source's codec was not negotiated.
	lacksCodec bool
	state      DownTrackState
	// packets and octets are what sender reports count (RFC 3550 section 6.4.1).
	packets, octets uint32
	meter           rateMeter
	reports         downReports
	// asked is the encoding of which a keyframe was asked for, lostAt when the viewer last asked for one itself.
	asked  int
	lostAt Instant
	// firstTimestamp is that of the source's first packet.
	firstTimestamp uint32
}

// forward gives one packet of the source to the viewer, if it is to have it.
func (d *DownTrack) forward(e *encoding, p *packet, now Instant) {
	m := &d.media
	newest := p.seq > m.rewriter.highestIn
	switch m.selector.decide(e.index, e.generation, p, d.kind == Video, newest) {
	case ignore:
	case withhold:
		d.withhold(p, now)
	case start:
		d.begin(e, p, now)
	case pass:
		if p.empty() {
			if void, fill := m.rewriter.skip(p.seq); fill {
				d.fill(e, void, now)
			}
			return
		}
		d.pass(e, p, now)
	}
}

// begin starts to send encoding e with packet p.
func (d *DownTrack) begin(e *encoding, p *packet, now Instant) {
	m := &d.media
	format := d.formatFor(p.format.Codec)
	if format == nil || !d.admit() || m.left.sent(e, p.seq) || m.from == e && m.generation == e.generation && p.seq <= m.rewriter.highestIn {
		return
	}
	m.selector.begin(e.index, e.generation, p)
	natural, known := d.natural(e, p)
	if m.from != e || m.state.Source != m.source {
		d.peer.group.counters.LayerSwitches++
	}
	if m.from != nil {
		m.left.note(m.from, m.generation, m.rewriter.highestIn)
	}
	m.from, m.generation, m.format = e, e.generation, format
	out := m.rewriter.begin(p.seq, p.info.Numbers)
	timestamp := m.timeline.begin(p.timestamp, p.arrival, natural, known)
	numbers := m.rewriter.pictures.apply(p.info.Numbers)
	d.send(e, p, out, timestamp, numbers, now)
	d.begun(timestamp, now)
	// A first packet that came late is followed by those that came before it.
	for seq := p.seq + 1; seq <= e.history.highest; seq++ {
		if q := e.history.get(seq); q != nil {
			d.forward(e, q, now)
		}
	}
}

// leftStreams remembers how far the streams were sent that a viewer has left, so that a keyframe which comes late does not begin one of
// them at a place the viewer is past.
type leftStreams struct {
	at    [8]leftStream
	clock uint32
}

type leftStream struct {
	from       *encoding
	highest    uint64
	generation uint32
	noted      uint32
}

// note takes the place of what is known of from, or else of the stream that was left longest ago.
func (l *leftStreams) note(from *encoding, generation uint32, highest uint64) {
	oldest := &l.at[0]
	for i := range l.at {
		s := &l.at[i]
		if s.from == from {
			oldest = s
			break
		}
		if s.noted < oldest.noted {
			oldest = s
		}
	}
	l.clock++
	*oldest = leftStream{from: from, generation: generation, highest: highest, noted: l.clock}
}

func (l *leftStreams) sent(e *encoding, seq uint64) bool {
	for i := range l.at {
		if s := &l.at[i]; s.from == e && s.generation == e.generation && seq <= s.highest {
			return true
		}
	}
	return false
}

// pass sends a packet of the running stream.
func (d *DownTrack) pass(e *encoding, p *packet, now Instant) {
	m := &d.media
	if p.format.Codec != m.format.Codec {
		// The publisher changed codecs within the encoding: only a keyframe can begin the new one.
		m.selector.stop()
		d.forward(e, p, now)
		return
	}
	if !d.admit() {
		if d.kind == Video {
			d.stall()
		} else {
			d.withhold(p, now)
		}
		return
	}
	out, numbers, ok := m.rewriter.pass(p.seq, p.info.Numbers)
	if !ok {
		return
	}
	d.send(e, p, out, m.timeline.apply(p.timestamp, p.arrival), numbers, now)
}

func (d *DownTrack) withhold(p *packet, now Instant) {
	if void, fill := d.media.rewriter.withhold(p.seq, p.timestamp, p.info.Numbers); fill {
		d.fill(d.media.from, void, now)
	}
}

// send puts p into the batch under its new numbers and remembers it for retransmission.
func (d *DownTrack) send(e *encoding, p *packet, out uint64, timestamp uint32, numbers codec.Numbers, now Instant) {
	m := &d.media
	s := m.sent.put(out, now)
	s.encoding, s.generation, s.in = e, e.generation, p.seq
	s.header = outHeader{
		marker: p.marker, payloadType: m.format.PayloadType, timestamp: timestamp, ssrc: m.stream.SSRC,
	}
	s.header.number(out)
	n, replaced := codec.Renumber(p.format.Codec, p.payload, numbers, s.prefix[:])
	s.prefixLen, s.replaced = uint8(n), uint8(replaced)
	d.stamp(&s.header)

	o := d.peer.worker.router.batch.add()
	o.To, o.RTCP = d.peer.writer, false
	s.header.marshal(o)
	o.prefixLen = uint8(copy(o.prefix[:], s.prefix[:n]))
	o.Payload = p.payload[replaced:]
	d.count(o, now)
}

// fill sends padding under a number that was kept for a packet which turned out not to be wanted (RFC 3550 section 5.1).
func (d *DownTrack) fill(e *encoding, out uint64, now Instant) {
	m := &d.media
	s := m.sent.put(out, now)
	s.encoding, s.prefixLen, s.replaced = nil, 0, 0
	s.header = outHeader{
		padding: true, payloadType: m.format.PayloadType, timestamp: m.timeline.lastOut, ssrc: m.stream.SSRC,
	}
	s.header.number(out)
	d.stamp(&s.header)
	d.sendPadding(&s.header, now)
}

var onePadding = []byte{1}

func (d *DownTrack) sendPadding(h *outHeader, now Instant) {
	o := d.peer.worker.router.batch.add()
	o.To, o.RTCP, o.prefixLen, o.Payload = d.peer.writer, false, 0, onePadding
	h.marshal(o)
	d.count(o, now)
}

// stamp gives the packet the connection's next transport-wide sequence number.
func (d *DownTrack) stamp(h *outHeader) {
	if d.media.transportCC != 0 {
		h.transportCC = d.media.transportCC
		h.transportSeq = d.peer.egress.transportSeq
		d.peer.egress.transportSeq++
	}
}

// count counts a packet of the m-line's own stream.
func (d *DownTrack) count(o *Outgoing, now Instant) {
	m := &d.media
	m.packets++
	m.octets += uint32(len(o.Payload) + int(o.prefixLen))
	d.countBytes(o, now)
}

func (d *DownTrack) countBytes(o *Outgoing, now Instant) {
	size := len(o.Payload) + int(o.prefixLen) + int(o.headerLen)
	d.media.meter.add(size, now)
	k := KindIndex(d.kind)
	c := &d.peer.group.counters
	c.PacketsOut[k]++
	c.BytesOut[k] += uint64(size)
}

// admit reports whether the connection takes a packet now. This is where a pacer will have its say; until there is an estimate of the viewer's
// bandwidth the only limit is the connection's own queue, of which a part is kept for audio.
func (d *DownTrack) admit() bool {
	room := d.peer.writer.Room()
	if room > audioReserve || d.kind == Audio && room > 0 {
		return true
	}
	if d.media.from != nil { // before the first packet the connection is not full but not ready
		d.peer.group.counters.Withheld++
	}
	return false
}

// audioReserve is the part of a connection's queue that video leaves alone, in packets.
const audioReserve = 32

// stall gives up the running stream until the connection takes packets again.
func (d *DownTrack) stall() {
	d.media.stalled = true
	d.media.selector.stop()
}

// formatFor returns the payload type under which the viewer takes c, nil when it does not.
func (d *DownTrack) formatFor(c codec.Type) *Format {
	for i := range d.formats {
		if d.formats[i].Codec == c {
			return &d.formats[i]
		}
	}
	return nil
}

// natural returns the timestamp that p has by the clocks of the encodings, when the viewer already gets another encoding of the source.
func (d *DownTrack) natural(e *encoding, p *packet) (uint32, bool) {
	m := &d.media
	if m.from == nil || m.from == e || m.from.line != e.line || !m.timeline.started {
		return 0, false
	}
	ntp, ok := e.clock.ntpAt(p.timestamp)
	if !ok {
		return 0, false
	}
	in, ok := m.from.clock.rtpAt(ntp)
	return in + m.timeline.offset, ok
}
