package udp

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
)

// MaxDatagram is the largest datagram that a Sender takes, in bytes of UDP payload.
const MaxDatagram = 1500

// Config sets up a Socket.
type Config struct {
	// ReadBuffer and WriteBuffer are what is asked of the kernel for the socket's buffers, in bytes; 0 leaves the system's default.
	// Socket.KernelBuffers says what it gave.
	ReadBuffer, WriteBuffer int
	// NoBatch reads and writes one message per system call, NoGSO one datagram per message.
	NoBatch, NoGSO bool
	Log            *slog.Logger
}

// A Socket is a UDP socket on one local address, and a net.PacketConn.
type Socket struct {
	conn     *net.UDPConn
	raw      syscall.RawConn
	local    netip.AddrPort
	log      *slog.Logger
	kernel   kernel
	counters counters
	// batching and gso are on until the kernel is known not to have them.
	batching, gso atomic.Bool
	// readBuffer and writeBuffer are what the kernel granted, in bytes.
	readBuffer, writeBuffer int
}

// Listen opens a socket on an address; port 0 lets the kernel choose one. The unspecified IPv6 address receives IPv4 as well, where the
// system can do that.
func Listen(at netip.AddrPort, cfg Config) (*Socket, error) { return listen(at, cfg, systemCalls) }

func listen(at netip.AddrPort, cfg Config, calls calls) (*Socket, error) {
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	at = netip.AddrPortFrom(at.Addr().Unmap(), at.Port())
	network := "udp6"
	switch {
	case at.Addr().Is4():
		network = "udp4"
	case at.Addr() == netip.IPv6Unspecified():
		network = "udp"
	}
	conn, err := net.ListenUDP(network, net.UDPAddrFromAddrPort(at))
	if err != nil {
		return nil, fmt.Errorf("open UDP port %d on %s: %w", at.Port(), at.Addr(), err)
	}
	s := &Socket{conn: conn, log: cfg.Log}
	s.local = conn.LocalAddr().(*net.UDPAddr).AddrPort()
	s.local = netip.AddrPortFrom(s.local.Addr().Unmap(), s.local.Port())
	if s.raw, err = conn.SyscallConn(); err == nil {
		err = s.prepare(cfg, calls)
	}
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("set up UDP port %d on %s: %w", s.local.Port(), s.local.Addr(), err)
	}
	return s, nil
}

// Conn returns the connection below, for what a Socket does not offer. Its Close is the Socket's.
func (s *Socket) Conn() *net.UDPConn { return s.conn }

// LocalAddrPort returns the address that the socket is bound to.
func (s *Socket) LocalAddrPort() netip.AddrPort { return s.local }

// LocalAddr is net.PacketConn's; it returns a *net.UDPAddr.
func (s *Socket) LocalAddr() net.Addr { return s.conn.LocalAddr() }

// KernelBuffers returns the sizes of the socket's buffers in the terms of Config, in bytes; 0 where the system does not say.
func (s *Socket) KernelBuffers() (read, write int) { return s.readBuffer, s.writeBuffer }

// Close closes the socket: Reads end with net.ErrClosed, what Senders flush is dropped. It waits for system calls under way, and may be
// called twice.
func (s *Socket) Close() error {
	if err := s.conn.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close UDP port %d on %s: %w", s.local.Port(), s.local.Addr(), err)
	}
	return nil
}

// ReadFrom is net.PacketConn's. It takes turns with Readers.
func (s *Socket) ReadFrom(b []byte) (int, net.Addr, error) { return s.conn.ReadFrom(b) }

// ReadFromAddrPort is ReadFrom without an allocation.
func (s *Socket) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	return s.conn.ReadFromUDPAddrPort(b)
}

// WriteTo is net.PacketConn's. It waits while the socket's buffer is full.
func (s *Socket) WriteTo(b []byte, to net.Addr) (int, error) { return s.conn.WriteTo(b, to) }

// SetDeadline is net.PacketConn's. It does not apply to Senders.
func (s *Socket) SetDeadline(t time.Time) error { return s.conn.SetDeadline(t) }

// SetReadDeadline is net.PacketConn's. It applies to Readers as well, whose Read then ends with os.ErrDeadlineExceeded.
func (s *Socket) SetReadDeadline(t time.Time) error { return s.conn.SetReadDeadline(t) }

// SetWriteDeadline is net.PacketConn's. It does not apply to Senders.
func (s *Socket) SetWriteDeadline(t time.Time) error { return s.conn.SetWriteDeadline(t) }
