package transport

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/pion/sdp/v3"

	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
)

const fingerprint = "sha-256 " + "AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99"

// session and the m-lines below make an offer as browsers do.
func session(mids ...string) string {
	return "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE " + strings.Join(mids, " ") + "\r\na=extmap-allow-mixed\r\n"
}

// inSession adds lines to what an offer says before its m-lines.
func inSession(offer, lines string) string {
	return strings.Replace(offer, "t=0 0\r\n", "t=0 0\r\n"+lines+"\r\n", 1)
}

func transportLines(mid string) string {
	return "c=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\na=fingerprint:" + fingerprint +
		"\r\na=setup:actpass\r\na=mid:" + mid + "\r\na=rtcp-mux\r\n"
}

func audioLine(mid, direction string) string {
	return "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" + transportLines(mid) + "a=" + direction +
		"\r\na=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtcp-fb:111 transport-cc\r\n" +
		"a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
}

func videoLine(mid, direction string, more ...string) string {
	return "m=video 9 UDP/TLS/RTP/SAVPF 96 97 102 103 98 99\r\n" + transportLines(mid) + "a=" + direction +
		"\r\na=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 ccm fir\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n" +
		"a=rtpmap:102 H264/90000\r\na=fmtp:102 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:103 rtx/90000\r\na=fmtp:103 apt=102\r\n" +
		"a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=2\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n" +
		"a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n" +
		"a=extmap:10/sendonly urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n" + strings.Join(more, "")
}

const dataLine = "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:9\r\na=sctp-port:5000\r\n"

