package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"time"
)

// Limits of HTTP requests. A WebSocket is free of the times once it is upgraded.
const (
	maxHeaderBytes    = 16 << 10
	maxBodyBytes      = 64 << 10
	readHeaderTimeout = 5 * time.Second
	readTimeout       = 15 * time.Second
	writeTimeout      = time.Minute
	idleTimeout       = time.Minute
)

// newHTTPServer returns a server for h with all limits but that of the body. HTTP/2 is off: a WebSocket needs HTTP/1.1.
func newHTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Server{
		Handler: h, Protocols: protocols, ErrorLog: newHTTPErrorLog(log), MaxHeaderBytes: maxHeaderBytes,
		ReadHeaderTimeout: readHeaderTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, IdleTimeout: idleTimeout,
	}
}

// refuse answers with a code and a sentence, as everything that this server refuses.
func refuse(w http.ResponseWriter, status int, code, sentence string) {
	writeJSON(w, status, map[string]string{"code": code, "message": sentence})
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(body) // an error here means that the client is gone
}

// limitBody refuses requests that announce more than maxBodyBytes, and cuts off those that send more than that.
func limitBody(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ContentLength > maxBodyBytes {
			w.Header().Set("Connection", "close")
			refuse(w, http.StatusRequestEntityTooLarge, "message_too_big", fmt.Sprintf("A request may have %d bytes.", maxBodyBytes))
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBodyBytes)
		next.ServeHTTP(w, r)
	})
}

// strictTransportPort is the only one on which browsers are told to insist on TLS: they would insist on it on every other port of
// the host too.
const strictTransportPort = 443

// commonHeaders are right for every answer. The page adds its own.
func commonHeaders(tls TLS, port uint16, next http.Handler) http.Handler {
	strict := tls.CertFile != "" && port == strictTransportPort // a warning about a self-made certificate could not be passed any more
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		if strict {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// redirectToTLS sends plain HTTP to the same address with https, but for what monitors ask and what came through a trusted proxy
// over TLS.
func redirectToTLS(trusted []netip.Prefix, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.TLS != nil || isMonitorPath(r.URL.Path) || forwardedTLS(r, trusted) {
			next.ServeHTTP(w, r)
			return
		}
		if r.Host == "" {
			refuse(w, http.StatusBadRequest, "bad_request", "The request names no host.")
			return
		}
		// Not a permanent one: browsers would go on after TLS was turned off again.
		http.Redirect(w, r, "https://"+r.Host+r.URL.RequestURI(), http.StatusTemporaryRedirect)
	})
}

func isMonitorPath(path string) bool {
	return path == "/livez" || path == "/readyz" || path == "/metrics"
}
