//go:build !linux || portable

package udp

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"syscall"
)

// calls, kernel and transmitter have nothing to hold where the standard library makes the system calls.
type (
	calls       struct{}
	kernel      struct{}
	transmitter struct{}
)

var systemCalls calls

// A socketAddress is what the standard library takes.
type socketAddress = netip.AddrPort

// prepare asks for the buffers, as far as the system goes.
func (s *Socket) prepare(cfg Config, _ calls) error {
	if cfg.ReadBuffer > 0 {
		_ = s.conn.SetReadBuffer(cfg.ReadBuffer)
	}
	if cfg.WriteBuffer > 0 {
		_ = s.conn.SetWriteBuffer(cfg.WriteBuffer)
	}
	return nil
}

// address returns to, or that the socket cannot send there.
func (s *Socket) address(to netip.AddrPort) (socketAddress, bool) {
	dual := s.local.Addr() == netip.IPv6Unspecified()
	return to, to.IsValid() && (dual || to.Addr().Is4() == s.local.Addr().Is4())
}

func (s *Socket) overflowed() uint64 { return 0 }

// A Reader takes datagrams that have arrived, here one at a time. It belongs to one goroutine.
type Reader struct {
	socket    *Socket
	got, size int
	from      netip.AddrPort
	truncated bool
}

// NewReader returns a Reader. Here it takes one datagram at a time.
func (s *Socket) NewReader(int) *Reader { return &Reader{socket: s} }

// maxReadErrors is how many errors in a row Read takes to be about datagrams that were sent.
const maxReadErrors = 16

// Read waits for a datagram and takes it into the first buffer. It returns how many it took, here always 1. The error is net.ErrClosed
// after Close and os.ErrDeadlineExceeded after a read deadline; any other is the system's, such as a lack of memory, and Read may
// be called again after a while.
func (r *Reader) Read(buffers [][]byte) (n int, err error) {
	r.got = 0
	if len(buffers) == 0 {
		return 0, errors.New("receive into no buffers")
	}
	c := &r.socket.counters
	for failed := 0; failed < maxReadErrors; failed++ {
		var flags int
		r.size, _, flags, r.from, err = r.socket.conn.ReadMsgUDPAddrPort(buffers[0], nil)
		switch {
		case err == nil:
			r.got = 1
			r.from = netip.AddrPortFrom(r.from.Addr().Unmap(), r.from.Port())
			r.truncated = flags&messageTruncated != 0
			c.datagramsIn.Add(1)
			c.callsIn.Add(1)
			if r.truncated {
				c.truncated.Add(1)
			}
			return 1, nil
		case errors.Is(err, net.ErrClosed):
			return 0, net.ErrClosed
		case errors.Is(err, os.ErrDeadlineExceeded):
			return 0, fmt.Errorf("receive on UDP port %d: %w", r.socket.local.Port(), err)
		case isTruncated(err):
			// Nobody can tell whose it was.
			c.truncated.Add(1)
			failed--
			continue
		}
		c.readErrors.Add(1)
	}
	return 0, fmt.Errorf("receive on UDP port %d: %w", r.socket.local.Port(), err)
}

// Datagram returns what the last Read put into buffer i: its size in bytes, who sent it, and whether it was larger than its buffer and lost its
// end. IPv4 senders have IPv4 addresses on every socket. It panics where there is none.
func (r *Reader) Datagram(i int) (size int, from netip.AddrPort, truncated bool) {
	if i < 0 || i >= r.got {
		panic("udp: no such datagram")
	}
	return r.size, r.from, r.truncated
}

func (*transmitter) init(*Sender) {}

// transmit sends the runs, which are single datagrams here.
func (t *Sender) transmit() {
	for i := range t.runs {
		r := &t.runs[i]
		t.tally.calls++
		_, err := t.socket.conn.WriteToUDPAddrPort(t.slab[r.offset:r.offset+r.size], r.to.name)
		switch {
		case err == nil:
			t.tally.datagrams++
		case errors.Is(err, syscall.ENOBUFS):
			t.tally.full++
		case errors.Is(err, syscall.EMSGSIZE):
			t.tally.tooLarge++
		case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.ECONNREFUSED):
			t.tally.unreachable++
		default:
			t.tally.other++
		}
	}
}

// WriteToAddrPort is WriteTo without an allocation.
func (s *Socket) WriteToAddrPort(b []byte, to netip.AddrPort) (int, error) {
	return s.conn.WriteToUDPAddrPort(b, to)
}
