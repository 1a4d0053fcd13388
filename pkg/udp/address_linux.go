//go:build linux && !portable

package udp

import (
	"encoding/binary"
	"net"
	"net/netip"
	"strconv"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A socketAddress is a struct sockaddr_in or sockaddr_in6; its first size bytes are in use.
type socketAddress struct {
	storage unix.RawSockaddrInet6
	size    uint32 // bytes
}

// inet4 returns an address of AF_INET in place.
func inet4(a *unix.RawSockaddrInet6) *unix.RawSockaddrInet4 {
	return (*unix.RawSockaddrInet4)(unsafe.Pointer(a))
}

// swap turns a port around where the machine is not big-endian, as the network is.
func swap(port uint16) uint16 {
	var b [2]byte
	binary.BigEndian.PutUint16(b[:], port)
	return binary.NativeEndian.Uint16(b[:])
}

// address returns to in the family of the socket, or that there is no such.
func (s *Socket) address(to netip.AddrPort) (a socketAddress, ok bool) {
	ip := to.Addr()
	switch {
	case !s.kernel.ipv6 && ip.Is4():
		*inet4(&a.storage) = unix.RawSockaddrInet4{Family: unix.AF_INET, Port: swap(to.Port()), Addr: ip.As4()}
		a.size = unix.SizeofSockaddrInet4
	case s.kernel.ipv6 && ip.IsValid():
		zone, ok := zoneIndex(ip.Zone())
		if !ok {
			return a, false
		}
		a.storage = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: swap(to.Port()), Addr: ip.As16(), Scope_id: zone}
		a.size = unix.SizeofSockaddrInet6
	default:
		return a, false
	}
	return a, true
}

// zoneIndex returns the index of the interface that a zone names or numbers.
func zoneIndex(zone string) (uint32, bool) {
	if zone == "" {
		return 0, true
	}
	if i, err := net.InterfaceByName(zone); err == nil {
		return uint32(i.Index), true
	}
	n, err := strconv.ParseUint(zone, 10, 32)
	return uint32(n), err == nil
}

// zones are the names of the interfaces that datagrams with a zone came from, of which a machine has few.
type zones []zoneOf

type zoneOf struct {
	index uint32
	// example keeps the zone's name interned, so that giving it to another address does not allocate.
	example netip.Addr
}

// name returns the zone of an interface, its number where it has no name.
func (z *zones) name(index uint32) string {
	for i := range *z {
		if (*z)[i].index == index {
			return (*z)[i].example.Zone()
		}
	}
	name := strconv.FormatUint(uint64(index), 10)
	if i, err := net.InterfaceByIndex(int(index)); err == nil {
		name = i.Name
	}
	*z = append(*z, zoneOf{index, netip.IPv6LinkLocalAllNodes().WithZone(name)})
	return name
}
