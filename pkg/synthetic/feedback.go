package synthetic

import (
	"time"

	"github.com/pion/rtcp"
)

// Feedback takes RTCP that is about what the Source sends. What is about nothing of it is ignored.
func (s *Source) Feedback(packets []rtcp.Packet) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, packet := range packets {
		switch packet := packet.(type) {
		case *rtcp.TransportLayerNack:
			s.answer(packet)
		case *rtcp.PictureLossIndication:
			s.keyframe(packet.MediaSSRC, now)
		case *rtcp.FullIntraRequest:
			for _, entry := range packet.FIR {
				s.keyframe(entry.SSRC, now)
			}
		case *rtcp.ReceiverReport:
			s.reported(packet.Reports)
		case *rtcp.SenderReport:
			s.reported(packet.Reports)
		}
	}
}

// find returns the stream that sends as ssrc, and its track.
func (s *Source) find(ssrc uint32) (*Player, *stream) {
	for _, p := range s.players {
		for _, st := range p.streams {
			if st.bound && st.binding.SSRC == ssrc {
				return p, st
			}
		}
	}
	return nil, nil
}

func (s *Source) answer(nack *rtcp.TransportLayerNack) {
	_, st := s.find(nack.MediaSSRC)
	if st == nil || !s.running {
		return
	}
	for _, pair := range nack.Nacks {
		pair.Range(func(sequence uint16) bool {
			sent, err := st.resend(sequence, s.transportSeq)
			if sent {
				s.transportSeq++
			}
			if err != nil {
				s.failed++
			}
			return true
		})
	}
}

func (s *Source) keyframe(ssrc uint32, now time.Time) {
	p, st := s.find(ssrc)
	if st == nil {
		return
	}
	st.stats.KeyframeRequests++
	if !p.track.KeyframeAll {
		st.encoder.requestKeyframe(now)
		return
	}
	for _, other := range p.streams {
		other.encoder.requestKeyframe(now)
	}
}

func (s *Source) reported(reports []rtcp.ReceptionReport) {
	for i := range reports {
		if _, st := s.find(reports[i].SSRC); st != nil {
			st.stats.ReportedLoss = float64(reports[i].FractionLost) / 256
			st.known()
		}
	}
}
