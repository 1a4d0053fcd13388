package mesh

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// Limits of what peers ask, those of the main port with room for our headers. A WebSocket is free of the times once it is upgraded.
const (
	maxHeaderBytes    = 24 << 10
	readHeaderTimeout = 5 * time.Second // TLS included
	readTimeout       = 15 * time.Second
	writeTimeout      = time.Minute
	idleTimeout       = time.Minute
	// maxUnproven bounds the connections that have not shown a certificate.
	maxUnproven = 1024
)

func (m *Mesh) newServer() *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler: http.HandlerFunc(m.serve), Protocols: protocols, ErrorLog: m.errorLog(), MaxHeaderBytes: maxHeaderBytes,
		ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
		ConnState:   connState,
		BaseContext: func(net.Listener) context.Context { return m.ctx },
	}
}

// serve tells clients' requests from peers' own. The path does not: a client may ask for any.
func (m *Mesh) serve(w http.ResponseWriter, r *http.Request) {
	if !m.enter() {
		http.Error(w, "closed", http.StatusServiceUnavailable)
		return
	}
	defer m.busy.Done()
	if len(r.Header[headerHop]) == 0 {
		m.api.ServeHTTP(w, r)
		return
	}
	m.serveProxied(w, r)
}

// serveProxied answers a client of another node, if the room is here.
func (m *Mesh) serveProxied(w http.ResponseWriter, r *http.Request) {
	o, err := parseOrigin(r.Header)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if epoch, ok := m.service.Owns(o.rid); !ok || epoch != o.epoch {
		if !ok {
			epoch = ""
		}
		w.Header().Set(headerEpoch, epoch)
		http.Error(w, "this node does not own the room in that epoch", http.StatusConflict)
		return
	}
	m.signal.ServeHTTP(w, o.restore(r))
}

// restore returns r as the client sent it to the edge.
func (o origin) restore(r *http.Request) *http.Request {
	r = r.WithContext(context.WithValue(r.Context(), proxiedKey{}, true))
	r.Header = r.Header.Clone()
	strip(r.Header)
	r.RemoteAddr, r.Host, r.TLS = "", o.host, nil
	if o.client.IsValid() {
		r.RemoteAddr = o.client.String()
	}
	if o.tls {
		r.TLS = &tls.ConnectionState{HandshakeComplete: true} // not ours with the edge: handlers must not take that for the client's
	}
	return r
}

type proxiedKey struct{}

// Proxied reports whether the request of ctx came from another node. It is never passed on again.
func Proxied(ctx context.Context) bool {
	proxied, _ := ctx.Value(proxiedKey{}).(bool)
	return proxied
}

// A listener makes inbound connections of TLS.
type listener struct {
	net.Listener
	mesh *Mesh
}

// Accept returns the next connection; its handshake has not begun.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.mesh.unproven.Add(1) > maxUnproven {
			l.mesh.unproven.Add(-1)
			_ = c.Close()
			continue
		}
		if t, ok := c.(*net.TCPConn); ok {
			_ = t.SetKeepAliveConfig(keepAlive)
		}
		limitUnacknowledged(c)
		return tls.Server(&inbound{Conn: c, mesh: l.mesh}, l.mesh.serverTLS), nil
	}
}

// The stages of an inbound connection. It only goes on to later ones.
const (
	stageUnproven int32 = iota
	stageProven         // by a handshake
	stageProxied        // it carries a client's WebSocket
	stageClosed
)

// An inbound connection counts itself until it is closed, whoever has it by then.
type inbound struct {
	net.Conn
	mesh  *Mesh
	stage atomic.Int32
	peer  string // set before stageProxied
}

// connState follows a connection through net/http.
func connState(conn net.Conn, state http.ConnState) {
	c, ok := conn.(*tls.Conn)
	if !ok {
		return
	}
	in, ok := c.NetConn().(*inbound)
	if !ok {
		return
	}
	switch state {
	case http.StateActive:
		if in.stage.CompareAndSwap(stageUnproven, stageProven) {
			in.mesh.unproven.Add(-1)
		}
	case http.StateHijacked:
		in.carry(incarnationOf(c.ConnectionState()))
	}
}

// carry registers the connection, so that it can be cut.
func (c *inbound) carry(peer string) {
	c.peer = peer
	if !c.mesh.connections.add(peer, c) {
		_ = c.Close()
		return
	}
	c.mesh.counters.owner.Add(1)
	if !c.stage.CompareAndSwap(stageProven, stageProxied) { // it was closed meanwhile
		c.mesh.counters.owner.Add(-1)
		c.mesh.connections.remove(peer, c)
	}
}

// Close closes the connection and takes it out of what it counts in.
func (c *inbound) Close() error {
	switch c.stage.Swap(stageClosed) {
	case stageUnproven:
		c.mesh.unproven.Add(-1)
	case stageProxied:
		c.mesh.counters.owner.Add(-1)
		c.mesh.connections.remove(c.peer, c)
	}
	return c.Conn.Close()
}

func (c *inbound) abort() { _ = c.Close() }
