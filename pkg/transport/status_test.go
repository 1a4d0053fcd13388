package transport

import (
	"testing"

	"github.com/pion/ice/v4"
)

func TestICEReached(t *testing.T) {
	for _, c := range []struct {
		before bool
		at     ice.ConnectionState
		stage  dtlsStage
		want   bool
	}{
		{false, ice.ConnectionStateNew, dtlsNew, false},
		{false, ice.ConnectionStateChecking, dtlsNew, false},
		{false, ice.ConnectionStateConnected, dtlsNew, true},
		{false, ice.ConnectionStateCompleted, dtlsConnected, true},
		{false, ice.ConnectionStateChecking, dtlsConnecting, true},
		{false, ice.ConnectionStateChecking, dtlsFailed, true},
		{true, ice.ConnectionStateDisconnected, dtlsConnected, false},
		{true, ice.ConnectionStateFailed, dtlsConnected, false},
		{true, ice.ConnectionStateClosed, dtlsClosed, true},
		{false, ice.ConnectionStateClosed, dtlsClosed, false},
	} {
		if got := iceReached(c.before, c.at, c.stage); got != c.want {
			t.Errorf("before %v, ICE %v, DTLS %v: %v", c.before, c.at, c.stage, got)
		}
	}
}
