//go:build linux && !portable

package udp

import (
	"net/netip"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A writing is one datagram that is written by itself. send is a field as passing on the method would allocate.
type writing struct {
	socket *Socket
	header unix.Msghdr
	buffer unix.Iovec
	name   socketAddress
	errno  unix.Errno
	send   func(fd uintptr)
}

var writings = sync.Pool{New: func() any {
	l := &writing{}
	l.header.Iov = &l.buffer
	l.header.SetIovlen(1)
	l.send = func(fd uintptr) { l.errno = l.socket.kernel.calls.sendmsg(fd, &l.header) }
	return l
}}

// WriteToAddrPort is WriteTo without an allocation. Only where the socket's buffer is full does it go by way of the runtime, which wakes for each
// system call that may block a thread that watches over it.
func (s *Socket) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	l := writings.Get().(*writing)
	defer writings.Put(l)
	var ok bool
	if l.name, ok = s.address(to); !ok || len(b) == 0 {
		return s.conn.WriteToUDPAddrPort(b, to)
	}
	l.socket = s
	l.header.Name, l.header.Namelen = (*byte)(unsafe.Pointer(&l.name.storage)), l.name.size
	l.buffer.Base = unsafe.SliceData(b)
	l.buffer.SetLen(len(b))
	err := s.raw.Control(l.send)
	l.buffer.Base, l.socket = nil, nil
	if err != nil || l.errno != 0 {
		return s.conn.WriteToUDPAddrPort(b, to) // which waits, or says what is wrong
	}
	return len(b), nil
}
