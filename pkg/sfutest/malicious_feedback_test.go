package sfutest_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"
	"time"

	"sfu/pkg/forwarder"
	"sfu/pkg/sfutest"
)

// RTCP packet types (RFC 3550 section 12.1, RFC 4585 section 6.1).
const (
	senderReportType = 200
	byeType          = 203
	transportType    = 205
	payloadType      = 206
)

// feedback writes an RTCP packet: count is the five bits after the version, body whole words.
func feedback(count, kind byte, body ...[]byte) []byte {
	all := slices.Concat(body...)
	b := []byte{2<<6 | count, kind}
	b = binary.BigEndian.AppendUint16(b, uint16(len(all)/4))
	return append(b, all...)
}

// words writes 32-bit words.
func words(all ...uint32) []byte {
	var b []byte
	for _, w := range all {
		b = binary.BigEndian.AppendUint32(b, w)
	}
	return b
}

// nacks asks for all 65,536 numbers of media, in datagrams of 300 pairs.
func nacks(sender, media uint32) (datagrams [][]byte) {
	var pairs []byte
	for from := 0; from < 1<<16; from += 17 {
		pairs = binary.BigEndian.AppendUint16(pairs, uint16(from))
		pairs = append(pairs, 0xFF, 0xFF)
	}
	for chunk := range slices.Chunk(pairs, 4*300) {
		datagrams = append(datagrams, feedback(1, transportType, words(sender, media), chunk))
	}
	return datagrams
}

func pli(sender, media uint32) []byte { return feedback(1, payloadType, words(sender, media)) }

func fir(sender uint32, n int, media ...uint32) []byte {
	body := words(sender, 0)
	for _, m := range media {
		body = append(body, words(m, uint32(n)<<24)...)
	}
	return feedback(4, payloadType, body)
}

// TestM31_NACKs: the answers to all numbers there are cost no more than the budget of a viewer.
func TestM31_NACKs(t *testing.T) {
	s := newScene(t, sfutest.Options{})
	eve := newIntruder(t, s.srv, intent{slots: 1})
	eve.enter()
	slot := eve.slotSSRC()
	sfutest.Eventually(t, "the intruder is sent alice's camera", func() bool { return s.counters().PacketsOut[1] > 100 })
	before, began := s.counters(), time.Now()
	var pace pacer
	for range 10 {
		for _, all := range nacks(1, slot) {
			eve.sendRTCP(all)
			pace.wait()
		}
	}
	for _, foreign := range []uint32{s.bobs(s.camera()).SSRC, s.alice.Publications()[1].Player().Stats()[0].SSRC, 0, 1} {
		for _, all := range nacks(1, foreign) {
			eve.sendRTCP(all)
			pace.wait()
		}
	}
	s.undisturbed()
	after := s.counters()
	asked, most := after.NACKsIn-before.NACKsIn, uint64(1000*(time.Since(began).Seconds()+1))
	if asked == 0 || asked > most {
		t.Errorf("%d numbers were looked for, %d may be", asked, most)
	}
	if resent := after.RetransmittedOut[1] - before.RetransmittedOut[1]; resent > asked-(after.NACKsUnanswered-before.NACKsUnanswered) {
		t.Errorf("%d packets were sent again, %d asked for, %d not answered", resent, asked, after.NACKsUnanswered-before.NACKsUnanswered)
	}
	eve.leave()
	s.over()
}

// TestM31_KeyframeRequests: alice is asked for two keyframes a second at most, whoever asks.
func TestM31_KeyframeRequests(t *testing.T) {
	s := newScene(t, sfutest.Options{})
	eve := newIntruder(t, s.srv, intent{slots: 1})
	eve.enter()
	asked := func() uint64 { return s.alice.Publications()[1].Player().Stats()[0].KeyframeRequests }
	sfutest.Eventually(t, "the intruder is sent alice's camera", func() bool { return s.counters().PacketsOut[1] > 100 })
	eve.askInVain(s, asked)

	slot := eve.slotSSRC()
	before, began := asked(), time.Now()
	var pace pacer
	for n := range 4000 {
		eve.sendRTCP(pli(1, slot))
		eve.sendRTCP(fir(1, n, slot, slot, slot))
		pace.wait()
	}
	s.undisturbed()
	got, most := asked()-before, uint64(2*time.Since(began).Seconds()+1)
	if got == 0 || got > most {
		t.Errorf("alice was asked for %d keyframes, %d may be", got, most)
	}
	eve.leave()
	s.over()
}

// askInVain asks for keyframes of what is not the intruder's to ask for.
func (i *intruder) askInVain(s *scene, asked func() uint64) {
	i.t.Helper()
	// Those that alice was asked for as the intruder came have been answered when the numbers stand still.
	for before := uint64(0); before != asked(); {
		before = asked()
		s.undisturbed()
	}
	before := asked()
	foreign := []uint32{s.bobs(s.camera()).SSRC, s.alice.Publications()[1].Player().Stats()[0].SSRC, 0, 1}
	var pace pacer
	for n := range 500 {
		for _, ssrc := range foreign {
			i.sendRTCP(pli(1, ssrc))
		}
		i.sendRTCP(fir(1, n, foreign...))
		pace.wait()
	}
	s.undisturbed()
	if n := asked() - before; n != 0 {
		i.t.Errorf("alice was asked for %d keyframes by someone who is not sent what they are of", n)
	}
}

