//go:build !linux || !(amd64 || arm64)

package load

import (
	"net"
	"net/netip"
)

// sockets are the participants' media sockets, each read by a goroutine of its own.
type sockets struct{}

func openSockets() (*sockets, error) { return &sockets{}, nil }

// listen opens a socket on a free port of local.
func (*sockets) listen(local netip.Addr) (net.PacketConn, error) {
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: local.AsSlice(), Zone: local.Zone()})
	if err != nil {
		return nil, err // not a nil *net.UDPConn in an interface
	}
	return socket, nil
}

// dropped is not known here.
func (*sockets) dropped() uint64 { return 0 }

func (*sockets) close() error { return nil }
