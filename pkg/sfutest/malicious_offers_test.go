package sfutest_test

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"sfu/pkg/auth"
	"sfu/pkg/forwarder"
	"sfu/pkg/sfutest"
	"sfu/pkg/signaling/protocol"
)

// tokens returns a verifier and a token for each name; those who are not guests may publish.
func tokens(t *testing.T, names ...string) (auth.Verifier, []string) {
	t.Helper()
	key, err := auth.NewKey("test", auth.HS256, "6f1e0c7ab35d4982a1f0d3c5e7b9842d6f1e0c7a")
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := auth.NewVerifier([]auth.Key{key}, auth.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, name := range names {
		g := auth.Grant{Room: eavesdropped, Identity: name, Name: name, Subscribe: true, Chat: true, Expires: time.Now().Add(time.Hour)}
		if name != "eve" {
			g.Publish = []auth.Source{auth.Microphone, auth.Camera}
		}
		token, err := auth.Sign(key, g, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, token)
	}
	return verifier, all
}

// TestM18_RTPWithoutPermission: the m-line is rejected, and what is sent all the same reaches nobody.
func TestM18_RTPWithoutPermission(t *testing.T) {
	for _, direction := range []struct {
		name string
		want protocol.Code
	}{{"sendonly", protocol.NotAllowed}, {"sendrecv", protocol.BadSDP}} {
		t.Run(direction.name, func(t *testing.T) {
			verifier, tokens := tokens(t, "alice", "bob", "eve")
			s := newScene(t, sfutest.Options{Verifier: verifier}, tokens...)
			eve := newIntruder(t, s.srv, intent{
				token: tokens[2], camera: true, slots: 1,
				forge: func(sdp string) string { return strings.Replace(sdp, "a=sendonly", "a="+direction.name, 1) },
			})
			eve.enter()
			if got := eve.answer.Rejected[eve.media.mid].Code; got != direction.want {
				t.Errorf("the m-line is rejected as %q", got)
			}
			if !strings.Contains(eve.answer.SDP, "m=video 0 ") || len(eve.answer.Published) != 0 {
				t.Errorf("published %v with\n%s", eve.answer.Published, eve.answer.SDP)
			}
			before := s.counters()
			for n := range 100 {
				h := eve.media.next()
				if n%2 == 0 {
					h.mid = eve.media.mid
				}
				eve.sendRTP(eve.media.packet(h, eve.media.vp8(n%10 == 0, 100)))
			}
			s.dropped(before, forwarder.DropUnknown, 100)
			eve.request(protocol.Publish{PC: "main", Mid: eve.media.mid, Source: protocol.Camera})
			sfutest.Eventually(t, "publish is refused", func() bool {
				return eve.hears(func(m protocol.ServerMessage) bool {
					e, ok := m.(protocol.Error)
					return ok && e.Code == protocol.NotFound
				})
			})
			if s.saw.count() != 0 || len(s.bob.State().Bound) != 2 {
				t.Errorf("%d packets reached bob, who has %v", s.saw.count(), s.bob.State().Bound)
			}
			eve.leave()
			s.over()
		})
	}
}

// refused joins with a forged offer and wants it refused.
func (s *scene) refused(want protocol.Code, forge func(sdp string) string) {
	s.t.Helper()
	eve := newIntruder(s.t, s.srv, intent{camera: true, forge: forge})
	if refusal := eve.join(); refusal == nil || refusal.Code != want {
		s.t.Errorf("refused with %v, not %s", refusal, want)
	}
	eve.close()
}

// eachLine changes every line of an SDP that begins with prefix to what change makes of it, which may be several lines or none.
func eachLine(sdp, prefix string, change func(line string) []string) string {
	var lines []string
	for line := range strings.SplitSeq(sdp, "\r\n") {
		if strings.HasPrefix(line, prefix) {
			lines = append(lines, change(line)...)
		} else {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\r\n")
}

const (
	md5Fingerprint   = "a=fingerprint:md5 00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF"
	otherFingerprint = "a=fingerprint:sha-256 " +
		"AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99"
)

// onMedia moves the fingerprint from the session to every m-line.
func onMedia(sdp string) string {
	var fingerprint string
	sdp = eachLine(sdp, "a=fingerprint:", func(line string) []string { fingerprint = line; return nil })
	return eachLine(sdp, "a=mid:", func(line string) []string { return []string{line, fingerprint} })
}

func TestM22_Fingerprints(t *testing.T) {
	s := newScene(t, sfutest.Options{})
	replaced := func(lines ...string) func(string) string {
		return func(sdp string) string {
			return eachLine(sdp, "a=fingerprint:", func(string) []string { return lines })
		}
	}
	for name, forge := range map[string]func(sdp string) string{
		"none": replaced(),
		"md5":  replaced(md5Fingerprint),
		"md5 for the session, a good one for the m-line": func(sdp string) string {
			return strings.Replace(onMedia(sdp), "t=0 0\r\n", "t=0 0\r\n"+md5Fingerprint+"\r\n", 1)
		},
		"two for the session": func(sdp string) string {
			return eachLine(sdp, "a=fingerprint:", func(line string) []string { return []string{line, otherFingerprint} })
		},
		"two for the m-line": func(sdp string) string {
			return eachLine(onMedia(sdp), "a=fingerprint:", func(line string) []string { return []string{line, otherFingerprint} })
		},
		"one for the session, another for the m-line": func(sdp string) string {
			return eachLine(sdp, "a=mid:", func(line string) []string { return []string{line, otherFingerprint} })
		},
	} {
		t.Run(name, func(t *testing.T) {
			s.refused(protocol.BadSDP, forge)
			sfutest.Eventually(t, "only the connections of the others are left", func() bool { return s.srv.Engine.Stats().Open == 2 })
		})
	}

	eve := newIntruder(t, s.srv, intent{camera: true, slots: 1, forge: replaced(otherFingerprint)})
	if refusal := eve.join(); refusal != nil {
		t.Fatal(refusal)
	}
	if m := eve.expectMedia("failed"); m.Step != "dtls" {
		t.Errorf("failed at %q", m.Step)
	}
	sfutest.Eventually(t, "the connection is closed", func() bool { return s.srv.Engine.Stats().Open == 2 })
	if n := s.srv.Engine.Stats().FailedDTLS; n != 1 {
		t.Errorf("%d handshakes failed", n)
	}
	eve.leave()
	s.over()
}

func TestM24_UserFragments(t *testing.T) {
	s := newScene(t, sfutest.Options{})
	frank := newIntruder(t, s.srv, intent{camera: true, ufrag: "sharedUfrag", password: "the/own/password/of/frank"})
	frank.enter()
	ufrag := func(value string) func(string) string {
		return func(sdp string) string {
			return eachLine(sdp, "a=ice-ufrag:", func(string) []string { return []string{"a=ice-ufrag:" + value} })
		}
	}
	for name, value := range map[string]string{
		"300 characters": strings.Repeat("a", 300), "too short": "abc", "empty": "",
		"brackets": "ab{d}", "space": "ab cd", "NUL": "ab\x00cd", "umlaut": "abcdü",
	} {
		t.Run(name, func(t *testing.T) { s.refused(protocol.BadSDP, ufrag(value)) })
	}

	// Someone else's is no way to that one's media: both go on, each with their own.
	eve := newIntruder(t, s.srv, intent{camera: true, ufrag: "sharedUfrag", password: "another/password/of+ice"})
	eve.enter()
	eve.behave(s.saw)
	frank.behave(s.saw)
	s.noCrossTalk(eve, frank)
	eve.leave()

	// Nor is someone else's ufrag with a password that is not one's own: the checks of ICE fail.
	stranger := newIntruder(t, s.srv, intent{camera: true, forge: ufrag("sharedUfrag")})
	if refusal := stranger.join(); refusal != nil {
		t.Fatal(refusal)
	}
	frank.behave(s.saw)
	stranger.leave()
	frank.leave()
	s.over()
}

// noCrossTalk wants bob to have the tracks of intruders on different m-lines, each with packets.
func (s *scene) noCrossTalk(all ...*intruder) {
	s.t.Helper()
	mids := map[string]bool{}
	for _, i := range all {
		got := s.bobs(i.track())
		if got.Packets == 0 || mids[got.MID] {
			s.t.Errorf("%d packets of %s on m-line %q", got.Packets, i.track(), got.MID)
		}
		mids[got.MID] = true
		if got.Damaged+got.Foreign != 0 {
			s.t.Errorf("m-line %s: %d damaged, %d foreign", got.MID, got.Damaged, got.Foreign)
		}
	}
}

// TestM25_Candidates: however many there are and wherever they are, nothing is sent to any of them.
func TestM25_Candidates(t *testing.T) {
	s := newScene(t, sfutest.Options{})
	victim, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = victim.Close() }()
	port := victim.LocalAddr().(*net.UDPAddr).Port
	targets := []string{
		fmt.Sprintf("127.0.0.1 %d", port), fmt.Sprintf("localhost %d", port), fmt.Sprintf("::ffff:127.0.0.1 %d", port),
		"169.254.169.254 80", "224.0.0.251 5353", "ff02::fb 5353", "attacker.example 9", "0123abcd.local 9", "127.0.0.1 0", "255.255.255.255 9",
	}
	lines := func(n int) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprintf("a=candidate:%d 1 udp %d %s typ host", i+1, 2_130_000_000-i, targets[i%len(targets)]))
		}
		return all
	}
	onLines := func(n int) func(string) string {
		return func(sdp string) string {
			return eachLine(sdp, "a=mid:", func(line string) []string { return append([]string{line}, lines(n)...) })
		}
	}
	inSession := func(n int) func(string) string {
		return func(sdp string) string {
			return strings.Replace(sdp, "t=0 0\r\n", "t=0 0\r\n"+strings.Join(lines(n), "\r\n")+"\r\n", 1)
		}
	}
	s.refused(protocol.TooManyCandidates, onLines(500))
	s.refused(protocol.TooManyCandidates, inSession(500))
	for _, forge := range []func(string) string{onLines(64), inSession(64)} {
		eve := newIntruder(t, s.srv, intent{camera: true, forge: forge})
		eve.enter()
		eve.behave(s.saw)
		if state := eve.pc.ConnectionState(); state != webrtc.PeerConnectionStateConnected {
			t.Errorf("the intruder is %v", state)
		}
		eve.leave()
	}
	// What the server sent before has arrived by now: loopback keeps the order, and media went by.
	if err := victim.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 2048)
	if n, from, err := victim.ReadFromUDP(buf); err == nil {
		t.Errorf("%d bytes came from %s: %x", n, from, buf[:n])
	}
	s.over()
}
