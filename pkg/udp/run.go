package udp

import (
	"net/netip"
	"sync/atomic"
)

// Limits of a run.
const (
	// maxSegments is below every kernel's own limit, 64 in the oldest.
	maxSegments = 32
	// maxRunBytes is what fits into one IPv4 packet, from which the kernel starts.
	maxRunBytes = 65507
)

// A run is what goes to one destination as one message: datagrams that lie one behind the other in the slab, all of one size but for the
// last, which may be shorter.
type run struct {
	to *Destination
	// offset and size are of the whole run, segment is the size of each datagram but the last, all in bytes; count is how many there are.
	offset, size, segment, count int
}

// takes reports whether a datagram of n bytes can become the last of the run.
func (r *run) takes(n int) bool {
	return n <= r.segment && r.size == r.count*r.segment && r.count < maxSegments && r.size+n <= maxRunBytes && r.segment <= int(r.to.longest.Load())
}

// A Destination is where datagrams go, in the terms of the kernel. It may be used by several Senders of its Socket at once.
type Destination struct {
	name socketAddress
	// valid is false where the socket cannot send to the address at all.
	valid bool
	// longest is the largest segment that a run to it may have, in bytes; 0 for no runs. One too large for the path is refused, while a
	// datagram by itself is sent in fragments.
	longest atomic.Int32
}

// NewDestination returns the Destination for an address, in the family of the socket. Datagrams to one that the socket cannot reach, such
// as an IPv6 address on an IPv4 socket or port 0, are dropped and counted.
func NewDestination(to netip.AddrPort, socket *Socket) *Destination {
	d := &Destination{}
	d.longest.Store(MaxDatagram)
	d.name, d.valid = socket.address(netip.AddrPortFrom(to.Addr().Unmap(), to.Port()))
	d.valid = d.valid && to.Port() != 0
	return d
}
