package client

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/pion/dtls/v3"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"sfu/pkg/codec"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/synthetic"
)

// Times of ICE and DTLS. Chromium repeats its first DTLS flight after 50 ms.
const (
	iceDisconnected  = 5 * time.Second
	iceFailed        = 10 * time.Second
	iceKeepAlive     = 2 * time.Second
	dtlsRetransmit   = 50 * time.Millisecond
	peerConnectionID = "main"
)

// certificate is shared by all clients of the process: making one costs more than the rest of a PeerConnection.
var certificate = sync.OnceValues(func() (webrtc.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return webrtc.Certificate{}, fmt.Errorf("make a DTLS key: %w", err)
	}
	c, err := webrtc.GenerateCertificate(key)
	if err != nil {
		return webrtc.Certificate{}, fmt.Errorf("make a DTLS certificate: %w", err)
	}
	return *c, nil
})

// A peer is the PeerConnection. Its methods are called one at a time.
type peer struct {
	pc       *webrtc.PeerConnection
	api      *webrtc.API
	mux      ice.UDPMux // nil with TCP
	source   *synthetic.Source
	receiver MediaReceiver
	sinks    sinks
	served   Served // nil where the socket is read by pion alone
	outgoing []*outgoing
	slots    int
	looping  sync.WaitGroup
	quit     chan struct{}
	// tries is Options.Tries, answered the last answer as it came; negotiation.mu guards it.
	tries    func(Candidate) bool
	answered string
}

// outgoing is a track that is published.
type outgoing struct {
	publish     Publish
	player      *synthetic.Player
	transceiver *webrtc.RTPTransceiver
	// named is set once an answered offer has said what it is; negotiation.mu guards it.
	named bool

	mu    sync.Mutex
	track string
	err   error
	// muted and ended are what the user wants: ended, nothing is published on the m-line.
	muted, ended bool
}

// mid is the m-line's name, known once it was offered.
func (o *outgoing) mid() string { return o.transceiver.Mid() }

func (o *outgoing) setTrack(id string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.track, o.err = id, nil
}

// want notes what the user wants.
func (o *outgoing) want(muted, ended bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.muted, o.ended = muted, ended
}

func (o *outgoing) wanted() (muted, ended bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.muted, o.ended
}

func (o *outgoing) refuse(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
}

func (o *outgoing) result() (track string, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.track, o.err
}

// peerConfig is what a peer is made of.
type peerConfig struct {
	socket   net.PacketConn // nil for TCP; closed with the peer
	codecs   []codec.Type
	servers  []protocol.ICEServer
	receiver MediaReceiver
	source   *synthetic.Source
	pacing   synthetic.Pacing
	// slowCipher is Options.SlowCipher.
	slowCipher bool
	// tries and relayOnly are those of Options.
	tries     func(Candidate) bool
	relayOnly bool
	changed   func(webrtc.PeerConnectionState)
	logs      pionLogs
}

func newPeer(cfg peerConfig) (*peer, error) {
	p := &peer{receiver: cfg.receiver, source: cfg.source, quit: make(chan struct{}), tries: cfg.tries}
	if err := p.open(cfg); err != nil {
		if p.mux != nil {
			err = errors.Join(err, p.mux.Close())
		}
		return nil, err
	}
	p.source.Reconnect(p.pc.WriteRTCP)
	p.source.SetPacing(cfg.pacing)
	p.sinks.receiver, p.sinks.feedback = cfg.receiver, p.source.Feedback
	if c, ok := cfg.socket.(corking); ok {
		p.source.Together(c.Cork, c.Uncork)
	}
	p.pc.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		if s == webrtc.PeerConnectionStateConnected {
			p.source.Start()
			p.relax(cfg)
		}
		cfg.changed(s)
	})
	r := &reporter{receiver: cfg.receiver, send: p.pc.WriteRTCP, rtt: p.rtt}
	if served, ok := cfg.socket.(Served); ok {
		p.served = served
		served.Serve(shows(cfg.receiver), r.attend)
	} else {
		p.looping.Go(func() { r.run(p.quit) })
	}
	return p, nil
}

// relax has the socket be read at leisure.
func (p *peer) relax(cfg peerConfig) {
	if r, ok := cfg.socket.(relaxing); ok {
		if err := r.Relax(); err != nil {
			cfg.logs.log.Debug("relax the media socket", "error", err)
		}
	}
}

