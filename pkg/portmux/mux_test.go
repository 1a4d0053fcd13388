package portmux_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"sfu/pkg/portmux"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is far beyond what anything here should take.
const patience = 20 * time.Second

var check = []byte{0, 28, 0, 1, 0, 8, 0x21, 0x12, 0xA4, 0x42, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x80, 0x22, 0, 4, 'a', 'b', 'c', 'd'}

func start(t *testing.T, cfg portmux.Config) *portmux.Mux {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	m := portmux.New(l, cfg)
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// serve answers HTTP on m until the test ends.
func serve(t *testing.T, m *portmux.Mux, h http.Handler) {
	t.Helper()
	s := &http.Server{Handler: h, ReadHeaderTimeout: patience}
	done := make(chan error, 1)
	go func() { done <- s.Serve(m.HTTP()) }()
	t.Cleanup(func() {
		_ = s.Close()
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			t.Error(err)
		}
	})
}

func dial(t *testing.T, m *portmux.Mux) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", m.HTTP().Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(patience))
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func send(t *testing.T, c net.Conn, b []byte) {
	t.Helper()
	if _, err := c.Write(b); err != nil {
		t.Fatal(err)
	}
}

// expectClosed waits until the other side has closed c.
func expectClosed(t *testing.T, c net.Conn) {
	t.Helper()
	var timeout net.Error
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		t.Fatalf("the connection is not closed: %v", err)
	}
}

func certificate(t *testing.T) (server *tls.Config, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	server = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, NextProtos: []string{"http/1.1"}}
	return server, &tls.Config{RootCAs: roots}
}

func TestPlainAndTLSReachOneHTTPServer(t *testing.T) {
	server, client := certificate(t)
	m := start(t, portmux.Config{TLS: server})
	serve(t, m, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "tls=%v", r.TLS != nil) }))
	transport := &http.Transport{TLSClientConfig: client}
	defer transport.CloseIdleConnections()
	for url, want := range map[string]string{"http://" + m.HTTP().Addr().String(): "tls=false", "https://" + m.HTTP().Addr().String(): "tls=true"} {
		response, err := (&http.Client{Transport: transport}).Get(url)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if string(body) != want {
			t.Errorf("%s: got %q, want %q", url, body, want)
		}
	}
	if s := m.Stats(); s.PlainHTTP != 1 || s.TLS != 1 || s.Accepted != 2 {
		t.Errorf("stats %+v", s)
	}
}

func TestWebSocketPasses(t *testing.T) {
	server, client := certificate(t)
	m := start(t, portmux.Config{TLS: server})
	serve(t, m, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		if kind, text, err := c.ReadMessage(); err == nil {
			_ = c.WriteMessage(kind, text)
		}
	}))
	for _, scheme := range []string{"ws", "wss"} {
		dialer := websocket.Dialer{TLSClientConfig: client, HandshakeTimeout: patience}
		c, _, err := dialer.Dial(scheme+"://"+m.HTTP().Addr().String(), nil)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.WriteMessage(websocket.TextMessage, []byte("hello"))
		if _, text, err := c.ReadMessage(); err != nil || string(text) != "hello" {
			t.Errorf("%s: got %q, %v", scheme, text, err)
		}
		_ = c.Close()
	}
}

func TestICEGetsEveryByteInWhateverPieces(t *testing.T) {
	m := start(t, portmux.Config{})
	want := append(append([]byte(nil), check...), "and what follows"...)
	for piece := 1; piece <= len(want); piece += 3 {
		c := dial(t, m)
		go func() {
			for p := range slices.Chunk(want, piece) {
				_, _ = c.Write(p)
			}
		}()
		accepted, err := m.ICE().Accept()
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(want))
		_ = accepted.SetReadDeadline(time.Now().Add(patience))
		if _, err := io.ReadFull(accepted, got); err != nil || !bytes.Equal(got, want) {
			t.Errorf("pieces of %d: got %x, %v", piece, got, err)
		}
		_ = accepted.Close()
	}
}