func TestParseOffer(t *testing.T) {
	good := session("0", "1", "2") + audioLine("0", "sendonly") + videoLine("1", "sendonly") + audioLine("2", "recvonly")
	tests := []struct {
		name  string
		offer string
		want  error
	}{
		{"good", good, nil},
		{"nothing", "", ErrBadSDP},
		{"not SDP", "hello", ErrBadSDP},
		{"no m-line", session(), ErrBadSDP},
		{"half of it", good[:len(good)/2], ErrBadSDP},
		{"10 000 m-lines", session("0") + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\n", 10_000), ErrBadSDP},
		{"one m-line too many", session("0") + strings.Repeat(audioLine("0", "recvonly"), 129), ErrBadSDP},
		{"too many lines", good + strings.Repeat("a=x\r\n", 8000), ErrBadSDP},
		{"too many bytes", good + "a=" + strings.Repeat("x", 256<<10) + "\r\n", ErrBadSDP},
		{"duplicate mids", session("0") + audioLine("0", "sendonly") + audioLine("0", "sendonly"), ErrBadSDP},
		{"no mid", strings.Replace(good, "a=mid:1\r\n", "", 1), ErrBadSDP},
		{"huge mid", strings.ReplaceAll(good, "a=mid:1\r\n", "a=mid:"+strings.Repeat("1", 10_000)+"\r\n"), ErrBadSDP},
		{"mid with a space", strings.Replace(good, "a=mid:1\r\n", "a=mid:1 2\r\n", 1), ErrBadSDP},
		{"no bundle", strings.Replace(good, "BUNDLE 0 1 2", "LS 0 1 2", 1), ErrBadSDP},
		{"m-line outside of the bundle", strings.Replace(good, "BUNDLE 0 1 2", "BUNDLE 0 2", 1), ErrBadSDP},
		{"no rtcp-mux", strings.Replace(good, "a=rtcp-mux\r\n", "", 1), ErrBadSDP},
		{"no fingerprint", strings.ReplaceAll(good, "a=fingerprint:"+fingerprint+"\r\n", ""), ErrBadSDP},
		{"md5 fingerprint", strings.ReplaceAll(good, fingerprint, "md5 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"), ErrBadSDP},
		{"short fingerprint", strings.ReplaceAll(good, fingerprint, "sha-256 AA:BB"), ErrBadSDP},
		{"fingerprint of letters", strings.ReplaceAll(good, "AA:BB", "ZZ:BB"), ErrBadSDP},
		{"two fingerprints", strings.Replace(good, "AA:BB", "AB:BB", 1), ErrBadSDP},
		{"two fingerprints on an m-line", strings.Replace(good, "a=setup", "a=fingerprint:"+strings.Replace(fingerprint, "AA:BB", "AB:BB", 1)+"\r\na=setup", 1), ErrBadSDP},
		{"md5 fingerprint for the session", inSession(good, "a=fingerprint:md5 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"), ErrBadSDP},
		{"the same fingerprint for the session", inSession(good, "a=fingerprint:"+strings.ToLower(fingerprint)), nil},
		{"another ufrag for the session", inSession(good, "a=ice-ufrag:"+strings.Repeat("a", 300)), ErrBadSDP},
		{"ufrags that differ in case", strings.Replace(good, "ufrag:abcd", "ufrag:Abcd", 1), ErrBadSDP},
		{"no credentials", strings.ReplaceAll(good, "a=ice-ufrag:abcd\r\n", ""), ErrBadSDP},
		{"long ufrag", strings.ReplaceAll(good, "ufrag:abcd", "ufrag:"+strings.Repeat("a", 300)), ErrBadSDP},
		{"ufrag that is not ice-char", strings.ReplaceAll(good, "ufrag:abcd", "ufrag:ab{d"), ErrBadSDP},
		{"two ufrags", strings.Replace(good, "ufrag:abcd", "ufrag:abce", 1), ErrBadSDP},
		{"short password", strings.ReplaceAll(good, "pwd:abcdefghijklmnopqrstuvwx", "pwd:abc"), ErrBadSDP},
		{"client wants to be the DTLS server", strings.ReplaceAll(good, "setup:actpass", "setup:passive"), ErrBadSDP},
		{"extension id 0", strings.Replace(good, "extmap:4 ", "extmap:0 ", 1), ErrBadSDP},
		{"extension id 15", strings.Replace(good, "extmap:4 ", "extmap:15 ", 1), ErrBadSDP},
		{"extension id 255", strings.Replace(good, "extmap:4 ", "extmap:255 ", 1), ErrBadSDP},
		{"extension id twice", strings.Replace(good, "extmap:4 ", "extmap:1 ", 1), ErrBadSDP},
		{"100 rids", session("1") + videoLine("1", "sendonly", manyRIDs(100)), ErrBadSDP},
		{"100 SSRCs", session("1") + videoLine("1", "sendonly", manySSRCs(100)), ErrBadSDP},
		{"negative port", strings.Replace(good, "m=audio 9 ", "m=audio -9 ", 1), ErrBadSDP},
		{"port 70000", strings.Replace(good, "m=audio 9 ", "m=audio 70000 ", 1), ErrBadSDP},
		{"every m-line off", strings.ReplaceAll(strings.ReplaceAll(good, "m=audio 9", "m=audio 0"), "m=video 9", "m=video 0"), ErrBadSDP},
		{"bare line feeds", strings.ReplaceAll(good, "\r\n", "\n"), nil},
		{"65 candidates", good + strings.Repeat("a=candidate:1 1 udp 1 10.0.0.1 9 typ host\r\n", 65), ErrTooManyCandidates},
		{"64 candidates", good + strings.Repeat("a=candidate:1 1 udp 1 169.254.169.254 9 typ host\r\n", 64), nil},
		{"64 candidates of the session", inSession(good, strings.TrimSuffix(strings.Repeat("a=candidate:1 1 udp 1 127.0.0.1 9 typ host\r\n", 64), "\r\n")), nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o, err := parseOffer(test.offer)
			if !errors.Is(err, test.want) {
				t.Fatalf("error %v, want %v", err, test.want)
			}
			if err != nil {
				if len(err.Error()) > 200 {
					t.Errorf("the reason has %d characters", len(err.Error()))
				}
				return
			}
			o.judge(Permit{Publish: func(string, forwarder.Kind) bool { return true }, Slots: 4}, 0, nobody)
			text, err := o.description.Marshal()
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(text), "candidate") || strings.Contains(answerText(t, o), "candidate:") {
				t.Error("a candidate of the client is left")
			}
		})
	}
}

// nobody receives on any m-line.
func nobody(string) bool { return false }

// answerText is the answer to an offer that was judged.
func answerText(t *testing.T, o *offer) string {
	t.Helper()
	out := map[string]outLine{}
	for _, s := range o.sections {
		out[s.mid] = outLine{kind: s.kind, ssrc: 5, rtx: 6}
	}
	at := side{credentials: credentials{"ours", "oursoursoursoursoursours"}, fingerprint: fingerprint}
	text, err := o.answer(at, out, 1, 1).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func manyRIDs(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a=rid:%d send\r\n", i)
	}
	return b.String()
}

