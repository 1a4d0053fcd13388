package client

import (
	"slices"
	"strings"
	"testing"
)

const answerWithCandidates = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\nc=IN IP4 0.0.0.0\r\n" +
	"a=candidate:1 1 udp 2130706431 203.0.113.7 8080 typ host\r\n" +
	"a=candidate:2 1 tcp 1671430143 203.0.113.7 8080 typ host tcptype passive\r\n" +
	"a=candidate:3 1 udp 2130706431 2001:db8::7 8080 typ host\r\n" +
	"a=candidate:4 1 udp 2130706431 host.local 8080 typ host\r\n" +
	"a=end-of-candidates\r\na=mid:0\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96\r\nc=IN IP4 0.0.0.0\r\na=candidate:1 1 udp 2130706431 203.0.113.7 8080 typ host\r\na=mid:1\r\n"

func TestCandidatesOf(t *testing.T) {
	var got []string
	for _, c := range candidatesOf(answerWithCandidates) {
		got = append(got, c.String())
	}
	if want := []string{"udp 203.0.113.7:8080", "tcp 203.0.113.7:8080", "udp [2001:db8::7]:8080"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWithCandidates(t *testing.T) {
	text, err := withCandidates(answerWithCandidates, func(c Candidate) bool { return c.TCP })
	if err != nil {
		t.Fatal(err)
	}
	if got := candidatesOf(text); len(got) != 1 || !got[0].TCP {
		t.Errorf("left are %v", got)
	}
	for _, rest := range []string{"host.local", "a=end-of-candidates", "a=mid:1"} {
		if !strings.Contains(text, rest) {
			t.Errorf("%s is gone:\n%s", rest, text)
		}
	}
}
