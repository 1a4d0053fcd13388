//go:build linux && (amd64 || arm64)

package polling

import (
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// batchSize is how many buffers one recvmmsg fills, or sendmmsg empties.
	batchSize = 16
	// bufferSize holds the largest run that UDP_GRO puts together.
	bufferSize = 1 << 16
	// bufferStride keeps the beginnings of the buffers out of each other's cache lines.
	bufferStride = bufferSize + 1216
	// controlSize is what a timestamp and a segment size take.
	controlSize = 64
	// receiveBuffer is what a socket may hold, in bytes, where the kernel lets it.
	receiveBuffer = 4 << 20
)

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	unix.Msghdr
	n uint32
	_ [4]byte
}

// A batch is what one recvmmsg reads.
type batch struct {
	headers [batchSize]mmsghdr
	vectors [batchSize]unix.Iovec
	names   [batchSize]unix.RawSockaddrInet6
	control [batchSize][controlSize]byte
	data    []byte
}

func (b *batch) init() {
	b.data = make([]byte, batchSize*bufferStride)
	for i := range b.headers {
		b.vectors[i].Base = &b.data[i*bufferStride]
		b.vectors[i].SetLen(bufferSize)
		h := &b.headers[i]
		h.Iov, h.Name, h.Control = &b.vectors[i], (*byte)(unsafe.Pointer(&b.names[i])), &b.control[i][0]
		h.SetIovlen(1)
		b.reset(i)
	}
}

func (b *batch) reset(i int) {
	b.headers[i].Namelen = unix.SizeofSockaddrInet6
	b.headers[i].SetControllen(controlSize)
}

// poll returns how many of events an epoll instance has at once. Calls that cannot block are made without telling Go's scheduler: it would
// wake its monitor for each.
func poll(epoll int, events []unix.EpollEvent) int {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epoll), uintptr(unsafe.Pointer(&events[0])), uintptr(len(events)), 0, 0, 0)
	if errno != 0 {
		return 0 // interrupted
	}
	return int(n)
}

// receive fills the batch from a socket and returns how many buffers have something.
func (b *batch) receive(fd int) int {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.headers[0])), batchSize, unix.MSG_DONTWAIT, 0, 0)
		switch errno {
		case 0:
			return int(n)
		case unix.EINTR:
		default:
			return 0
		}
	}
}

// buffer returns what buffer i holds: datagrams of segment bytes, of which the last may be shorter, and when the kernel received them.
// It may be filled again then.
func (b *batch) buffer(i int) (data []byte, segment int, at time.Time) {
	h := &b.headers[i]
	data = b.data[i*bufferStride:][:h.n]
	segment = len(data)
	control := b.control[i][:h.Controllen]
	for len(control) >= unix.SizeofCmsghdr {
		c := (*unix.Cmsghdr)(unsafe.Pointer(&control[0]))
		if c.Len < unix.SizeofCmsghdr || c.Len > uint64(len(control)) {
			break
		}
		value := control[unix.SizeofCmsghdr:c.Len]
		switch {
		case c.Level == unix.SOL_SOCKET && c.Type == unix.SO_TIMESTAMPNS && len(value) >= 16:
			t := (*unix.Timespec)(unsafe.Pointer(&value[0]))
			at = time.Unix(t.Sec, t.Nsec)
		case c.Level == unix.SOL_UDP && c.Type == unix.UDP_GRO && len(value) >= 4:
			segment = int(*(*int32)(unsafe.Pointer(&value[0])))
		}
		control = control[min(uint64(len(control)), (c.Len+7)&^7):]
	}
	if at.IsZero() {
		at = time.Now()
	}
	b.reset(i)
	return data, max(segment, 1), at
}

// from returns where buffer i came from.
func (b *batch) from(i int) netip.AddrPort {
	name := &b.names[i]
	port := (*[2]byte)(unsafe.Pointer(&name.Port))
	at := uint16(port[0])<<8 | uint16(port[1])
	if name.Family == unix.AF_INET {
		return netip.AddrPortFrom(netip.AddrFrom4((*unix.RawSockaddrInet4)(unsafe.Pointer(name)).Addr), at)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(name.Addr), at)
}

