package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	dialTimeout  = 2 * time.Second // for TCP, and again for TLS and the greeting
	writeTimeout = time.Second
	pingInterval = time.Second
	// maxPings is how many pings without an answer end a connection.
	maxPings      = 2
	reconnectWait = 100 * time.Millisecond // and up to as much again
)

// A session is one connection to a server.
type session struct {
	ctx context.Context // ends with it; the cause says why
	end context.CancelCauseFunc
	up  atomic.Bool // the bucket is there, as far as the supervisor knows
}

// connect makes the connection, or leaves the making to nats.go's goroutine.
func (e *Engine) connect() error {
	options := []nats.Option{
		nats.Name(e.config.Node),
		nats.CustomInboxPrefix("_INBOX." + e.config.Incarnation), // "_INBOX.>" permits it to all nodes, a token cannot be permitted by its beginning
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(maxPings),
		nats.ReconnectWait(reconnectWait),
		nats.ReconnectJitter(reconnectWait, reconnectWait),
		nats.MaxReconnects(-1),
		nats.ReconnectBufSize(-1), // what waits for a connection is out of date when there is one
		nats.RetryOnFailedConnect(true),
		nats.IgnoreAuthErrorAbort(), // credentials may be corrected while this runs
		nats.Timeout(dialTimeout),
		nats.FlusherTimeout(writeTimeout),
		nats.ConnectHandler(func(*nats.Conn) { e.begun(false) }),
		nats.ReconnectHandler(func(*nats.Conn) { e.begun(true) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { e.ended(err) }),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { e.refused(err) }),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) { e.complaint(s, err) }),
		nats.ClosedHandler(func(*nats.Conn) { close(e.closed) }),
	}
	if e.server != nil {
		// Without a network nothing can be lost, and a busy machine must not look as if.
		nc, err := nats.Connect("", append(options, nats.InProcessServer(e.server.nats), nats.PingInterval(time.Hour))...)
		e.nc = nc
		return err
	}
	x := e.config.External
	if x.CredsFile != "" {
		options = append(options, nats.UserCredentials(x.CredsFile))
	}
	if x.CAFile != "" {
		options = append(options, nats.RootCAs(x.CAFile))
	}
	if x.CertFile != "" {
		options = append(options, nats.ClientCert(x.CertFile, x.KeyFile))
	}
	d := &dialer{ctx: e.ctx, dialing: func() { e.ended(nil) }}
	nc, err := nats.Connect(strings.Join(x.URLs, ","), append(options, nats.SetCustomDialer(d), nats.SkipHostLookup())...)
	e.nc = nc
	d.released.Store(true)
	return err
}

// begun and the others below are called by nats.go, one at a time but for ended, which the dialer calls as well.
func (e *Engine) begun(again bool) {
	if again {
		e.counters.reconnects.Add(1)
	}
	s := &session{}
	s.ctx, s.end = context.WithCancelCause(e.ctx)
	e.replace(s, nil)
}

func (e *Engine) ended(reason error) { e.replace(nil, reason) }

// replace ends the session that there is, if any, before another begins.
func (e *Engine) replace(next *session, reason error) {
	if last := e.session.Swap(next); last != nil {
		cause := errSessionEnded
		if reason != nil {
			cause = fmt.Errorf("%w: %w", errSessionEnded, reason)
		}
		last.end(cause)
	}
	e.notify()
}

func (e *Engine) refused(reason error) {
	if errors.Is(reason, errNotReleased) {
		return
	}
	e.refusal.Store(&reason)
}

// complaint takes what goes wrong beside calls: slow handlers, and what the server does not permit.
func (e *Engine) complaint(s *nats.Subscription, err error) {
	if errors.Is(err, nats.ErrSlowConsumer) {
		e.counters.slowConsumers.Add(1)
		e.log.Warn("messages are lost: their handler is too slow", "subject", s.Subject)
		return
	}
	if text := err.Error(); e.complained != text { // a wrong password is refused ten times a second
		e.complained = text
		e.log.Warn("the NATS server complains", "error", err)
	}
}

// notify wakes the supervisor.
func (e *Engine) notify() {
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

var errNotReleased = errors.New("the first attempt is left to the background")

// A dialer makes connections for nats.go. It refuses until it is released, so that Open need not wait for a server, and ends what it made
// with its context, so that Close need not either. It has one connection at a time: nats.go forgets to close one on which no server greets.
type dialer struct {
	ctx      context.Context
	dialing  func()
	released atomic.Bool
	last     atomic.Pointer[boundConn]
}

// Dial implements nats.CustomDialer.
func (d *dialer) Dial(network, address string) (net.Conn, error) {
	if !d.released.Load() {
		return nil, errNotReleased
	}
	d.dialing()
	if last := d.last.Swap(nil); last != nil {
		_ = last.Close()
	}
	plain := net.Dialer{Timeout: dialTimeout}
	c, err := plain.DialContext(d.ctx, network, address)
	if err != nil {
		return nil, err
	}
	bound := &boundConn{Conn: c, unbind: context.AfterFunc(d.ctx, func() { _ = c.Close() })}
	d.last.Store(bound)
	return bound, nil
}

// A boundConn is a connection that a context ends.
type boundConn struct {
	net.Conn
	unbind func() bool
}

func (c *boundConn) Close() error {
	c.unbind()
	return c.Conn.Close()
}
