//go:build linux && (amd64 || arm64)

package polling_test

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sys/unix"

	"sfu/pkg/polling"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

func newPool(t testing.TB) *polling.Pool {
	t.Helper()
	p, err := polling.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Error(err)
		}
	})
	return p
}

func listen(t testing.TB, p *polling.Pool, local netip.Addr) *polling.Socket {
	t.Helper()
	s, err := p.Listen(local)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return s
}

// connect returns an ordinary socket that sends to s.
func connect(t testing.TB, s net.PacketConn) *net.UDPConn {
	t.Helper()
	c, err := net.DialUDP("udp", nil, s.LocalAddr().(*net.UDPAddr))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// A shown is a datagram as Serve shows it.
type shown struct {
	data []byte
	at   time.Time
}

// serve returns what s shows. Datagrams that begin with 'q' are queued for reading.
func serve(s *polling.Socket) <-chan shown {
	all := make(chan shown, 1000)
	s.Serve(func(b []byte, at time.Time) bool {
		all <- shown{bytes.Clone(b), at}
		return b[0] == 'q'
	}, nil)
	return all
}

func send(t testing.TB, c *net.UDPConn, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

func TestDatagramsAreShownAndQueued(t *testing.T) {
	for _, local := range []netip.Addr{loopback, netip.IPv6Loopback()} {
		for _, relaxed := range []bool{false, true} {
			s := listen(t, newPool(t), local)
			c := connect(t, s)
			seen := serve(s)
			if relaxed {
				if err := s.Relax(); err != nil {
					t.Fatal(err)
				}
			}
			before := time.Now().Add(-time.Millisecond) // the kernel's clock is coarser
			send(t, c, []byte("shown"))
			send(t, c, []byte("queued"))
			for _, want := range []string{"shown", "queued"} {
				got := <-seen
				if string(got.data) != want || got.at.Before(before) || got.at.After(time.Now().Add(time.Millisecond)) {
					t.Errorf("%v, relaxed %v: %q at %v, sent after %v", local, relaxed, got.data, got.at, before)
				}
			}
			buf := make([]byte, 100)
			n, from, err := s.ReadFromAddrPort(buf)
			if err != nil || string(buf[:n]) != "queued" || from != c.LocalAddr().(*net.UDPAddr).AddrPort() {
				t.Errorf("%v, relaxed %v: %q from %v, %v", local, relaxed, buf[:n], from, err)
			}
			if _, err := s.WriteToAddrPort([]byte("answer"), from); err != nil {
				t.Error(err)
			}
			if n, err := c.Read(buf); err != nil || string(buf[:n]) != "answer" {
				t.Errorf("%v: answer %q, %v", local, buf[:n], err)
			}
		}
	}
}

// TestRunsAreTakenApart sends with GSO, so that a run may come as one buffer.
func TestRunsAreTakenApart(t *testing.T) {
	s := listen(t, newPool(t), loopback)
	c := connect(t, s)
	seen := serve(s)
	if err := s.Relax(); err != nil {
		t.Fatal(err)
	}
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var gso error
	if err := raw.Control(func(fd uintptr) { gso = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, 1000) }); err != nil || gso != nil {
		t.Skipf("the kernel has no UDP GSO: %v, %v", err, gso)
	}
	run := make([]byte, 5300)
	for i := range run {
		run[i] = byte(i / 1000)
	}
	send(t, c, run)
	for i, size := range []int{1000, 1000, 1000, 1000, 1000, 300} {
		if got := <-seen; !bytes.Equal(got.data, bytes.Repeat([]byte{byte(i)}, size)) {
			t.Errorf("datagram %d has %d bytes and begins with %d", i, len(got.data), got.data[0])
		}
	}
}

// TestNothingIsLostWhileRelaxing sends all the time, more than one batch at once, and in order.
func TestNothingIsLostWhileRelaxing(t *testing.T) {
	s := listen(t, newPool(t), loopback)
	c := connect(t, s)
	seen := serve(s)
	const count = 200
	for i := range count {
		send(t, c, []byte{byte(i)})
		if i == count/4 {
			if err := s.Relax(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i := range count {
		if got := <-seen; got.data[0] != byte(i) {
			t.Fatalf("datagram %d came as the %dth", got.data[0], i)
		}
	}
	if n := s.Dropped(); n != 0 {
		t.Errorf("%d dropped", n)
	}
}

// TestManySockets has more sockets ready at once than one look names.
func TestManySockets(t *testing.T) {
	p := newPool(t)
	const count = 300
	seen := make(chan struct{}, count)
	for range count {
		s := listen(t, p, loopback)
		s.Serve(func([]byte, time.Time) bool {
			seen <- struct{}{}
			return false
		}, nil)
		if err := s.Relax(); err != nil {
			t.Fatal(err)
		}
		send(t, connect(t, s), []byte("x"))
	}
	for range count {
		<-seen
	}
}

func TestAttend(t *testing.T) {
	s := listen(t, newPool(t), loopback)
	c := connect(t, s)
	calls := make(chan time.Time, 1000)
	var pause atomic.Int64
	pause.Store(int64(20 * time.Millisecond))
	s.Serve(nil, func(now time.Time) time.Time {
		next := now.Add(time.Duration(pause.Load())) // before the test, which changes it, hears of this call
		calls <- now
		return next
	})
	if err := s.Relax(); err != nil {
		t.Fatal(err)
	}
	last := <-calls
	for range 3 {
		next := <-calls
		if next.Sub(last) < 20*time.Millisecond {
			t.Errorf("called again after %v", next.Sub(last))
		}
		last = next
	}
	pause.Store(int64(time.Hour))
	<-calls
	send(t, c, []byte("x"))
	<-calls // much earlier than asked for, because something came
	s.Serve(nil, nil)
	for len(calls) > 0 {
		<-calls
	}
	send(t, c, []byte("y"))
	buf := make([]byte, 10)
	for range 2 {
		if _, _, err := s.ReadFromAddrPort(buf); err != nil {
			t.Fatal(err)
		}
	}
	if len(calls) > 0 {
		t.Error("called after Serve(nil, nil)")
	}
}

func TestCork(t *testing.T) {
	p := newPool(t)
	s, other := listen(t, p, loopback), listen(t, p, loopback)
	seen := serve(other)
	to := other.LocalAddr().(*net.UDPAddr).AddrPort()
	s.Cork()
	const count = 40 // more than one system call takes
	for i := range count {
		if _, err := s.WriteToAddrPort([]byte{byte(i)}, to); err != nil {
			t.Fatal(err)
		}
	}
	s.Uncork()
	for i := range count {
		if got := <-seen; got.data[0] != byte(i) {
			t.Fatalf("datagram %d came as the %dth", got.data[0], i)
		}
	}
	if _, err := s.WriteTo(make([]byte, 1501), net.UDPAddrFromAddrPort(to)); !errors.Is(err, unix.EMSGSIZE) {
		t.Errorf("a datagram of 1501 bytes: %v", err)
	}
}

func TestOverflowIsCounted(t *testing.T) {
	s := listen(t, newPool(t), loopback)
	c := connect(t, s)
	seen := make(chan struct{}, 1000)
	s.Serve(func([]byte, time.Time) bool {
		seen <- struct{}{}
		return true
	}, nil)
	const count = 300 // the queue holds 256
	for range count {
		send(t, c, []byte("q"))
		<-seen
	}
	if err := s.Relax(); err != nil { // waits for the last to be queued
		t.Fatal(err)
	}
	if n := s.Dropped(); n != count-256 {
		t.Errorf("%d dropped, want %d", n, count-256)
	}
}

func TestClose(t *testing.T) {
	s := listen(t, newPool(t), loopback)
	ended := make(chan error)
	go func() {
		_, _, err := s.ReadFrom(make([]byte, 10))
		ended <- err
	}()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; !errors.Is(err, net.ErrClosed) {
		t.Errorf("reading: %v", err)
	}
	if err := s.Close(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("closing again: %v", err)
	}
	if _, err := s.WriteTo([]byte("x"), s.LocalAddr()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("writing: %v", err)
	}
	if err := s.SetDeadline(time.Now()); !errors.Is(err, os.ErrNoDeadline) {
		t.Errorf("a deadline: %v", err)
	}
	if err := s.Relax(); err != nil || s.Dropped() != 0 {
		t.Errorf("relaxing: %v, %d dropped", err, s.Dropped())
	}
}
