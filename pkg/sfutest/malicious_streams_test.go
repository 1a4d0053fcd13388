package sfutest_test

import (
	"testing"

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
