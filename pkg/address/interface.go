package address

import (
	"fmt"
	"net"
	"net/netip"
)

// An Interface is a network interface that is up.
type Interface struct {
	Name      string
	Addresses []netip.Addr
}

// Interfaces returns those of this machine, in the order of the operating system.
func Interfaces() ([]Interface, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network interfaces: %w", err)
	}
	var up []Interface
	for _, i := range all {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		addresses, err := i.Addrs()
		if err != nil {
			continue // it vanished between the two calls
		}
		up = append(up, Interface{Name: i.Name, Addresses: netipOf(addresses)})
	}
	return up, nil
}

func netipOf(addresses []net.Addr) []netip.Addr {
	var result []netip.Addr
	for _, a := range addresses {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			result = append(result, prefix.Addr().Unmap())
		}
	}
	return result
}
