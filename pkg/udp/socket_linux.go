//go:build linux && !portable

package udp

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernel is what a Socket knows of Linux.
type kernel struct {
	calls calls
	ipv6  bool
	// refusedRuns counts the runs in a row that were refused without saying whether it is the path or the kernel that cannot.
	refusedRuns atomic.Int32
	// overflowed is what the kernel had dropped when last asked.
	overflowed atomic.Uint64
}

// prepare finds out what the kernel can do, and asks for the buffers.
func (s *Socket) prepare(cfg Config, calls calls) error {
	s.kernel.calls = calls
	var err error
	if controlErr := s.raw.Control(func(fd uintptr) { err = s.configure(fd, cfg) }); controlErr != nil {
		return controlErr
	}
	return err
}

func (s *Socket) configure(fd uintptr, cfg Config) error {
	family, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return fmt.Errorf("read the socket's family: %w", err)
	}
	s.kernel.ipv6 = family == unix.AF_INET6
	s.readBuffer = buffer(int(fd), cfg.ReadBuffer, unix.SO_RCVBUF, unix.SO_RCVBUFFORCE)
	s.writeBuffer = buffer(int(fd), cfg.WriteBuffer, unix.SO_SNDBUF, unix.SO_SNDBUFFORCE)
	if !cfg.NoBatch {
		s.batching.Store(true)
		// With nothing to do, the calls tell whether they exist and are permitted. Later on a firewall may say EPERM of a message.
		var none message
		_, sending := s.kernel.calls.sendmmsg(fd, &none, 0)
		_, receiving := s.kernel.calls.recvmmsg(fd, &none, 0)
		for _, errno := range []unix.Errno{sending, receiving} {
			if errno == unix.ENOSYS || errno == unix.EPERM {
				s.batchingOff(errno)
			}
		}
	}
	if !cfg.NoGSO {
		s.gso.Store(true)
		// Linux before 4.18 ignores the control message and would send one large datagram.
		if err := s.kernel.calls.setSegment(fd, 0); err != nil {
			s.gsoOff(err)
		}
	}
	return nil
}

// buffer asks for the size of a socket's buffer and returns what the kernel gave. It counts twice of what it was asked for, for its own
// bookkeeping.
func buffer(fd, bytes, option, force int) int {
	if bytes > 0 && unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, bytes) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, bytes)
	}
	granted, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, option)
	if err != nil {
		return 0
	}
	return granted / 2
}

// memInfo is what SO_MEMINFO returns, of which the last is the number of datagrams dropped (SK_MEMINFO_DROPS).
type memInfo [9]uint32

// overflowed returns what the kernel dropped; after Close what it was when last asked.
func (s *Socket) overflowed() uint64 {
	_ = s.raw.Control(func(fd uintptr) {
		var info memInfo
		size := uint32(unsafe.Sizeof(info))
		_, _, errno := unix.Syscall6(
			unix.SYS_GETSOCKOPT, fd, unix.SOL_SOCKET, unix.SO_MEMINFO, uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0,
		)
		if errno == 0 && uintptr(size) == unsafe.Sizeof(info) {
			s.kernel.overflowed.Store(uint64(info[len(info)-1]))
		}
	})
	return s.kernel.overflowed.Load()
}
