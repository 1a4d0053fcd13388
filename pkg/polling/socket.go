//go:build linux && (amd64 || arm64)

package polling

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// queued is how many datagrams may wait for ReadFromAddrPort.
const queued = 256

// A Socket is a UDP socket of a Pool, and a net.PacketConn without deadlines.
type Socket struct {
	pool  *Pool
	fd    int
	local *net.UDPAddr
	queue chan *datagram
	quit  chan struct{}
	lost  atomic.Uint64 // for want of room in queue

	reading sync.Mutex
	reader  *reader // that has it
	closed  bool
	show    func(b []byte, at time.Time) bool
	attend  func(now time.Time) time.Time
	due     time.Time // of attend

	sending sync.Mutex
	corked  bool
	shut    bool
	out     outgoing
}

// A datagram waits for ReadFromAddrPort.
type datagram struct {
	n    int
	from netip.AddrPort
	data [2048]byte
}

var datagrams = sync.Pool{New: func() any { return &datagram{} }}

func newSocket(p *Pool, fd int, at netip.AddrPort) *Socket {
	return &Socket{
		pool: p, fd: fd, local: net.UDPAddrFromAddrPort(at), reader: p.prompt,
		queue: make(chan *datagram, queued), quit: make(chan struct{}),
	}
}

// Serve shows every datagram to show as it comes, with the time at which the kernel received it; those for which it returns true are
// queued for ReadFromAddrPort. attend is called after some were shown, and at the time that it returned last, within a few milliseconds
// once the Socket is relaxed. Neither may keep the bytes, close the Socket or wait for anything that does. Serve(nil, nil) ends
// this: when it returns neither is running or will be called, and everything is queued.
func (s *Socket) Serve(show func(b []byte, at time.Time) bool, attend func(now time.Time) time.Time) {
	s.reading.Lock()
	defer s.reading.Unlock()
	s.show, s.attend, s.due = show, attend, time.Time{}
}

// Relax has the Socket be read every 5 ms from now on, and not at once. A second call does nothing.
func (s *Socket) Relax() error {
	s.reading.Lock()
	defer s.reading.Unlock()
	if s.closed || s.reader != s.pool.prompt {
		return nil
	}
	s.reader.remove(s)
	s.reader = s.pool.relaxed[int(s.pool.next.Add(1))%len(s.pool.relaxed)]
	if err := s.reader.add(s); err != nil {
		return fmt.Errorf("watch a UDP socket: %w", err)
	}
	return nil
}

// take shows what buffer i of b holds. reading is held.
func (s *Socket) take(b *batch, i int) {
	data, segment, at := b.buffer(i)
	for len(data) > 0 {
		n := min(segment, len(data))
		if s.show == nil || s.show(data[:n:n], at) {
			s.enqueue(data[:n], b.from(i))
		}
		data = data[n:]
	}
}

func (s *Socket) enqueue(b []byte, from netip.AddrPort) {
	d := datagrams.Get().(*datagram)
	d.n, d.from = copy(d.data[:], b), from
	select {
	case s.queue <- d:
	default:
		s.lost.Add(1)
		datagrams.Put(d)
	}
}

// Dropped is how many datagrams were lost for want of room, in the kernel or in the queue; 0 once the Socket is closed.
func (s *Socket) Dropped() uint64 {
	s.sending.Lock()
	defer s.sending.Unlock()
	if s.shut {
		return 0
	}
	return dropped(s.fd) + s.lost.Load()
}

// ReadFromAddrPort returns the next datagram from the queue. A longer one than b is cut off.
func (s *Socket) ReadFromAddrPort(b []byte) (n int, from netip.AddrPort, err error) {
	select {
	case d := <-s.queue:
		n, from = copy(b, d.data[:d.n]), d.from
		datagrams.Put(d)
		return n, from, nil
	case <-s.quit:
		return 0, netip.AddrPort{}, net.ErrClosed
	}
}

// WriteToAddrPort sends b, of at most 1500 bytes. What the network does not take is lost without an error.
func (s *Socket) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	s.sending.Lock()
	defer s.sending.Unlock()
	if s.shut {
		return 0, net.ErrClosed
	}
	if !s.out.add(b, to) {
		s.out.send(s.fd)
		if !s.out.add(b, to) {
			return 0, fmt.Errorf("send to %v: %w", to, unix.EMSGSIZE)
		}
	}
	if !s.corked {
		s.out.send(s.fd)
	}
	return len(b), nil
}

// Cork holds back what is written until Uncork, as far as it fits one system call.
func (s *Socket) Cork() {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.corked = true
}

// Uncork sends what was held back, with one system call.
func (s *Socket) Uncork() {
	s.sending.Lock()
	defer s.sending.Unlock()
	s.corked = false
	if !s.shut {
		s.out.send(s.fd)
	}
}

// ReadFrom implements net.PacketConn.
func (s *Socket) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := s.ReadFromAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// WriteTo implements net.PacketConn.
func (s *Socket) WriteTo(b []byte, to net.Addr) (int, error) {
	udp, ok := to.(*net.UDPAddr)
	if !ok {
		return 0, fmt.Errorf("send to %v: not a UDP address", to)
	}
	return s.WriteToAddrPort(b, udp.AddrPort())
}

// LocalAddr implements net.PacketConn; it is a *net.UDPAddr.
func (s *Socket) LocalAddr() net.Addr { return s.local }

// SetDeadline returns os.ErrNoDeadline, like SetReadDeadline and SetWriteDeadline.
func (s *Socket) SetDeadline(time.Time) error { return os.ErrNoDeadline }

// SetReadDeadline returns os.ErrNoDeadline: Close ends reading.
func (s *Socket) SetReadDeadline(time.Time) error { return os.ErrNoDeadline }

// SetWriteDeadline returns os.ErrNoDeadline: writing waits for the network card at most.
func (s *Socket) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

// Close closes the socket; who reads gets net.ErrClosed. A second call returns it.
func (s *Socket) Close() error {
	s.reading.Lock()
	defer s.reading.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	s.closed = true
	s.reader.remove(s)
	close(s.quit)
	s.sending.Lock()
	defer s.sending.Unlock()
	s.shut = true
	if err := unix.Close(s.fd); err != nil {
		return fmt.Errorf("close a UDP socket: %w", err)
	}
	return nil
}
