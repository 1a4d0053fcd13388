package reception

import (
	"time"

	"github.com/pion/rtcp"
)

// A reportState is what a receiver report needs (RFC 3550 sections 6.4.1 and A.3, A.8). Retransmissions do not count: the sender is to
// know what its path loses.
type reportState struct {
	highest         sequences
	packets         uint64
	lastExpected    uint64
	lastPackets     uint64
	transit, jitter float64
	timed           bool
	fresh           bool // packets came since the last report

	senderReport   uint32 // the middle of its NTP time
	senderReportAt time.Time
}

func (r *reportState) received(h *header, video bool, at time.Time) {
	r.fresh = true
	if a := r.highest.add(h.sequence); a.duplicate {
		return
	}
	r.packets++
	rate := 48_000.0
	if video {
		rate = 90_000
	}
	transit := float64(at.UnixMicro())*rate/1e6 - float64(h.timestamp)
	if r.timed {
		// What is far off is a wrapped timestamp or a switch of the source, not jitter.
		if d := abs(transit - r.transit); d < rate {
			r.jitter += (d - r.jitter) / 16
		}
	}
	r.transit, r.timed = transit, true
}

func abs(f float64) float64 { return max(f, -f) }

func (r *reportState) sent(sr *rtcp.SenderReport, at time.Time) {
	r.senderReport, r.senderReportAt = uint32(sr.NTPTime>>16), at
}

// build returns the reception report, and false when nothing came since the last one.
func (r *reportState) build(ssrc uint32, now time.Time) (rtcp.ReceptionReport, bool) {
	if !r.fresh {
		return rtcp.ReceptionReport{}, false
	}
	r.fresh = false
	expected := r.highest.expected()
	lost := expected - min(expected, r.packets)
	report := rtcp.ReceptionReport{
		SSRC: ssrc, TotalLost: uint32(min(lost, 0x7fffff)), LastSequenceNumber: uint32(r.highest.last - 1<<16), Jitter: uint32(r.jitter),
	}
	newlyExpected, newly := expected-r.lastExpected, r.packets-r.lastPackets
	if newlyExpected > newly {
		report.FractionLost = uint8(min((newlyExpected-newly)*256/newlyExpected, 255))
	}
	r.lastExpected, r.lastPackets = expected, r.packets
	if !r.senderReportAt.IsZero() {
		report.LastSenderReport = r.senderReport
		report.Delay = uint32(now.Sub(r.senderReportAt).Seconds() * 65_536)
	}
	return report, true
}
