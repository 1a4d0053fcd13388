//go:build !linux || !(amd64 || arm64)

package load

import (
	"net"
	"net/netip"

	"sfu/pkg/client"
)

// sockets are the participants' media sockets, each read by a goroutine of its own.
type sockets struct{}

func openSockets() (*sockets, error) { return &sockets{}, nil }

// listen opens a socket on a free port of local.
func (*sockets) listen(local netip.Addr) (net.PacketConn, error) { return client.ListenMedia(local) }

// dropped is not known here.
func (*sockets) dropped() uint64 { return 0 }

func (*sockets) close() error { return nil }
