package transport_test

import (
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"sfu/pkg/forwarder"
	"sfu/pkg/portmux"
	"sfu/pkg/transport"
)

// newServerWith is newServer with settings of its own.
func newServerWith(t *testing.T, cfg transport.Config) *server {
	t.Helper()
	if len(cfg.Addresses) == 0 {
		cfg.Addresses = []transport.Address{{Local: netip.MustParseAddr("127.0.0.1")}}
	}
	engine, err := transport.NewEngine(cfg)
	if err != nil {
		t.Fatal(err)
	}
	pool := forwarder.NewPool(forwarder.Config{Workers: 1, NewEgress: engine.NewEgress})
	s := &server{engine: engine, pool: pool, group: pool.NewGroup()}
	t.Cleanup(func() {
		s.group.Close()
		pool.Close()
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// newPCWith makes a PeerConnection with settings of its own.
func newPCWith(t *testing.T, change func(*webrtc.SettingEngine)) *webrtc.PeerConnection {
	t.Helper()
	var s webrtc.SettingEngine
	change(&s)
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(s)).NewPeerConnection(webrtc.Configuration{BundlePolicy: webrtc.BundlePolicyMaxBundle})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	return pc
}

// wentDirect checks that all media went past pion, or none.
func (s *server) wentDirect(t *testing.T, direct bool) {
	t.Helper()
	c := s.engine.Stats()
	if !direct {
		c.DirectIn, c.DirectOut, c.PlainIn, c.PlainOut = c.PlainIn, c.PlainOut, c.DirectIn, c.DirectOut
	}
	if c.DirectIn == 0 || c.DirectOut == 0 || c.PlainIn != 0 || c.PlainOut != 0 {
		t.Errorf("direct %v, wanted past pion %d in and %d out, by pion %d in and %d out", direct, c.DirectIn, c.DirectOut, c.PlainIn, c.PlainOut)
	}
	if c.Unreadable != 0 || c.SendFailed != 0 || c.QueueDropped != 0 {
		t.Errorf("unreadable %d, not sent %d, dropped %d", c.Unreadable, c.SendFailed, c.QueueDropped)
	}
}

// TestProfiles: with every profile, cipher suite and master secret that package srtp serves, media goes past pion both ways.
func TestProfiles(t *testing.T) {
	for name, change := range map[string]func(*webrtc.SettingEngine){
		"pion's own choice": func(*webrtc.SettingEngine) {},
		"AES-128":           func(s *webrtc.SettingEngine) { s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_128_GCM) },
		"AES-256":           func(s *webrtc.SettingEngine) { s.SetSRTPProtectionProfiles(dtls.SRTP_AEAD_AES_256_GCM) },
		"SHA-384":           func(s *webrtc.SettingEngine) { s.SetDTLSCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384) },
		"CBC":               func(s *webrtc.SettingEngine) { s.SetDTLSCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA) },
		"ChaCha": func(s *webrtc.SettingEngine) {
			s.SetDTLSCipherSuites(dtls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256)
		},
		"no extended master secret": func(s *webrtc.SettingEngine) {
			s.SetDTLSExtendedMasterSecret(dtls.DisableExtendedMasterSecret)
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServer(t)
			p := s.newSender(t)
			v := s.newReceiverWith(t, newPCWith(t, change), 1)
			v.slots[0].Video.SetSource(p.source)
			v.expect(t, 20, nil)
			s.wentDirect(t, true)
		})
	}
}

// TestSwitches: with everything that is fast switched off, or some of it, media flows all the same.
func TestSwitches(t *testing.T) {
	for name, c := range map[string]struct {
		cfg    transport.Config
		direct bool
	}{
		"pion encrypts":             {transport.Config{PlainSRTP: true}, false},
		"one datagram per call":     {transport.Config{PlainUDP: true}, true},
		"no segmentation":           {transport.Config{NoGSO: true}, true},
		"as it was before all that": {transport.Config{PlainSRTP: true, PlainUDP: true, NoGSO: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := newServerWith(t, c.cfg)
			p := s.newSender(t)
			v := s.newReceiver(t, 1)
			v.slots[0].Video.SetSource(p.source)
			v.expect(t, 20, nil)
			s.wentDirect(t, c.direct)
		})
	}
}

