package mesh

import (
	"net"
	"syscall"
)

// tcpUserTimeout is TCP_USER_TIMEOUT (tcp(7), RFC 5482), which package syscall does not name.
const tcpUserTimeout = 18

// limitUnacknowledged ends c when what was sent is not acknowledged for too long. A kernel that refuses goes on to retransmit for minutes.
func limitUnacknowledged(c net.Conn) {
	t, ok := c.(*net.TCPConn)
	if !ok {
		return
	}
	raw, err := t.SyscallConn()
	if err != nil {
		return
	}
	_ = raw.Control(func(fd uintptr) {
		_ = syscall.SetsockoptInt(int(fd), syscall.IPPROTO_TCP, tcpUserTimeout, int(unacknowledged.Milliseconds()))
	})
}