func manySSRCs(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "a=ssrc:%d cname:x\r\n", i+1)
	}
	return b.String()
}

func TestJudge(t *testing.T) {
	offer := session("0", "1", "2", "3", "4", "5", "6") +
		audioLine("0", "sendonly") + videoLine("1", "sendonly") + videoLine("2", "sendrecv") +
		strings.ReplaceAll(videoLine("3", "sendonly"), "VP8", "H266") + videoLine("4", "recvonly") + videoLine("5", "recvonly") +
		strings.Replace(audioLine("6", "recvonly"), "m=audio 9", "m=audio 0", 1) + dataLine
	offer = strings.Replace(offer, "BUNDLE 0", "BUNDLE 9 0", 1)
	// m-line 3 has neither VP8 nor a VP9 profile that is known, and its H.264 is another one.
	three := strings.Index(offer, "H266")
	offer = offer[:three] + strings.Replace(offer[three:], "42e01f", "640032", 1)
	o, err := parseOffer(offer)
	if err != nil {
		t.Fatal(err)
	}
	o.judge(Permit{Publish: func(mid string, k forwarder.Kind) bool { return k == forwarder.Video }, Slots: 1}, 0, nobody)
	got := map[string]Refusal{}
	for _, s := range o.sections {
		got[s.mid] = s.refused
	}
	want := map[string]Refusal{
		"0": RefusedPermission, "1": 0, "2": RefusedDirection, "3": RefusedCodec, "4": 0, "5": RefusedLimit, "6": 0, "9": RefusedData,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("refused %v, want %v", got, want)
	}
	text := answerText(t, o)
	if !o.any() || !strings.Contains(text, "BUNDLE 1 4\r\n") || strings.Count(text, "a=ice-ufrag:ours\r\n") != 2 {
		t.Errorf("answered:\n%s", text)
	}
	answer := &sdp.SessionDescription{}
	if err := answer.UnmarshalString(text); err != nil {
		t.Fatal(err)
	}
	var mids []string
	for _, m := range answer.MediaDescriptions {
		mid, _ := m.Attribute("mid")
		if m.MediaName.Port.Value != 0 {
			mid += "!"
		}
		mids = append(mids, mid)
	}
	if want := []string{"0", "1!", "2", "3", "4!", "5", "6", "9"}; !reflect.DeepEqual(mids, want) {
		t.Errorf("answer has m-lines %v, want %v", mids, want)
	}
}

func TestJudgeSlots(t *testing.T) {
	lines := audioLine("a", "recvonly") + audioLine("b", "recvonly") + videoLine("c", "recvonly") + videoLine("d", "recvonly")
	for _, test := range []struct {
		limit, slots int
		receiving    string
		refused      string
	}{
		{limit: 2},
		{limit: 1, refused: "bd"},
		{limit: 0, refused: "abcd"},
		{limit: 2, slots: 1, refused: "bd"},
		{limit: 2, slots: 2, refused: "abcd"},
		{limit: 2, slots: 2, receiving: "abcd"},
		{limit: 2, slots: 2, receiving: "ab", refused: "cd"},
		{limit: 3, slots: 2, receiving: "ab", refused: "d"},
		{limit: 4, slots: 2, receiving: "ab"},
		// Another connection has taken some since: what there is stays.
		{limit: 0, slots: 2, receiving: "ab", refused: "cd"},
	} {
		o, err := parseOffer(session("a", "b", "c", "d") + lines)
		if err != nil {
			t.Fatal(err)
		}
		o.judge(Permit{Slots: test.limit}, test.slots, func(mid string) bool { return strings.Contains(test.receiving, mid) })
		refused := ""
		for _, s := range o.sections {
			if s.refused == RefusedLimit {
				refused += s.mid
			}
		}
		if refused != test.refused {
			t.Errorf("%+v: refused %q", test, refused)
		}
	}
}

func TestNothingAccepted(t *testing.T) {
	o, err := parseOffer(session("0") + audioLine("0", "sendonly"))
	if err != nil {
		t.Fatal(err)
	}
	o.judge(Permit{Publish: func(string, forwarder.Kind) bool { return false }}, 0, nobody)
	if o.any() {
		t.Error("something was accepted")
	}
}

