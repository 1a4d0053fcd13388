package doctor

import (
	"net/netip"
	"slices"
	"strings"

	"sfu/pkg/address"
)

// Networks that say where an address comes from.
var (
	bridgeSpace = netip.MustParsePrefix("172.16.0.0/12") // where container engines take their bridges from
	sharedSpace = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
)

// judgeAddresses says of each announced address what it means for people elsewhere.
func judgeAddresses(s *Server) []Finding {
	var all []Finding
	elsewhere := s.announced()
	if len(elsewhere) == 0 {
		if len(s.Plan.Announced) > 0 {
			return []Finding{found(Warn, "address-loopback", "Clients are told loopback addresses only.")}
		}
		return []Finding{found(Fail, "address-none", "Clients are told no address at all.")}
	}
	global := slices.ContainsFunc(elsewhere, func(a netip.Addr) bool { return address.ScopeOf(a) == address.Global })
	for _, a := range s.Plan.Announced {
		if !a.Address.IsLoopback() {
			all = append(all, s.judgeAddress(a, global))
		}
	}
	for _, given := range s.Plan.Announced {
		if s.Explicit && given.Local.IsValid() && !given.Local.IsLoopback() && !s.has(given.Local) {
			all = append(all, found(Fail, "address-local", "This machine has no address %s, at which media for %s is to arrive.", given.Local, given.Address))
		}
	}
	if s.Explicit {
		for _, warning := range s.Plan.Warnings {
			if !strings.Contains(warning, "has no address") {
				all = append(all, found(Info, "address-note", "%s.", strings.ToUpper(warning[:1])+warning[1:]))
			}
		}
	}
	return all
}

// judgeAddress looks at one address; global says that clients are told a public one as well.
func (s *Server) judgeAddress(a address.Announcement, global bool) Finding {
	level := Warn
	if global {
		level = Info
	}
	switch {
	case address.ScopeOf(a.Address) == address.Global && s.has(a.Address):
		return found(OK, "address", "Clients are told %s, a public address of this machine.", a.Address)
	case address.ScopeOf(a.Address) == address.Global:
		return found(OK, "address",
			"Clients are told %s, which leads here through a NAT or a published port: port %d must arrive, for UDP and TCP.", a.Address, s.MediaPort)
	case s.Container && !s.Explicit && bridgeSpace.Contains(a.Address):
		if !global {
			level = Fail
		}
		return found(level, "address-container", "Clients are told %s, the address of a container's bridge.", a.Address).
			do("Set --public-ip to the host's address and publish port %d for TCP and UDP, or use the host's network.", s.MediaPort)
	case sharedSpace.Contains(a.Address):
		return found(level, "address-cgnat", "Clients are told %s, an address of a carrier's NAT or an overlay network.", a.Address)
	default:
		return found(level, "address-private", "Clients are told %s, a private address: for people in the same network.", a.Address)
	}
}

func (s *Server) has(a netip.Addr) bool {
	return slices.ContainsFunc(s.Interfaces, func(i address.Interface) bool { return slices.Contains(i.Addresses, a) })
}
