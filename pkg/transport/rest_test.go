package transport_test

import (
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"sfu/pkg/transport"
)

// resting makes a client whose DTLS session rests on the server.
func resting(t *testing.T, s *server) (pc *webrtc.PeerConnection, one *side) {
	t.Helper()
	pc, one = newPC(t), s.newSide(t)
	init := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, init); err != nil {
		t.Fatal(err)
	}
	negotiate(t, pc, one)
	one.until(t, transport.Connected)
	// Before the client has the last flight it has no session to say goodbye in.
	for deadline := time.Now().Add(patience); pc.ConnectionState() != webrtc.PeerConnectionStateConnected || !one.conn.Rest(); {
		if time.Now().After(deadline) {
			t.Fatal("the session never rests")
		}
	}
	return pc, one
}

// TestClientSaysGoodbyeAtRest: a session that rests hears the client close it.
func TestClientSaysGoodbyeAtRest(t *testing.T) {
	s := newServer(t)
	pc, one := resting(t, s)
	began := time.Now()
	if err := pc.Close(); err != nil {
		t.Fatal(err)
	}
	one.until(t, transport.Closed)
	if took := time.Since(began); took >= iceGivesUp {
		t.Errorf("after %v: it was ICE that missed the client", took)
	}
}

// iceGivesUp is how long ICE waits for a client that says nothing.
const iceGivesUp = 15 * time.Second

// TestServerSaysGoodbyeAtRest: a session that rests tells the client of its end.
func TestServerSaysGoodbyeAtRest(t *testing.T) {
	s := newServer(t)
	pc, one := resting(t, s)
	closed := make(chan struct{})
	pc.SCTP().Transport().OnStateChange(func(state webrtc.DTLSTransportState) {
		if state == webrtc.DTLSTransportStateClosed {
			close(closed)
		}
	})
	one.conn.Close()
	select {
	case <-closed:
	case <-time.After(patience):
		t.Error("the client does not hear of it")
	}
}

// TestLastFlightAgain: a client that has not got the end of the handshake gets it once more, and the session goes on resting.
func TestLastFlightAgain(t *testing.T) {
	s := newServer(t)
	pc, one := resting(t, s)
	for _, record := range []byte{20, 22} {
		if sent := one.conn.ReceiveDTLS([]byte{record, 254, 253}); sent < 60 || !one.conn.Resting() {
			t.Errorf("record %d: %d bytes sent, resting %v", record, sent, one.conn.Resting())
		}
	}
	if sent := one.conn.ReceiveDTLS([]byte{21, 254, 253}); sent != 0 || one.conn.Resting() {
		t.Errorf("an alert: %d bytes sent, resting %v", sent, one.conn.Resting())
	}
	if err := pc.Close(); err != nil {
		t.Fatal(err)
	}
	one.until(t, transport.Closed)
}
