package address

import (
	"net/netip"
	"slices"
)

// maxAnnounced bounds what is announced: each address costs every client two more checks.
const maxAnnounced = 8

// Facts are what a Plan follows from.
type Facts struct {
	Interfaces []Interface
	// Explicit are the addresses that the operator gave. If there is any, nothing else but loopback is announced.
	Explicit []Public
	// Listen is the address that sockets are bound to; not valid or unspecified stands for all. 0.0.0.0 stands for IPv4 only.
	Listen netip.Addr
	// Container says that this process seems to run in a container.
	Container bool
}

// An Announcement is one address that clients are told.
type Announcement struct {
	// Address is what clients send to.
	Address netip.Addr
	// Local is the address of this machine at which that arrives; not valid where it may be any.
	Local netip.Addr
	// Why is for people, such as "eth0, reachable from everywhere".
	Why string
}

// A Plan says which addresses are announced, best first, and what is wrong with them in sentences for the operator.
type Plan struct {
	Announced []Announcement
	Warnings  []string
}

// Decide follows these rules. What the operator gave beats what was found. Of what was found, each of IPv4 and IPv6 takes
// addresses that everyone can reach, or else private ones. Interfaces of containers, and link-local IPv4 addresses, count only where there is
// nothing else. Loopback is announced last, for browsers on this machine.
func Decide(f Facts) Plan {
	var p Plan
	if len(f.Explicit) > 0 {
		p = explicitPlan(f)
	} else {
		p = discoveredPlan(f)
	}
	if len(p.Announced) > maxAnnounced {
		p.Announced = p.Announced[:maxAnnounced]
		p.Warnings = append(p.Warnings, "this machine has more addresses than are announced; choose with --public-ip")
	}
	if loopback, heard := loopbackOf(f.Listen); heard && !p.announces(loopback) {
		p.Announced = append(p.Announced, Announcement{Address: loopback, Local: loopback, Why: "for browsers on this machine"})
	}
	return p
}

func explicitPlan(f Facts) Plan {
	var p Plan
	for _, given := range f.Explicit {
		p.announce(Announcement{Address: given.Address, Local: given.Local, Why: "given with --public-ip"})
		if given.Local.IsValid() {
			p.announce(Announcement{Address: given.Local, Local: given.Local, Why: "given with --public-ip, for people in the same network"})
			if !f.has(given.Local) {
				p.Warnings = append(p.Warnings, "--public-ip="+given.String()+": this machine has no address "+given.Local.String())
			}
		}
		if ScopeOf(given.Address) == Loopback {
			p.Warnings = append(p.Warnings, "--public-ip="+given.String()+": only browsers on this machine can connect to it")
		}
	}
	return p
}

func discoveredPlan(f Facts) Plan {
	found := f.candidates()
	var p Plan
	for _, is4 := range []bool{true, false} {
		family := onlyFamily(found, is4)
		best := onlyScope(family, Global)
		if len(best) == 0 {
			best = onlyScope(family, Private)
		}
		for _, c := range best {
			p.announce(c.announcement())
		}
	}
	if len(p.Announced) == 0 {
		for _, c := range lastResort(found) {
			p.announce(c.announcement())
		}
	}
	p.Warnings = warnings(f, p)
	return p
}

func warnings(f Facts, p Plan) []string {
	reach := func(is4 bool, s Scope) bool {
		return slices.ContainsFunc(p.Announced, func(a Announcement) bool { return a.Address.Is4() == is4 && ScopeOf(a.Address) == s })
	}
	switch {
	case f.Listen.IsValid() && f.Listen.IsLoopback():
		return []string{"only this machine can connect, because --listen says so"}
	case len(p.Announced) == 0:
		return []string{"this machine has no network address but loopback: only browsers on this machine can connect"}
	case f.Container && !reach(true, Global) && !reach(false, Global):
		return []string{"this looks like a container, and its addresses mean nothing outside: people elsewhere would see no video. " +
			"Set --public-ip to the address of the host and publish the port for TCP and UDP"}
	case !reach(true, Global) && !reach(false, Global):
		return []string{"only people in the same network can connect; for others set --public-ip to the address under which they reach this machine"}
	case !reach(true, Global) && reach(true, Private):
		return []string{"people without IPv6 can connect from the same network only; for others set --public-ip to the public IPv4 address"}
	default:
		return nil
	}
}

func (p *Plan) announce(a Announcement) {
	if !p.announces(a.Address) {
		p.Announced = append(p.Announced, a)
	}
}

func (p *Plan) announces(a netip.Addr) bool {
	return slices.ContainsFunc(p.Announced, func(other Announcement) bool { return other.Address == a })
}

// loopbackOf returns the loopback address that a socket bound to listen can be reached at, if it can.
func loopbackOf(listen netip.Addr) (netip.Addr, bool) {
	if !listen.IsValid() || listen.IsUnspecified() {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), true
	}
	return listen, listen.IsLoopback()
}
