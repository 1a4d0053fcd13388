package udp

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
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
const patience = 20 * time.Second

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

// A way is an address family to send by: where the sender and the receivers listen, and what the receivers see as the sender.
type way struct {
	name                                string
	sender, receiver, destination, seen netip.Addr
}

var ways = []way{
	{"IPv4", loopback4, loopback4, loopback4, loopback4},
	{"IPv6", loopback6, loopback6, loopback6, loopback6},
	{"IPv4 by a socket of both", netip.IPv6Unspecified(), loopback4, loopback4, loopback4},
	{"IPv4 to a socket of both", loopback4, netip.IPv6Unspecified(), loopback4, loopback4},
	{"IPv4-mapped", netip.IPv6Unspecified(), loopback4, netip.MustParseAddr("::ffff:127.0.0.1"), loopback4},
}

var modes = []struct {
	name string
	cfg  Config
}{
	{"batches and GSO", Config{}},
	{"batches", Config{NoGSO: true}},
	{"GSO", Config{NoBatch: true}},
	{"singly", Config{NoBatch: true, NoGSO: true}},
}

// TestDatagramsArriveAsTheyWereSent compares what arrives with a plain list of what was sent to each destination.
func TestDatagramsArriveAsTheyWereSent(t *testing.T) {
	for _, w := range ways {
		for _, m := range modes {
			t.Run(w.name+", "+m.name, func(t *testing.T) {
				if w.sender.Is6() || w.receiver.Is6() {
					needIPv6(t)
				}
				exchange(t, w, m.cfg, rand.New(rand.NewPCG(7, uint64(len(w.name)+len(m.name)))))
			})
		}
	}
}

func exchange(t *testing.T, w way, cfg Config, rnd *rand.Rand) {
	from := open(t, w.sender, cfg)
	sender := from.NewSender()
	const receivers = 5
	var readers [receivers]*Reader
	var destinations [receivers]*Destination
	for i := range receivers {
		s := open(t, w.receiver, Config{NoBatch: cfg.NoBatch})
		readers[i] = s.NewReader(8)
		destinations[i] = NewDestination(netip.AddrPortFrom(w.destination, s.LocalAddrPort().Port()), from)
	}
	total := 0
	for range 40 {
		var want [receivers][][]byte
		for range 1 + rnd.IntN(60) {
			to, size := rnd.IntN(receivers), 1+rnd.IntN(MaxDatagram)
			for range 1 + rnd.IntN(8)*rnd.IntN(6) {
				if len(want[to]) == 40 {
					break
				}
				payload := make([]byte, size)
				for i := range payload {
					payload[i] = byte(rnd.Uint32())
				}
				post(sender, payload, destinations[to])
				want[to] = append(want[to], payload)
				total++
				switch rnd.IntN(8) {
				case 0:
					size = 1 + rnd.IntN(size)
				case 1:
					sender.Reserve()
					sender.Commit(0, destinations[to])
				}
			}
		}
		sender.Flush()
		for i, r := range readers {
			for k, l := range receive(t, r, len(want[i])) {
				if !bytes.Equal(l.payload, want[i][k]) {
					t.Fatalf("datagram %d to receiver %d has %d bytes, not the %d that were sent in its place", k, i, len(l.payload), len(want[i][k]))
				}
				if l.from != netip.AddrPortFrom(w.seen, from.LocalAddrPort().Port()) {
					t.Fatalf("a datagram comes from %v, not port %d of %v", l.from, from.LocalAddrPort().Port(), w.seen)
				}
			}
		}
	}
	s := from.Stats()
	if s.DatagramsOut != uint64(total) || s.DroppedFull+s.DroppedTooLarge+s.DroppedUnreachable+s.DroppedOther != 0 {
		t.Errorf("of %d datagrams, these are the counts: %+v", total, s)
	}
	if (s.Runs > 0) != s.GSO || s.Segments < 2*s.Runs {
		t.Errorf("runs do not go with GSO: %+v", s)
	}
}

// TestSendersOfOneSocket has four at work at once.
func TestSendersOfOneSocket(t *testing.T) {
	for _, m := range modes {
		t.Run(m.name, func(t *testing.T) { crowd(t, m.cfg) })
	}
}

