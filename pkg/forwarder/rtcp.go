package forwarder

import (
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
	packets, err := rtcp.Unmarshal(b)
	if err != nil {
		p.group.counters.Dropped[DropMalformed]++
		return
	}
	for _, packet := range packets {
		switch packet := packet.(type) {
		case *rtcp.SenderReport:
			p.senderReport(packet, now)
			p.receptionReports(packet.Reports, now)
		case *rtcp.ReceiverReport:
			p.receptionReports(packet.Reports, now)
		case *rtcp.TransportLayerNack:
			p.nack(packet, now)
		case *rtcp.PictureLossIndication:
			if d := p.downOf(packet.MediaSSRC); d != nil {
				d.keyframeLost(now)
			}
		case *rtcp.FullIntraRequest:
			for _, entry := range packet.FIR {
				if d := p.downOf(entry.SSRC); d != nil {
					d.keyframeLost(now)
				}
			}
		}
		// Transport-wide feedback is for the bandwidth estimator, which will stand behind DownTrack.admit.
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
