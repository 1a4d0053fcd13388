package client

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"
)

// A Candidate is an address that the server takes media at, as its answer says (RFC 8839).
type Candidate struct {
	Address netip.AddrPort
	TCP     bool
}

// String is like "udp 203.0.113.7:8080".
func (c Candidate) String() string {
	if c.TCP {
		return "tcp " + c.Address.String()
	}
	return "udp " + c.Address.String()
}

// A Path is the way that media takes.
type Path struct {
	// Local is the own address as the other side sees it, Remote where media is sent to.
	Local, Remote netip.AddrPort
	// TCP tells how the server is reached, Relayed whether it is by way of a TURN server.
	TCP, Relayed bool
	// RTT is the round-trip time that ICE measured last, 0 before it has.
	RTT time.Duration
}

// Path returns the way that media takes, and false while there is none.
func (c *Client) Path() (Path, bool) {
	c.offers.mu.Lock()
	defer c.offers.mu.Unlock()
	return c.peer.path()
}

// Announced returns the addresses in the server's last answer, those that Options.Tries turned down as well.
func (c *Client) Announced() []Candidate {
	c.offers.mu.Lock()
	defer c.offers.mu.Unlock()
	return candidatesOf(c.peer.answered)
}

func (p *peer) path() (Path, bool) {
	pair, err := p.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil {
		return Path{}, false
	}
	path := Path{
		Local: addrPortOf(pair.Local), Remote: addrPortOf(pair.Remote),
		TCP: pair.Remote.Protocol == webrtc.ICEProtocolTCP, Relayed: pair.Local.Typ == webrtc.ICECandidateTypeRelay,
	}
	path.RTT, _ = p.rtt()
	return path, true
}

func addrPortOf(c *webrtc.ICECandidate) netip.AddrPort {
	a, err := netip.ParseAddr(c.Address)
	if err != nil {
		return netip.AddrPort{} // a name
	}
	return netip.AddrPortFrom(a.Unmap(), c.Port)
}

// candidatesOf returns the candidates of an answer, each once.
func candidatesOf(answer string) []Candidate {
	var all []Candidate
	for line := range strings.Lines(answer) {
		value, ok := strings.CutPrefix(line, "a=candidate:")
		if !ok {
			continue
		}
		if c, ok := parseCandidate(value); ok && !slices.Contains(all, c) {
			all = append(all, c)
		}
	}
	return all
}

// withCandidates returns the answer with those candidates only that keep says yes to.
func withCandidates(answer string, keep func(Candidate) bool) (string, error) {
	d := &sdp.SessionDescription{}
	if err := d.UnmarshalString(answer); err != nil {
		return "", fmt.Errorf("read the answer: %w", err)
	}
	for _, m := range d.MediaDescriptions {
		m.Attributes = slices.DeleteFunc(m.Attributes, func(a sdp.Attribute) bool {
			c, ok := parseCandidate(a.Value)
			return a.Key == "candidate" && ok && !keep(c)
		})
	}
	text, err := d.Marshal()
	if err != nil {
		return "", fmt.Errorf("write the answer: %w", err)
	}
	return string(text), nil
}

// parseCandidate reads "foundation component transport priority address port typ …" (RFC 8839 section 5.1).
func parseCandidate(value string) (Candidate, bool) {
	fields := strings.Fields(value)
	if len(fields) < 8 {
		return Candidate{}, false
	}
	address, err := netip.ParseAddr(fields[4])
	port, portErr := strconv.ParseUint(fields[5], 10, 16)
	if err != nil || portErr != nil {
		return Candidate{}, false
	}
	return Candidate{netip.AddrPortFrom(address.Unmap(), uint16(port)), strings.EqualFold(fields[2], "tcp")}, true
}
