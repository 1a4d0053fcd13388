package transport

import (
	"net/netip"
	"sync"

	"github.com/pion/ice/v4"

	"sfu/pkg/udp"
)

// A route is where a connection's packets go, once ICE has chosen: past ICE on UDP, where to is set, else on the wire.
type route struct {
	remote netip.AddrPort
	socket *socket
	to     *udp.Destination
}

// routes are the route that is used and what it is attached to.
type routes struct {
	mu     sync.Mutex
	now    *route
	closed bool // nothing is attached any more
}

// chosen takes the candidate pair that ICE has chosen. What comes from its address is taken off the socket from now on; what comes from
// elsewhere goes by way of ICE, which checks where it is from.
func (c *Conn) chosen(local, remote ice.Candidate) {
	next := &route{}
	if !local.NetworkType().IsTCP() {
		next.socket = c.engine.socketAt(local.Address())
		addr, err := netip.ParseAddr(remote.Address())
		if err != nil || next.socket == nil {
			next = &route{}
		} else {
			next.remote = netip.AddrPortFrom(addr.Unmap(), uint16(remote.Port()))
			next.to = udp.NewDestination(next.remote, next.socket.Socket)
		}
	}
	r := &c.routes
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return
	}
	if next.to != nil {
		next.socket.attach(next.remote, c)
	}
	if old := r.now; old != nil && old.to != nil && (old.socket != next.socket || old.remote != next.remote) {
		old.socket.detach(old.remote, c)
	}
	r.now = next
	c.writer.redirect(next)
}

// leave takes the connection off its socket.
func (r *routes) leave(c *Conn) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	if r.now != nil && r.now.to != nil {
		r.now.socket.detach(r.now.remote, c)
	}
}

// socketAt returns the socket at a local address, nil where there is none.
func (e *Engine) socketAt(local string) *socket {
	for _, k := range e.sockets {
		if k.LocalAddrPort().Addr().String() == local {
			return k
		}
	}
	return nil
}
