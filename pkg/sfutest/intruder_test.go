package sfutest_test

import (
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gorilla/websocket"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/webrtc/v4"

	"sfu/pkg/sfutest"
	"sfu/pkg/signaling/protocol"
)

// An intruder is in a room with a client of its own making: it says what it likes on the WebSocket, changes its offer before it sends it, and
// holds the keys and the socket of its media (see arm), so that it can send what no PeerConnection would.
//
//	eve := newIntruder(t, srv, intent{camera: true})
//	eve.enter()
//	eve.send(eve.rtp(header{...}, payload))
type intruder struct {
	t      testing.TB
	server *sfutest.Server
	intent intent
	pc     *webrtc.PeerConnection
	mux    *ice.UDPMuxDefault
	camera *webrtc.RTPTransceiver
	media  *arms

	socket    *websocket.Conn
	listening sync.WaitGroup
	joined    protocol.Joined
	answer    protocol.Answer
	requests  uint64

	mu    sync.Mutex
	heard []protocol.ServerMessage
	end   error // of the socket
}

// An intent says what an intruder comes for.
type intent struct {
	token string
	// camera publishes a camera on the first m-line; slots receives that many others.
	camera bool
	slots  int
	// forge changes the offer on its way out.
	forge func(sdp string) string
	// ufrag and password are its ICE credentials, pion's choice where they are "".
	ufrag, password string
}

const eavesdropped = "kitchen" // the room of these tests

// Payload types of an intruder's codecs.
const (
	vp8Type, vp8RTXType = 96, 97
	vp9Type             = 98
	h264Type            = 102
	av1Type             = 45
)

const (
	midURI = "urn:ietf:params:rtp-hdrext:sdes:mid"
	ccURI  = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
)

// newIntruder makes one that has said nothing yet.
func newIntruder(t testing.TB, srv *sfutest.Server, what intent) *intruder {
	t.Helper()
	i := &intruder{t: t, server: srv, intent: what}
	udp, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	i.mux = ice.NewUDPMuxDefault(ice.UDPMuxParams{UDPConn: udp})
	i.media = &arms{udp: udp, server: &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: srv.Engine.Port()}}
	i.pc = openPC(t, i.mux, what)
	t.Cleanup(i.close)
	if what.camera {
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "video", "stream")
		if err != nil {
			t.Fatal(err)
		}
		direction := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly}
		if i.camera, err = i.pc.AddTransceiverFromTrack(track, direction); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 * what.slots {
		kind := webrtc.RTPCodecTypeVideo
		if len(i.pc.GetTransceivers())%2 == 0 {
			kind = webrtc.RTPCodecTypeAudio
		}
		if _, err := i.pc.AddTransceiverFromKind(kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
			t.Fatal(err)
		}
	}
	return i
}

func openPC(t testing.TB, mux ice.UDPMux, what intent) *webrtc.PeerConnection {
	t.Helper()
	codecs := &webrtc.MediaEngine{}
	add := func(kind webrtc.RTPCodecType, mime string, rate uint32, payloadType webrtc.PayloadType, fmtp string) {
		c := webrtc.RTPCodecParameters{
			RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: mime, ClockRate: rate, SDPFmtpLine: fmtp, RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}},
			}, PayloadType: payloadType,
		}
		if err := codecs.RegisterCodec(c, kind); err != nil {
			t.Fatal(err)
		}
	}
	add(webrtc.RTPCodecTypeVideo, webrtc.MimeTypeVP8, 90_000, vp8Type, "")
	add(webrtc.RTPCodecTypeVideo, webrtc.MimeTypeRTX, 90_000, vp8RTXType, "apt=96")
	add(webrtc.RTPCodecTypeVideo, webrtc.MimeTypeVP9, 90_000, vp9Type, "profile-id=0")
	add(webrtc.RTPCodecTypeVideo, webrtc.MimeTypeH264, 90_000, h264Type, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f")
	add(webrtc.RTPCodecTypeVideo, webrtc.MimeTypeAV1, 90_000, av1Type, "profile=0")
	add(webrtc.RTPCodecTypeAudio, webrtc.MimeTypeOpus, 48_000, 111, "")
	for _, uri := range []string{midURI, ccURI} {
		if err := codecs.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo); err != nil {
			t.Fatal(err)
		}
	}
	s := webrtc.SettingEngine{}
	s.SetICEUDPMux(mux)
	s.SetIncludeLoopbackCandidate(true)
	s.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	if what.ufrag != "" {
		s.SetICECredentials(what.ufrag, what.password)
	}
	api := webrtc.NewAPI(webrtc.WithMediaEngine(codecs), webrtc.WithSettingEngine(s), webrtc.WithInterceptorRegistry(&interceptor.Registry{}))
	pc, err := api.NewPeerConnection(webrtc.Configuration{BundlePolicy: webrtc.BundlePolicyMaxBundle})
	if err != nil {
		t.Fatal(err)
	}
	return pc
}

