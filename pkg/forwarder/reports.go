package forwarder

import (
	"time"

	"github.com/pion/rtcp"
)

// reportInterval is how often sender and receiver reports go out (RFC 3550 section 6.2 with the reduced minimum for video).
const reportInterval = time.Second

// downReports is what an m-line towards a viewer knows of reports in both directions.
type downReports struct {
	due Instant
	// lost is the viewer's cumulative count, after which newlyLost counts.
	lost    uint32
	started bool
}

// received returns the round-trip time that a reception report tells (RFC 3550 section 6.4.1).
func (r *downReports) received(report *rtcp.ReceptionReport, now uint64) (time.Duration, bool) {
	if report.LastSenderReport == 0 {
		return 0, false
	}
	elapsed := uint32(now>>16) - report.LastSenderReport - report.Delay
	rtt := time.Duration(int64(elapsed) * int64(time.Second) >> 16)
	return rtt, rtt >= 0 && rtt < 10*time.Second
}

// newlyLost returns how many more packets the viewer misses than at its last report.
func (r *downReports) newlyLost(report *rtcp.ReceptionReport) uint64 {
	lost := report.TotalLost & 0xFFFFFF
	if lost&0x800000 != 0 {
		lost = 0 // more arrived than were expected: duplicates
	}
	var more uint64
	if r.started && lost > r.lost && lost-r.lost < 1<<16 {
		more = uint64(lost - r.lost)
	}
	r.lost, r.started = lost, true
	return more
}

// ntp returns the time of day at now as an NTP timestamp; it never jumps with the system's clock.
func (r *router) ntp(now Instant) uint64 {
	return uint64(ntpFromTime(r.wallclock.Add(time.Duration(now))))
}

// report sends the RTCP that is due: what the client should send again, keyframe requests, congestion feedback and reports.
func (p *Peer) report(now Instant, steer bool) {
	if !steer && !p.ingress.busy {
		return // most of a large room only listens
	}
	p.ingress.busy = p.ingress.busy && !steer || p.ingress.waits()
	var packets []rtcp.Packet
	reports := now >= p.egress.nextReport
	if reports {
		p.egress.nextReport = now.Add(reportInterval)
		packets = p.receiverReport(packets, now)
	}
	if steer {
		for _, d := range p.egress.downs {
			if d.media.reports.due != 0 && now >= d.media.reports.due {
				packets = d.senderReport(packets, now)
			}
		}
	}
	for _, l := range p.ingress.lines {
		if l.track != nil {
			packets = l.feedback(packets, now)
		}
	}
	if p.ingress.ids.TransportCC != 0 && p.ingress.feedback.due(now, p.ingress.meter.rate(now)) {
		packets = append(packets, p.ingress.feedback.build(now, p.egress.ssrc, p.mediaSSRC())...)
	}
	p.sendRTCP(packets)
}

// waits reports whether the client owes something that is asked for again and again: packets or keyframes.
func (in *ingress) waits() bool {
	for _, l := range in.lines {
		if l.track == nil {
			continue
		}
		for _, e := range l.encodings {
			if e.nacks.pending() > 0 {
				return true
			}
		}
		if l.track.media.keyframes.waitsForAny() {
			return true
		}
	}
	return false
}

// mediaSSRC is one of the client's, for feedback that is about all of them.
func (p *Peer) mediaSSRC() uint32 {
	if len(p.ingress.streams) == 0 {
		return 0
	}
	return p.ingress.streams[0].ssrc
}

func (p *Peer) receiverReport(packets []rtcp.Packet, now Instant) []rtcp.Packet {
	rr := &rtcp.ReceiverReport{SSRC: p.egress.ssrc}
	for _, l := range p.ingress.lines {
		for _, e := range l.encodings {
			e.countLost()
			if e.last != 0 && now.Sub(e.lastAt) < 10*reportInterval && len(rr.Reports) < 31 {
				rr.Reports = append(rr.Reports, e.reception.report(now))
			}
		}
	}
	if len(rr.Reports) == 0 {
		return packets
	}
	return append(packets, rr)
}

