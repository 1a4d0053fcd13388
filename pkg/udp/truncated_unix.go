//go:build (unix && !linux) || (linux && portable)

package udp

import "syscall"

// messageTruncated is set on a datagram that was larger than its buffer.
const messageTruncated = syscall.MSG_TRUNC

// isTruncated reports whether err says that a datagram was larger than its buffer; here a flag does.
func isTruncated(error) bool { return false }
