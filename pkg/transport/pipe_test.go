package transport_test

import (
	"context"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"
)

// TestFlightWithoutAWay: while ICE has no pair, at first and after each restart, what DTLS sends is lost, as on any network, and sent again.
// Only the end of the connection is an error.
func TestFlightWithoutAWay(t *testing.T) {
	s := newServer(t)
	pc, one := newPC(t), s.newSide(t)
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := one.conn.Answer(ctx, offer.SDP, permitAll); err != nil {
		t.Fatal(err)
	}
	if err := one.conn.WriteDTLS([]byte{22, 254, 253}); err != nil {
		t.Errorf("a flight that is lost ends the handshake: %v", err)
	}
	one.conn.Close()
	if one.conn.WriteDTLS([]byte{22, 254, 253}) == nil {
		t.Error("after the end of the connection flights seem to be sent")
	}
}
