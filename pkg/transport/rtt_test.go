package transport

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"sfu/pkg/forwarder"
)

type connectedHandler chan struct{}

func (h connectedHandler) StatusChanged(s Status) {
	if s.State == Connected {
		close(h)
	}
}
func (connectedHandler) DownTrackChanged(*forwarder.DownTrack, forwarder.DownTrackState) {}

// TestRTTWhileConnecting: round-trip times may be read at any time. The race detector is the judge.
func TestRTTWhileConnecting(t *testing.T) {
	engine, err := NewEngine(Config{Addresses: []Address{{Local: netip.MustParseAddr("127.0.0.1")}}})
	if err != nil {
		t.Fatal(err)
	}
	pool := forwarder.NewPool(forwarder.Config{Workers: 1, Egress: engine})
	group := pool.NewGroup()
	connected := make(connectedHandler)
	conn, err := engine.NewConn(group, connected)
	if err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	stop := make(chan struct{})
	reading.Go(func() {
		ticker := time.NewTicker(50 * time.Microsecond)
		defer ticker.Stop()
		for {
			select {
			case <-stop:
				return
			case <-ticker.C:
				conn.tellRTT()
			}
		}
	})
	defer func() {
		close(stop)
		reading.Wait()
		conn.Close()
		group.Close()
		pool.Close()
		if err := engine.Close(); err != nil {
			t.Error(err)
		}
	}()

	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pc.GracefulClose() }()
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	answer, err := conn.Answer(context.Background(), offer.SDP, Permit{Slots: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.SDP}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-connected:
	case <-time.After(30 * time.Second):
		t.Fatal("never connected")
	}
}
