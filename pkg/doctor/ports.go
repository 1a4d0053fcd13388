package doctor

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// A Port is one that the server opens.
type Port struct {
	// Flag is the setting that names it, such as "--listen".
	Flag string
	// Host is not valid for all addresses.
	Host netip.Addr
	Port uint16
	// TCP and UDP say for what it is opened, Health that it answers /livez.
	TCP, UDP, Health bool
}

func (p Port) address() string {
	if !p.Host.IsValid() {
		return fmt.Sprintf(":%d", p.Port)
	}
	return netip.AddrPortFrom(p.Host, p.Port).String()
}

// portState is what was seen of a port in one network.
type portState struct {
	Port
	network string // "tcp" or "udp"
	err     error  // of opening it; nil where it is free
	holder  string // the process that has it, "" where that is not seen
	live    bool   // an sfu answers there, or the same process does where Health is
}

func (s *Server) lookAtPorts(ctx context.Context) []Finding {
	var states []portState
	live := map[string]bool{} // holders that answer as sfu
	someLive := false
	for _, p := range s.Ports {
		if p.Port == 0 || !p.TCP {
			continue
		}
		st := portState{Port: p, network: "tcp", err: tryTCP(ctx, p)}
		if errors.Is(st.err, syscall.EADDRINUSE) {
			st.holder = holderOf("tcp", p.Port)
			st.live = p.Health && isLive(ctx, p)
			if st.live {
				live[st.holder], someLive = true, true
			}
		}
		states = append(states, st)
	}
	for i := range states {
		// What does not answer for itself is the server's where its process is, or where processes cannot be seen.
		st := &states[i]
		st.live = st.live || !st.Health && st.err != nil && (live[st.holder] && st.holder != "" || st.holder == "" && someLive)
	}
	for _, p := range s.Ports {
		if p.Port == 0 || !p.UDP {
			continue
		}
		st := portState{Port: p, network: "udp", err: tryUDP(ctx, p)}
		if errors.Is(st.err, syscall.EADDRINUSE) {
			st.holder = holderOf("udp", p.Port)
			st.live = live[st.holder] && st.holder != "" || st.holder == "" && someLive
		}
		states = append(states, st)
	}
	return judgePorts(states)
}

// judgePorts says of each port whether the server can have it or has it.
func judgePorts(states []portState) []Finding {
	var all []Finding
	for _, st := range states {
		what := fmt.Sprintf("Port %d/%s (%s)", st.Port.Port, st.network, st.Flag)
		held := ""
		if st.holder != "" {
			held = " by " + st.holder
		}
		switch {
		case st.err == nil:
			all = append(all, found(OK, "port-free", "%s is free.", what))
		case errors.Is(st.err, syscall.EACCES):
			all = append(all, found(Fail, "port-forbidden", "%s may not be opened by this user.", what))
		case errors.Is(st.err, syscall.EADDRNOTAVAIL):
			all = append(all, found(Fail, "settings-invalid", "This machine has no address %s, which %s names.", st.Host, st.Flag).
				do("Correct %s, or leave the address out to listen on all.", st.Flag))
		case !errors.Is(st.err, syscall.EADDRINUSE):
			all = append(all, found(Fail, "port-taken", "%s cannot be opened: %v.", what, st.err))
		case st.live:
			all = append(all, found(OK, "port-served", "%s is held%s, an sfu that answers.", what, held))
		case st.holder == "" && st.Health:
			all = append(all, found(Fail, "port-silent", "%s is held, and nobody answers at /livez as sfu does.", what))
		default:
			all = append(all, found(Fail, "port-taken", "%s is held%s, which is not an sfu that answers.", what, orSomething(held)).
				do("Stop that program or choose another port with %s.", st.Flag))
		}
	}
	return all
}

func orSomething(held string) string {
	if held == "" {
		return " by something"
	}
	return held
}

func tryTCP(ctx context.Context, p Port) error {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", p.address())
	if err == nil {
		err = l.Close()
	}
	return err
}

func tryUDP(ctx context.Context, p Port) error {
	c, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", p.address())
	if err == nil {
		err = c.Close()
	}
	return err
}

// local is the address at which this machine reaches a port of its own.
func (p Port) local() netip.AddrPort {
	switch {
	case !p.Host.IsValid() || p.Host == netip.IPv4Unspecified():
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), p.Port)
	case p.Host == netip.IPv6Unspecified():
		return netip.AddrPortFrom(netip.IPv6Loopback(), p.Port)
	default:
		return netip.AddrPortFrom(p.Host, p.Port)
	}
}

// liveTimeout bounds the question whether an sfu answers.
const liveTimeout = 2 * time.Second

// isLive asks /livez in the way of sfu healthcheck: over plain HTTP, which a server with TLS answers there, too.
func isLive(ctx context.Context, p Port) bool {
	ctx, cancel := context.WithTimeout(ctx, liveTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.local().String()+"/livez", nil)
	if err != nil {
		return false
	}
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request) // no proxy: the server is here
	if err != nil {
		return false
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, 4096))
	var answer struct {
		Live    *bool             `json:"live"`
		Failing []json.RawMessage `json:"failing"`
	}
	return err == nil && json.Unmarshal(bytes.TrimSpace(body), &answer) == nil && answer.Live != nil && answer.Failing != nil
}

// insecure is for a server on this machine, whose certificate is looked at elsewhere.
func insecure() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}
}