func crowd(t *testing.T, cfg Config) {
	const senders, receivers, rounds, each = 4, 3, 30, 6
	from := open(t, loopback4, cfg)
	var readers [receivers]*Reader
	var ports [receivers]netip.AddrPort
	for i := range receivers {
		s := open(t, loopback4, Config{})
		readers[i], ports[i] = s.NewReader(16), s.LocalAddrPort()
	}
	var destinations [receivers]*Destination // shared by all senders
	for i := range destinations {
		destinations[i] = NewDestination(ports[i], from)
	}
	var all [senders]*Sender
	for i := range all {
		all[i] = from.NewSender()
	}
	var next [receivers][senders]uint32
	for round := range rounds {
		var done sync.WaitGroup
		for i, s := range all {
			done.Go(func() {
				for k := range each {
					for _, to := range destinations {
						b := s.Reserve()
						binary.BigEndian.PutUint32(b, uint32(i))
						binary.BigEndian.PutUint32(b[4:], uint32(round*each+k))
						s.Commit(600, to)
						if k%2 == 0 {
							s.Flush()
						}
					}
				}
				s.Flush()
			})
		}
		for i, r := range readers {
			for _, l := range receive(t, r, senders*each) {
				sender, number := binary.BigEndian.Uint32(l.payload), binary.BigEndian.Uint32(l.payload[4:])
				if number != next[i][sender] || len(l.payload) != 600 {
					t.Fatalf("receiver %d got number %d of sender %d, not %d", i, number, sender, next[i][sender])
				}
				next[i][sender]++
			}
		}
		done.Wait()
	}
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

func TestSlabFillsUp(t *testing.T) {
	from, at := open(t, loopback4, Config{}), open(t, loopback4, Config{})
	sender, reader := from.NewSender(), at.NewReader(32)
	to := NewDestination(at.LocalAddrPort(), from)
	whole := slabBytes / MaxDatagram
	sent := 0
	for ; from.Stats().DatagramsOut == 0; sent++ {
		if len(sender.Reserve()) != MaxDatagram {
			t.Fatal("a reservation of another size")
		}
		sender.Commit(MaxDatagram, to)
	}
	if out := int(from.Stats().DatagramsOut); out != whole || sent != whole+1 {
		t.Errorf("%d datagrams were sent when %d had been collected; the slab holds %d", out, sent, whole)
	}
	receive(t, reader, 64)
}

func TestManySmallDatagrams(t *testing.T) {
	from, at := open(t, loopback4, Config{NoGSO: true}), open(t, loopback4, Config{})
	sender := from.NewSender()
	to := NewDestination(at.LocalAddrPort(), from)
	for range maxRuns {
		post(sender, []byte{1}, to)
	}
	if out := from.Stats().DatagramsOut; out != 0 {
		t.Errorf("%d were sent early", out)
	}
	sender.Reserve()
	if out := from.Stats().DatagramsOut; out != maxRuns {
		t.Errorf("%d were sent, not %d", out, maxRuns)
	}
}

func TestCommitPanics(t *testing.T) {
	s := open(t, loopback4, Config{})
	to := NewDestination(s.LocalAddrPort(), s)
	for name, misuse := range map[string]func(*Sender){
		"without Reserve": func(t *Sender) { t.Commit(1, to) },
		"twice":           func(t *Sender) { t.Reserve(); t.Commit(1, to); t.Commit(1, to) },
		"after Flush":     func(t *Sender) { t.Reserve(); t.Flush(); t.Commit(1, to) },
		"too much":        func(t *Sender) { t.Reserve(); t.Commit(MaxDatagram+1, to) },
		"too little":      func(t *Sender) { t.Reserve(); t.Commit(-1, to) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			misuse(s.NewSender())
		}()
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

func TestRunTakes(t *testing.T) {
	to := &Destination{}
	to.longest.Store(1200)
	for _, c := range []struct {
		run  run
		n    int
		want bool
	}{
		{run{to: to, size: 100, segment: 100, count: 1}, 100, true},
		{run{to: to, size: 100, segment: 100, count: 1}, 99, true},
		{run{to: to, size: 100, segment: 100, count: 1}, 101, false},
		{run{to: to, size: 199, segment: 100, count: 2}, 99, false},
		{run{to: to, size: 3100, segment: 100, count: 31}, 100, true},
		{run{to: to, size: 3200, segment: 100, count: 32}, 100, false},
		{run{to: to, size: 1200, segment: 1200, count: 1}, 1200, true},
		{run{to: to, size: 1201, segment: 1201, count: 1}, 1201, false},
	} {
		if got := c.run.takes(c.n); got != c.want {
			t.Errorf("%+v takes %d: %v", c.run, c.n, got)
		}
	}
	to.longest.Store(MaxDatagram)
	if r := (&run{to: to, size: 43 * 1500, segment: 1500, count: 31}); r.takes(1500) {
		t.Error("a run is larger than an IPv4 packet")
	}
}
