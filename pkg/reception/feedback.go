package reception

import (
	"time"

	"github.com/pion/rtcp"
)

// mostReports is how many reception reports fit one receiver report (RFC 3550 section 6.4.2).
const mostReports = 31

// Feedback returns the RTCP that is due now and when to ask again; Urgent may make that earlier.
func (r *Receiver) Feedback(now time.Time) (packets []rtcp.Packet, next time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.began.IsZero() {
		return nil, now.Add(time.Hour)
	}
	for _, l := range r.lines {
		packets = r.request(packets, l, now)
	}
	if !now.Before(r.nextFeedback) {
		r.nextFeedback = now.Add(feedbackInterval)
		packets = append(packets, r.recorder.BuildFeedbackPacket()...)
	}
	if !now.Before(r.nextReport) {
		r.nextReport = now.Add(reportInterval)
		packets = r.reports(packets, now)
	}
	next = r.nextFeedback
	if r.nextReport.Before(next) {
		next = r.nextReport
	}
	for _, l := range r.lines {
		if t, ok := l.missing.nextDue(r.rtt); ok && t.Before(next) {
			next = t
		}
	}
	return packets, next
}

// request appends what l asks for: lost packets and keyframes.
func (r *Receiver) request(packets []rtcp.Packet, l *line, now time.Time) []rtcp.Packet {
	var lost bool
	r.scratch, lost = l.missing.due(now, r.rtt, r.scratch[:0])
	if len(r.scratch) > 0 {
		l.stats.NACKs += uint64(len(r.scratch))
		packets = append(packets, &rtcp.TransportLayerNack{
			SenderSSRC: r.ssrc, MediaSSRC: l.SSRC, Nacks: rtcp.NackPairsFromSequenceNumbers(r.scratch),
		})
	}
	if !l.Video {
		return packets
	}
	switch {
	case r.Samples():
		// Whether a keyframe came cannot be seen.
		l.key.arrived()
		if lost && !r.cfg.NoPLI && now.Sub(l.key.asked) >= keyframeRepeat {
			l.key.force()
		}
	case lost:
		l.key.want(now)
	}
	if (l.key.forced || !r.cfg.NoPLI) && l.key.due(now) {
		l.stats.PLIs++
		packets = append(packets, &rtcp.PictureLossIndication{SenderSSRC: r.ssrc, MediaSSRC: l.SSRC})
	}
	return packets
}

func (r *Receiver) reports(packets []rtcp.Packet, now time.Time) []rtcp.Packet {
	rr := &rtcp.ReceiverReport{SSRC: r.ssrc}
	for _, l := range r.lines {
		if len(rr.Reports) == mostReports {
			break
		}
		if report, ok := l.report.build(l.SSRC, now); ok {
			rr.Reports = append(rr.Reports, report)
		}
	}
	if len(rr.Reports) == 0 {
		return packets
	}
	return append(packets, rr)
}
