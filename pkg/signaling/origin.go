package signaling

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// An origin is scheme, host and port, in lower case and with the port always there, so that two can be compared.
type origin struct{ scheme, host, port string }

var defaultPorts = map[string]string{"http": "80", "https": "443"}

// parseOrigin reads what a browser sends as Origin. "null" is none.
func parseOrigin(s string) (origin, error) {
	u, err := url.Parse(s)
	if err != nil {
		return origin{}, fmt.Errorf("parse origin: %w", err)
	}
	scheme := strings.ToLower(u.Scheme)
	port, web := defaultPorts[scheme]
	bare := u.Path == "" && u.RawQuery == "" && u.Fragment == "" && u.Opaque == "" && !u.ForceQuery
	if !web || !bare || u.User != nil || u.Hostname() == "" {
		return origin{}, fmt.Errorf("parse origin: %q is not scheme://host[:port]", s)
	}
	if u.Port() != "" {
		port = u.Port()
	}
	return origin{scheme, strings.ToLower(u.Hostname()), port}, nil
}

// isHost reports whether o is a page of host, the value of a Host header.
func (o origin) isHost(host string) bool {
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]"), defaultPorts[o.scheme]
	}
	return strings.EqualFold(name, o.host) && port == o.port
}

// An originPolicy decides which pages may use the server: its own and those of allowed.
type originPolicy struct{ allowed map[origin]bool }

func newOriginPolicy(allowed []string) (originPolicy, error) {
	p := originPolicy{allowed: map[origin]bool{}}
	for _, s := range allowed {
		o, err := parseOrigin(s)
		if err != nil {
			return originPolicy{}, err
		}
		p.allowed[o] = true
	}
	return p, nil
}

// check reports whether a request may be served that came for host. crossSite is set where the page is another server's, which needs
// headers that say so. A request without Origin does not come from a page.
func (p originPolicy) check(header, host string) (ok, crossSite bool) {
	if header == "" {
		return true, false
	}
	o, err := parseOrigin(header)
	if err != nil {
		return false, false
	}
	if o.isHost(host) {
		return true, false
	}
	return p.allowed[o], true
}

// peer is the client's address, not valid where the request came through no network.
func peer(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap().WithZone("")
}
