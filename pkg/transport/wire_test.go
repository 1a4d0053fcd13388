package transport

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"

	"github.com/pion/stun/v4"

	"sfu/pkg/udp"
)

func TestKindOf(t *testing.T) {
	for _, c := range []struct {
		first, second byte
		want          datagramKind
	}{
		{0, 1, datagramUnknown}, {19, 0, datagramUnknown}, {20, 254, datagramDTLS}, {63, 254, datagramDTLS}, {64, 0, datagramUnknown},
		{127, 0, datagramUnknown}, {128, 0, datagramRTP}, {128, 111, datagramRTP}, {144, 191, datagramRTP}, {128, 192, datagramRTCP},
		{191, 223, datagramRTCP}, {128, 224, datagramRTP}, {128, 255, datagramRTP}, {192, 200, datagramUnknown}, {255, 0, datagramUnknown},
	} {
		if got := kindOf([]byte{c.first, c.second}); got != c.want {
			t.Errorf("%d %d: %d, want %d", c.first, c.second, got, c.want)
		}
	}
	for _, short := range [][]byte{nil, {128}, {22}} {
		if kindOf(short) != datagramUnknown {
			t.Errorf("%v has a kind", short)
		}
	}
}

func TestDTLSPipe(t *testing.T) {
	p := newDTLSPipe(&wire{})
	b := make([]byte, 4)
	for i := range pipedDatagrams {
		if !p.put([]byte{byte(i), 1, 2}) {
			t.Fatalf("no room for datagram %d", i)
		}
	}
	if p.put([]byte{1}) {
		t.Error("room without end")
	}
	if n, _, err := p.ReadFrom(b); n != 3 || err != nil || b[0] != 0 {
		t.Errorf("read %v, %v", b[:n], err)
	}
	for range pipedDatagrams - 1 {
		_, _, _ = p.ReadFrom(b)
	}
	_ = p.SetReadDeadline(time.Unix(1, 0))
	_ = p.SetReadDeadline(time.Unix(1, 0))
	if _, _, err := p.ReadFrom(b); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("after the deadline: %v", err)
	}
	_ = p.SetReadDeadline(time.Time{})
	_ = p.SetReadDeadline(time.Time{})
	p.put([]byte{9})
	if n, _, err := p.ReadFrom(b); n != 1 || err != nil {
		t.Errorf("without a deadline: %d, %v", n, err)
	}
	if !p.mute() || p.mute() {
		t.Error("not muted once")
	}
	if n, err := p.WriteTo([]byte{1, 2}, nil); n != 2 || err != nil || p.lastWritten() != nil {
		t.Errorf("muted it wrote %d, %v", n, err)
	}
	if _, _, err := p.ReadFrom(b); !errors.Is(err, net.ErrClosed) {
		t.Errorf("muted it reads: %v", err)
	}
}

// TestUsernameOf: whom an ICE-TCP connection is for is read from its first message, and nothing else is.
func TestUsernameOf(t *testing.T) {
	request := func(name string) []byte {
		return stun.MustBuild(stun.BindingRequest, stun.TransactionID, stun.NewUsername(name)).Raw
	}
	for want, message := range map[string][]byte{
		"ours": request("ours:theirs"), "alone": request("alone"), "": stun.MustBuild(stun.BindingRequest, stun.TransactionID).Raw,
	} {
		if got := usernameOf(message); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	for _, rubbish := range [][]byte{nil, {0}, bytes.Repeat([]byte{0xFF}, maxKnock), request("ours:theirs")[:25]} {
		if got := usernameOf(rubbish); got != "" {
			t.Errorf("%v is for %q", rubbish, got)
		}
	}
}

// chunks is a connection that brings its bytes in pieces.
type chunks struct {
	net.Conn
	pieces [][]byte
}

func (c *chunks) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }
func (c *chunks) Read(b []byte) (int, error) {
	if len(c.pieces) == 0 {
		return 0, net.ErrClosed
	}
	n := copy(b, c.pieces[0])
	if c.pieces[0] = c.pieces[0][n:]; len(c.pieces[0]) == 0 {
		c.pieces = c.pieces[1:]
	}
	return n, nil
}