func TestDescribe(t *testing.T) {
	o, err := parseOffer(session("0", "1", "2") + audioLine("0", "sendonly") +
		videoLine("1", "sendonly", "a=rid:q send\r\na=rid:h send\r\na=rid:f send\r\na=simulcast:send q;~h;f,x\r\n") + videoLine("2", "recvonly"))
	if err != nil {
		t.Fatal(err)
	}
	o.sections[0].media.Attributes = append(o.sections[0].media.Attributes,
		sdp.Attribute{Key: "ssrc", Value: "77 cname:a"}, sdp.Attribute{Key: "ssrc", Value: "77 msid:a b"})
	answer := &sdp.SessionDescription{}
	text := session("0", "1", "2") + audioLine("0", "recvonly") + videoLine("1", "recvonly") +
		videoLine("2", "sendonly", "a=ssrc-group:FID 5 6\r\na=ssrc-group:FID 6 6\r\na=ssrc:5 cname:x\r\na=ssrc:6 cname:x\r\na=ssrc:0 cname:x\r\n")
	if err := answer.UnmarshalString(text); err != nil {
		t.Fatal(err)
	}
	vp8 := forwarder.Format{Codec: codec.VP8, PayloadType: 96, RTX: 97, NACK: true, PLI: true, FIR: true}
	h264 := forwarder.Format{Codec: codec.H264, PayloadType: 102, RTX: 103}
	video := forwarder.Extensions{MID: 4, RID: 10, TransportCC: 3}
	want := []forwarder.Media{
		{
			Mid: "0", Kind: forwarder.Audio, Formats: []forwarder.Format{{Codec: codec.Opus, PayloadType: 111}},
			Extensions: forwarder.Extensions{MID: 4, AudioLevel: 1}, Streams: []forwarder.Stream{{SSRC: 77}},
		},
		{Mid: "1", Kind: forwarder.Video, Formats: []forwarder.Format{vp8, h264}, Extensions: video, RIDs: []string{"q", "h", "f"}},
		{
			Mid: "2", Kind: forwarder.Video, Send: true, Formats: []forwarder.Format{vp8, h264}, Extensions: video,
			Streams: []forwarder.Stream{{SSRC: 5, RTX: 6}},
		},
	}
	if got := describe(o, answer); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// FuzzOffer runs what a client can send into everything that happens before ICE.
func FuzzOffer(f *testing.F) {
	f.Add(session("0", "1", "2") + audioLine("0", "sendonly") + videoLine("1", "sendonly", manyRIDs(3), manySSRCs(3)) + audioLine("2", "recvonly"))
	f.Add(session("0", "9") + videoLine("0", "sendrecv") + dataLine)
	f.Add(session("0") + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:0\r\na=simulcast:send a;b recv c\r\na=rid:a send\r\na=ssrc-group:FID 1\r\na=fmtp:96 apt=;;=\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		o, err := parseOffer(text)
		if err != nil {
			if !errors.Is(err, ErrBadSDP) && !errors.Is(err, ErrTooManyCandidates) {
				t.Fatalf("error %v", err)
			}
			return
		}
		o.judge(Permit{Publish: func(string, forwarder.Kind) bool { return true }, Slots: 8}, 0, nobody)
		if !o.any() {
			return
		}
		answered := answerText(t, o)
		if strings.Contains(answered, "a=candidate:") {
			t.Fatal("a candidate of the client is left")
		}
		again := &sdp.SessionDescription{}
		if err := again.UnmarshalString(answered); err != nil {
			t.Fatalf("the answer cannot be read: %v", err)
		}
		if len(again.MediaDescriptions) != len(o.sections) {
			t.Fatalf("%d m-lines in the answer to %d", len(again.MediaDescriptions), len(o.sections))
		}
		for _, m := range describe(o, again) {
			if len(m.Formats) == 0 || len(m.RIDs) > maxRIDs {
				t.Fatalf("described %+v", m)
			}
		}
	})
}

