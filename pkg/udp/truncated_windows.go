package udp

import (
	"errors"
	"syscall"
)

// messageTruncated is MSG_TRUNC in the flags of WSARecvMsg.
const messageTruncated = 0x0100

// isTruncated reports whether err says that a datagram was larger than its buffer (WSAEMSGSIZE), without saying who sent it.
func isTruncated(err error) bool {
	return errors.Is(err, syscall.Errno(10040)) || errors.Is(err, syscall.ERROR_MORE_DATA)
}
