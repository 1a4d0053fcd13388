package main

import (
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"sfu/pkg/doctor"
)

// trustProxies puts the client's address and the host that it asked for into requests of the proxies in trusted. Everyone else may write
// into those headers what they like; it changes nothing but that it is said once in the log. The headers stay in the request.
func trustProxies(trusted []netip.Prefix, next http.Handler, log *slog.Logger) http.Handler {
	var hint sync.Once
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if question := r.Header.Get(doctor.HeaderQuestion); question != "" {
			w.Header().Set(doctor.HeaderAnswer, whoAsks(r, question, trusted))
		}
		if isTrusted(peerAddress(r), trusted) {
			r = r.WithContext(r.Context()) // a copy: what is changed here must not reach the server's own
			if client := clientAddress(peerAddress(r), r.Header.Values("X-Forwarded-For"), trusted); client.IsValid() {
				r.RemoteAddr = netip.AddrPortFrom(client, 0).String()
			}
			if host := r.Header.Get("X-Forwarded-Host"); host != "" && !strings.ContainsAny(host, ", ") {
				r.Host = host
			}
		} else if r.Header.Get("X-Forwarded-For") != "" {
			hint.Do(func() {
				log.Warn("a request names its client in X-Forwarded-For, but the proxy it came from is not among --trusted-proxies; " +
					"if it is yours, name it there, or all clients behind it share the limits of one address")
			})
		}
		next.ServeHTTP(w, r)
	})
}

// whoAsks answers sfu doctor in which way the client's address is known, and whether it is the one in question. It tells nobody an address that he
// does not know.
func whoAsks(r *http.Request, question string, trusted []netip.Prefix) string {
	headers := r.Header.Values("X-Forwarded-For")
	seen, how := peerAddress(r), doctor.Direct
	switch {
	case isTrusted(seen, trusted):
		how = doctor.Nameless
		if client := clientAddress(seen, headers, trusted); client.IsValid() && client != seen {
			seen, how = client, doctor.Forwarded
		}
	case len(headers) > 0:
		how = doctor.Untrusted
	}
	own, err := netip.ParseAddr(question)
	switch {
	case err != nil:
		return how
	case own.Unmap() == seen:
		return how + doctor.Same
	default:
		return how + doctor.Other
	}
}

// forwardedTLS reports whether a trusted proxy says that it speaks TLS with the client.
func forwardedTLS(r *http.Request, trusted []netip.Prefix) bool {
	return r.Header.Get("X-Forwarded-Proto") == "https" && isTrusted(peerAddress(r), trusted)
}

// peerAddress is who sent the request; it is not valid where that is not an IP address.
func peerAddress(r *http.Request) netip.Addr {
	a, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return a.Addr().Unmap()
}

// clientAddress walks the chain of X-Forwarded-For back from peer and returns the first that is no trusted proxy. What stands before
// it was written by somebody who may lie.
func clientAddress(peer netip.Addr, headers []string, trusted []netip.Prefix) netip.Addr {
	client := peer
	hops := strings.Split(strings.Join(headers, ","), ",")
	for i := len(hops) - 1; i >= 0 && isTrusted(client, trusted); i-- {
		hop, ok := parseHop(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		client = hop
	}
	return client
}

func parseHop(text string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(strings.Trim(text, "[]")); err == nil {
		return a.Unmap().WithZone(""), true
	}
	a, err := netip.ParseAddrPort(text)
	return a.Addr().Unmap().WithZone(""), err == nil
}

func isTrusted(a netip.Addr, trusted []netip.Prefix) bool {
	for _, p := range trusted {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
