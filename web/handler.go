package web

import (
	"bytes"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// Config says what differs between installations.
type Config struct {
	// FrameAncestors are the origins that may show the page in an iframe, such as "https://intranet.example.org". None by default.
	FrameAncestors []string
	// Signals are where the page may open WebSockets besides its own server, for servers that send clients to each other: hosts such as
	// "wss://n1.example.org:8443", or "wss:" and "ws:" for any. None by default.
	Signals []string
}

// NewHandler returns the handler of /, /r/{room} and /static/. It fails only when something in cfg is not what it should be.
func NewHandler(cfg Config) (http.Handler, error) {
	files, err := fs.Sub(static, "static")
	if err != nil {
		return nil, fmt.Errorf("open the page's files: %w", err)
	}
	assets, err := readAssets(files)
	if err != nil {
		return nil, err
	}
	policy, err := contentSecurityPolicy(cfg.FrameAncestors, cfg.Signals)
	if err != nil {
		return nil, err
	}
	framed := len(cfg.FrameAncestors) > 0
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", page(renderShell(assets, ""), policy, framed, alwaysOK))
	mux.Handle("GET /r/{room}", page(renderShell(assets, "../"), policy, framed, roomStatus))
	// A relative redirect: the handler may not know the prefix that a proxy has cut off.
	mux.HandleFunc("GET /r/{room}/{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "../"+pathSegment(r.URL.EscapedPath()))
		w.WriteHeader(http.StatusPermanentRedirect)
	})
	mux.Handle("GET /static/", http.StripPrefix("/static/", serveAssets(assets, policy)))
	return mux, nil
}

// pathSegment is the last segment of a path that ends in a slash, as it was escaped.
func pathSegment(escaped string) string {
	segments := strings.Split(strings.TrimSuffix(escaped, "/"), "/")
	return segments[len(segments)-1]
}

// page serves the shell. Its address may hold a room's name, so nobody stores it.
func page(shell []byte, policy string, framed bool, status func(*http.Request) int) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		setSecurityHeaders(h, policy)
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		if !framed {
			// An isolated opener would also cut a framed page off from its embedder's windows.
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
		}
		h.Set("Cache-Control", "no-store")
		h.Set("X-Robots-Tag", "noindex")
		h.Set("Content-Type", contentTypes[".html"])
		if r.TLS != nil && !isLocal(r.Host) {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		w.WriteHeader(status(r))
		_, _ = w.Write(shell)
	})
}

func alwaysOK(*http.Request) int { return http.StatusOK }

var roomName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// roomStatus is 404 for a name that no room can have; the page then says so and proposes one.
func roomStatus(r *http.Request) int {
	if !roomName.MatchString(r.PathValue("room")) {
		return http.StatusNotFound
	}
	return http.StatusOK
}

// serveAssets serves what does not depend on the room. The modules are public and hold no secret, so other origins may import them;
// whether they may then talk to the server is the server's own check of the Origin.
func serveAssets(assets map[string]asset, policy string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		found, ok := assets[r.URL.Path]
		if !ok || r.URL.Path == shellName {
			http.NotFound(w, r)
			return
		}
		h := w.Header()
		setSecurityHeaders(h, policy)
		h.Set("Access-Control-Allow-Origin", "*")
		h.Set("Cross-Origin-Resource-Policy", "cross-origin")
		h.Set("Cache-Control", "no-cache")
		h.Set("Content-Type", found.contentType)
		h.Set("ETag", found.etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(found.body))
	})
}

// isLocal reports whether host is this machine or a bare address, for which HTTPS must not be pinned.
func isLocal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || net.ParseIP(strings.Trim(host, "[]")) != nil
}