// TestM31_Reports: reports, estimates and farewells that cannot be are ignored.
func TestM31_Reports(t *testing.T) {
	s := newScene(t, sfutest.Options{})
	eve := newIntruder(t, s.srv, intent{camera: true, slots: 1})
	eve.enter()
	eve.behave(s.saw)
	slot, own := eve.slotSSRC(), eve.media.ssrc
	alices, bobs := s.alice.Publications()[1].Player().Stats()[0].SSRC, s.bobs(s.camera()).SSRC
	remb := func(exponentAndMantissa uint32) []byte {
		return feedback(15, payloadType, words(1, 0), []byte("REMB"), words(1<<24|exponentAndMantissa, slot))
	}
	block := func(ssrc uint32) []byte {
		return words(ssrc, 0xFF7FFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF)
	}
	for name, b := range map[string][]byte{
		"feedback on 65,535 packets in 20 bytes": feedback(15, transportType, words(1, slot, 0x0000FFFF, 0)),
		"feedback in runs that are too long":     feedback(15, transportType, words(1, slot, 0x0000FFFF, 0, 0x3FFF3FFF, 0x3FFF3FFF)),
		"feedback without end":                   feedback(15, transportType, words(1, slot, 0xFFFFFFFF, 0), bytes.Repeat([]byte{0xFF}, 1000)),
		"feedback on nothing":                    feedback(15, transportType, words(1, slot, 0, 0)),
		"an estimate of nothing":                 remb(0),
		"the highest estimate":                   remb(63<<18 | 1<<18 - 1),
		"an estimate without SSRCs":              feedback(15, payloadType, words(1, 0), []byte("REMB"), words(0)),
		"a report without time":                  feedback(0, senderReportType, words(own, 0, 0, 0, 0, 0)),
		"a report from the end of time":          feedback(0, senderReportType, words(own, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF)),
		"a report of alice's":                    feedback(0, senderReportType, words(alices, 0, 0, 0, 0, 0)),
		"a report of terrible reception":         feedback(3, 201, words(1), block(slot), block(bobs), block(alices)),
		"a report of fewer blocks than it says":  feedback(31, 201, words(1), block(slot)),
		"a report that is longer than it is":     {2 << 6, 201, 0xFF, 0xFF, 0, 0, 0, 1},
		"alice's farewell":                       feedback(2, byeType, words(alices, bobs)),
		"one's own farewell":                     feedback(1, byeType, words(own)),
		"the server's farewell":                  feedback(1, byeType, words(slot)),
		"a farewell of 31 whom it does not name": feedback(31, byeType),
		"a NACK of nothing":                      feedback(1, transportType, words(1, slot)),
		"a request of nothing":                   feedback(4, payloadType, words(1, 0)),
		"unknown feedback":                       feedback(31, payloadType, words(1, slot, 0)),
		"an unknown type":                        feedback(0, 210, words(1)),
		"application data":                       feedback(0, 204, words(slot), []byte("EVIL"), words(0)),
		"version 1":                              {1 << 6, 201, 0, 1, 0, 0, 0, 1},
		"padding of everything":                  {2<<6 | 1<<5, 201, 0, 1, 0, 0, 0, 255},
	} {
		for range 20 {
			eve.sendRTCP(slices.Concat(pli(1, 1), b))
			if len(b) >= 8 && b[0]>>6 == 2 { // what SRTCP seals
				eve.sendRTCP(b)
			}
		}
		if state := eve.pc.ConnectionState().String(); state != "connected" {
			t.Errorf("after %s the connection is %s", name, state)
		}
	}
	eve.behave(s.saw)
	s.noCrossTalk(eve)
	eve.leave()
	s.over()
}

// TestM31_Compounds: a compound of 300 packets counts as 300; a flood of them is policed and the connection goes on.
func TestM31_Compounds(t *testing.T) {
	s := newScene(t, sfutest.Options{})
	eve := newIntruder(t, s.srv, intent{camera: true, slots: 1})
	eve.enter()
	eve.behave(s.saw)
	compound := append(pli(1, 1), bytes.Repeat(feedback(0, byeType), 299)...)
	before := s.srv.Engine.Stats().Policed
	var pace pacer
	sfutest.Eventually(t, "packets are policed", func() bool {
		for range burst {
			eve.sendRTCP(compound)
			pace.wait()
		}
		return s.srv.Engine.Stats().Policed > before+1000
	})
	s.undisturbed()
	eve.behave(s.saw)
	if n := s.counters().Dropped[forwarder.DropMalformed]; n != 0 {
		t.Errorf("%d were malformed", n)
	}
	eve.leave()
	s.over()
}
