package link_test

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"sfu/pkg/link"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wire is a Socket in memory: what is written comes out of sent, what is put into received is read.
type wire struct {
	sent     chan string
	received chan string
	closed   chan struct{}
}

func newWire() *wire {
	return &wire{sent: make(chan string, 100), received: make(chan string, 100), closed: make(chan struct{})}
}

var far = netip.MustParseAddrPort("192.0.2.1:4000")

func (w *wire) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	select {
	case s := <-w.received:
		return copy(b, s), far, nil
	case <-w.closed:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

func (w *wire) WriteToUDPAddrPort(b []byte, _ netip.AddrPort) (int, error) {
	w.sent <- string(b)
	return len(b), nil
}

func (w *wire) LocalAddr() net.Addr { return &net.UDPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 5000} }
func (w *wire) Close() error        { close(w.closed); return nil }

func openWire(t *testing.T, up, down link.Config) (*wire, *link.Conn) {
	t.Helper()
	w := newWire()
	next := w
	c, err := link.Open(func() (link.Socket, error) {
		defer func() { next = newWire() }()
		return next, nil
	}, up, down, 1)
	if err != nil {
		t.Fatal(err)
	}
	return w, c
}

func TestConnDelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := openWire(t, link.Config{Delay: 30 * time.Millisecond}, link.Config{Delay: 70 * time.Millisecond})
		defer c.Close()
		start := time.Now()
		if _, err := c.WriteToAddrPort([]byte("up"), far); err != nil {
			t.Fatal(err)
		}
		if got := <-w.sent; got != "up" || time.Since(start) != 30*time.Millisecond {
			t.Errorf("%q went up in %v", got, time.Since(start))
		}
		start = time.Now()
		w.received <- "down"
		buf := make([]byte, 100)
		n, addr, err := c.ReadFromAddrPort(buf)
		if err != nil || string(buf[:n]) != "down" || addr != far || time.Since(start) != 70*time.Millisecond {
			t.Errorf("%q came down from %v in %v, %v", buf[:n], addr, time.Since(start), err)
		}
	})
}

func TestConnPaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// 1000 bytes and their headers take 10 ms.
		w, c := openWire(t, link.Config{Rate: 822_400, Queue: 1 << 20}, link.Config{})
		defer c.Close()
		start := time.Now()
		for range 50 {
			_, _ = c.WriteToAddrPort(make([]byte, 1000), far)
		}
		for i := range 50 {
			<-w.sent
			want := time.Duration(i+1) * 10 * time.Millisecond
			if got := time.Since(start); got < want-time.Millisecond || got > want+time.Millisecond {
				t.Fatalf("packet %d after %v", i, got)
			}
		}
	})
}

func TestConnDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := openWire(t, link.Config{}, link.Config{})
		defer c.Close()
		start := time.Now()
		go func() {
			time.Sleep(time.Second)
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
		}()
		_, _, err := c.ReadFrom(make([]byte, 10))
		if !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != 2*time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestConnBlackhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, c := openWire(t, link.Config{}, link.Config{})
		defer c.Close()
		c.Blackhole(true)
		_, _ = c.WriteToAddrPort([]byte("lost"), far)
		w.received <- "lost too"
		synctest.Wait()
		c.Blackhole(false)
		_, _ = c.WriteToAddrPort([]byte("found"), far)
		if got := <-w.sent; got != "found" {
			t.Errorf("%q got through", got)
		}
		up, down := c.Counters()
		if up.Swallowed != 1 || down.Swallowed != 1 || up.Arrived != 1 || down.Sent != 0 {
			t.Errorf("up %+v, down %+v", up, down)
		}
	})
}

func TestConnCloseEndsReaders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, c := openWire(t, link.Config{Delay: time.Hour}, link.Config{})
		read := make(chan error)
		go func() {
			_, _, err := c.ReadFrom(make([]byte, 10))
			read <- err
		}()
		_, _ = c.WriteToAddrPort([]byte("never"), far)
		synctest.Wait()
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-read; !errors.Is(err, net.ErrClosed) {
			t.Errorf("read: %v", err)
		}
		if _, err := c.WriteToAddrPort(nil, far); !errors.Is(err, net.ErrClosed) {
			t.Errorf("write: %v", err)
		}
		if err := c.Close(); err != nil {
			t.Errorf("second close: %v", err)
		}
		if err := c.Rebind(); err == nil {
			t.Error("rebinds after close")
		}
	})
}

// On real sockets, a rebound Conn sends from another port and hears what comes there.
func TestConnRebind(t *testing.T) {
	server, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	_ = server.SetDeadline(time.Now().Add(20 * time.Second))
	c, err := link.ListenUDP("127.0.0.1:0", link.Config{}, link.Config{Delay: time.Millisecond}, 1)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	local := c.LocalAddr().String()
	seen := map[string]bool{}
	buf := make([]byte, 100)
	for i := range 3 {
		if _, err := c.WriteTo([]byte("ping"), server.LocalAddr()); err != nil {
			t.Fatal(err)
		}
		n, from, err := server.ReadFromUDP(buf)
		if err != nil || string(buf[:n]) != "ping" {
			t.Fatalf("%q, %v", buf[:n], err)
		}
		if from.String() != c.SocketAddr().String() {
			t.Errorf("came from %v, the socket is %v", from, c.SocketAddr())
		}
		seen[from.String()] = true
		if _, err := server.WriteToUDP([]byte("pong"), from); err != nil {
			t.Fatal(err)
		}
		if n, _, err := c.ReadFrom(buf); err != nil || string(buf[:n]) != "pong" {
			t.Fatalf("%q, %v", buf[:n], err)
		}
		if c.LocalAddr().String() != local {
			t.Errorf("LocalAddr changed to %v", c.LocalAddr())
		}
		if i < 2 {
			if err := c.Rebind(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if len(seen) != 3 {
		t.Errorf("addresses %v", seen)
	}
}

func BenchmarkConnPerfect(b *testing.B) {
	server, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	defer server.Close()
	c, err := link.ListenUDP("127.0.0.1:0", link.Config{}, link.Config{}, 1)
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	to := server.LocalAddr().(*net.UDPAddr).AddrPort()
	data := make([]byte, 1200)
	b.ReportAllocs()
	for b.Loop() {
		_, _ = c.WriteToAddrPort(data, to)
	}
}
