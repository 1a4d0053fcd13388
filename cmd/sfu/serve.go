package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"sfu/pkg/address"
	"sfu/pkg/auth"
	"sfu/pkg/portmux"
)

// materials are what the parts are made from.
type materials struct {
	Config   Config
	Log      *slog.Logger
	Verifier auth.Verifier
	// TURNSecret makes credentials for Config.TURN.URLs.
	TURNSecret secret
	// Plan says which addresses clients are told; MediaPort is the port of all of them.
	Plan      address.Plan
	MediaPort uint16
	// ICE is where media over TCP arrives. Whoever needs it not closes it.
	ICE net.Listener
	// Connections counts those of the main port.
	Connections func() portmux.Stats
}

// parts are the server beside its sockets and health. A nil function is left out.
type parts struct {
	// Routes adds the page and the API to the main port.
	Routes func(*http.ServeMux)
	// Live and Ready are what /livez and /readyz ask.
	Live, Ready []condition
	// Metrics answers /metrics, Rooms the operator's view of the rooms at /rooms and below.
	Metrics, Rooms http.Handler
	// Count counts the requests of a handler under a name.
	Count func(name string, h http.Handler) http.Handler
	// Drain refuses new participants, tells those inside, and returns when the last one has left, or with an error when ctx ends.
	Drain func(context.Context) error
	// Vacate moves everybody elsewhere for as long as ctx lasts and refuses new ones; Undrain takes that back.
	Vacate  func(context.Context)
	Undrain func()
	// People counts the participants here. Cluster is what operators see of the nodes, Notes what /readyz says beside its conditions.
	People  func() int
	Cluster func() any
	Notes   func() map[string]string
	// Close ends what is left and waits for it.
	Close func()
}

// counted returns h with its requests counted.
func (p parts) counted(name string, h http.Handler) http.Handler {
	if p.Count == nil {
		return present(h)
	}
	return p.Count(name, present(h))
}

// present returns h, or what answers 404 where that part is not there.
func present(h http.Handler) http.Handler {
	if h == nil {
		return http.NotFoundHandler()
	}
	return h
}

// errInterrupted says that a second signal ended the server before its drain had.
var errInterrupted = errors.New("told to end at once")

// serve runs a node until a signal or ctx ends it.
func serve(ctx context.Context, cfg Config, m machine, log *slog.Logger, out io.Writer, signals <-chan os.Signal) error {
	n, err := newNode(cfg, m, log, assemble)
	if err != nil {
		return err
	}
	defer n.close()
	n.start()
	writeBanner(out, n.announcement)
	return n.wait(ctx, signals)
}

// A node is a running server.
type node struct {
	cfg          Config
	log          *slog.Logger
	ports        *ports
	parts        parts
	health       *health
	main, admin  *http.Server
	refreshers   map[string]refresher
	announcement announcement
	vacancy      *vacancy

	failed     chan error // a listener that ended by itself
	stop       context.CancelFunc
	goroutines sync.WaitGroup
}

// newNode opens the sockets and makes the parts. Nothing is answered yet.
func newNode(cfg Config, m machine, log *slog.Logger, assemble func(materials) (parts, error)) (*node, error) {
	n := &node{cfg: cfg, log: log, refreshers: map[string]refresher{}, failed: make(chan error, 2), stop: func() {}}
	verifier, keys, err := newVerifier(cfg.Access)
	if err != nil {
		return nil, usageError{err}
	}
	turnSecret, err := readSecret(cfg.TURN)
	if err != nil {
		return nil, usageError{err}
	}
	cert, err := newServerCertificate(cfg.TLS, m, time.Now())
	if err != nil {
		return nil, usageError{err}
	}
	if keys != nil {
		n.refreshers["keys"] = keys
	}
	if cert.refresher != nil {
		n.refreshers["certificate"] = cert.refresher
	}
	if n.ports, err = openPorts(cfg, cert.config, log); err != nil {
		return nil, err
	}
	plan := address.Decide(address.Facts{
		Interfaces: m.Interfaces, Explicit: cfg.Network.PublicIPs, Listen: cfg.Network.Listen.host, Container: m.Container,
	})
	if m.Err != nil {
		log.Warn("cannot see the addresses of this machine", "error", m.Err)
	}
	n.announcement = n.describe(verifier, cert, plan)
	n.parts, err = assemble(materials{
		Config: cfg, Log: log, Verifier: verifier, TURNSecret: turnSecret, Plan: plan, MediaPort: n.ports.mediaPort(), ICE: n.ports.ice(),
		Connections: n.ports.main.Stats,
	})
	if err != nil {
		return nil, errors.Join(err, n.ports.close())
	}
	n.health = newHealth(n.parts)
	n.vacancy = &vacancy{node: n}
	n.makeServers()
	return n, nil
}

