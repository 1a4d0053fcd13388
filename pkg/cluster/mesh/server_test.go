package mesh

import (
	"io"
	"net"
	"testing"
	"time"
)

// statusOnly answers probes and owns nothing.
type statusOnly struct{ Service }

func (statusOnly) Status() Status { return Status{State: "active"} }

// TestConnectionsThatShowNothing are counted until they end or show a certificate, and limited.
func TestConnectionsThatShowNothing(t *testing.T) {
	m, err := New(Config{Secrets: [][]byte{secretA}, Incarnation: "a", ProbeWithin: time.Minute, HandshakeWithin: time.Minute}, statusOnly{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- m.Serve(l) }()
	connect := func() net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	until := func(n int64) {
		t.Helper()
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		deadline := time.After(time.Minute)
		for m.unproven.Load() != n {
			select {
			case <-ticker.C:
			case <-deadline:
				t.Fatalf("%d are counted, not %d", m.unproven.Load(), n)
			}
		}
	}
	silent, broken := connect(), connect()
	until(2)
	if _, err := m.Probe(t.Context(), Peer{"a", l.Addr().String()}); err != nil {
		t.Fatal(err)
	}
	until(2)
	if _, err := io.WriteString(broken, "GET / HTTP/1.1\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	until(1)
	m.unproven.Add(maxUnproven - 1)
	over := connect()
	_ = over.SetReadDeadline(time.Now().Add(time.Minute))
	if _, err := over.Read(make([]byte, 1)); err == nil || isTimeout(err) {
		t.Errorf("one too many reads %v", err)
	}
	m.unproven.Add(1 - maxUnproven)
	_ = silent.Close()
	until(0)
	for _, c := range []net.Conn{broken, over} {
		_ = c.Close()
	}
	m.Close()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

func isTimeout(err error) bool {
	timeout, ok := err.(net.Error)
	return ok && timeout.Timeout()
}