func (p *peer) open(cfg peerConfig) error {
	media, err := mediaEngine(cfg.codecs)
	if err != nil {
		return err
	}
	cert, err := certificate()
	if err != nil {
		return err
	}
	s := webrtc.SettingEngine{LoggerFactory: cfg.logs, BufferFactory: p.sinks.buffer}
	if cfg.socket != nil {
		p.mux = ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: tapped(cfg.socket, cfg.receiver), Logger: cfg.logs.NewLogger("ice")})
		s.SetICEUDPMux(p.mux)
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4, webrtc.NetworkTypeUDP6})
	} else {
		s.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4, webrtc.NetworkTypeTCP6})
	}
	s.SetIncludeLoopbackCandidate(true)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	s.SetICETimeouts(iceDisconnected, iceFailed, iceKeepAlive)
	s.SetDTLSRetransmissionInterval(dtlsRetransmit)
	profiles := []dtls.SRTPProtectionProfile{dtls.SRTP_AEAD_AES_128_GCM, dtls.SRTP_AEAD_AES_256_GCM, dtls.SRTP_AES128_CM_HMAC_SHA1_80}
	if cfg.slowCipher {
		slices.Reverse(profiles)
	}
	s.SetSRTPProtectionProfiles(profiles...)
	s.DisableMediaEngineCopy(true)
	p.api = webrtc.NewAPI(webrtc.WithMediaEngine(media), webrtc.WithSettingEngine(s), webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	configuration := webrtc.Configuration{
		BundlePolicy: webrtc.BundlePolicyMaxBundle, Certificates: []webrtc.Certificate{cert}, ICEServers: iceServers(cfg.servers),
	}
	if cfg.relayOnly {
		configuration.ICETransportPolicy = webrtc.ICETransportPolicyRelay
	}
	p.pc, err = p.api.NewPeerConnection(configuration)
	if err != nil {
		return fmt.Errorf("make a PeerConnection: %w", err)
	}
	return nil
}

// tapped returns socket as pion shall see it.
func tapped(socket net.PacketConn, receiver MediaReceiver) net.PacketConn {
	if !receiver.Samples() {
		return socket
	}
	switch s := socket.(type) {
	case Served:
		return s
	case *net.UDPConn:
		return tap{udpDatagrams{s}, receiver}
	case datagrams:
		return tap{s, receiver}
	}
	return socket
}

func iceServers(servers []protocol.ICEServer) []webrtc.ICEServer {
	var all []webrtc.ICEServer
	for _, s := range servers {
		all = append(all, webrtc.ICEServer{URLs: s.URLs, Username: s.Username, Credential: s.Credential})
	}
	return all
}

// publish adds an m-line that sends.
func (p *peer) publish(what Publish) (*outgoing, error) {
	player, err := p.source.Add(what.Track)
	if err != nil {
		return nil, err
	}
	o := &outgoing{publish: what, player: player, muted: what.Muted}
	if err := p.send(o); err != nil {
		return nil, err
	}
	if what.Muted {
		player.SetAllActive(false)
	}
	return o, nil
}

// send adds an m-line for o.
func (p *peer) send(o *outgoing) (err error) {
	track := o.player.Track()
	for i, e := range track.Encodings {
		local := &localTrack{outgoing: o, rid: e.RID, codec: track.Codec, id: fmt.Sprintf("track%d", len(p.outgoing))}
		if i == 0 {
			o.transceiver, err = p.pc.AddTransceiverFromTrack(local, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		} else {
			err = o.transceiver.Sender().AddEncoding(local)
		}
		if err != nil {
			return fmt.Errorf("add an m-line: %w", err)
		}
	}
	p.outgoing = append(p.outgoing, o)
	return nil
}

// follow adds the m-lines of the peer before, which is stopped. What was unpublished has its line, and is not named.
func (p *peer) follow(before *peer) error {
	for _, o := range before.outgoing {
		_, o.named = o.wanted()
		if err := p.send(o); err != nil {
			return err
		}
	}
	return p.addSlots(before.slots)
}

// addSlots adds count pairs of m-lines that receive.
func (p *peer) addSlots(count int) error {
	for range count {
		for _, kind := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
			init := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}
			if _, err := p.pc.AddTransceiverFromKind(kind, init); err != nil {
				return fmt.Errorf("add an m-line: %w", err)
			}
		}
		p.slots++
	}
	return nil
}