func (n *node) makeServers() {
	mux := http.NewServeMux()
	n.health.routes(mux)
	mux.Handle("GET /metrics", n.parts.counted("metrics", localOnly(present(n.parts.Metrics))))
	if n.parts.Routes != nil {
		n.parts.Routes(mux)
	}
	network := n.cfg.Network
	handler := limitBody(trustProxies(network.TrustedProxies, mux, n.log))
	if n.cfg.TLS.enabled() {
		handler = redirectToTLS(network.TrustedProxies, handler)
	}
	n.main = newHTTPServer(commonHeaders(n.cfg.TLS, n.ports.mainPort(), handler), n.log)
	if n.ports.admin != nil {
		n.admin = newAdminServer(n)
	}
}

// start begins to answer.
func (n *node) start() {
	var ctx context.Context
	ctx, n.stop = context.WithCancel(context.Background())
	n.goroutines.Go(func() { n.serveHTTP(n.main, n.ports.main.HTTP()) })
	if n.admin != nil {
		n.goroutines.Go(func() { n.serveHTTP(n.admin, n.ports.admin) })
	}
	n.goroutines.Go(func() { keepFresh(ctx, n.refreshers, refreshInterval, n.log) })
}

func (n *node) serveHTTP(s *http.Server, l net.Listener) {
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		n.failed <- fmt.Errorf("serve HTTP on %s: %w", l.Addr(), err)
	}
}

// wait returns when the node shall end. The first signal drains, the second ends at once, and so does ctx.
func (n *node) wait(ctx context.Context, signals <-chan os.Signal) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-n.failed:
		return err
	case s := <-signals:
		n.log.Info("draining", "signal", s.String(), "timeout", n.cfg.Limits.DrainTimeout)
		return n.drain(ctx, signals)
	}
}

func (n *node) drain(ctx context.Context, signals <-chan os.Signal) error {
	n.vacancy.end(time.Now().Add(n.cfg.Limits.DrainTimeout))
	n.health.draining.Store(true)
	if n.parts.Drain == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, n.cfg.Limits.DrainTimeout)
	defer cancel()
	drained := make(chan error, 1)
	n.goroutines.Go(func() { drained <- n.parts.Drain(ctx) })
	select {
	case err := <-drained:
		if err != nil {
			n.log.Warn("ends although not everyone has left", "error", err)
		}
		return nil
	case err := <-n.failed:
		return err
	case s := <-signals:
		n.log.Warn("ends at once", "signal", s.String())
		return errInterrupted
	}
}

// shutdownTimeout is what requests have that are under way at the end.
const shutdownTimeout = time.Second

// close ends everything and waits for it: the parts first, so that WebSockets get their reason before their port closes.
func (n *node) close() {
	n.vacancy.end(time.Now())
	if n.parts.Close != nil {
		n.parts.Close()
	}
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	for _, s := range []*http.Server{n.main, n.admin} {
		if s != nil && s.Shutdown(ctx) != nil {
			_ = s.Close()
		}
	}
	if err := n.ports.close(); err != nil {
		n.log.Warn("close ports", "error", err)
	}
	n.stop()
	n.goroutines.Wait()
}

func (n *node) describe(v auth.Verifier, c serverCertificate, plan address.Plan) announcement {
	a := announcement{
		version: buildVersion(), listen: n.cfg.Network.Listen, mediaPort: n.ports.mediaPort(), tls: n.cfg.TLS.enabled(), plan: plan, open: v.Open(),
	}
	a.listen.port = n.ports.mainPort()
	if c.local != nil {
		a.fingerprint = c.local.Fingerprint()
		a.certificateFile, a.certificateNotStored = c.local.Stored()
	}
	if n.ports.admin != nil {
		a.admin, a.adminPrivate = n.ports.admin.Addr().String(), n.cfg.Observation.AdminListen.host.IsLoopback()
	}
	return a
}
