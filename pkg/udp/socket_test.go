package udp

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is far beyond what anything here should take.
const patience = time.Minute

// testBuffer is what sockets ask for here, in bytes; what waits to be read at a time stays far below what an unprivileged process gets.
const testBuffer = 1 << 20

var (
	loopback4 = netip.MustParseAddr("127.0.0.1")
	loopback6 = netip.MustParseAddr("::1")
)

// open returns a socket on a port of its own.
func open(tb testing.TB, at netip.Addr, cfg Config) *Socket {
	tb.Helper()
	if cfg.ReadBuffer == 0 {
		cfg.ReadBuffer = testBuffer
	}
	s, err := Listen(netip.AddrPortFrom(at, 0), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	if err := s.SetReadDeadline(time.Now().Add(patience)); err != nil {
		tb.Fatal(err)
	}
	return s
}

// needIPv6 skips where the host has no IPv6.
func needIPv6(tb testing.TB) {
	tb.Helper()
	c, err := net.ListenUDP("udp6", &net.UDPAddr{IP: net.IPv6loopback})
	if err != nil {
		tb.Skipf("this host has no IPv6: %v", err)
	}
	_ = c.Close()
}

// buffers are n of the size of a datagram and a bit.
func buffers(n int) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		all[i] = make([]byte, MaxDatagram+1)
	}
	return all
}

// A letter is a datagram that was received.
type letter struct {
	from    netip.AddrPort
	payload []byte
}

// receive reads until there are n.
func receive(tb testing.TB, r *Reader, n int) []letter {
	tb.Helper()
	var all []letter
	into := buffers(8)
	for len(all) < n {
		got, err := r.Read(into)
		if err != nil {
			tb.Fatalf("after %d of %d datagrams: %v", len(all), n, err)
		}
		for i := range got {
			size, from, truncated := r.Datagram(i)
			if truncated {
				tb.Fatalf("a datagram of %d bytes is truncated", size)
			}
			all = append(all, letter{from, bytes.Clone(into[i][:size])})
		}
	}
	return all
}

// post commits a datagram.
func post(t *Sender, payload []byte, to *Destination) {
	t.Commit(copy(t.Reserve(), payload), to)
}

func TestReadFillsManyBuffers(t *testing.T) {
	from, at := open(t, loopback4, Config{}), open(t, loopback4, Config{})
	sender, reader := from.NewSender(), at.NewReader(4)
	to := NewDestination(at.LocalAddrPort(), from)
	for i := range 6 {
		post(sender, []byte{byte(i)}, to)
	}
	sender.Flush()
	into := buffers(3)
	for read := 0; read < 6; {
		n, err := reader.Read(into)
		if err != nil || n < 1 || n > 3 {
			t.Fatalf("read %d, %v", n, err)
		}
		for i := range n {
			size, source, truncated := reader.Datagram(i)
			if size != 1 || into[i][0] != byte(read) || source != from.LocalAddrPort() || truncated {
				t.Fatalf("datagram %d: %d bytes, %v, from %v, %v", read, size, into[i][0], source, truncated)
			}
			read++
		}
	}
	if n, err := reader.Read(nil); n != 0 || err == nil {
		t.Errorf("a Read into nothing returned %d, %v", n, err)
	}
}

func TestTruncated(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) {
			from, at := open(t, loopback4, Config{}), open(t, loopback4, m.cfg)
			sender, reader := from.NewSender(), at.NewReader(4)
			to := NewDestination(at.LocalAddrPort(), from)
			post(sender, []byte("too long"), to)
			post(sender, []byte("fits"), to)
			sender.Flush()
			into := [][]byte{make([]byte, 4), make([]byte, 4)}
			for read := 0; read < 2; {
				n, err := reader.Read(into)
				if err != nil {
					t.Fatal(err)
				}
				for i := range n {
					size, _, truncated := reader.Datagram(i)
					if want := []string{"too ", "fits"}[read]; string(into[i][:size]) != want || truncated != (read == 0) {
						t.Errorf("datagram %d is %q, truncated %v", read, into[i][:size], truncated)
					}
					read++
				}
			}
			if s := at.Stats(); s.Truncated != 1 || s.DatagramsIn != 2 {
				t.Errorf("%+v", s)
			}
		})
	}
}

