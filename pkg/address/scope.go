package address

import (
	"net/netip"
	"strings"
)

// A Scope says from where an address can be reached.
type Scope uint8

// The scopes, from the machine outwards.
const (
	// Loopback: from this machine only.
	Loopback Scope = iota
	// LinkLocal: from the same wire only.
	LinkLocal
	// Private: from the same network only (RFC 1918, RFC 4193, and the shared space of RFC 6598).
	Private
	// Global: from everywhere, if nothing is in between.
	Global
)

// sharedSpace is RFC 6598; carriers use it, and so do overlay networks.
var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// ScopeOf returns the scope of a.
func ScopeOf(a netip.Addr) Scope {
	a = a.Unmap()
	switch {
	case a.IsLoopback():
		return Loopback
	case a.IsLinkLocalUnicast():
		return LinkLocal
	case a.IsPrivate(), sharedSpace.Contains(a):
		return Private
	default:
		return Global
	}
}

// virtualPrefixes begin the names of interfaces that lead to containers and virtual machines of this machine, not to people.
var virtualPrefixes = []string{
	"docker", "br-", "veth", "virbr", "cni", "flannel", "cali", "cbr", "podman", "lxcbr", "lxdbr", "kube", "weave", "vmnet", "vboxnet",
	"vEthernet",
}

func isVirtual(name string) bool {
	for _, prefix := range virtualPrefixes {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
