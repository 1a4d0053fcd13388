package transport

import (
	"net"
	"net/netip"
	"sync"

	"github.com/pion/ice/v4"
	"github.com/pion/webrtc/v4"

	"sfu/pkg/udp"
)

// A route is where a connection's packets go, once ICE has chosen.
type route struct {
	remote netip.AddrPort
	// socket and to are set for UDP.
	socket *socket
	to     *udp.Destination
	// stream and addr are set for TCP; stream frames what is written (RFC 4571).
	stream net.PacketConn
	addr   net.Addr
}

// A path is the local end of some of a connection's candidate pairs. It stands between pion's mux and its ICE agent: what it hears tells where
// a client is, and media that did not go by way of the socket's table is taken out here: from TCP, and from addresses that ICE has not chosen.
type path struct {
	conn   *Conn
	socket *socket        // for UDP
	stream net.PacketConn // for TCP
	heard  [4]heard       // conn.routes.mu guards it
}

// heard is one remote address and when it was last heard on a path, as the count of what the connection heard.
type heard struct {
	from netip.AddrPort
	at   uint64
}

// routes are a connection's paths and the one that is used.
type routes struct {
	mu    sync.Mutex
	clock uint64
	paths []*path
	// closed is set at the end: nothing is attached any more.
	closed bool
	now    *route
}

func (c *Conn) newPath(p path) *path {
	p.conn = c
	c.routes.mu.Lock()
	defer c.routes.mu.Unlock()
	c.routes.paths = append(c.routes.paths, &p)
	return &p
}

// pass looks at a datagram on its way to pion and reports whether it may go there.
func (p *path) pass(b []byte, from netip.AddrPort) bool {
	if isMedia(b) {
		return !p.conn.inbound.takeCopy(b)
	}
	r := &p.conn.routes
	r.mu.Lock()
	defer r.mu.Unlock()
	r.clock++
	oldest := &p.heard[0]
	for i := range p.heard {
		h := &p.heard[i]
		if h.from == from {
			h.at = r.clock
			return true
		}
		if h.at < oldest.at {
			oldest = h
		}
	}
	*oldest = heard{from, r.clock}
	return true
}

// heardAt returns when remote was last heard, 0 for never.
func (p *path) heardAt(remote netip.AddrPort) uint64 {
	for _, h := range p.heard {
		if h.from == remote {
			return h.at
		}
	}
	return 0
}

// chosen takes the candidate pair that ICE has chosen. pion names the local end by the address that clients are told, which may stand for
// several, so the path is the one where the client was heard last.
func (c *Conn) chosen(pair *webrtc.ICECandidatePair) {
	if pair == nil || pair.Remote == nil || pair.Local == nil {
		return
	}
	addr, err := netip.ParseAddr(pair.Remote.Address)
	if err != nil {
		return
	}
	remote := netip.AddrPortFrom(addr.Unmap(), pair.Remote.Port)
	overTCP := pair.Local.Protocol == webrtc.ICEProtocolTCP
	r := &c.routes
	r.mu.Lock()
	defer r.mu.Unlock()
	var best *path
	for _, p := range r.paths {
		if (p.stream != nil) == overTCP && p.heardAt(remote) > 0 && (best == nil || p.heardAt(remote) > best.heardAt(remote)) {
			best = p
		}
	}
	if best == nil || r.closed {
		return
	}
	next := &route{remote: remote, socket: best.socket, stream: best.stream}
	if overTCP {
		next.addr = net.TCPAddrFromAddrPort(remote)
	} else {
		next.to = udp.NewDestination(remote, best.socket.Socket)
		best.socket.attach(remote, c)
	}
	if old := r.now; old != nil && old.socket != nil && (old.socket != next.socket || old.remote != remote) {
		old.socket.detach(old.remote, c)
	}
	r.now = next
	c.writer.redirect(next)
}

// leave takes the connection out of the sockets' tables.
func (r *routes) leave(c *Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.now != nil && r.now.socket != nil {
		r.now.socket.detach(r.now.remote, c)
	}
}

// A udpEntry is the engine's UDP mux as one connection's ICE agent sees it.
type udpEntry struct {
	ice.UDPMux
	conn *Conn
}

// GetConn is ice.UDPMux's.
func (e udpEntry) GetConn(ufrag string, addr net.Addr) (net.PacketConn, error) {
	inner, err := e.UDPMux.GetConn(ufrag, addr)
	if err != nil {
		return nil, err
	}
	return udpPath{inner, inner.(ice.AddrPortReaderWriter), e.conn.newPath(path{socket: e.conn.engine.socketAt(addr)})}, nil
}

// A udpPath is what pion reads and writes over UDP.
type udpPath struct {
	net.PacketConn
	ice.AddrPortReaderWriter
	path *path
}

// ReadFromAddrPort is ice.AddrPortReaderWriter's.
func (u udpPath) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		n, from, err := u.AddrPortReaderWriter.ReadFromAddrPort(b)
		if err != nil || u.path.pass(b[:n], unmapped(from)) {
			return n, from, err
		}
	}
}

// ReadFrom is net.PacketConn's.
func (u udpPath) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := u.ReadFromAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// A tcpEntry is the engine's TCP mux as one connection's ICE agent sees it.
type tcpEntry struct {
	ice.TCPMux
	conn *Conn
}

// GetConnByUfrag is ice.TCPMux's.
func (e tcpEntry) GetConnByUfrag(ufrag string, isIPv6 bool, local net.IP) (net.PacketConn, error) {
	inner, err := e.TCPMux.GetConnByUfrag(ufrag, isIPv6, local)
	if err != nil {
		return nil, err
	}
	return tcpPath{inner, e.conn.newPath(path{stream: inner})}, nil
}

// A tcpPath is what pion reads and writes over TCP.
type tcpPath struct {
	net.PacketConn
	path *path
}

// ReadFrom is net.PacketConn's.
func (t tcpPath) ReadFrom(b []byte) (int, net.Addr, error) {
	for {
		n, from, err := t.PacketConn.ReadFrom(b)
		if err != nil {
			return n, from, err
		}
		var at netip.AddrPort
		if tcp, ok := from.(*net.TCPAddr); ok {
			at = unmapped(tcp.AddrPort())
		}
		if t.path.pass(b[:n], at) {
			return n, from, nil
		}
	}
}

func unmapped(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