// openUDP opens a socket on a free port of local.
func openUDP(local netip.Addr) (fd int, at netip.AddrPort, err error) {
	family := unix.AF_INET6
	if local.Unmap().Is4() {
		family = unix.AF_INET
	}
	if fd, err = unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		return -1, at, err
	}
	defer func() {
		if err != nil {
			_ = unix.Close(fd)
		}
	}()
	// What the kernel cannot do is done without: GRO saves time, and the clock of the reader is the second best.
	_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	_ = unix.SetsockoptInt(fd, unix.SOL_UDP, unix.UDP_GRO, 1)
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, receiveBuffer)
	}
	if err = unix.Bind(fd, sockaddr(netip.AddrPortFrom(local, 0))); err != nil {
		return -1, at, err
	}
	bound, err := unix.Getsockname(fd)
	if err != nil {
		return -1, at, err
	}
	switch bound := bound.(type) {
	case *unix.SockaddrInet4:
		at = netip.AddrPortFrom(netip.AddrFrom4(bound.Addr), uint16(bound.Port))
	case *unix.SockaddrInet6:
		at = netip.AddrPortFrom(netip.AddrFrom16(bound.Addr), uint16(bound.Port))
	}
	return fd, at, nil
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if ip := a.Addr().Unmap(); ip.Is4() {
		return &unix.SockaddrInet4{Addr: ip.As4(), Port: int(a.Port())}
	}
	return &unix.SockaddrInet6{Addr: a.Addr().As16(), Port: int(a.Port())}
}

// dropped is how many datagrams a socket had no room for.
func dropped(fd int) uint64 {
	const drops = 8 // SK_MEMINFO_DROPS of linux/sock_diag.h
	var info [drops + 1]uint32
	size := uint32(unsafe.Sizeof(info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return 0
	}
	return uint64(info[drops])
}

// outgoing is what one sendmmsg sends.
type outgoing struct {
	headers [batchSize]mmsghdr
	vectors [batchSize]unix.Iovec
	names   [batchSize]unix.RawSockaddrInet6
	data    [batchSize][1500]byte
	n       int
}

// add takes a datagram and reports false where it does not fit.
func (o *outgoing) add(b []byte, to netip.AddrPort) bool {
	if o.n == batchSize || len(b) > len(o.data[0]) {
		return false
	}
	i := o.n
	o.n++
	copy(o.data[i][:], b)
	o.vectors[i].Base = &o.data[i][0]
	o.vectors[i].SetLen(len(b))
	h := &o.headers[i]
	h.Iov, h.Name, h.Namelen = &o.vectors[i], (*byte)(unsafe.Pointer(&o.names[i])), fill(&o.names[i], to)
	h.SetIovlen(1)
	return true
}

func fill(name *unix.RawSockaddrInet6, to netip.AddrPort) (size uint32) {
	port := [2]byte{byte(to.Port() >> 8), byte(to.Port())}
	name.Port = *(*uint16)(unsafe.Pointer(&port))
	if ip := to.Addr().Unmap(); ip.Is4() {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		v4.Family, v4.Addr = unix.AF_INET, ip.As4()
		return unix.SizeofSockaddrInet4
	}
	name.Family, name.Addr = unix.AF_INET6, to.Addr().As16()
	return unix.SizeofSockaddrInet6
}

// send sends everything. A datagram that the kernel does not take is lost, as on any network.
func (o *outgoing) send(fd int) {
	for at := 0; at < o.n; {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&o.headers[at])), uintptr(o.n-at), unix.MSG_DONTWAIT, 0, 0)
		if errno == unix.EAGAIN {
			n, _, errno = unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(&o.headers[at])), uintptr(o.n-at), 0, 0, 0)
		}
		switch errno {
		case 0:
			at += int(n)
		case unix.EINTR:
		default:
			at++
		}
	}
	o.n = 0
}
