package address

import (
	"net/netip"
	"slices"
)

// A candidate is an address that was found on the machine.
type candidate struct {
	address netip.Addr
	iface   string
	virtual bool
}

func (c candidate) announcement() Announcement {
	why := c.iface
	switch {
	case c.virtual:
		why += ", because there is nothing better"
	case ScopeOf(c.address) == Global:
		why += ", a public address"
	case ScopeOf(c.address) == Private:
		why += ", a private address: for people in the same network"
	default:
		why += ", because there is nothing better"
	}
	return Announcement{Address: c.address, Local: c.address, Why: why}
}

// candidates are the addresses that the sockets can be reached at from outside the machine.
func (f Facts) candidates() []candidate {
	var found []candidate
	for _, i := range f.Interfaces {
		for _, a := range i.Addresses {
			a = a.Unmap()
			if ScopeOf(a) != Loopback && f.heard(a) {
				found = append(found, candidate{address: a, iface: i.Name, virtual: isVirtual(i.Name)})
			}
		}
	}
	return found
}

// heard reports whether what is sent to a reaches a socket bound to f.Listen.
func (f Facts) heard(a netip.Addr) bool {
	switch {
	case !f.Listen.IsValid():
		return true
	case f.Listen.IsUnspecified():
		return f.Listen.Is6() || a.Is4() // "::" takes both families
	default:
		return f.Listen.Unmap() == a
	}
}

func (f Facts) has(a netip.Addr) bool {
	return slices.ContainsFunc(f.Interfaces, func(i Interface) bool { return slices.Contains(i.Addresses, a) })
}

func onlyFamily(all []candidate, is4 bool) []candidate {
	return filter(all, func(c candidate) bool { return c.address.Is4() == is4 && !c.virtual })
}

func onlyScope(all []candidate, s Scope) []candidate {
	return filter(all, func(c candidate) bool { return ScopeOf(c.address) == s })
}

// lastResort prefers a container's bridge to a link-local address. IPv6 link-local addresses are of no use to browsers.
func lastResort(all []candidate) []candidate {
	if rest := filter(all, func(c candidate) bool { return ScopeOf(c.address) > LinkLocal }); len(rest) > 0 {
		return rest
	}
	return filter(all, func(c candidate) bool { return c.address.Is4() })
}

func filter(all []candidate, keep func(candidate) bool) []candidate {
	return slices.DeleteFunc(slices.Clone(all), func(c candidate) bool { return !keep(c) })
}
