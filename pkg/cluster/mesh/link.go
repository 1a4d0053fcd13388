package mesh

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of the connections to one peer.
const (
	// maxRequestConns bounds the clients' requests, maxControlConns our own, so that neither can hold up the other. A WebSocket has a
	// connection beside these.
	maxRequestConns = 64
	maxControlConns = 16
	maxIdleConns    = 4
	// maxHandshakes bounds the WebSockets that are connected at once. After a failure all clients come back together, and handshakes that are begun
	// all at once are all slow.
	maxHandshakes = 64
	// idleConnTimeout is shorter than idleTimeout of the other side, which would otherwise close while we write.
	idleConnTimeout = 45 * time.Second
	maxAnswerHeader = 32 << 10
)

// A link is the way to one process at one address.
type link struct {
	mesh   *Mesh
	peer   Peer
	ctx    context.Context // ends with ErrCut
	cancel context.CancelCauseFunc
	tls    *tls.Config
	// control carries this node's own requests, requests those of clients.
	control, requests *http.Transport
	handshakes        chan struct{}
	waiting           atomic.Int32 // clients' requests that are not answered yet
	warn              sync.Once
	lastUse           uint64 // guarded by Mesh.mu
}

func newLink(m *Mesh, p Peer) *link {
	l := &link{mesh: m, peer: p, tls: m.credentials.clientTLS(), handshakes: make(chan struct{}, maxHandshakes)}
	l.ctx, l.cancel = context.WithCancelCause(m.ctx)
	l.control, l.requests = l.newTransport(maxControlConns), l.newTransport(maxRequestConns)
	return l
}

func (l *link) newTransport(maxConns int) *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialTLSContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return l.dial(ctx) },
		Protocols:      protocols, DisableCompression: true, MaxConnsPerHost: maxConns, MaxIdleConnsPerHost: maxIdleConns,
		IdleConnTimeout: idleConnTimeout, ResponseHeaderTimeout: l.mesh.cfg.AnswerWithin, MaxResponseHeaderBytes: maxAnswerHeader,
	}
}

// close ends requests under way and idle connections.
func (l *link) close() {
	l.cancel(ErrCut)
	l.closeIdle()
}

func (l *link) closeIdle() {
	l.control.CloseIdleConnections()
	l.requests.CloseIdleConnections()
}

// within returns a context that also ends when the link does; stop must be called.
func (l *link) within(parent context.Context) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	unhook := context.AfterFunc(l.ctx, func() { cancel(context.Cause(l.ctx)) })
	return ctx, func() {
		unhook()
		cancel(nil)
	}
}

// A dialError says that the peer was not reached, so it has seen nothing of the request.
type dialError struct {
	addr string
	err  error
}

func (e *dialError) Error() string { return fmt.Sprintf("connect to node at %s: %v", e.addr, e.err) }
func (e *dialError) Unwrap() error { return e.err }

// dialInTurn is dial when there are not too many.
func (l *link) dialInTurn(ctx context.Context) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, l.mesh.cfg.AnswerWithin)
	defer cancel()
	select {
	case l.handshakes <- struct{}{}:
	case <-ctx.Done():
		return nil, &dialError{l.peer.Addr, explained(ctx, ctx.Err())}
	}
	defer func() { <-l.handshakes }()
	return l.dial(ctx)
}

// dial connects to the process that is meant and no other.
func (l *link) dial(ctx context.Context) (*tls.Conn, error) {
	ctx, stop := l.within(ctx)
	defer stop()
	c, err := l.connect(ctx)
	if err == nil {
		return c, nil
	}
	err = explained(ctx, err)
	if errors.Is(err, ErrUntrusted) {
		l.warn.Do(func() {
			l.mesh.log.Warn("a node does not know the same cluster secret as this one", "address", l.peer.Addr, "error", err)
		})
	}
	return nil, &dialError{l.peer.Addr, err}
}

func (l *link) connect(ctx context.Context) (*tls.Conn, error) {
	dialer := net.Dialer{Timeout: l.mesh.cfg.DialWithin, KeepAliveConfig: keepAlive}
	raw, err := dialer.DialContext(ctx, "tcp", l.peer.Addr)
	if err != nil {
		return nil, err
	}
	limitUnacknowledged(raw)
	ctx, cancel := context.WithTimeout(ctx, l.mesh.cfg.HandshakeWithin)
	defer cancel()
	c := tls.Client(raw, l.tls)
	if err := c.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	// Not before the handshake is over: only then has the other side shown that it has the key of its certificate.
	if found := incarnationOf(c.ConnectionState()); found != l.peer.Incarnation {
		_ = raw.Close()
		return nil, fmt.Errorf("%w: %q, not %q", ErrWrongNode, found, l.peer.Incarnation)
	}
	return c, nil
}

// httpLog takes what net/http and httputil say; a peer that breaks off is nothing to wake anybody for.
type httpLog struct{ mesh *Mesh }

func (h httpLog) Write(line []byte) (int, error) {
	h.mesh.log.Debug("mesh", "detail", string(line))
	return len(line), nil
}

func (m *Mesh) errorLog() *log.Logger { return log.New(httpLog{m}, "", 0) }
