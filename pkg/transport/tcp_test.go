package transport_test

import (
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/webrtc/v4"

	"sfu/pkg/portmux"
	"sfu/pkg/transport"
)

// patience is far beyond what anything here should take.
const patience = 20 * time.Second

// A jam is what makes writes on the accepted connections of its listener wait, as those do whose client does not read.
type jam struct {
	net.Listener
	on    atomic.Bool
	stuck chan struct{} // a write begins to wait
}

func (j *jam) Accept() (net.Conn, error) {
	c, err := j.Listener.Accept()
	if err != nil {
		return nil, err
	}
	unread, _ := net.Pipe()
	return &jammed{Conn: c, unread: unread, jam: j}, nil
}

type jammed struct {
	net.Conn
	unread net.Conn
	jam    *jam
}

func (c *jammed) Write(b []byte) (int, error) {
	if !c.jam.on.Load() {
		return c.Conn.Write(b)
	}
	select {
	case c.jam.stuck <- struct{}{}:
	default:
	}
	return c.unread.Write(b)
}

func (c *jammed) SetWriteDeadline(t time.Time) error {
	_ = c.unread.SetWriteDeadline(t)
	return c.Conn.SetWriteDeadline(t)
}

func (c *jammed) SetDeadline(t time.Time) error {
	_ = c.unread.SetDeadline(t)
	return c.Conn.SetDeadline(t)
}

func (c *jammed) Close() error {
	_ = c.unread.Close()
	return c.Conn.Close()
}

// TestCloseOfViewerThatStopsReading: Close ends although everything that is written to the viewer waits.
func TestCloseOfViewerThatStopsReading(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	j := &jam{Listener: l, stuck: make(chan struct{}, 1)}
	mux := portmux.New(j, portmux.Config{WriteWithin: 500 * time.Millisecond})
	t.Cleanup(func() { _ = mux.Close() })
	s := newServerOn(t, mux.ICE())
	p := s.newSender(t)
	var settings webrtc.SettingEngine
	settings.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeTCP4})
	settings.SetIncludeLoopbackCandidate(true)
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(settings)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	v := s.newReceiverWith(t, pc, 1)
	if status := v.side.until(t, transport.Connected); status.Path != "tcp" {
		t.Fatalf("connected over %s", status.Path)
	}
	v.slots[0].Video.SetSource(p.source)
	v.expect(t, 5, nil)

	j.on.Store(true)
	select {
	case <-j.stuck:
	case <-time.After(patience):
		t.Fatal("nothing is written")
	}
	closed := make(chan struct{})
	go func() { v.side.conn.Close(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(patience):
		t.Error("Close hangs")
	}
}