// offer makes the offer and returns it as it will be sent.
func (i *intruder) offer() protocol.Offer {
	i.t.Helper()
	description, err := i.pc.CreateOffer(nil)
	if err != nil {
		i.t.Fatal(err)
	}
	if err := i.pc.SetLocalDescription(description); err != nil {
		i.t.Fatal(err)
	}
	o := protocol.Offer{PC: "main", N: 1, SDP: description.SDP}
	if i.intent.forge != nil {
		o.SDP = i.intent.forge(o.SDP)
	}
	if i.camera != nil {
		o.Tracks = map[string]protocol.Publication{i.camera.Mid(): {Source: protocol.Camera}}
	}
	return o
}

// join joins with the offer and returns the refusal, if there is one.
func (i *intruder) join() *protocol.Error {
	i.t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Version}, HandshakeTimeout: sfutest.Patience}
	at := strings.Replace(i.server.URL, "http", "ws", 1) + "/v1/rooms/" + eavesdropped + "/signal"
	socket, response, err := dialer.DialContext(sfutest.Context(i.t), at, nil)
	if err != nil {
		i.t.Fatal(err)
	}
	_ = response.Body.Close()
	i.socket = socket
	i.request(protocol.Join{Token: i.intent.token, Name: "eve", Offers: []protocol.Offer{i.offer()}})
	_, frame, err := socket.ReadMessage()
	if err != nil {
		i.t.Fatal(err)
	}
	_, m, err := protocol.DecodeServer(frame)
	if err != nil {
		i.t.Fatal(err)
	}
	if refusal, refused := m.(protocol.Error); refused {
		return &refusal
	}
	i.joined = m.(protocol.Joined)
	i.listening.Go(i.listen)
	if len(i.joined.Answers) == 1 {
		i.answer = i.joined.Answers[0]
		if err := i.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: i.answer.SDP}); err != nil {
			i.t.Fatalf("apply the answer: %v\n%s", err, i.answer.SDP)
		}
	}
	return nil
}

// enter joins, waits for the media connection and takes its keys.
func (i *intruder) enter() {
	i.t.Helper()
	if refusal := i.join(); refusal != nil {
		i.t.Fatal(refusal)
	}
	i.expectMedia("connected")
	sfutest.Eventually(i.t, "the intruder is connected", func() bool { return i.pc.ConnectionState() == webrtc.PeerConnectionStateConnected })
	i.arm()
}

func (i *intruder) request(m protocol.ClientMessage) {
	i.t.Helper()
	i.requests++
	if err := i.socket.WriteMessage(websocket.TextMessage, protocol.EncodeRequest(i.requests, m)); err != nil {
		i.t.Fatal(err)
	}
}

func (i *intruder) listen() {
	for {
		_, frame, err := i.socket.ReadMessage()
		i.mu.Lock()
		if err != nil {
			i.end = err
			i.mu.Unlock()
			return
		}
		if _, m, err := protocol.DecodeServer(frame); err == nil {
			i.heard = append(i.heard, m)
		}
		i.mu.Unlock()
	}
}

// hears reports whether the server has said something that ok says yes to.
func (i *intruder) hears(ok func(protocol.ServerMessage) bool) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.ContainsFunc(i.heard, ok)
}

// expectMedia waits until the server says that the connection is in this state, and returns what it said.
func (i *intruder) expectMedia(state string) (got protocol.Media) {
	i.t.Helper()
	sfutest.Eventually(i.t, "the intruder's media is "+state, func() bool {
		return i.hears(func(m protocol.ServerMessage) bool {
			media, ok := m.(protocol.Media)
			if ok && media.State == state {
				got = media
			}
			return ok && media.State == state
		})
	})
	return got
}

// track is the id of its camera.
func (i *intruder) track() string { return i.answer.Published[i.camera.Mid()] }

// leave leaves the room and closes what is left.
func (i *intruder) leave() {
	i.t.Helper()
	i.request(protocol.Leave{})
	i.listening.Wait() // the server closes the socket
	i.close()
}

// close ends everything without a word. It may be called twice.
func (i *intruder) close() {
	if i.socket != nil {
		_ = i.socket.Close()
	}
	i.listening.Wait()
	_ = i.pc.GracefulClose()
	if err := i.mux.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		i.t.Error(err)
	}
}