// TestForeignCipher: a client without AES-GCM is served by pion, next to others that are not.
func TestForeignCipher(t *testing.T) {
	s := newServer(t)
	p := s.newSender(t)
	old := s.newReceiverWith(t, newPCWith(t, func(e *webrtc.SettingEngine) { e.SetSRTPProtectionProfiles(dtls.SRTP_AES128_CM_HMAC_SHA1_80) }), 1)
	v := s.newReceiver(t, 1)
	old.slots[0].Video.SetSource(p.source)
	v.slots[0].Video.SetSource(p.source)
	old.expect(t, 20, nil)
	v.expect(t, 20, nil)
	if c := s.engine.Stats(); c.DirectOut == 0 || c.PlainOut == 0 || c.DirectIn == 0 {
		t.Errorf("%+v", c)
	}
}

// candidates leaves those lines of an answer's candidates that keep says.
func candidates(sdp string, keep func(line string) bool) string {
	var kept []string
	for _, line := range strings.Split(sdp, "\r\n") {
		if !strings.HasPrefix(line, "a=candidate:") || keep(line) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\r\n")
}

// TestAddresses: each client is answered from the address that it came to, over IPv4 and IPv6.
func TestAddresses(t *testing.T) {
	all := []transport.Address{{Local: netip.MustParseAddr("127.0.0.1")}, {Local: netip.MustParseAddr("127.0.0.2")}}
	if l, err := net.ListenPacket("udp6", "[::1]:0"); err == nil {
		_ = l.Close()
		all = append(all, transport.Address{Local: netip.IPv6Loopback()})
	} else {
		t.Log("this machine has no IPv6")
	}
	s := newServerWith(t, transport.Config{Addresses: all})
	p := s.newSender(t)
	for _, a := range all {
		pc := newPCWith(t, func(e *webrtc.SettingEngine) { e.SetIncludeLoopbackCandidate(true) })
		v := &receiver{pc: pc, side: s.newSide(t)}
		if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
		came := make(chan struct{})
		pc.OnTrack(func(r *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
			if _, _, err := r.ReadRTP(); err == nil {
				close(came)
			}
		})
		answer := negotiateThrough(t, pc, v.side, func(sdp string) string {
			return candidates(sdp, func(line string) bool { return strings.Contains(line, " "+a.Local.String()+" ") })
		})
		answer.Slots[0].Video.SetSource(p.source)
		select {
		case <-came:
		case <-time.After(patience):
			t.Errorf("nothing comes from %s", a.Local)
		}
	}
	s.wentDirect(t, true)
}

// negotiateThrough is negotiate with an answer that was changed on its way, which need not be TCP's.
func negotiateThrough(t *testing.T, pc *webrtc.PeerConnection, s *side, change func(string) string) transport.Answer {
	t.Helper()
	offer, err := pc.CreateOffer(&webrtc.OfferOptions{ICERestart: pc.CurrentLocalDescription() != nil})
	if err != nil {
		t.Fatal(err)
	}
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	answer, err := s.conn.Answer(t.Context(), offer.SDP, permitAll)
	if err != nil {
		t.Fatalf("answer: %v", err)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: change(answer.SDP)}); err != nil {
		t.Fatalf("apply answer: %v", err)
	}
	return answer
}

// A cable is a socket that can be pulled out.
type cable struct {
	*net.UDPConn
	out atomic.Bool
}

func (c *cable) WriteTo(b []byte, to net.Addr) (int, error) {
	if c.out.Load() {
		return len(b), nil
	}
	return c.UDPConn.WriteTo(b, to)
}

func (c *cable) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := c.UDPConn.ReadFrom(b)
		if err != nil || !c.out.Load() {
			return n, from, err
		}
	}
}