func TestUnreachableDestinationsDisturbNoOther(t *testing.T) {
	from, at := open(t, loopback4, Config{}), open(t, loopback4, Config{})
	gone := open(t, loopback4, Config{})
	vanished := gone.LocalAddrPort()
	_ = gone.Close()
	sender, reader := from.NewSender(), at.NewReader(8)
	to := NewDestination(at.LocalAddrPort(), from)
	others := []*Destination{
		NewDestination(netip.MustParseAddrPort("[::1]:9"), from), NewDestination(netip.AddrPortFrom(loopback4, 0), from),
		NewDestination(netip.AddrPort{}, from), NewDestination(vanished, from),
	}
	const rounds = 20
	for round := range rounds {
		for i, other := range others {
			post(sender, []byte("lost"), other)
			post(sender, []byte{byte(round), byte(i)}, to)
		}
		sender.Flush()
		for i, l := range receive(t, reader, len(others)) {
			if l.payload[0] != byte(round) || l.payload[1] != byte(i) {
				t.Fatalf("round %d: %v in place %d", round, l.payload, i)
			}
		}
	}
	if s := from.Stats(); s.DroppedUnreachable < 3*rounds || s.DroppedUnreachable > 4*rounds || s.DroppedFull+s.DroppedOther+s.DroppedTooLarge != 0 {
		t.Errorf("%+v", s)
	}
}

func TestCloseEndsRead(t *testing.T) {
	for _, m := range modes {
		s := open(t, loopback4, m.cfg)
		_ = s.SetReadDeadline(time.Time{})
		ended := make(chan error)
		go func() {
			_, err := s.NewReader(4).Read(buffers(4))
			ended <- err
		}()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-ended; err != net.ErrClosed {
			t.Errorf("%s: Read ended with %v", m.name, err)
		}
		if err := s.Close(); err != nil {
			t.Errorf("%s: the second Close: %v", m.name, err)
		}
	}
}

func TestDeadlineEndsRead(t *testing.T) {
	s := open(t, loopback4, Config{})
	if err := s.SetDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.NewReader(4).Read(buffers(4)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read ended with %v", err)
	}
}

// TestCloseWhileOthersSend closes under four senders and a reader.
func TestCloseWhileOthersSend(t *testing.T) {
	for round := range 20 {
		s, at := open(t, loopback4, Config{}), open(t, loopback4, Config{})
		_ = s.SetReadDeadline(time.Time{})
		var all sync.WaitGroup
		started := make(chan struct{}, 4)
		for range 4 {
			all.Go(func() {
				sender, to := s.NewSender(), NewDestination(at.LocalAddrPort(), s)
				for i := 0; s.Stats().DroppedOther == 0; i++ {
					post(sender, []byte("all the way"), to)
					post(sender, []byte("all the way"), to)
					sender.Flush()
					if i == round {
						started <- struct{}{}
					}
				}
			})
		}
		all.Go(func() {
			if _, err := s.NewReader(4).Read(buffers(4)); err != net.ErrClosed {
				t.Errorf("Read ended with %v", err)
			}
		})
		<-started
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		all.Wait()
	}
}

func TestSocketIsAPacketConn(t *testing.T) {
	var a, b net.PacketConn = open(t, loopback4, Config{}), open(t, loopback4, Config{})
	if _, err := a.WriteTo([]byte("ping"), b.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	into := make([]byte, 10)
	n, from, err := b.ReadFrom(into)
	if err != nil || string(into[:n]) != "ping" || from.String() != a.LocalAddr().String() {
		t.Fatalf("%q from %v, %v", into[:n], from, err)
	}
	if _, err := b.(*Socket).WriteToAddrPort([]byte("pong"), a.(*Socket).LocalAddrPort()); err != nil {
		t.Fatal(err)
	}
	n, source, err := a.(*Socket).ReadFromAddrPort(into)
	if err != nil || string(into[:n]) != "pong" || source != b.(*Socket).LocalAddrPort() {
		t.Fatalf("%q from %v, %v", into[:n], source, err)
	}
	if a.(*Socket).Conn().LocalAddr() != a.LocalAddr() {
		t.Error("Conn is another one")
	}
	for _, set := range []func(time.Time) error{a.SetDeadline, a.SetReadDeadline, a.SetWriteDeadline} {
		if err := set(time.Now().Add(patience)); err != nil {
			t.Error(err)
		}
	}
}

func TestListenFails(t *testing.T) {
	s := open(t, loopback4, Config{})
	if other, err := Listen(s.LocalAddrPort(), Config{}); err == nil {
		_ = other.Close()
		t.Error("two sockets on one port")
	} else if want := fmt.Sprintf("open UDP port %d on 127.0.0.1: ", s.LocalAddrPort().Port()); !bytes.HasPrefix([]byte(err.Error()), []byte(want)) {
		t.Errorf("the error is %q", err)
	}
}
