package main

import (
	"net/netip"
	"os"
	"path/filepath"

	"sfu/pkg/address"
	"sfu/pkg/certificate"
)

// A machine is what the server finds where it runs.
type machine struct {
	Hostname   string
	Interfaces []address.Interface
	// Err is why Interfaces is empty.
	Err       error
	Container bool
	// StateDir is where state goes unless it was configured; "" where there is no such place.
	StateDir string
}

// lookAround asks the operating system only, never the network.
func lookAround(env environment) machine {
	m := machine{Container: inContainer(env), StateDir: stateDir(env)}
	m.Interfaces, m.Err = address.Interfaces()
	m.Hostname, _ = os.Hostname() // a machine without a name just is not named in the certificate
	return m
}

func inContainer(env environment) bool {
	for _, file := range []string{"/.dockerenv", "/run/.containerenv"} {
		if _, err := os.Stat(file); err == nil {
			return true
		}
	}
	return env["KUBERNETES_SERVICE_HOST"] != "" || env["container"] != ""
}

// stateDir follows systemd (STATE_DIRECTORY) and the XDG base directories.
func stateDir(env environment) string {
	switch {
	case env["STATE_DIRECTORY"] != "":
		return env["STATE_DIRECTORY"]
	case env["XDG_STATE_HOME"] != "":
		return filepath.Join(env["XDG_STATE_HOME"], "sfu")
	case env["HOME"] != "":
		return filepath.Join(env["HOME"], ".local", "state", "sfu")
	default:
		return ""
	}
}

// names are those that a certificate for this machine must be good for.
func (m machine) names() certificate.Names {
	n := certificate.Names{Hosts: []string{"localhost"}}
	if isHostName(m.Hostname) && m.Hostname != "localhost" {
		n.Hosts = append(n.Hosts, m.Hostname, m.Hostname+".local") // the second is its name in multicast DNS
	}
	for _, i := range m.Interfaces {
		for _, a := range i.Addresses {
			if address.ScopeOf(a) != address.LinkLocal {
				n.Addresses = append(n.Addresses, a)
			}
		}
	}
	if len(n.Addresses) == 0 {
		n.Addresses = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1})}
	}
	return n
}

// isHostName is narrow, because a certificate cannot hold every name that an operating system lets a machine have.
func isHostName(name string) bool {
	for _, c := range []byte(name) {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.') {
			return false
		}
	}
	return name != "" && len(name) < 200
}