func TestReadWithATinyBuffer(t *testing.T) {
	m := start(t, portmux.Config{})
	send(t, dial(t, m), check)
	c, err := m.ICE().Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if n, err := c.Read(nil); n != 0 || err != nil {
		t.Errorf("empty read: %d, %v", n, err)
	}
	for i, want := range check {
		one := make([]byte, 1)
		if n, err := c.Read(one); n != 1 || err != nil || one[0] != want {
			t.Fatalf("byte %d: %d, %v, %x", i, n, err, one)
		}
	}
}

func TestReadFromManyGoroutines(t *testing.T) {
	m := start(t, portmux.Config{})
	client := dial(t, m)
	send(t, client, check)
	c, err := m.ICE().Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	var sum atomic.Int64
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			one := make([]byte, 1)
			for {
				n, err := c.Read(one)
				sum.Add(int64(n))
				if err != nil {
					return
				}
			}
		})
	}
	_ = client.Close()
	readers.Wait()
	if int(sum.Load()) != len(check) {
		t.Errorf("read %d bytes of %d", sum.Load(), len(check))
	}
}

func TestGarbageAndTLSWithoutCertificateAreClosed(t *testing.T) {
	m := start(t, portmux.Config{})
	for _, first := range []string{"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", "\xff", "\x16\x03\x01", "get /"} {
		c := dial(t, m)
		send(t, c, []byte(first))
		expectClosed(t, c)
	}
	if s := m.Stats(); s.Unknown != 4 {
		t.Errorf("stats %+v", s)
	}
}

func TestCloseEndsAcceptAndWaiting(t *testing.T) {
	m := start(t, portmux.Config{DecideWithin: time.Hour})
	errs := make(chan error, 2)
	for _, l := range []net.Listener{m.HTTP(), m.ICE()} {
		go func() {
			_, err := l.Accept()
			errs <- err
		}()
	}
	silent := dial(t, m)
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := <-errs; !errors.Is(err, net.ErrClosed) {
			t.Errorf("accept returned %v", err)
		}
	}
	expectClosed(t, silent)
	if _, err := net.Dial("tcp", m.HTTP().Addr().String()); err == nil {
		t.Error("the port is still open")
	}
	if err := m.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func TestCloseOfOneBranchLeavesTheOther(t *testing.T) {
	m := start(t, portmux.Config{DecideWithin: time.Hour})
	_ = m.HTTP().Close()
	_ = m.HTTP().Close()
	if _, err := m.HTTP().Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("accept returned %v", err)
	}
	web := dial(t, m)
	send(t, web, []byte("GET / HTTP/1.1\r\n"))
	expectClosed(t, web)
	send(t, dial(t, m), check)
	c, err := m.ICE().Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = c.Close()
}

func TestAcceptedConnectionsSurviveClose(t *testing.T) {
	m := start(t, portmux.Config{})
	client := dial(t, m)
	send(t, client, check)
	c, err := m.ICE().Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := m.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Write([]byte("x")); err != nil {
		t.Error(err)
	}
	if _, err := client.Read(make([]byte, 1)); err != nil {
		t.Error(err)
	}
}

func TestShutdownOfTheHTTPServer(t *testing.T) {
	m := start(t, portmux.Config{})
	s := httptest.NewUnstartedServer(http.NotFoundHandler())
	_ = s.Listener.Close()
	s.Listener = m.HTTP()
	s.Start()
	response, err := http.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	http.DefaultClient.CloseIdleConnections()
	if err := s.Config.Shutdown(ctx); err != nil {
		t.Error(err)
	}
	s.Close()
	if got := m.Stats().Open; got != 0 {
		t.Errorf("%d connections are open", got)
	}
}

func BenchmarkDecide(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	m := portmux.New(l, portmux.Config{})
	defer m.Close()
	for b.Loop() {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			b.Fatal(err)
		}
		_, _ = c.Write(check)
		accepted, err := m.ICE().Accept()
		if err != nil {
			b.Fatal(err)
		}
		_ = accepted.Close()
		_ = c.Close()
	}
}