// offer makes the next offer, with new ICE credentials if restart is set. The client's candidates may or may not be in it: the server
// ignores them.
func (p *peer) offer(restart bool) (string, error) {
	offer, err := p.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: restart})
	if err != nil {
		return "", fmt.Errorf("create an offer: %w", err)
	}
	if err := p.pc.SetLocalDescription(offer); err != nil {
		return "", fmt.Errorf("apply the own offer: %w", err)
	}
	return withoutSimulcastSSRCs(offer.SDP)
}

// answer applies the server's answer.
func (p *peer) answer(sdp string) error {
	lines, err := linesOf(sdp)
	if err != nil {
		return err
	}
	p.answered = sdp
	if p.tries != nil {
		if sdp, err = withCandidates(sdp, p.tries); err != nil {
			return err
		}
	}
	// Before pion knows the answer, so that no packet comes first.
	p.receiver.Configure(lines)
	if err := p.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: sdp}); err != nil {
		return fmt.Errorf("apply the answer: %w", err)
	}
	return nil
}

// rtt is the round-trip time that ICE measured.
func (p *peer) rtt() (time.Duration, bool) {
	s, ok := p.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePairStats()
	return time.Duration(s.CurrentRoundTripTime * float64(time.Second)), ok && s.CurrentRoundTripTime > 0
}

// stop ends what is done by itself; only close is left to be called.
func (p *peer) stop() {
	p.source.Reconnect(nil)
	close(p.quit)
	p.looping.Wait()
	if p.served != nil {
		p.served.Serve(nil, nil)
	}
}

// close ends the PeerConnection and waits for it.
func (p *peer) close() error {
	err := p.pc.GracefulClose()
	if p.mux != nil {
		err = errors.Join(err, p.mux.Close())
	}
	return err
}

// A localTrack is what pion takes for the track of an encoding. It gives the Player what pion negotiated.
type localTrack struct {
	outgoing *outgoing
	rid, id  string
	codec    codec.Type
}

func (t *localTrack) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	for _, p := range c.CodecParameters() {
		if codec.ByMIMEType(p.MimeType) != t.codec {
			continue
		}
		b := synthetic.Binding{
			SSRC: uint32(c.SSRC()), PayloadType: uint8(p.PayloadType), MID: t.outgoing.mid(),
			Extensions: extensionsOf(c.HeaderExtensions()), Writer: c.WriteStream(),
		}
		apt := fmt.Sprintf("apt=%d", p.PayloadType)
		for _, r := range c.CodecParameters() {
			if r.MimeType == webrtc.MimeTypeRTX && r.SDPFmtpLine == apt {
				b.RTX, b.RTXPayloadType = uint32(c.SSRCRetransmission()), uint8(r.PayloadType)
			}
		}
		t.outgoing.player.Bind(t.rid, b)
		return p, nil
	}
	return webrtc.RTPCodecParameters{}, fmt.Errorf("%v: %w", t.codec, webrtc.ErrUnsupportedCodec)
}

func extensionsOf(all []webrtc.RTPHeaderExtensionParameter) synthetic.Extensions {
	var e synthetic.Extensions
	for _, x := range all {
		id := uint8(x.ID)
		switch x.URI {
		case extensionMID:
			e.MID = id
		case extensionRID:
			e.RID = id
		case extensionRepairedRID:
			e.RepairedRID = id
		case extensionTransportCC:
			e.TransportCC = id
		case extensionAudioLevel:
			e.AudioLevel = id
		}
	}
	return e
}

func (t *localTrack) Unbind(webrtc.TrackLocalContext) error { return nil }
func (t *localTrack) ID() string                            { return t.id }
func (t *localTrack) RID() string                           { return t.rid }
func (t *localTrack) StreamID() string                      { return "stream" }
func (t *localTrack) Kind() webrtc.RTPCodecType {
	if t.codec.Video() {
		return webrtc.RTPCodecTypeVideo
	}
	return webrtc.RTPCodecTypeAudio
}
