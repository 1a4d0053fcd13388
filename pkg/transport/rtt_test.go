package transport_test

import (
	"sync"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"sfu/pkg/transport"
)

// TestRTTWhileConnecting: the Engine asks for round-trip times while pion still starts a connection. The race detector judges.
func TestRTTWhileConnecting(t *testing.T) {
	s := newServer(t)
	for range 5 {
		one := s.newSide(t)
		quit := make(chan struct{})
		var asking sync.WaitGroup
		for i := range 4 {
			asking.Go(func() {
				ticker := time.NewTicker(time.Duration(200+70*i) * time.Microsecond)
				defer ticker.Stop()
				for {
					select {
					case <-quit:
						return
					case <-ticker.C:
						one.conn.TellRTT()
					}
				}
			})
		}
		pc := newPC(t)
		init := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}
		if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, init); err != nil {
			t.Error(err)
		} else {
			negotiate(t, pc, one)
			one.until(t, transport.Connected)
		}
		close(quit)
		asking.Wait()
	}
}
