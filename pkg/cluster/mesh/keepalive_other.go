//go:build !linux

package mesh

import "net"

// limitUnacknowledged does nothing where the system has no such limit.
func limitUnacknowledged(net.Conn) {}
