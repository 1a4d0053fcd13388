package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"
)

// patience is how long a test waits for what must come.
const patience = time.Minute

func TestMain(m *testing.M) {
	if given := os.Getenv(processVariable); given != "" {
		serveAsProcess(given)
		return
	}
	goleak.VerifyTestMain(m)
}

// A recorder is an Observer that keeps what it is told.
type recorder chan change

func (r recorder) Up(generation int64) { r <- change{generation: generation} }
func (r recorder) Down(reason error)   { r <- change{reason: reason} }

// next returns the next change.
func (r recorder) next(t *testing.T) change {
	t.Helper()
	select {
	case c := <-r:
		return c
	case <-time.After(patience):
		t.Fatal("the observer is told nothing")
		return change{}
	}
}

// up returns the generation of the next Up, whatever comes before.
func (r recorder) up(t *testing.T) int64 {
	t.Helper()
	for {
		if c := r.next(t); c.reason == nil {
			return c.generation
		}
	}
}

func (r recorder) down(t *testing.T) error {
	t.Helper()
	c := r.next(t)
	if c.reason == nil {
		t.Fatalf("up with %d, not down", c.generation)
	}
	return c.reason
}

// refused returns the reason of the next Down. On a slow machine it may be told before that there is no connection yet.
func (r recorder) refused(t *testing.T) error {
	t.Helper()
	for {
		if reason := r.down(t); !errors.Is(reason, errNotConnected) {
			return reason
		}
	}
}

// ownHost returns an address of loopback where nobody else listens, so that a port which was given back is free later on.
func ownHost() string {
	n := hosts.Add(1)
	return fmt.Sprintf("127.%d.%d.%d", 64+os.Getpid()>>8&63, os.Getpid()&255, 1+n%250)
}

var hosts atomic.Uint32

func open(t testing.TB, config Config) (*Engine, recorder) {
	t.Helper()
	r := make(recorder, 1000)
	if config.Incarnation == "" {
		config.Incarnation = "TEST"
	}
	config.Node = "node"
	e, err := Open(config, r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(e.Close)
	return e, r
}

// openOn opens an Engine on servers and waits until it is up.
func openOn(t *testing.T, incarnation string, servers ...*server.Server) (*Engine, recorder, int64) {
	t.Helper()
	x := &External{}
	for _, s := range servers {
		x.URLs = append(x.URLs, s.ClientURL())
	}
	e, r := open(t, Config{Incarnation: incarnation, External: x})
	return e, r, r.up(t)
}

// serve starts a NATS server with JetStream on loopback.
func serve(t testing.TB, o server.Options) *server.Server {
	t.Helper()
	o.JetStream, o.NoSigs, o.NoLog, o.Host = true, true, true, cmp.Or(o.Host, "127.0.0.1")
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	o.Routes = server.RoutesFromStr(o.RoutesStr)
	s, err := server.NewServer(&o)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { stop(s) })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server does not get ready")
	}
	return s
}

func stop(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

func portOf(s *server.Server) int { return s.Addr().(*net.TCPAddr).Port }

// operator is a plain client that does to the bucket what people do.
func operator(t *testing.T, s *server.Server) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// within1m is a context that ends with the patience of tests.
func within1m(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// await polls what is only known by asking.
func await(t *testing.T, what string, f func() bool) {
	t.Helper()
	ctx := within1m(t)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !f() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("in vain: %s", what)
		}
	}
}

// A wire is a TCP proxy in front of a server that can swallow what the server says.
type wire struct {
	listener net.Listener
	mu       sync.Mutex
	deaf     bool
	conns    []net.Conn
	copying  sync.WaitGroup
}

func newWire(t *testing.T, to *server.Server) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: l}
	w.copying.Add(1)
	go w.accept(to.Addr().String())
	t.Cleanup(func() {
		_ = l.Close()
		w.cut()
		w.copying.Wait()
	})
	return w
}

func (w *wire) url() string { return fmt.Sprintf("nats://%v", w.listener.Addr()) }

func (w *wire) accept(to string) {
	defer w.copying.Done()
	for {
		in, err := w.listener.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", to)
		if err != nil {
			_ = in.Close()
			continue
		}
		w.mu.Lock()
		w.conns = append(w.conns, in, out)
		w.mu.Unlock()
		w.copying.Add(2)
		go w.pass(out, in, func([]byte) bool { return true })
		go w.pass(in, out, func([]byte) bool { return !w.isDeaf() })
	}
}

func (w *wire) pass(to, from net.Conn, hears func([]byte) bool) {
	defer w.copying.Done()
	defer to.Close()
	defer from.Close()
	buffer := make([]byte, 4096)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		if !hears(buffer[:n]) {
			continue
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}

func (w *wire) isDeaf() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.deaf
}

// deafen swallows what the server says from now on, or no longer; connections that missed something are cut.
func (w *wire) deafen(deaf bool) {
	w.mu.Lock()
	w.deaf = deaf
	w.mu.Unlock()
	if !deaf {
		w.cut()
	}
}

func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.conns {
		_ = c.Close()
	}
	w.conns = nil
}

// silent is a server that accepts connections and never says anything.
func silent(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			reading.Go(func() {
				_, _ = io.Copy(io.Discard, c)
				_ = c.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		reading.Wait()
	})
	return "nats://" + l.Addr().String()
}
