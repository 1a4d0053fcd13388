package address

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// A Public is an address that the operator gave.
type Public struct {
	// Address is where clients shall send.
	Address netip.Addr
	// Local is the address of this machine at which that arrives behind a 1:1 NAT; it is not valid where none was given.
	Local netip.Addr
}

// ParsePublic reads "203.0.113.7" or, for a 1:1 NAT, "203.0.113.7/10.0.0.7". IPv6 addresses are written without brackets.
func ParsePublic(text string) (Public, error) {
	public, local, mapped := strings.Cut(text, "/")
	p := Public{}
	var err error
	if p.Address, err = parseUnicast(public); err != nil {
		return Public{}, err
	}
	if !mapped {
		return p, nil
	}
	if p.Local, err = parseUnicast(local); err != nil {
		return Public{}, err
	}
	if p.Address.Is4() != p.Local.Is4() {
		return Public{}, errors.New("both addresses must be IPv4 or both IPv6")
	}
	return p, nil
}

// String is the form that ParsePublic reads.
func (p Public) String() string {
	if !p.Local.IsValid() {
		return p.Address.String()
	}
	return p.Address.String() + "/" + p.Local.String()
}

func parseUnicast(text string) (netip.Addr, error) {
	a, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("%q is not an IP address", text)
	}
	a = a.Unmap()
	if a.IsUnspecified() || a.IsMulticast() || a == broadcast {
		return netip.Addr{}, fmt.Errorf("%s is not the address of one machine", a)
	}
	if a.Zone() != "" {
		return netip.Addr{}, fmt.Errorf("%s has a zone, which means nothing to others", a)
	}
	return a, nil
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
