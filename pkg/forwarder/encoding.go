package forwarder

import (
	"encoding/binary"
	"time"

	"sfu/pkg/codec"
)

// A line is one m-line that the client sends on. It is there before anything is published on it and stays when that ends.
type line struct {
	peer      *Peer
	media     Media
	track     *UpTrack
	encodings []*encoding
}

// An encoding is one stream of a line: one simulcast RID, or all there is.
type encoding struct {
	line  *line
	index int // 0 is the first RID of the offer
	rid   string
	ssrc  uint32
	// generation counts restarts: numbers of another generation have no relation to those of this one.
	generation uint32

	sequence  extender
	history   history
	nacks     nackGenerator
	reception reception
	clock     senderClock
	meter     encodingMeter

	width, height int
	// lastKey is the number of the newest keyframe's first packet.
	lastKey uint64
	// firstAt and lastAt are when the first packet of the generation and the newest one came in.
	firstAt, lastAt Instant
	// last is the newest packet's number and timestamp.
	last          uint64
	lastTimestamp uint32
	format        *Format
	// lostCounted is what of reception.lostTotal is in the group's counters already.
	lostCounted uint64
	firs        uint8
}

func newEncoding(l *line, index int, rid string) *encoding {
	e := &encoding{line: l, index: index, rid: rid}
	e.reset()
	return e
}

// formatOf returns the format with this payload type, or with this payload type for its retransmissions.
func (e *encoding) formatOf(payloadType uint8, rtx bool) *Format {
	if f := e.format; f != nil && (!rtx && f.PayloadType == payloadType || rtx && f.RTX == payloadType) {
		return f
	}
	for i := range e.line.media.Formats {
		f := &e.line.media.Formats[i]
		if !rtx && f.PayloadType == payloadType || rtx && f.RTX != 0 && f.RTX == payloadType {
			return f
		}
	}
	return nil
}

// receive takes one packet of the encoding. The datagram's buffer belongs to the history or is released when it returns.
func (e *encoding) receive(h *header, d *datagram, rtx bool) {
	c := &e.line.peer.group.counters
	payload := d.buf.data[h.size : d.buf.n-h.padding]
	sequence := h.sequence
	if rtx {
		c.RetransmittedIn[KindIndex(e.line.media.Kind)]++
		if len(payload) < 2 { // a probe: padding in the retransmission stream carries no number (RFC 4588 section 4)
			d.buf.Release()
			return
		}
		sequence = binary.BigEndian.Uint16(payload)
		payload = payload[2:]
	}
	format := e.formatOf(h.payloadType, rtx)
	if format == nil {
		e.drop(d, DropUnknown)
		return
	}
	if !e.line.track.accepts(format.Codec, d.at) {
		e.drop(d, DropPoliced)
		return
	}
	seq, ok := e.extend(sequence, rtx)
	if !ok {
		e.drop(d, DropLate)
		return
	}
	if e.history.get(seq) != nil {
		e.drop(d, DropDuplicate)
		return
	}
	e.reception.insert(seq, h.timestamp, format.Codec.ClockRate(), d.buf.n, rtx, d.at)
	e.nacks.insert(seq, rtx, d.at)
	track := e.line.track
	if !track.media.police.admit(d.buf.n, d.at) {
		track.policed(d.at)
		e.drop(d, DropPoliced)
		return
	}
	if len(payload) > maxPayload {
		e.drop(d, DropMalformed)
		return
	}
	p := packet{
		seq: seq, timestamp: h.timestamp, arrival: d.at, format: format, payload: payload, buf: d.buf, marker: h.marker, recovered: rtx,
	}
	if len(payload) > 0 {
		if codec.Parse(format.Codec, payload, &p.info) != nil {
			e.drop(d, DropMalformed)
			return
		}
		e.observe(&p)
	}
	if stored := e.history.put(p, e.batch()); stored != nil {
		track.forward(e, stored, d.at)
	} else {
		e.drop(d, DropLate)
	}
}

// extend returns the packet's extended sequence number. A retransmission has one near the newest; those that come before the first packet
// proper are of no use, and nothing tells that their number is true.
func (e *encoding) extend(sequence uint16, rtx bool) (uint64, bool) {
	if rtx {
		return e.sequence.near(sequence)
	}
	seq, ok := e.sequence.extend(sequence)
	if ok && e.sequence.restarted() {
		e.restart()
	}
	return seq, ok
}

// observe takes from a packet with a payload what the encoding must know.
func (e *encoding) observe(p *packet) {
	newest := p.seq > e.last
	p.frameStart = p.info.Start
	if newest {
		if e.line.media.Kind == Audio || p.seq == e.last+1 && p.timestamp != e.lastTimestamp {
			p.frameStart = true
		}
		if e.last == 0 {
			e.firstAt = p.arrival
		}
		e.last, e.lastTimestamp, e.lastAt = p.seq, p.timestamp, p.arrival
		if e.format != p.format {
			e.format = p.format
			e.line.track.started(p.format.Codec, p.arrival)
		}
	}
	e.meter.packet(len(p.payload), p.frameStart, p.info.Temporal, p.arrival)
	if p.info.Keyframe && p.info.Start {
		if newest {
			e.lastKey = p.seq
		}
		e.nacks.keyframe(p.seq)
		e.line.track.keyframe(e, p.arrival)
	}
	if p.info.Width != 0 {
		e.width, e.height = int(p.info.Width), int(p.info.Height)
	}
}

// drop counts a packet that goes no further.
func (e *encoding) drop(d *datagram, why DropReason) {
	e.line.peer.group.counters.Dropped[why]++
	d.buf.Release()
}

func (e *encoding) batch() *Batch { return &e.line.peer.worker.router.batch }

// restart begins a new generation: the client took up other numbers, or another SSRC.
func (e *encoding) restart() {
	e.countLost()
	e.generation++
	e.history.clear(e.batch())
	e.reset()
}

func (e *encoding) reset() {
	e.nacks = newNackGenerator(e.line.media.Kind)
	e.reception = newReception(e.ssrc)
	e.clock = newSenderClock(e.line.media.Formats[0].Codec.ClockRate())
	e.last, e.lastKey, e.lostCounted = 0, 0, 0
	e.format = nil
}

// countLost brings the group's counter up to date.
func (e *encoding) countLost() {
	if lost := e.reception.lostTotal(); lost > e.lostCounted {
		e.line.peer.group.counters.LostIn[KindIndex(e.line.media.Kind)] += lost - e.lostCounted
		e.lostCounted = lost
	}
}

// settling is how long an encoding counts as sent after its first packet, before frames tell.
const settling = 500 * time.Millisecond

// screenPatience is how long a shared screen may stand still: nothing is sent then.
const screenPatience = 5 * time.Second

// rung says what the encoding offers at this moment.
func (e *encoding) rung(now Instant) rung {
	r := rung{encoding: e.index, width: e.width, height: e.height}
	r.active = e.meter.active(now)
	if e.last != 0 && !r.active {
		r.active = now.Sub(e.firstAt) < settling
	}
	r.temporals = e.meter.temporals(now)
	for t := range r.temporals {
		_, r.fps[t] = e.meter.rate(now, int(t))
	}
	return r
}
