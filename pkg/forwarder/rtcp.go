package forwarder

import (
	"encoding/binary"
	"time"

	"github.com/pion/rtcp"
)

// egressState is what a connection is sent, beside what its DownTracks know.
type egressState struct {
	downs        []*DownTrack
	transportSeq uint16
	rtt          time.Duration
	// ssrc is ours in feedback.
	ssrc       uint32
	nextReport Instant
	nacks      nackBudget
}

// resendInterval is how long an answer to a NACK is given before the same packet is sent once more.
func (e *egressState) resendInterval() time.Duration {
	return min(max(e.rtt*9/10, 10*time.Millisecond), 100*time.Millisecond)
}

// nackBudget bounds the packets that one client may ask for again.
type nackBudget struct {
	tokens   float64
	filledAt Instant
}

// nacksPerSecond and nacksPerPacket bound the work that NACKs cost.
const (
	nacksPerSecond = 1000
	nacksPerPacket = 256
)

func (b *nackBudget) take(now Instant) bool {
	b.tokens = min(b.tokens+now.Sub(b.filledAt).Seconds()*nacksPerSecond, nacksPerSecond)
	b.filledAt = now
	if b.tokens < 1 {
		return false
	}
	b.tokens--
	return true
}

// receiveRTCP takes one or more RTCP packets (RFC 3550 section 6, RFC 5506).
func (p *Peer) receiveRTCP(b []byte, now Instant) {
	for {
		var h rtcp.Header
		if h.Unmarshal(b) != nil || 4*(int(h.Length)+1) > len(b) {
			break
		}
		packet := b[:4*(int(h.Length)+1)]
		if p.control(h, packet, now) != nil {
			break
		}
		if b = b[len(packet):]; len(b) == 0 {
			return
		}
	}
	p.group.counters.Dropped[DropMalformed]++
}

// urgent reports whether an RTCP compound asks for something. Reports and transport-wide feedback, which each viewer sends many times a second,
// can wait until the worker is awake.
func urgent(compound []byte) bool {
	for len(compound) >= 4 {
		switch compound[1] {
		case uint8(rtcp.TypeSenderReport), uint8(rtcp.TypeReceiverReport), uint8(rtcp.TypeSourceDescription), uint8(rtcp.TypeExtendedReport):
		case uint8(rtcp.TypeTransportSpecificFeedback):
			if compound[0]&0x1F != rtcp.FormatTCC {
				return true
			}
		default:
			return true
		}
		size := 4 * (int(binary.BigEndian.Uint16(compound[2:])) + 1)
		compound = compound[min(size, len(compound)):]
	}
	return false
}

// control takes one RTCP packet. Types that mean nothing here are not even parsed: transport-wide feedback, which is for the bandwidth
// estimator that will stand behind DownTrack.admit, may claim a thousand times as many packets as it has bytes.
func (p *Peer) control(h rtcp.Header, b []byte, now Instant) error {
	switch {
	case h.Type == rtcp.TypeSenderReport:
		var sr rtcp.SenderReport
		if err := sr.Unmarshal(b); err != nil {
			return err
		}
		p.senderReport(&sr, now)
		p.receptionReports(sr.Reports, now)
	case h.Type == rtcp.TypeReceiverReport:
		var rr rtcp.ReceiverReport
		if err := rr.Unmarshal(b); err != nil {
			return err
		}
		p.receptionReports(rr.Reports, now)
	case h.Type == rtcp.TypeTransportSpecificFeedback && h.Count == rtcp.FormatTLN:
		var nack rtcp.TransportLayerNack
		if err := nack.Unmarshal(b); err != nil {
			return err
		}
		p.nack(&nack, now)
	case h.Type == rtcp.TypePayloadSpecificFeedback && (h.Count == rtcp.FormatPLI || h.Count == rtcp.FormatFIR):
		return p.keyframeRequests(h, b, now)
	}
	return nil
}

// keyframeRequests takes a PLI, which names its stream in the head, or a FIR, which names streams in its entries of 8 bytes (RFC 4585
// section 6.3.1, RFC 5104 section 4.3.1).
func (p *Peer) keyframeRequests(h rtcp.Header, b []byte, now Instant) error {
	if h.Count == rtcp.FormatPLI {
		var pli rtcp.PictureLossIndication
		if err := pli.Unmarshal(b); err != nil {
			return err
		}
		p.keyframeLost(pli.MediaSSRC, now)
		return nil
	}
	for entries := b[min(12, len(b)):]; len(entries) >= 8; entries = entries[8:] {
		p.keyframeLost(binary.BigEndian.Uint32(entries), now)
	}
	return nil
}

func (p *Peer) keyframeLost(ssrc uint32, now Instant) {
	if d := p.downOf(ssrc); d != nil {
		d.keyframeLost(now)
	}
}

func (p *Peer) downOf(ssrc uint32) *DownTrack {
	for _, d := range p.egress.downs {
		if d.media.stream.SSRC == ssrc {
			return d
		}
	}
	return nil
}

func (p *Peer) senderReport(sr *rtcp.SenderReport, now Instant) {
	s := p.ingress.find(sr.SSRC)
	if s == nil || s.rtx {
		return
	}
	s.enc.clock.report(sr.NTPTime, sr.RTPTime, now)
	s.enc.reception.senderReport(sr.NTPTime, now)
	p.ingress.clock.observe(ntpTime(sr.NTPTime), now)
}

func (p *Peer) receptionReports(reports []rtcp.ReceptionReport, now Instant) {
	for i := range reports {
		if d := p.downOf(reports[i].SSRC); d != nil {
			if rtt, ok := d.media.reports.received(&reports[i], p.worker.router.ntp(now)); ok {
				p.egress.rtt = rtt
			}
			p.group.counters.LostOut[KindIndex(d.kind)] += d.media.reports.newlyLost(&reports[i])
		}
	}
}

func (p *Peer) nack(n *rtcp.TransportLayerNack, now Instant) {
	d := p.downOf(n.MediaSSRC)
	if d == nil {
		return
	}
	asked := 0
	for i := range n.Nacks {
		pair := n.Nacks[i]
		for mask, seq := uint32(pair.LostPackets)<<1|1, pair.PacketID; mask != 0; mask, seq = mask>>1, seq+1 {
			if mask&1 == 0 {
				continue
			}
			if asked++; asked > nacksPerPacket || !p.egress.nacks.take(now) {
				return
			}
			d.answer(seq, now)
		}
	}
}
