package main

import (
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

var proxies = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.1/32")}

func TestM44_ForwardedHeadersOfStrangersAreIgnored(t *testing.T) {
	for name, tt := range map[string]struct {
		peer      string
		forwarded []string
		want      string
	}{
		"no proxy":                     {"203.0.113.9:5", nil, "203.0.113.9:5"},
		"a stranger claims":            {"203.0.113.9:5", []string{"127.0.0.1"}, "203.0.113.9:5"},
		"one proxy":                    {"10.0.0.1:5", []string{"203.0.113.9"}, "203.0.113.9:0"},
		"the client lies to the proxy": {"10.0.0.1:5", []string{"127.0.0.1, 203.0.113.9"}, "203.0.113.9:0"},
		"lies in a header of its own":  {"10.0.0.1:5", []string{"127.0.0.1", "203.0.113.9"}, "203.0.113.9:0"},
		"two proxies":                  {"10.0.0.1:5", []string{"198.51.100.4, 203.0.113.9, 10.0.0.2"}, "203.0.113.9:0"},
		"only proxies":                 {"10.0.0.1:5", []string{"10.0.0.3, 10.0.0.2"}, "10.0.0.3:0"},
		"with ports":                   {"10.0.0.1:5", []string{"203.0.113.9:4711"}, "203.0.113.9:0"},
		"IPv6":                         {"10.0.0.1:5", []string{"[2001:db8::9]:4711"}, "[2001:db8::9]:0"},
		"IPv6 without port":            {"10.0.0.1:5", []string{"2001:db8::9"}, "[2001:db8::9]:0"},
		"IPv4 in IPv6":                 {"[::ffff:10.0.0.1]:5", []string{"::ffff:203.0.113.9"}, "203.0.113.9:0"},
		"rubbish":                      {"10.0.0.1:5", []string{"203.0.113.9, unknown"}, "10.0.0.1:0"},
		"empty":                        {"10.0.0.1:5", []string{""}, "10.0.0.1:0"},
		"no header":                    {"10.0.0.1:5", nil, "10.0.0.1:0"},
	} {
		t.Run(name, func(t *testing.T) {
			var got string
			var said strings.Builder
			h := trustProxies(proxies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RemoteAddr }), slog.New(slog.NewTextHandler(&said, nil)))
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr, r.Header["X-Forwarded-For"] = tt.peer, tt.forwarded
			h.ServeHTTP(httptest.NewRecorder(), r)
			if got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if r.RemoteAddr != tt.peer {
				t.Error("the server's own request was changed")
			}
			if hinted := said.Len() > 0; hinted != (name == "a stranger claims") {
				t.Errorf("said %q", said.String())
			}
		})
	}
}

func TestForwardedHost(t *testing.T) {
	for peer, want := range map[string]string{"10.0.0.1:5": "meet.example.org", "203.0.113.9:5": "backend:8080"} {
		var got string
		h := trustProxies(proxies, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.Host }), slog.New(slog.DiscardHandler))
		r := httptest.NewRequest("GET", "http://backend:8080/", nil)
		r.RemoteAddr = peer
		r.Header.Set("X-Forwarded-Host", "meet.example.org")
		h.ServeHTTP(httptest.NewRecorder(), r)
		if got != want {
			t.Errorf("%s: got %s, want %s", peer, got, want)
		}
	}
}

func TestMetricsOnTheMainPortAreForThisMachine(t *testing.T) {
	h := localOnly(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	for name, tt := range map[string]struct {
		peer, host, header string
		want               int
	}{
		"this machine":         {"127.0.0.1:5", "localhost:8080", "", 200},
		"by address":           {"127.0.0.1:5", "127.0.0.1:8080", "", 200},
		"IPv6":                 {"[::1]:5", "[::1]:8080", "", 200},
		"IPv6 without port":    {"[::1]:5", "[::1]", "", 200},
		"mapped":               {"[::ffff:127.0.0.1]:5", "localhost", "", 200},
		"another machine":      {"192.168.1.7:5", "localhost:8080", "", 403},
		"the local proxy":      {"127.0.0.1:5", "localhost:8080", "X-Forwarded-For", 403},
		"RFC 7239":             {"127.0.0.1:5", "localhost:8080", "Forwarded", 403},
		"another proxy":        {"127.0.0.1:5", "localhost:8080", "Via", 403},
		"a proxy's host":       {"127.0.0.1:5", "meet.example.org", "", 403},
		"a rebound name":       {"127.0.0.1:5", "evil.example:8080", "", 403},
		"a name with an IP":    {"127.0.0.1:5", "127.0.0.1.evil.example", "", 403},
		"an unreadable sender": {"@", "localhost", "", 403},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/metrics", nil)
			r.RemoteAddr, r.Host = tt.peer, tt.host
			if tt.header != "" {
				r.Header.Set(tt.header, "")
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("got %d, want %d", w.Code, tt.want)
			}
			if w.Code == 403 && !strings.Contains(w.Body.String(), "--admin-listen") {
				t.Errorf("the refusal does not say what to do: %s", w.Body)
			}
		})
	}
}

