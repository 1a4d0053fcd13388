package portmux

import (
	"container/list"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Config bounds a Mux. A zero field takes its default.
type Config struct {
	// TLS is put around connections that begin with a ClientHello; they are closed where it is nil. It should offer
	// HTTP/1.1 only.
	TLS *tls.Config
	// DecideWithin is the time from the accept until somebody must have taken the connection over, 5 s.
	DecideWithin time.Duration
	// WriteWithin is how long one write on a connection of ICE-TCP may take before the connection is closed, 10 s.
	WriteWithin time.Duration
	// MaxUndecided bounds the connections that have not said what they are, 1024. One more closes the oldest: whoever means it
	// sends at once.
	MaxUndecided int
	// MaxConns bounds all connections that are open, 10,000. One more is closed.
	MaxConns int
	Log      *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.DecideWithin <= 0 {
		c.DecideWithin = 5 * time.Second
	}
	if c.WriteWithin <= 0 {
		c.WriteWithin = 10 * time.Second
	}
	if c.MaxUndecided <= 0 {
		c.MaxUndecided = 1024
	}
	if c.MaxConns <= 0 {
		c.MaxConns = 10_000
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// A Mux splits one listener in two.
type Mux struct {
	cfg        Config
	listener   net.Listener
	http, ice  *branch
	counters   counters
	goroutines sync.WaitGroup
	done       chan struct{}
	closeOnce  sync.Once

	mu      sync.Mutex
	waiting list.List // of *conn that have not said what they are, the oldest first
	closed  bool
}

// New takes over l and starts to accept.
func New(l net.Listener, cfg Config) *Mux {
	m := &Mux{cfg: cfg.withDefaults(), listener: l, http: newBranch(l.Addr()), ice: newBranch(l.Addr()), done: make(chan struct{})}
	m.goroutines.Go(m.acceptAll)
	return m
}

// HTTP returns the listener of HTTP and HTTPS. A connection without TLS is a net.Conn, one with TLS a *tls.Conn whose handshake has not
// begun.
func (m *Mux) HTTP() net.Listener { return m.http }

// ICE returns the listener of ICE-TCP. A write that takes longer than Config.WriteWithin fails and closes its connection.
func (m *Mux) ICE() net.Listener { return m.ice }

// Close closes the port and both listeners, ends the connections that nobody accepted and waits for all goroutines. It may be called twice.
func (m *Mux) Close() error {
	m.closeOnce.Do(func() { close(m.done) })
	err := m.listener.Close()
	_ = m.http.Close()
	_ = m.ice.Close()
	for _, c := range m.shut() {
		_ = c.Close()
	}
	m.goroutines.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// shut lets nothing more in and returns who waits.
func (m *Mux) shut() []*conn {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	var left []*conn
	for e := m.waiting.Front(); e != nil; e = e.Next() {
		left = append(left, e.Value.(*conn))
	}
	return left
}

// longestPause is between attempts to accept while the system has no file descriptors or memory left.
const longestPause = time.Second

func (m *Mux) acceptAll() {
	pause := 5 * time.Millisecond
	for {
		c, err := m.listener.Accept()
		switch {
		case err == nil:
			pause = 5 * time.Millisecond
			m.take(c)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			m.cfg.Log.Warn("cannot accept connections", "error", err, "retry_after", pause)
			select {
			case <-m.done:
				return
			case <-time.After(pause):
			}
			pause = min(2*pause, longestPause)
		}
	}
}

// take starts the decision on c, or closes it where there are too many.
func (m *Mux) take(raw net.Conn) {
	m.counters.accepted.Add(1)
	if m.counters.open.Add(1) > int64(m.cfg.MaxConns) {
		m.counters.open.Add(-1)
		m.counters.overLimit.Add(1)
		_ = raw.Close()
		return
	}
	c := &conn{Conn: raw, onClose: func() { m.counters.open.Add(-1) }}
	oldest, ok := m.enqueue(c)
	if !ok {
		_ = c.Close()
		return
	}
	if oldest != nil {
		m.counters.displaced.Add(1)
		_ = oldest.Close() // its goroutine notices
	}
	m.goroutines.Go(func() { m.decide(c) })
}

// enqueue adds c to those who wait, and returns the oldest of them where it must go.
func (m *Mux) enqueue(c *conn) (oldest *conn, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, false
	}
	c.place = m.waiting.PushBack(c)
	if m.waiting.Len() <= m.cfg.MaxUndecided {
		return nil, true
	}
	oldest = m.waiting.Front().Value.(*conn)
	m.forget(oldest)
	return oldest, true
}

// dequeue takes c from those who wait, and reports whether it was still among them. From then on nobody else closes c, so it can be
// handed over.
func (m *Mux) dequeue(c *conn) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed || c.place == nil {
		return false
	}
	m.forget(c)
	return true
}

// forget is called with mu held.
func (m *Mux) forget(c *conn) {
	m.waiting.Remove(c.place)
	c.place = nil
}

// decide finds out what c is and hands it over, or closes it.
func (m *Mux) decide(c *conn) {
	deadline := time.Now().Add(m.cfg.DecideWithin)
	_ = c.SetReadDeadline(deadline)
	p, err := c.peek()
	waiting := m.dequeue(c)
	if err != nil && waiting {
		m.counters.silent.Add(1)
	}
	_ = c.SetReadDeadline(time.Time{})
	if err != nil || !waiting || !m.hand(c, p, deadline) {
		_ = c.Close()
	}
}

func (m *Mux) hand(c *conn, p protocol, deadline time.Time) bool {
	switch {
	case p == plainHTTP:
		m.counters.plainHTTP.Add(1)
		return m.http.offer(c, deadline)
	case p == tlsHello && m.cfg.TLS != nil:
		m.counters.tls.Add(1)
		return m.http.offer(tls.Server(c, m.cfg.TLS), deadline)
	case p == iceTCP:
		m.counters.ice.Add(1)
		return m.ice.offer(&iceConn{conn: c, within: m.cfg.WriteWithin}, deadline)
	default:
		m.counters.unknown.Add(1)
		m.cfg.Log.Debug("connection is neither HTTP nor ICE, or TLS without a certificate", "remote", c.RemoteAddr())
		return false
	}
}

type counters struct {
	open                                                                 atomic.Int64
	accepted, overLimit, displaced, silent, unknown, plainHTTP, tls, ice atomic.Uint64
}

// Stats are counts since the start, but for Open.
type Stats struct {
	// Open is how many connections are open now.
	Open int
	// Accepted is the sum of the others below, of those without a decision yet, and of those that Close ended.
	Accepted uint64
	// OverLimit were closed because of MaxConns, Displaced because of MaxUndecided, Silent because they said nothing in time.
	OverLimit, Displaced, Silent uint64
	// PlainHTTP, TLS and ICE went to a listener; Unknown were closed.
	PlainHTTP, TLS, ICE, Unknown uint64
}

// Stats returns what happened so far.
func (m *Mux) Stats() Stats {
	c := &m.counters
	return Stats{
		Open: int(c.open.Load()), Accepted: c.accepted.Load(),
		OverLimit: c.overLimit.Load(), Displaced: c.displaced.Load(), Silent: c.silent.Load(),
		PlainHTTP: c.plainHTTP.Load(), TLS: c.tls.Load(), ICE: c.ice.Load(), Unknown: c.unknown.Load(),
	}
}
