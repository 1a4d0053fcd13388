//go:build linux && !portable

package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// maxReadErrors is how many errors about datagrams that were sent one Read passes over; each is reported once.
const maxReadErrors = 1024

// A Reader takes datagrams that have arrived, several at once. It belongs to one goroutine.
type Reader struct {
	socket   *Socket
	messages []message
	buffers  []unix.Iovec
	names    []unix.RawSockaddrInet6
	zones    zones
	// receive is a field as passing on the method would allocate.
	receive func(fd uintptr) bool
	// want and got are how many datagrams the Read under way asks for and has, errno how it ended.
	want, got int
	errno     unix.Errno
}

// NewReader returns a Reader that takes up to slots datagrams at once, at least 1.
func (s *Socket) NewReader(slots int) *Reader {
	slots = min(max(slots, 1), maxRuns)
	r := &Reader{
		socket: s, messages: make([]message, slots), buffers: make([]unix.Iovec, slots), names: make([]unix.RawSockaddrInet6, slots),
	}
	for i := range r.messages {
		h := &r.messages[i].header
		h.Name = (*byte)(unsafe.Pointer(&r.names[i]))
		h.Iov = &r.buffers[i]
		h.SetIovlen(1)
	}
	r.receive = r.receiveInto
	return r
}

// Read waits for at least one datagram and takes what has arrived, up to the Reader's slots and the number of buffers, each into its own
// buffer from the first on. It returns how many it took. The error is net.ErrClosed after Close and os.ErrDeadlineExceeded after a read
// deadline; any other is the system's, such as a lack of memory, and Read may be called again after a while.
func (r *Reader) Read(buffers [][]byte) (n int, err error) {
	r.want, r.got, r.errno = min(len(r.messages), len(buffers)), 0, 0
	if r.want == 0 {
		return 0, errors.New("receive into no buffers")
	}
	for i, b := range buffers[:r.want] {
		r.buffers[i].Base = unsafe.SliceData(b)
		r.buffers[i].SetLen(len(b))
		r.messages[i].header.Namelen = unix.SizeofSockaddrInet6
		r.messages[i].header.Flags = 0
	}
	if err := r.socket.raw.Read(r.receive); err != nil {
		if errors.Is(err, net.ErrClosed) {
			return 0, net.ErrClosed
		}
		return 0, fmt.Errorf("receive on UDP port %d: %w", r.socket.local.Port(), err)
	}
	if r.errno != 0 {
		return 0, fmt.Errorf("receive on UDP port %d: %w", r.socket.local.Port(), r.errno)
	}
	r.count()
	return r.got, nil
}

// receiveInto takes what is there. It returns false to be called again when there is more.
func (r *Reader) receiveInto(fd uintptr) bool {
	for range maxReadErrors {
		r.errno = r.take(fd)
		switch r.errno {
		case 0:
			return true
		case unix.EAGAIN:
			r.errno = 0
			return false
		case unix.EINTR:
		case unix.ENOSYS, unix.EPERM:
			if !r.socket.batching.Load() {
				return true
			}
			r.socket.batchingOff(r.errno)
		case unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENETDOWN, unix.EPROTO, unix.ENOPROTOOPT,
			unix.EMSGSIZE, unix.EACCES, unix.ENONET, unix.EOPNOTSUPP:
			// What ICMP said of a datagram that was sent (icmp_err_convert in Linux); the kernel forgets it with this.
			r.socket.counters.readErrors.Add(1)
		default:
			return true
		}
	}
	return true
}

// take makes one recvmmsg, or as many recvmsg as find something.
func (r *Reader) take(fd uintptr) unix.Errno {
	calls := &r.socket.kernel.calls
	if r.socket.batching.Load() {
		n, errno := calls.recvmmsg(fd, &r.messages[0], r.want)
		if errno != 0 {
			return errno
		}
		r.got = n
		r.socket.counters.callsIn.Add(1)
		return 0
	}
	for r.got < r.want {
		m := &r.messages[r.got]
		size, errno := calls.recvmsg(fd, &m.header)
		if errno != 0 && r.got == 0 {
			return errno
		}
		if errno != 0 {
			// An error that is not EAGAIN was not about reading, or the next Read meets it again.
			break
		}
		m.size = uint32(size)
		r.got++
		r.socket.counters.callsIn.Add(1)
	}
	return 0
}

func (r *Reader) count() {
	truncated := uint64(0)
	for i := range r.messages[:r.got] {
		if r.messages[i].header.Flags&unix.MSG_TRUNC != 0 {
			truncated++
		}
	}
	r.socket.counters.datagramsIn.Add(uint64(r.got))
	if truncated != 0 {
		r.socket.counters.truncated.Add(truncated)
	}
}

// Datagram returns what the last Read put into buffer i: its size in bytes, who sent it, and whether it was larger than its buffer and lost its
// end. IPv4 senders have IPv4 addresses on every socket. It panics where there is none.
func (r *Reader) Datagram(i int) (size int, from netip.AddrPort, truncated bool) {
	m := &r.messages[:r.got][i]
	return int(m.size), r.from(&r.names[i]), m.header.Flags&unix.MSG_TRUNC != 0
}

func (r *Reader) from(name *unix.RawSockaddrInet6) netip.AddrPort {
	switch name.Family {
	case unix.AF_INET:
		name := inet4(name)
		return netip.AddrPortFrom(netip.AddrFrom4(name.Addr), swap(name.Port))
	case unix.AF_INET6:
		ip := netip.AddrFrom16(name.Addr).Unmap()
		if name.Scope_id != 0 {
			ip = ip.WithZone(r.zones.name(name.Scope_id))
		}
		return netip.AddrPortFrom(ip, swap(name.Port))
	default:
		return netip.AddrPort{}
	}
}
