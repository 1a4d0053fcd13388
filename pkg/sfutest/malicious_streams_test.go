package sfutest_test

import (
	"encoding/binary"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"sfu/pkg/forwarder"
	"sfu/pkg/sfutest"
	"sfu/pkg/signaling/protocol"
)

func TestM26_ManySSRCs(t *testing.T) {
	s := newScene(t, sfutest.Options{})
	eve := newIntruder(t, s.srv, intent{camera: true})
	eve.enter()
	eve.behave(s.saw)
	var pace pacer
	for n := range uint32(1000) {
		eve.sendRTP(eve.media.packet(rtpHeader{payloadType: vp8Type, sequence: 1, ssrc: 1 + n, mid: eve.media.mid}, eve.media.vp8(true, 100)))
		pace.wait()
	}
	if m := eve.expectMedia("closed"); m.Code != protocol.TooManyStreams {
		t.Errorf("closed with code %q", m.Code)
	}
	if n := s.srv.Engine.Stats().TooManyStreams; n != 1 {
		t.Errorf("%d connections had too many streams", n)
	}
	eve.leave()
	s.over()
}

// TestM29_Numbers: whatever an intruder does with sequence numbers and timestamps, a viewer gets no payload twice, and honest
// frames after that.
func TestM29_Numbers(t *testing.T) {
	s := newScene(t, sfutest.Options{})
	eve := newIntruder(t, s.srv, intent{camera: true})
	eve.enter()
	eve.behave(s.saw)
	random := rand.New(rand.NewPCG(29, 29))
	a := eve.media
	for name, spoil := range map[string]func(h *rtpHeader){
		// Half a cycle is where SRTP loses count itself, so it is not tried exactly.
		"random numbers":          func(h *rtpHeader) { h.sequence = a.newest + uint16(random.Uint32N(65_000)) - 32_500 },
		"random numbers near by":  func(h *rtpHeader) { h.sequence = a.newest + uint16(random.Uint32N(6000)) - 60 },
		"random timestamps":       func(h *rtpHeader) { h.timestamp = random.Uint32() },
		"numbers jump by 2^15":    func(h *rtpHeader) { h.sequence = a.newest + 1<<15 - 20 },
		"each second one does":    func(h *rtpHeader) { h.sequence = a.newest + 1 + uint16(a.marks%2)*(1<<15-20) },
		"timestamps jump by 2^31": func(h *rtpHeader) { h.timestamp += uint32(h.sequence%2) << 31 },
		"timestamps go back":      func(h *rtpHeader) { h.timestamp = -h.timestamp },
		"one number for all":      func(h *rtpHeader) { h.sequence = a.newest },
		"one timestamp for all":   func(h *rtpHeader) { h.timestamp = 7 },
	} {
		t.Run(name, func(t *testing.T) {
			var pace pacer
			for n := range 200 {
				h := a.next()
				spoil(&h)
				eve.sendRTP(a.packet(h, a.vp8(n%7 == 0, 100)))
				pace.wait()
			}
			eve.behave(s.saw)
		})
	}
	s.saw.noneTwice(t)
	eve.leave()
	s.over()
}

// TestM29_OnePacketAThousandTimes: as it is, which SRTP refuses, and as retransmissions, which it cannot.
func TestM29_OnePacketAThousandTimes(t *testing.T) {
	s := newScene(t, sfutest.Options{})
	eve := newIntruder(t, s.srv, intent{camera: true})
	eve.enter()
	eve.behave(s.saw)
	h, payload := eve.media.next(), eve.media.vp8(true, 100)
	sealed := eve.seal(eve.media.packet(h, payload))
	again := binary.BigEndian.AppendUint16(nil, h.sequence)
	again = append(again, payload...)
	before, unreadable := s.counters(), s.srv.Engine.Stats().Unreadable
	var pace pacer
	for n := range 1000 {
		eve.sendRaw(sealed)
		rtx := rtpHeader{payloadType: vp8RTXType, sequence: uint16(n), timestamp: h.timestamp, ssrc: eve.media.rtx}
		eve.sendRTP(eve.media.packet(rtx, again))
		pace.wait()
	}
	// Some may have been lost on the way to a busy server; most have not.
	s.unreadable("repeated", unreadable+900)
	s.dropped(before, forwarder.DropDuplicate, 900)
	eve.behave(s.saw)
	s.saw.noneTwice(t)
	eve.leave()
	s.over()
}

// TestM30_SSRCsOfOthers: what one connection calls its streams means nothing on another.
func TestM30_SSRCsOfOthers(t *testing.T) {
	s := newScene(t, sfutest.Options{})
	alices := s.alice.Publications()[1].Player().Stats()[0].SSRC
	bobs := s.bobs(s.camera()).SSRC
	eve := newIntruder(t, s.srv, intent{camera: true, slots: 1})
	eve.enter()
	eve.behave(s.saw)
	for name, ssrc := range map[string]uint32{
		"alice's camera": alices, "what bob is sent": bobs, "what the intruder is sent": eve.slotSSRC(), "none": 0,
	} {
		t.Run(name, func(t *testing.T) {
			own := eve.media.ssrc
			eve.media.ssrc = ssrc
			h := eve.media.next()
			h.mid = eve.media.mid // so that the server learns the SSRC
			eve.sendRTP(eve.media.packet(h, eve.media.vp8(true, 100)))
			eve.behave(s.saw)
			eve.media.ssrc = own
			s.undisturbed()
		})
	}
	s.saw.noneTwice(t)
	s.noCrossTalk(eve)
	eve.leave()

	// The same in the offer.
	eve = newIntruder(t, s.srv, intent{camera: true, forge: func(sdp string) string {
		return eachLine(sdp, "a=ssrc", func(line string) []string {
			if strings.HasPrefix(line, "a=ssrc-group:FID ") {
				return []string{"a=ssrc-group:FID " + strconv.Itoa(int(alices)) + " " + strconv.Itoa(int(bobs))}
			}
			return []string{"a=ssrc:" + strconv.Itoa(int(alices)) + " cname:alice", "a=ssrc:" + strconv.Itoa(int(bobs)) + " cname:alice"}
		})
	}})
	eve.enter()
	eve.media.ssrc = alices
	eve.behave(s.saw)
	s.noCrossTalk(eve)
	eve.leave()
	s.over()
}