// feedback asks the client for what is missing.
func (l *line) feedback(packets []rtcp.Packet, now Instant) []rtcp.Packet {
	p, t := l.peer, l.track
	r := &p.worker.router
	for _, e := range l.encodings {
		if e.nacks.pending() == 0 || e.format == nil || !e.format.NACK {
			continue
		}
		r.sequences = e.nacks.due(now, p.egress.rtt, r.sequences[:0])
		if len(r.sequences) > 0 {
			p.group.counters.NACKsOut += uint64(len(r.sequences))
			packets = append(packets, &rtcp.TransportLayerNack{
				SenderSSRC: p.egress.ssrc, MediaSSRC: e.ssrc, Nacks: rtcp.NackPairsFromSequenceNumbers(r.sequences),
			})
		}
		if _, broken := e.nacks.lost(); broken && len(t.media.downs) > 0 {
			t.wantKeyframe(e.index, now)
		}
	}
	if l.media.Kind != Video {
		return packets
	}
	t.forgetWishes(now)
	r.encodings = t.media.keyframes.poll(now, p.egress.rtt, l.frameRate(), r.encodings[:0])
	for _, index := range r.encodings {
		packets = l.encodings[index].keyframeRequest(packets, now)
	}
	return packets
}

// frameRate returns the frames/s of what the client captures, 0 while unknown.
func (l *line) frameRate() float64 {
	fps := 0.0
	for _, e := range l.encodings {
		fps = max(fps, e.meter.frameRate())
	}
	return fps
}

// keyframeRequest appends a PLI, or a FIR for clients that know no other (RFC 4585 section 6.3.1, RFC 5104 section 4.3.1).
func (e *encoding) keyframeRequest(packets []rtcp.Packet, _ Instant) []rtcp.Packet {
	if e.ssrc == 0 {
		return packets
	}
	p := e.line.peer
	p.group.counters.KeyframeRequestsOut++
	if e.format == nil || e.format.PLI || !e.format.FIR {
		return append(packets, &rtcp.PictureLossIndication{SenderSSRC: p.egress.ssrc, MediaSSRC: e.ssrc})
	}
	e.firs++
	return append(packets, &rtcp.FullIntraRequest{
		SenderSSRC: p.egress.ssrc, MediaSSRC: e.ssrc, FIR: []rtcp.FIREntry{{SSRC: e.ssrc, SequenceNumber: e.firs}},
	})
}

// senderReport appends the report of what d sends: which of its timestamps belongs to this moment (RFC 3550 section 6.4.1). The
// publisher's own reports say so, moved to our clock, so that the sound and picture of one publisher stay together.
func (d *DownTrack) senderReport(packets []rtcp.Packet, now Instant) []rtcp.Packet {
	m := &d.media
	m.reports.due = now.Add(reportInterval)
	if m.source == nil || m.from == nil || m.selector.current == none {
		m.reports.due = 0
		return packets
	}
	timestamp := m.timeline.expected(now)
	if ntp, ok := m.from.line.peer.ingress.clock.ntpAt(now); ok {
		if in, ok := m.from.clock.rtpAt(ntp); ok {
			timestamp = in + m.timeline.offset
		}
	}
	return append(packets, &rtcp.SenderReport{
		SSRC: m.stream.SSRC, NTPTime: d.peer.worker.router.ntp(now), RTPTime: timestamp, PacketCount: m.packets, OctetCount: m.octets,
	})
}

// maxRTCP is the most that goes into one datagram, in bytes.
const maxRTCP = 1200

// sendRTCP puts packets into the batch, as few datagrams as they need.
func (p *Peer) sendRTCP(packets []rtcp.Packet) {
	var compound []byte
	for _, packet := range packets {
		b, err := packet.Marshal()
		if err != nil {
			p.worker.router.log.Error("marshal RTCP", "error", err)
			continue
		}
		if len(compound)+len(b) > maxRTCP {
			p.sendCompound(compound)
			compound = nil
		}
		compound = append(compound, b...)
	}
	p.sendCompound(compound)
}

func (p *Peer) sendCompound(b []byte) {
	if len(b) == 0 {
		return
	}
	o := p.worker.router.batch.add()
	o.To, o.RTCP, o.Payload, o.headerLen, o.prefixLen = p.writer, true, b, 0, 0
}
