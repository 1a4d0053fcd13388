package main

import (
	"net/http"
	"net/http/pprof"
	"net/netip"
	"strings"
	"time"
)

// localOnly lets through what was asked on this machine and by no proxy.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !peerAddress(r).IsLoopback() || wasForwarded(r) || !namesThisMachine(r.Host) {
			refuse(w, http.StatusForbidden, "not_allowed",
				"On this port metrics are given to this machine only. Start the server with --admin-listen to read them from elsewhere.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func wasForwarded(r *http.Request) bool {
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Forwarded", "Via"} {
		if _, there := r.Header[name]; there {
			return true
		}
	}
	return false
}

// namesThisMachine reports whether a Host header is localhost or a bare IP address. A page elsewhere can point a name of its own at
// 127.0.0.1, but not choose another Host than that name.
func namesThisMachine(host string) bool {
	if h, _, found := cutLast(host, ":"); found && !strings.HasSuffix(host, "]") {
		host = h
	}
	if host == "localhost" {
		return true
	}
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil
}

// profileTimeout is longer than profiles usually run.
const profileTimeout = 5 * time.Minute

// newAdminServer serves what operators need. It has no password, so it listens where only they can reach it.
func newAdminServer(n *node) *http.Server {
	p := n.parts
	mux := http.NewServeMux()
	n.health.routes(mux)
	n.vacancy.routes(mux, n.cfg.Limits.DrainTimeout)
	mux.HandleFunc("GET /cluster", func(w http.ResponseWriter, r *http.Request) {
		if p.Cluster == nil {
			http.NotFound(w, r)
			return
		}
		writeJSON(w, http.StatusOK, p.Cluster())
	})
	mux.Handle("GET /metrics", p.counted("metrics", p.Metrics))
	mux.Handle("GET /rooms", p.counted("admin", p.Rooms))
	mux.Handle("GET /rooms/", p.counted("admin", p.Rooms))
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	s := newHTTPServer(limitBody(refuseRebinding(refusePages(mux))), n.log)
	s.WriteTimeout = profileTimeout
	return s
}

// refusePages lets no page change anything. Browsers name the page that sends a POST; what operators use names none.
func refusePages(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, origin := r.Header["Origin"]
		_, site := r.Header["Sec-Fetch-Site"]
		if r.Method != http.MethodGet && r.Method != http.MethodHead && (origin || site) {
			refuse(w, http.StatusForbidden, "not_allowed", "Pages cannot ask for this; use sfu drain and sfu undrain.")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// refuseRebinding keeps pages in a browser on this machine away from a port that only this machine reaches.
func refuseRebinding(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if peerAddress(r).IsLoopback() && !namesThisMachine(r.Host) {
			refuse(w, http.StatusForbidden, "not_allowed", "From this machine, ask for localhost or an IP address.")
			return
		}
		next.ServeHTTP(w, r)
	})
}