// TestAnswer: of each m-line the answer keeps what both sides know, under the numbers of the offer.
func TestAnswer(t *testing.T) {
	o, err := parseOffer(session("0", "1", "2", "3") + audioLine("0", "sendonly") +
		videoLine("1", "sendonly", "a=rid:q send\r\na=rid:h send\r\na=simulcast:send q;h\r\na=rtcp-fb:96 goog-remb\r\n") + videoLine("2", "recvonly") +
		audioLine("3", "inactive"))
	if err != nil {
		t.Fatal(err)
	}
	o.allow([]codec.Type{codec.VP8})
	o.judge(Permit{Publish: func(string, forwarder.Kind) bool { return true }, Slots: 4}, 0, nobody)
	at := side{credentials: credentials{"ours", "oursoursoursoursoursours"}, fingerprint: fingerprint, candidates: []string{"1 1 udp 9 192.0.2.1 9 typ host"}}
	text, err := o.answer(at, map[string]outLine{"2": {kind: forwarder.Video, slot: 3, ssrc: 5, rtx: 6}}, 7, 8).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	transport := func(mid string) string {
		return "c=IN IP4 0.0.0.0\r\na=setup:passive\r\na=mid:" + mid + "\r\na=ice-ufrag:ours\r\na=ice-pwd:oursoursoursoursoursours\r\na=rtcp-mux\r\na=rtcp-rsize\r\n"
	}
	const opus = "a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtcp-fb:111 transport-cc\r\n" +
		"a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n"
	const vp8 = "a=rtpmap:96 VP8/90000\r\na=rtcp-fb:96 nack\r\na=rtcp-fb:96 nack pli\r\na=rtcp-fb:96 ccm fir\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n" +
		"a=extmap:3 http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01\r\na=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid\r\n" +
		"a=extmap:10 urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id\r\n"
	want := "v=0\r\no=- 7 8 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1 2 3\r\na=fingerprint:" + fingerprint +
		"\r\na=msid-semantic:WMS *\r\na=extmap-allow-mixed\r\n" +
		"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" + transport("0") + opus + "a=recvonly\r\na=candidate:1 1 udp 9 192.0.2.1 9 typ host\r\na=end-of-candidates\r\n" +
		"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n" + transport("1") + vp8 + "a=rid:q recv\r\na=rid:h recv\r\na=simulcast:recv q;h\r\na=recvonly\r\n" +
		"m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\n" + transport("2") + vp8 +
		"a=ssrc-group:FID 5 6\r\na=ssrc:5 cname:slot3\r\na=ssrc:5 msid:slot3 slot3-video\r\na=ssrc:6 cname:slot3\r\na=ssrc:6 msid:slot3 slot3-video\r\n" +
		"a=msid:slot3 slot3-video\r\na=sendonly\r\n" +
		"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\n" + transport("3") + opus + "a=inactive\r\n"
	if string(text) != want {
		t.Errorf("answered\n%s\nwant\n%s", text, want)
	}
}

// TestAnswerOfNothingNew: what an offer does not have, an answer may not have either, and ids of extensions are answered only if they are read.
func TestAnswerOfNothingNew(t *testing.T) {
	offer := session("1") + videoLine("1", "sendonly", "a=extmap:20 urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id\r\n")
	o, err := parseOffer(strings.Replace(offer, "a=extmap-allow-mixed\r\n", "", 1))
	if err != nil {
		t.Fatal(err)
	}
	text := answerText(t, o)
	if strings.Contains(text, "extmap-allow-mixed") {
		t.Error("it mixes the forms of header extensions (RFC 8285 section 6)")
	}
	if strings.Contains(text, "extmap:20") || !strings.Contains(text, "extmap:10 ") {
		t.Errorf("extensions:\n%s", text)
	}
}

// TestLinesOfAConnection: m-lines that come and go, each under a new name, do not add up without end.
func TestLinesOfAConnection(t *testing.T) {
	c := &Conn{lines: map[string]forwarder.Kind{}, out: map[string]outLine{}}
	offered := func(n int) *offer {
		var mids []string
		lines := ""
		for i := range maxSections {
			mid := fmt.Sprintf("%d-%d", n, i)
			mids = append(mids, mid)
			lines += audioLine(mid, "sendonly")
		}
		o, err := parseOffer(session(mids...) + lines)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	for n := range maxLines / maxSections {
		o := offered(n)
		if err := c.checkLines(o); err != nil {
			t.Fatalf("offer %d: %v", n, err)
		}
		c.addSlots(o)
	}
	if err := c.checkLines(offered(0)); err != nil {
		t.Errorf("m-lines that are known: %v", err)
	}
	if err := c.checkLines(offered(maxLines)); !errors.Is(err, ErrBadSDP) {
		t.Errorf("one offer more of new m-lines: %v", err)
	}
}
