//go:build linux && !portable

package udp

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// A message is the kernel's struct mmsghdr. The compiler pads it as C does.
type message struct {
	header unix.Msghdr
	size   uint32 // what was received, in bytes
}

// control is a control message that tells the kernel the size to cut a message into. unix.Cmsghdr gives it its alignment.
type control struct {
	header  unix.Cmsghdr
	segment uint16
	_       [6]byte
}

// controlBytes is the size of a control with its padding, for the kernel.
var controlBytes = unix.CmsgSpace(2)

// calls are the system calls of a Socket; tests put faults in their place. Those with a count return how many messages they dealt with, and an
// error only where that is none.
type calls struct {
	sendmmsg, recvmmsg func(fd uintptr, messages *message, count int) (int, unix.Errno)
	sendmsg            func(fd uintptr, m *unix.Msghdr) unix.Errno
	recvmsg            func(fd uintptr, m *unix.Msghdr) (size int, errno unix.Errno)
	// setSegment is setsockopt(UDP_SEGMENT).
	setSegment func(fd uintptr, segment int) error
}

var systemCalls = calls{
	sendmmsg: func(fd uintptr, messages *message, count int) (int, unix.Errno) {
		n, _, errno := unix.RawSyscall6(unix.SYS_SENDMMSG, fd, uintptr(unsafe.Pointer(messages)), uintptr(count), unix.MSG_DONTWAIT, 0, 0)
		return int(n), errno
	},
	recvmmsg: func(fd uintptr, messages *message, count int) (int, unix.Errno) {
		n, _, errno := unix.RawSyscall6(unix.SYS_RECVMMSG, fd, uintptr(unsafe.Pointer(messages)), uintptr(count), unix.MSG_DONTWAIT, 0, 0)
		return int(n), errno
	},
	sendmsg: func(fd uintptr, m *unix.Msghdr) unix.Errno {
		_, _, errno := unix.RawSyscall(unix.SYS_SENDMSG, fd, uintptr(unsafe.Pointer(m)), unix.MSG_DONTWAIT)
		return errno
	},
	recvmsg: func(fd uintptr, m *unix.Msghdr) (int, unix.Errno) {
		n, _, errno := unix.RawSyscall(unix.SYS_RECVMSG, fd, uintptr(unsafe.Pointer(m)), unix.MSG_DONTWAIT)
		return int(n), errno
	},
	setSegment: func(fd uintptr, segment int) error {
		return unix.SetsockoptInt(int(fd), unix.IPPROTO_UDP, unix.UDP_SEGMENT, segment)
	},
}