// TestKnockPassesEverythingOn: what is looked at is passed on unchanged, however it comes, and looked at only as far as the first message.
func TestKnockPassesEverythingOn(t *testing.T) {
	message := stun.MustBuild(stun.BindingRequest, stun.TransactionID, stun.NewUsername("nobody:theirs")).Raw
	framed := append([]byte{0, byte(len(message))}, message...)
	long := append([]byte{2, 1}, bytes.Repeat([]byte{1}, 513)...)
	for _, said := range [][]byte{append(framed, "more"...), long, {0, 0, 1}, {0}} {
		for _, size := range []int{1, 2, 7, 1000} {
			c := &knocking{Conn: &chunks{}, engine: &Engine{wires: map[string]*wire{}}}
			for rest := said; len(rest) > 0; rest = rest[min(size, len(rest)):] {
				c.Conn.(*chunks).pieces = append(c.Conn.(*chunks).pieces, rest[:min(size, len(rest))])
			}
			var heard []byte
			for b := make([]byte, 600); ; {
				n, err := c.Read(b)
				if err != nil {
					break
				}
				heard = append(heard, b[:n]...)
			}
			if !bytes.Equal(heard, said) {
				t.Errorf("%d bytes in pieces of %d: %d came", len(said), size, len(heard))
			}
			if len(said) > 1 && (!c.known || c.first != nil) {
				t.Errorf("%d bytes in pieces of %d: it still looks", len(said), size)
			}
		}
	}
}

// TestHangUpAtOnce: a client that closes DTLS before this side has noticed that it is connected is heard all the same; rest is no such end.
func TestHangUpAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		end  func(*dtlsPipe)
		want dtlsStage
	}{
		"closed":  {func(p *dtlsPipe) { _ = p.Close() }, dtlsClosed},
		"at rest": {func(p *dtlsPipe) { p.mute() }, dtlsConnected},
		"open":    {func(*dtlsPipe) {}, dtlsConnected},
	} {
		w := &wire{conn: &Conn{}}
		w.conn.wire = w
		w.conn.ending.Store(true)
		w.stage.Store(int32(dtlsConnecting))
		p := newDTLSPipe(w)
		c.end(p)
		w.secured(p)
		if got := dtlsStage(w.stage.Load()); got != c.want {
			t.Errorf("%s: stage %d, want %d", name, got, c.want)
		}
	}
}

// noticed is a log that tells of each line.
type noticed struct {
	slog.Handler
	lines chan string
}

func (n noticed) Handle(_ context.Context, r slog.Record) error {
	select {
	case n.lines <- r.Message:
	default:
	}
	return nil
}
func (noticed) Enabled(context.Context, slog.Level) bool { return true }

// TestSocketSurvivesErrors: what reading a socket ends with is passed on only when it is closed, for whoever reads it then reads no more.
func TestSocketSurvivesErrors(t *testing.T) {
	conn, err := udp.Listen(netip.MustParseAddrPort("127.0.0.1:0"), udp.Config{})
	if err != nil {
		t.Fatal(err)
	}
	log := noticed{slog.DiscardHandler, make(chan string, 1)}
	k := newSocket(conn, slog.New(log))
	if err := conn.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	type reading struct {
		n   int
		err error
	}
	read := make(chan reading)
	go func() {
		for {
			n, _, err := k.ReadFromAddrPort(make([]byte, 10))
			read <- reading{n, err}
			if err != nil {
				return
			}
		}
	}()
	select {
	case <-log.lines:
	case r := <-read:
		t.Fatalf("read %d bytes: %v", r.n, r.err)
	}
	if err := conn.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := conn.WriteTo([]byte{1, 2, 3}, conn.LocalAddr()); err != nil {
		t.Fatal(err)
	}
	if r := <-read; r.n != 3 || r.err != nil {
		t.Errorf("read %d bytes: %v", r.n, r.err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if r := <-read; !errors.Is(r.err, net.ErrClosed) {
		t.Errorf("closed: %v", r.err)
	}
}
