package portmux_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"sfu/pkg/portmux"
)

func TestSlowClientHoldsNobodyUp(t *testing.T) {
	m := start(t, portmux.Config{DecideWithin: time.Hour})
	serve(t, m, http.NotFoundHandler())
	for range 50 {
		dial(t, m) // says nothing
	}
	send(t, dial(t, m), check[:5]) // stops in the middle
	c := dial(t, m)
	send(t, c, []byte("GET / HTTP/1.1\r\nHost: x\r\n\r\n"))
	answer := make([]byte, 12)
	if _, err := io.ReadFull(c, answer); err != nil || string(answer) != "HTTP/1.1 404" {
		t.Errorf("got %q, %v", answer, err)
	}
}

func TestSilentClientIsClosed(t *testing.T) {
	m := start(t, portmux.Config{DecideWithin: 50 * time.Millisecond})
	c := dial(t, m)
	expectClosed(t, c)
	half := dial(t, m)
	send(t, half, check[:5])
	expectClosed(t, half)
	_ = m.Close() // waits for those who count
	if s := m.Stats(); s.Silent != 2 || s.Open != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestUnacceptedIsClosed(t *testing.T) {
	m := start(t, portmux.Config{DecideWithin: 50 * time.Millisecond})
	c := dial(t, m)
	send(t, c, check)
	expectClosed(t, c)
}

func TestDeadlineDoesNotOutliveTheDecision(t *testing.T) {
	m := start(t, portmux.Config{DecideWithin: 2 * time.Second})
	client := dial(t, m)
	send(t, client, check)
	c, err := m.ICE().Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.ReadFull(c, make([]byte, len(check))); err != nil {
		t.Fatal(err)
	}
	// A silent client is closed only after the time of this one has passed as well.
	expectClosed(t, dial(t, m))
	send(t, client, []byte("x"))
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Errorf("after the deadline of the decision: %v", err)
	}
}

func TestOneMoreUndecidedClosesTheOldest(t *testing.T) {
	m := start(t, portmux.Config{DecideWithin: time.Hour, MaxUndecided: 2})
	first, second := dial(t, m), dial(t, m)
	third := dial(t, m)
	expectClosed(t, first)
	for _, c := range []net.Conn{second, third} {
		send(t, c, check)
		accepted, err := m.ICE().Accept()
		if err != nil {
			t.Fatal(err)
		}
		_ = accepted.Close()
	}
	if s := m.Stats(); s.Displaced != 1 || s.Silent != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestConnectionLimit(t *testing.T) {
	m := start(t, portmux.Config{MaxConns: 2})
	var held []net.Conn
	for range 2 {
		send(t, dial(t, m), check)
		c, err := m.ICE().Accept()
		if err != nil {
			t.Fatal(err)
		}
		held = append(held, c)
	}
	expectClosed(t, dial(t, m))
	_ = held[0].Close()
	_ = held[0].Close() // gives back one place, not two
	send(t, dial(t, m), check)
	c, err := m.ICE().Accept()
	if err != nil {
		t.Fatal(err)
	}
	expectClosed(t, dial(t, m))
	_ = c.Close()
	_ = held[1].Close()
	if s := m.Stats(); s.OverLimit != 2 || s.Open != 0 {
		t.Errorf("stats %+v", s)
	}
}

// failing is a listener that has no file descriptors for a while.
type failing struct {
	net.Listener
	left atomic.Int32
}

func (f *failing) Accept() (net.Conn, error) {
	if f.left.Add(-1) >= 0 {
		return nil, errors.New("accept: too many open files")
	}
	return f.Listener.Accept()
}

func TestAcceptErrorsPass(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &failing{Listener: l}
	f.left.Store(3)
	m := portmux.New(f, portmux.Config{})
	defer m.Close()
	send(t, dial(t, m), check)
	c, err := m.ICE().Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

func TestCloseDuringAcceptErrors(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &failing{Listener: l}
	f.left.Store(1 << 30)
	if err := portmux.New(f, portmux.Config{}).Close(); err != nil {
		t.Error(err)
	}
}
