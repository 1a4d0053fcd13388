package transport_test

import (
	"errors"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
	"unsafe"

	"github.com/pion/webrtc/v4"

	"sfu/pkg/transport"
)

func TestICEReached(t *testing.T) {
	for _, c := range []struct {
		before bool
		ice    webrtc.ICEConnectionState
		dtls   webrtc.DTLSTransportState
		want   bool
	}{
		{false, webrtc.ICEConnectionStateNew, webrtc.DTLSTransportStateNew, false},
		{false, webrtc.ICEConnectionStateChecking, webrtc.DTLSTransportStateNew, false},
		{false, webrtc.ICEConnectionStateConnected, webrtc.DTLSTransportStateNew, true},
		{false, webrtc.ICEConnectionStateCompleted, webrtc.DTLSTransportStateConnected, true},
		{false, webrtc.ICEConnectionStateChecking, webrtc.DTLSTransportStateConnecting, true},
		{false, webrtc.ICEConnectionStateChecking, webrtc.DTLSTransportStateFailed, true},
		{true, webrtc.ICEConnectionStateDisconnected, webrtc.DTLSTransportStateConnected, false},
		{true, webrtc.ICEConnectionStateFailed, webrtc.DTLSTransportStateConnected, false},
		{true, webrtc.ICEConnectionStateClosed, webrtc.DTLSTransportStateClosed, true},
		{false, webrtc.ICEConnectionStateClosed, webrtc.DTLSTransportStateClosed, false},
	} {
		if got := transport.ICEReached(c.before, c.ice, c.dtls); got != c.want {
			t.Errorf("before %v, ICE %v, DTLS %v: %v", c.before, c.ice, c.dtls, got)
		}
	}
}

// TestAbortWhileDTLSStops: pion holds DTLS's lock while it stops and waits for the goroutine that reads SRTP. That goroutine can abort the
// connection meanwhile, also when somebody asks for the state of DTLS.
func TestAbortWhileDTLSStops(t *testing.T) {
	s := newServer(t)
	p := s.newSender(t)
	<-p.begun
	conn := p.side.conn
	lock := dtlsLock(conn)
	lock.Lock()
	looked := make(chan struct{})
	go func() { conn.Look(); close(looked) }()
	for deadline := time.Now().Add(patience); !strings.Contains(stacks(), "DTLSTransport).State("); {
		if time.Now().After(deadline) {
			t.Fatal("nobody asks for the state of DTLS")
		}
		runtime.Gosched()
	}
	aborted := make(chan struct{})
	go func() { conn.Abort(errors.New("one packet too many")); close(aborted) }()
	select {
	case <-aborted:
	case <-time.After(patience):
		t.Error("abort waits for DTLS")
	}
	lock.Unlock()
	<-aborted
	<-looked
	conn.Close()
}

// patience is far beyond what anything here should take.
const patience = 20 * time.Second

func dtlsLock(c *transport.Conn) *sync.RWMutex {
	pc := reflect.ValueOf(c).Elem().FieldByName("pc")
	dtls := reflect.ValueOf((*webrtc.PeerConnection)(pc.UnsafePointer()).SCTP().Transport()).Elem().FieldByName("lock")
	return (*sync.RWMutex)(unsafe.Pointer(dtls.UnsafeAddr()))
}

func stacks() string {
	b := make([]byte, 1<<20)
	return string(b[:runtime.Stack(b, true)])
}