// TestPathBecomesTCP: whoever loses UDP in a call and comes back over TCP is sent the same stream on, under the same keys, and heard as before.
func TestPathBecomesTCP(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	mux := portmux.New(l, portmux.Config{})
	t.Cleanup(func() { _ = mux.Close() })
	s := newServerOn(t, mux.ICE())
	p := s.newSender(t)
	socket, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	plug := &cable{UDPConn: socket}
	udp := ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: plug})
	t.Cleanup(func() { _ = udp.Close() })
	pc := newPCWith(t, func(e *webrtc.SettingEngine) {
		e.SetICEUDPMux(udp)
		e.SetIncludeLoopbackCandidate(true)
		e.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeTCP4})
	})
	v := &receiver{pc: pc, side: s.newSide(t), got: make(chan *rtp.Packet, 4096)}
	v.collect()
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	answer := negotiateThrough(t, pc, v.side, func(sdp string) string {
		return candidates(sdp, func(line string) bool { return strings.Contains(line, " udp ") })
	})
	answer.Slots[0].Video.SetSource(p.source)
	last := v.expect(t, 20, nil)
	s.wentDirect(t, true)

	plug.out.Store(true)
	negotiateThrough(t, pc, v.side, func(sdp string) string { return sdp })
	deadline := time.After(patience)
	for s.engine.Stats().PlainOut == 0 {
		select {
		case <-v.got:
		case <-deadline:
			t.Fatal("nothing goes over TCP")
		case <-time.After(10 * time.Millisecond):
		}
	}
	for came := 0; came < 20; {
		select {
		case got := <-v.got:
			if got.SSRC != last.SSRC {
				t.Fatalf("SSRC %d after %d", got.SSRC, last.SSRC)
			}
			came++
		case <-deadline:
			t.Fatal("nothing comes over TCP")
		}
	}
	before := s.engine.Stats()
	if before.PlainIn != 0 || before.Unreadable != 0 {
		t.Errorf("%+v", before)
	}
}

// TestMediaIsASignOfLife: a client whose media comes past ICE is not called disconnected for what ICE does not hear, until the media ends too.
func TestMediaIsASignOfLife(t *testing.T) {
	s := newServer(t)
	p := s.newSender(t)
	p.side.until(t, transport.Connected)
	for deadline := time.Now().Add(patience); s.engine.Stats().DirectIn == 0; {
		if time.Now().After(deadline) {
			t.Fatal("no media")
		}
	}
	p.side.conn.SetICE(ice.ConnectionStateDisconnected)
	if len(p.side.statuses) != 0 {
		t.Errorf("while media comes: %v", <-p.side.statuses)
	}
	if err := p.pc.Close(); err != nil {
		t.Fatal(err)
	}
	p.side.until(t, transport.Closed)
}

// TestSilence: a client of which nothing comes, past ICE neither, is disconnected.
func TestSilence(t *testing.T) {
	s := newServer(t)
	pc, one := newPC(t), s.newSide(t)
	init := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, init); err != nil {
		t.Fatal(err)
	}
	negotiate(t, pc, one)
	one.until(t, transport.Connected)
	one.conn.Hear(transport.DisconnectedAfter / 2)
	one.conn.SetICE(ice.ConnectionStateDisconnected)
	if len(one.statuses) != 0 {
		t.Errorf("half the time has passed: %v", <-one.statuses)
	}
	one.conn.Hear(transport.DisconnectedAfter)
	one.conn.FellSilent()
	one.until(t, transport.Disconnected)
}

// TestConsentEnds: when ICE has failed nothing is sent any more (RFC 7675 section 5.1), until it has come about again.
func TestConsentEnds(t *testing.T) {
	s := newServer(t)
	v := s.newReceiver(t, 1)
	v.side.until(t, transport.Connected)
	for _, step := range []struct {
		state ice.ConnectionState
		sends bool
	}{
		{ice.ConnectionStateDisconnected, true}, {ice.ConnectionStateFailed, false},
		{ice.ConnectionStateChecking, false}, {ice.ConnectionStateConnected, true},
	} {
		v.side.conn.SetICE(step.state)
		if sends := v.side.conn.Room() > 0; sends != step.sends {
			t.Errorf("%v: sends %v", step.state, sends)
		}
	}
}
