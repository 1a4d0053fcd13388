package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// contentSecurityPolicy is as strict as a page can be: its own modules and styles, its own server, nothing inline, no string that becomes
// code or markup. 'self' in connect-src also covers ws: and wss: of the same host and port (CSP level 3, section 6.7.2.8); signals are what
// else it may hold.
func contentSecurityPolicy(frameAncestors, signals []string) (string, error) {
	connect := "'self'"
	for _, source := range signals {
		if !isSocketSource(source) {
			return "", fmt.Errorf("%q is not where a WebSocket can be, such as wss://n1.example.org", source)
		}
		connect += " " + source
	}
	ancestors := "'none'"
	if len(frameAncestors) > 0 {
		for _, origin := range frameAncestors {
			if !isOrigin(origin) {
				return "", fmt.Errorf("%q is not an origin such as https://example.org", origin)
			}
		}
		ancestors = strings.Join(frameAncestors, " ")
	}
	return strings.Join([]string{
		"default-src 'none'",
		"script-src 'self'",
		"style-src 'self'",
		"img-src 'self'",
		"media-src 'self' blob:",
		"connect-src " + connect,
		"base-uri 'none'",
		"form-action 'none'",
		"frame-ancestors " + ancestors,
		"require-trusted-types-for 'script'",
		"trusted-types 'none'",
	}, "; "), nil
}

// isOrigin reports whether s is a scheme, a host and perhaps a port, and nothing that could end the directive.
func isOrigin(s string) bool {
	return isHostSource(s, "http", "https")
}

// isSocketSource reports whether s is "ws:" or "wss:", or one of them with a host and perhaps a port.
func isSocketSource(s string) bool {
	return s == "ws:" || s == "wss:" || isHostSource(s, "ws", "wss")
}

func isHostSource(s string, schemes ...string) bool {
	u, err := url.Parse(s)
	if err != nil || u.Host == "" || !slices.Contains(schemes, u.Scheme) {
		return false
	}
	return s == u.Scheme+"://"+u.Host && !strings.ContainsAny(u.Host, " ;,'\"\t\r\n")
}

// setSecurityHeaders sets what every answer carries.
func setSecurityHeaders(h http.Header, policy string) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Permissions-Policy", "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=()")
}
