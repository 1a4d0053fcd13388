package sfutest

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"testing"
	"time"

	"sfu/pkg/auth"
	"sfu/pkg/cluster"
	"sfu/pkg/forwarder"
	"sfu/pkg/metrics"
	"sfu/pkg/portmux"
	"sfu/pkg/room"
	"sfu/pkg/signaling"
	"sfu/pkg/transport"
)

// Options set up a Server. With MEDIA=plain in the environment pion encrypts in all of them, which no test may notice. The zero value is an open server on loopback with one worker, and without the limits per address that many
// clients on one machine would meet.
type Options struct {
	// Transport, where it has no address, receives media on 127.0.0.1 at a port of the kernel's choice.
	Transport transport.Config
	Rooms     room.Config
	Signaling signaling.Options
	Metrics   metrics.Options
	// Verifier is auth.OpenRooms where it is nil.
	Verifier auth.Verifier
	// Workers of the media path, 1 where it is 0.
	Workers int
	// Limits bound what one client may send.
	Limits forwarder.Limits
	// Listener, where it is not nil, stands between the TCP port and the server.
	Listener func(net.Listener) net.Listener
	// Log goes nowhere where it is nil.
	Log *slog.Logger
}

// A Server is a server that runs.
type Server struct {
	// URL is for client.Join, such as "http://127.0.0.1:40123".
	URL     string
	Engine  *transport.Engine
	Pool    *forwarder.Pool
	Rooms   *room.Registry
	Signals *signaling.Server
	Metrics *metrics.Metrics

	web   *http.Server
	ports *portmux.Mux
}

// Start starts a server that ends with the test.
func Start(t testing.TB, opts Options) *Server {
	t.Helper()
	opts = opts.withDefaults()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if opts.Listener != nil {
		listener = opts.Listener(listener)
	}
	s := &Server{URL: "http://" + listener.Addr().String(), ports: portmux.New(listener, portmux.Config{})}
	s.Metrics = metrics.New(metrics.Sources{
		Rooms:     func(ctx context.Context) room.Stats { return s.Rooms.Stats(ctx) },
		Forwarder: func() forwarder.PoolStats { return s.Pool.Stats() },
		Transport: func() transport.Stats { return s.Engine.Stats() },
		Signaling: func() signaling.Stats { return s.Signals.Stats() },
		Ports:     s.ports.Stats,
		Cluster:   func() cluster.Stats { return cluster.Stats{} }, // these servers are no nodes of any
	}, opts.Metrics)
	opts.Transport.Established, opts.Signaling.ObserveJoin = s.Metrics.ObserveConnection, s.Metrics.ObserveJoin
	opts.Transport.TCP = s.ports.ICE()
	if s.Engine, err = transport.NewEngine(opts.Transport); err != nil {
		t.Fatal(errors.Join(err, s.ports.Close()))
	}
	s.Pool = forwarder.NewPool(forwarder.Config{Workers: opts.Workers, Limits: opts.Limits, NewEgress: s.Engine.NewEgress, Log: opts.Log})
	s.Rooms = room.NewRegistry(s.Pool, opts.Rooms, opts.Log)
	dial := func(group *forwarder.Group, h transport.Handler) (transport.Connection, error) {
		return s.Engine.NewConn(group, h)
	}
	if s.Signals, err = signaling.NewServer(signaling.FromRegistry(s.Rooms), dial, opts.Verifier, opts.Signaling, opts.Log); err != nil {
		s.closeMedia(t)
		t.Fatal(errors.Join(err, s.ports.Close()))
	}
	s.web = &http.Server{Handler: s.Signals, ReadHeaderTimeout: Patience, ErrorLog: slog.NewLogLogger(opts.Log.Handler(), slog.LevelWarn)}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.web.Serve(s.ports.HTTP()) // always an error, that it was closed
	}()
	t.Cleanup(func() { s.close(t, served) })
	return s
}

func (o Options) withDefaults() Options {
	if len(o.Transport.Addresses) == 0 {
		o.Transport.Addresses = []transport.Address{{Local: netip.MustParseAddr("127.0.0.1")}}
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Transport.Log == nil {
		o.Transport.Log = o.Log
	}
	if os.Getenv("MEDIA") == "plain" {
		o.Transport.PlainSRTP = true
	}
	if o.Verifier == nil {
		o.Verifier = auth.OpenRooms()
	}
	if o.Workers == 0 {
		o.Workers = 1
	}
	limits := &o.Signaling.Addresses
	for _, limit := range []*int{&limits.Sockets, &limits.Unauthenticated, &limits.JoinBurst} {
		if *limit == 0 {
			*limit = 10_000
		}
	}
	if limits.JoinsPerSecond == 0 {
		limits.JoinsPerSecond = 10_000
	}
	return o
}

// Drain tells everyone that the server is about to end, and ends it when they have left or ctx is over.
func (s *Server) Drain(ctx context.Context) error {
	s.Rooms.Drain()
	return s.Signals.Drain(ctx)
}

// close ends everything in the order in which the command does it.
func (s *Server) close(t testing.TB, served <-chan struct{}) {
	now, cancel := context.WithCancel(context.Background())
	cancel()
	if err := s.Signals.Drain(now); err != nil {
		t.Error(err)
	}
	s.closeMedia(t)
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := s.web.Shutdown(ctx); err != nil {
		t.Error(errors.Join(err, s.web.Close()))
	}
	<-served
	if err := s.ports.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}

func (s *Server) closeMedia(t testing.TB) {
	s.Rooms.Close()
	s.Pool.Close()
	if err := s.Engine.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
}
