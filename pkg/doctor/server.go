package doctor

import (
	"context"
	"net/netip"
	"time"

	"sfu/pkg/address"
	"sfu/pkg/signaling/protocol"
)

// A Server is a server that runs on this machine or is going to: what its settings say, in the terms of checks.
type Server struct {
	// Invalid is why the settings cannot be used, nil where they can. Otherwise only the machine is looked at.
	Invalid error
	Ports   []Port
	// TLS says that the server speaks it itself; Proxied that proxies are trusted, of which one may.
	TLS, Proxied bool
	// CertFile and KeyFile are "" without a certificate of files.
	CertFile, KeyFile string
	// Interfaces are this machine's, Plan what clients are told, Explicit that the operator chose it, Container that this looks like one.
	Interfaces          []address.Interface
	Plan                address.Plan
	Explicit, Container bool
	// MediaPort is that of all announced addresses.
	MediaPort uint16
	// Secrets are files that should be read by the server alone.
	Secrets []SecretFile
	Keys    Keys
	// Token makes a token for a room; nil where rooms are open or no key can sign.
	Token func(room string) (string, error)
	// ICEServers are those that clients are told, with credentials. STUN is a server to ask for the own address, "" for none.
	ICEServers []protocol.ICEServer
	STUN       string
	// NATS are the servers of --nats-url, Cluster what asks them and the other nodes; it may be nil.
	NATS    []string
	Cluster Cluster
	Grace   Grace
	Limits  Wanted
}

// Keys are what became of the keys for tokens.
type Keys struct {
	// Err is why they cannot be read, nil otherwise. Count is 0 where rooms are open; Sign says whether a token can be made with one.
	Err   error
	Count int
	Sign  bool
}

// Checks are those of a machine where a server runs or is going to run.
func (s *Server) Checks() []Check {
	machine := []Check{
		{Name: "the machine's limits", Look: func(context.Context) []Finding { return judgeMachine(probeMachine(s.Limits), s.Limits) }},
		{Name: "the clock", Look: func(context.Context) []Finding { return judgeClock(probeClock()) }},
	}
	if s.Invalid != nil {
		return append([]Check{{Name: "settings", Look: func(context.Context) []Finding {
			return []Finding{found(Fail, "settings-invalid", "The settings cannot be used: %v.", s.Invalid)}
		}}}, machine...)
	}
	checks := []Check{
		{Name: "settings", Look: func(context.Context) []Finding { return []Finding{found(OK, "settings", "The settings can be used.")} }},
		{Name: "ports", Look: s.lookAtPorts},
		{Name: "addresses", Look: func(context.Context) []Finding { return judgeAddresses(s) }},
		{Name: "certificate", Look: func(context.Context) []Finding { return s.lookAtCertificate(time.Now()) }},
		{Name: "keys and secrets", Look: func(context.Context) []Finding {
			return append(judgeKeys(s.Keys), judgeSecrets(statSecrets(s.Secrets), s.Container)...)
		}},
		{Name: "TURN", Limit: 15 * time.Second, Look: func(ctx context.Context) []Finding { return judgeRelays(probeRelays(ctx, s.ICEServers)) }},
	}
	if s.STUN != "" {
		checks = append(checks, Check{Name: "STUN", Look: func(ctx context.Context) []Finding {
			mapped, err := stunMapped(ctx, s.STUN)
			return judgeMapped(s.STUN, mapped, err, s.announced())
		}})
	}
	checks = append(checks, s.clusterChecks()...)
	checks = append(checks, machine...)
	checks = append(checks, Check{Name: "the grace period", Look: func(ctx context.Context) []Finding { return judgeGrace(s.Grace.look(ctx)) }})
	// Last, because it opens the ports that others look at.
	return append(checks, Check{Name: "media's UDP port", Limit: 20 * time.Second, After: true, Look: s.lookAtUDP})
}

// announced are the addresses that clients elsewhere are told.
func (s *Server) announced() []netip.Addr {
	var all []netip.Addr
	for _, a := range s.Plan.Announced {
		if !a.Address.IsLoopback() {
			all = append(all, a.Address)
		}
	}
	return all
}
