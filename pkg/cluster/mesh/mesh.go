package mesh

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Config says who this process is and how long it waits. A time of zero takes its default.
type Config struct {
	// Secrets are shared by all nodes, each of 16 bytes or more. The first one signs, all are trusted.
	Secrets [][]byte
	// Incarnation names this process among all that ever were: letters and digits, at most 63.
	Incarnation string
	// Log is nil for none.
	Log *slog.Logger
	// DialWithin is what a TCP connection to a peer may take, 500 ms.
	DialWithin time.Duration
	// HandshakeWithin is what TLS may take after that, 2 s. A peer that is frozen still takes connections.
	HandshakeWithin time.Duration
	// AnswerWithin is the time from a request to the head of its answer, 10 s.
	AnswerWithin time.Duration
	// ProbeWithin bounds a probe in all, 500 ms.
	ProbeWithin time.Duration
	// WriteWithin is how long whoever is at the end of a proxied WebSocket may read nothing while there is something for it, 15 s.
	WriteWithin time.Duration
	// LingerWithin is what one side of a proxied WebSocket has to end after the other has, 3 s.
	LingerWithin time.Duration
}

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		value *time.Duration
		or    time.Duration
	}{
		{&c.DialWithin, 500 * time.Millisecond}, {&c.HandshakeWithin, 2 * time.Second}, {&c.AnswerWithin, 10 * time.Second},
		{&c.ProbeWithin, 500 * time.Millisecond}, {&c.WriteWithin, 15 * time.Second}, {&c.LingerWithin, 3 * time.Second},
	} {
		if *d.value <= 0 {
			*d.value = d.or
		}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// A Peer is another process of the cluster.
type Peer struct {
	Incarnation string
	Addr        string // host:port that its mesh listens on
}

// A Status is what a process says of itself.
type Status struct {
	State string `json:"state"`
	Rooms int    `json:"rooms"` // that it owns
	// Clock is what the process took the time for when it answered; the mesh sets it.
	Clock time.Time `json:"clock"`
}

// A Handover gives a room to another node. What it holds is for those who give and take it; the mesh only carries it.
type Handover struct {
	RID  string          // the id of the room: letters, digits, - and _, at most 64
	Data json.RawMessage // at most 2 MiB
}

// A Service is what peers may ask of this node. Its methods are called from many goroutines. They return quickly or honour ctx.
type Service interface {
	// Owns returns the epoch in which this node owns the room: letters, digits, - and _, at most 64.
	Owns(rid string) (epoch string, ok bool)
	// Status answers a probe.
	Status() Status
	// Record returns this node's record of a room that it owns, at most 64 KiB.
	Record(rid string) (value []byte, ok bool)
	// Handover takes a room over from the incarnation that gives it. An error declines, and its text is told to the other node.
	Handover(ctx context.Context, from string, h Handover) error
}

// A Mesh is this process's end of the ways to all others.
type Mesh struct {
	cfg         Config
	log         *slog.Logger
	service     Service
	signal      http.Handler
	credentials credentials
	serverTLS   *tls.Config
	server      *http.Server
	api         *http.ServeMux
	connections registry
	counters    counters
	unproven    atomic.Int64 // accepted connections that have not sent a request
	ctx         context.Context
	cancel      context.CancelCauseFunc
	busy        sync.WaitGroup // what Close waits for

	mu     sync.Mutex
	closed bool
	links  map[Peer]*link
	uses   uint64 // counts calls of link
}

// New makes the end of a process. Peers' requests about rooms are asked of service; clients' requests that came to other nodes are served by
// signal, whose requests have the client's address and host; their TLS is not nil where the client spoke TLS. It must honour the
// context of a request.
func New(cfg Config, service Service, signal http.Handler) (*Mesh, error) {
	c, err := newCredentials(cfg.Secrets, cfg.Incarnation)
	if err != nil {
		return nil, err
	}
	m := &Mesh{cfg: cfg.withDefaults(), service: service, signal: signal, credentials: c, serverTLS: c.serverTLS(), links: map[Peer]*link{}}
	m.log = m.cfg.Log
	m.ctx, m.cancel = context.WithCancelCause(context.Background())
	m.api = m.newAPI()
	m.server = m.newServer()
	return m, nil
}

// Serve takes over l, which must have no TLS yet, and answers peers until Close, when it returns nil.
func (m *Mesh) Serve(l net.Listener) error {
	if !m.enter() {
		_ = l.Close()
		return nil
	}
	defer m.busy.Done()
	if err := m.server.Serve(&listener{Listener: l, mesh: m}); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve peers on %s: %w", l.Addr(), err)
	}
	return nil
}

// Cut ends everything that is shared with a peer at once: the WebSockets that this node proxies to it, those that it proxies to this node, and
// requests under way. It is for a peer that was declared dead; a new request to it is tried all the same.
func (m *Mesh) Cut(incarnation string) {
	for _, l := range m.forget(incarnation) {
		l.close()
	}
	m.counters.cut.Add(uint64(m.connections.cut(incarnation)))
}

// Shared returns what Cut would end, by incarnation: how many WebSockets are proxied between this node and each peer, in either direction,
// and how many clients' requests wait for its answer.
func (m *Mesh) Shared() map[string]int {
	shared := m.connections.counts()
	m.mu.Lock()
	defer m.mu.Unlock()
	for p, l := range m.links {
		if n := l.waiting.Load(); n > 0 {
			shared[p.Incarnation] += int(n)
		}
	}
	return shared
}

// Close ends everything and waits for it. It may be called twice, but not by what it waits for.
func (m *Mesh) Close() {
	links := m.shut()
	m.cancel(ErrCut)
	_ = m.server.Close()
	m.connections.close()
	for _, l := range links {
		l.close()
	}
	m.busy.Wait()
	for _, l := range links {
		l.close() // once more, for connections that have become idle
	}
}

// enter lets something begin that Close waits for, which ends with busy.Done. It returns false once the mesh is closed.
func (m *Mesh) enter() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.busy.Add(1)
	return true
}

// shut lets nothing begin any more and returns the peers that were known.
func (m *Mesh) shut() []*link {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	links := make([]*link, 0, len(m.links))
	for p, l := range m.links {
		links = append(links, l)
		delete(m.links, p)
	}
	return links
}

// forget removes a peer at all its addresses.
func (m *Mesh) forget(incarnation string) []*link {
	m.mu.Lock()
	defer m.mu.Unlock()
	var links []*link
	for p, l := range m.links {
		if p.Incarnation == incarnation {
			links = append(links, l)
			delete(m.links, p)
		}
	}
	return links
}

// maxLinks is how many peers are remembered, more than a cluster has. Processes that have ended are forgotten for new ones.
const maxLinks = 256

// link returns the way to a peer.
func (m *Mesh) link(p Peer) (*link, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, ErrCut
	}
	m.uses++
	l := m.links[p]
	if l == nil {
		if len(m.links) >= maxLinks {
			m.forgetOldest()
		}
		l = newLink(m, p)
		m.links[p] = l
	}
	l.lastUse = m.uses
	return l, nil
}

// forgetOldest removes the peer that was used longest ago; what goes on with it goes on. m.mu is held.
func (m *Mesh) forgetOldest() {
	var oldest *link
	for _, l := range m.links {
		if oldest == nil || l.lastUse < oldest.lastUse {
			oldest = l
		}
	}
	delete(m.links, oldest.peer)
	oldest.closeIdle()
}