func TestRedirectToTLS(t *testing.T) {
	h := redirectToTLS(proxies, http.NotFoundHandler())
	for name, tt := range map[string]struct {
		path, host, peer, proto string
		want                    int
		location                string
	}{
		"page":            {"/room?x=1", "meet.example:8080", "203.0.113.9:5", "", 307, "https://meet.example:8080/room?x=1"},
		"monitor":         {"/livez", "meet.example:8080", "203.0.113.9:5", "", 404, ""},
		"behind a proxy":  {"/room", "meet.example", "10.0.0.1:5", "https", 404, ""},
		"a stranger lies": {"/room", "meet.example", "203.0.113.9:5", "https", 307, "https://meet.example/room"},
		"no host":         {"/room", "", "203.0.113.9:5", "", 400, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", tt.path, nil)
			r.Host, r.RemoteAddr = tt.host, tt.peer
			if tt.proto != "" {
				r.Header.Set("X-Forwarded-Proto", tt.proto)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tt.want || w.Header().Get("Location") != tt.location {
				t.Errorf("got %d %q", w.Code, w.Header().Get("Location"))
			}
		})
	}
}

func TestM34_BigBody(t *testing.T) {
	h := limitBody(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		var tooBig *http.MaxBytesError
		if errors.As(err, &tooBig) {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
		}
	}))
	for name, tt := range map[string]struct {
		size    int64
		declare bool
		want    int
	}{
		"just small enough": {maxBodyBytes, true, 200},
		"declared":          {1 << 30, true, 413},
		"not declared":      {maxBodyBytes + 1, false, 413},
	} {
		t.Run(name, func(t *testing.T) {
			body := &counted{left: tt.size}
			r := httptest.NewRequest("POST", "/", body)
			r.ContentLength = -1
			if tt.declare {
				r.ContentLength = tt.size
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != tt.want {
				t.Errorf("got %d, want %d", w.Code, tt.want)
			}
			if tt.want == 413 && tt.declare && body.left != tt.size {
				t.Error("a body that was announced too big was read")
			}
		})
	}
}

// counted is a body of zeros.
type counted struct{ left int64 }

func (c *counted) Read(p []byte) (int, error) {
	if c.left == 0 {
		return 0, io.EOF
	}
	n := min(int64(len(p)), c.left)
	c.left -= n
	return int(n), nil
}

func TestStrictTransportOnlyWhereItHarmsNobody(t *testing.T) {
	files := TLS{CertFile: "c", KeyFile: "k"}
	for name, tt := range map[string]struct {
		tls  TLS
		port uint16
		want bool
	}{
		"certificate on 443": {files, 443, true},
		"on another port":    {files, 8443, false},
		"made by ourselves":  {TLS{Self: true}, 443, false},
		"plain":              {TLS{}, 443, false},
	} {
		w := httptest.NewRecorder()
		commonHeaders(tt.tls, tt.port, http.NotFoundHandler()).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if got := w.Header().Get("Strict-Transport-Security") != ""; got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
		if w.Header().Get("X-Content-Type-Options") != "nosniff" || w.Header().Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%s: headers %v", name, w.Header())
		}
	}
}

func TestHealth(t *testing.T) {
	broken := errors.New("the worker has not ticked for 6 s")
	var live, ready error
	h := newHealth(parts{
		Live:  []condition{{"workers", func() error { return live }}},
		Ready: []condition{{"capacity", func() error { return ready }}},
	})
	mux := http.NewServeMux()
	h.routes(mux)
	ask := func(method, path string) (int, []failure) {
		t.Helper()
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		var body struct {
			Live, Ready bool
			Failing     []failure
		}
		if w.Code < 400 || w.Code == 503 {
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
				t.Fatal(err)
			}
			if (body.Live || body.Ready) != (w.Code == 200) {
				t.Errorf("%s: %s", path, w.Body)
			}
			if w.Header().Get("Cache-Control") != "no-store" {
				t.Error("the answer may be cached")
			}
		}
		return w.Code, body.Failing
	}
	expect := func(path string, status int, failing ...string) {
		t.Helper()
		code, got := ask("GET", path)
		names := []string{}
		for _, f := range got {
			names = append(names, f.Condition)
		}
		if code != status || strings.Join(names, " ") != strings.Join(failing, " ") {
			t.Errorf("%s: %d %v, want %d %v", path, code, names, status, failing)
		}
	}
	expect("/livez", 200)
	expect("/readyz", 200)
	ready = broken
	expect("/livez", 200)
	expect("/readyz", 503, "capacity")
	h.draining.Store(true)
	expect("/livez", 200)
	expect("/readyz", 503, "draining", "capacity")
	live, ready = broken, nil
	expect("/livez", 503, "workers")
	expect("/readyz", 503, "workers", "draining")
	if code, _ := ask("POST", "/livez"); code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", code)
	}
}

func TestPanicsAreLoggedAsErrors(t *testing.T) {
	var log strings.Builder
	l := newHTTPErrorLog(slog.New(slog.NewTextHandler(&log, nil)))
	l.Print("http: TLS handshake error from 203.0.113.9:5: EOF")
	if log.Len() > 0 {
		t.Errorf("a client's handshake is logged: %s", log.String())
	}
	l.Print("http: panic serving 203.0.113.9:5: boom")
	if !strings.Contains(log.String(), "level=ERROR") {
		t.Errorf("got %q", log.String())
	}
}
