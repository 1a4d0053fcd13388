package client

import (
	"reflect"
	"strings"
	"testing"

	"sfu/pkg/codec"
	"sfu/pkg/reception"
)

const answer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2 3\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=recvonly\r\na=rtpmap:111 opus/48000/2\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=sendonly\r\na=rtpmap:111 opus/48000/2\r\na=rtcp-fb:111 transport-cc\r\na=ssrc:10 cname:x\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97 108 120\r\na=mid:2\r\na=sendonly\r\na=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n" +
	"a=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtpmap:108 H264/90000\r\na=rtpmap:120 red/90000\r\n" +
	"a=extmap:5/sendonly http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\n" +
	"a=ssrc-group:FID 20 21\r\na=ssrc:20 cname:x\r\na=ssrc:21 cname:x\r\n" +
	"m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:3\r\na=sendonly\r\na=ssrc:30 cname:x\r\n"

func TestLinesOf(t *testing.T) {
	got, err := linesOf(answer)
	if err != nil {
		t.Fatal(err)
	}
	want := []reception.Line{
		{MID: "1", SSRC: 10, Formats: []reception.Format{{PayloadType: 111, Codec: codec.Opus}}},
		{MID: "2", Video: true, SSRC: 20, RTX: 21, TransportCC: 5, Formats: []reception.Format{
			{PayloadType: 96, Codec: codec.VP8, RTX: 97, NACK: true, PLI: true}, {PayloadType: 108, Codec: codec.H264},
		}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
	if _, err := linesOf("nonsense"); err == nil {
		t.Error("reads nonsense")
	}
}

func TestWithoutSimulcastSSRCs(t *testing.T) {
	head := "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
	plain := "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=ssrc:1 cname:x\r\n"
	simulcast := "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=ssrc-group:FID 2 3\r\na=ssrc:2 cname:x\r\na=rid:q send\r\na=simulcast:send q;h\r\n"
	if got, err := withoutSimulcastSSRCs(head + plain); err != nil || got != head+plain {
		t.Errorf("%q, %v", got, err)
	}
	got, err := withoutSimulcastSSRCs(head + plain + simulcast)
	if err != nil || !strings.Contains(got, "a=ssrc:1 ") || strings.Contains(got, "a=ssrc:2 ") || strings.Contains(got, "FID") || !strings.Contains(got, "a=rid:q send") {
		t.Errorf("%q, %v", got, err)
	}
}

func TestFinalCloseCodes(t *testing.T) {
	for code, want := range map[int]bool{1006: false, 4008: false, 1011: false, 1000: true, 1001: true, 4002: true, 4009: true, 4010: true, 4401: true} {
		if final(code, false) != want {
			t.Errorf("close code %d: final %v", code, final(code, false))
		}
	}
	for code, want := range map[int]bool{1006: false, 4008: false, 1011: false, 1000: true, 1001: false, 4002: false, 4009: true, 4010: true, 4401: false, 4503: false} {
		if final(code, true) != want {
			t.Errorf("close code %d, where the room may be joined anew: final %v", code, final(code, true))
		}
	}
}
