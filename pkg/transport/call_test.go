package transport_test

import (
	"context"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
	"sfu/pkg/transport"
)

// A side is the server's end of one client.
type side struct {
	conn     *transport.Conn
	statuses chan transport.Status
	layers   chan forwarder.DownTrackState
}

func (s *side) StatusChanged(status transport.Status) { s.statuses <- status }
func (s *side) DownTrackChanged(_ *forwarder.DownTrack, state forwarder.DownTrackState) {
	select {
	case s.layers <- state:
	default:
	}
}

type server struct {
	engine *transport.Engine
	pool   *forwarder.Pool
	group  *forwarder.Group
}

func newServer(t *testing.T) *server {
	t.Helper()
	engine, err := transport.NewEngine(transport.Config{Addresses: []transport.Address{{Local: netip.MustParseAddr("127.0.0.1")}}})
	if err != nil {
		t.Fatal(err)
	}
	pool := forwarder.NewPool(forwarder.Config{Workers: 1, Egress: engine})
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

func (s *server) newSide(t *testing.T) *side {
	t.Helper()
	one := &side{statuses: make(chan transport.Status, 64), layers: make(chan forwarder.DownTrackState, 64)}
	conn, err := s.engine.NewConn(s.group, one)
	if err != nil {
		t.Fatal(err)
	}
	one.conn = conn
	t.Cleanup(conn.Close)
	return one
}

// negotiate lets pc offer and the server answer.
func negotiate(t *testing.T, pc *webrtc.PeerConnection, s *side) transport.Answer {
	t.Helper()
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	permit := transport.Permit{Publish: func(string, forwarder.Kind) bool { return true }, Slots: 32}
	answer, err := s.conn.Answer(ctx, offer.SDP, permit)
	if err != nil {
		t.Fatalf("answer: %v", err)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.SDP}); err != nil {
		t.Fatalf("apply answer: %v\n%s", err, answer.SDP)
	}
	return answer
}

type started chan codec.Type

func (s started) UpTrackStarted(_ *forwarder.UpTrack, c codec.Type) { s <- c }
func (s started) UpTrackPoliced(*forwarder.UpTrack)                 {}

func TestCall(t *testing.T) {
	s := newServer(t)

	publisher, err := webrtc.NewPeerConnection(webrtc.Configuration{BundlePolicy: webrtc.BundlePolicyMaxBundle})
	if err != nil {
		t.Fatal(err)
	}
	defer publisher.Close()
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "video", "stream")
	if err != nil {
		t.Fatal(err)
	}
	tr, err := publisher.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		t.Fatal(err)
	}
	var wantKey atomic.Bool
	wantKey.Store(true)
	go func() {
		for {
			packets, _, err := tr.Sender().ReadRTCP()
			if err != nil {
				return
			}
			for _, p := range packets {
				if _, ok := p.(*rtcp.PictureLossIndication); ok {
					wantKey.Store(true)
				}
			}
		}
	}()
	up := s.newSide(t)
	answer := negotiate(t, publisher, up)
	if len(answer.Sending) != 1 || answer.Sending[0].Kind != forwarder.Video {
		t.Fatalf("sending %+v", answer.Sending)
	}
	begun := make(started, 4)
	source := up.conn.Peer().Publish(answer.Sending[0].Mid, forwarder.Video, forwarder.Camera, begun)

	viewer, err := webrtc.NewPeerConnection(webrtc.Configuration{BundlePolicy: webrtc.BundlePolicyMaxBundle})
	if err != nil {
		t.Fatal(err)
	}
	defer viewer.Close()
	for range 2 {
		for _, k := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
			if _, err := viewer.AddTransceiverFromKind(k, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := make(chan *rtp.Packet, 1024)
	viewer.OnTrack(func(r *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			p, _, err := r.ReadRTP()
			if err != nil {
				return
			}
			got <- p
		}
	})
	down := s.newSide(t)
	answer = negotiate(t, viewer, down)
	if len(answer.Slots) != 2 || answer.Slots[0].Audio == nil || answer.Slots[0].Video == nil {
		t.Fatalf("slots %+v", answer.Slots)
	}
	answer.Slots[1].Video.SetSource(source)

	stop := make(chan struct{})
	defer close(stop)
	go func() {
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for n := uint16(0); ; n++ {
			select {
			case <-stop:
				return
			case <-ticker.C:
			}
			payload := []byte{0x10, 0x01, 0, 0, 'd', 'e', 'l', 't', 'a'}
			if wantKey.Swap(false) {
				payload = []byte{0x10, 0x10, 0, 0, 0x9D, 0x01, 0x2A, 0x40, 0x01, 0xB4, 0x00, 'k', 'e', 'y'}
			}
			_ = track.WriteRTP(&rtp.Packet{
				Header:  rtp.Header{Version: 2, SequenceNumber: n, Timestamp: uint32(n) * 1800, Marker: true},
				Payload: payload,
			})
		}
	}()
	deadline := time.After(20 * time.Second)
	var last *rtp.Packet
	for n := range 50 {
		select {
		case p := <-got:
			if n == 0 && p.Payload[1]&1 != 0 {
				t.Fatal("the first packet is not a keyframe")
			}
			if last != nil && p.SequenceNumber != last.SequenceNumber+1 {
				t.Errorf("sequence number %d after %d", p.SequenceNumber, last.SequenceNumber)
			}
			last = p
		case <-deadline:
			c, _ := s.group.Counters(context.Background())
			t.Fatalf("%d packets came, %+v", n, c)
		}
	}
	if c := <-begun; c != codec.VP8 {
		t.Errorf("started with %v", c)
	}
}
