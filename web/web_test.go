package web_test

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"sfu/web"
)

func newHandler(t *testing.T, cfg web.Config) http.Handler {
	t.Helper()
	h, err := web.NewHandler(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func get(t *testing.T, h http.Handler, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r *http.Response) string {
	t.Helper()
	var b strings.Builder
	buffer := make([]byte, 1<<16)
	for {
		n, err := r.Body.Read(buffer)
		b.Write(buffer[:n])
		if err != nil {
			return b.String()
		}
	}
}

func TestAddresses(t *testing.T) {
	h := newHandler(t, web.Config{})
	for _, tt := range []struct {
		path     string
		status   int
		location string
	}{
		{"/", 200, ""},
		{"/r/kitchen", 200, ""},
		{"/r/A-1_z", 200, ""},
		{"/r/a%20b", 404, ""},
		{"/r/%2e%2e%2fetc", 404, ""},
		{"/r/%F0%9F%8E%89", 404, ""},
		{"/r/" + strings.Repeat("x", 65), 404, ""},
		{"/r/kitchen/", 308, "../kitchen"},
		{"/r/a%20b/", 308, "../a%20b"},
		{"/static/main.js", 200, ""},
		{"/static/ui/call.js", 200, ""},
		{"/static/index.html", 404, ""},
		{"/static/../handler.go", 307, "/handler.go"},
		{"/static/", 404, ""},
		{"/static/ui/", 404, ""},
		{"/other", 404, ""},
		{"/r/", 404, ""},
		{"/r/a/b", 404, ""},
	} {
		r := get(t, h, tt.path)
		if r.StatusCode != tt.status || r.Header.Get("Location") != tt.location {
			t.Errorf("%s: %d %q, want %d %q", tt.path, r.StatusCode, r.Header.Get("Location"), tt.status, tt.location)
		}
	}
}

func TestOnlyReads(t *testing.T) {
	h := newHandler(t, web.Config{})
	for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/", nil))
		if w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s: %d", method, w.Code)
		}
	}
}

// The page must work under any prefix, so it may name nothing from the root of the host.
func TestThePageNamesItsAssetsRelativeToItself(t *testing.T) {
	h := newHandler(t, web.Config{})
	reference := regexp.MustCompile(`(?:href|src)="([^"]*)"`)
	for path, base := range map[string]string{"/": "", "/r/kitchen": "../", "/r/a%20b": "../"} {
		page := body(t, get(t, h, path))
		if strings.Contains(page, "{{") {
			t.Errorf("%s: something was not filled in", path)
		}
		found := 0
		for _, match := range reference.FindAllStringSubmatch(page, -1) {
			name, ok := strings.CutPrefix(match[1], base+"static/")
			if !ok {
				t.Errorf("%s refers to %q", path, match[1])
				continue
			}
			if r := get(t, h, "/static/"+name); r.StatusCode != 200 {
				t.Errorf("%s refers to %q: %d", path, match[1], r.StatusCode)
			}
			found++
		}
		if found < 20 {
			t.Errorf("%s: only %d references; are the modules loaded ahead?", path, found)
		}
	}
}

func TestAllModulesAreLoadedAhead(t *testing.T) {
	h := newHandler(t, web.Config{})
	page := body(t, get(t, h, "/"))
	imports := regexp.MustCompile(`from '\./([^']+)'`)
	for _, match := range imports.FindAllStringSubmatch(body(t, get(t, h, "/static/main.js")), -1) {
		if !strings.Contains(page, `<link rel="modulepreload" href="static/`+match[1]+`">`) {
			t.Errorf("%s is not loaded ahead", match[1])
		}
	}
	if !strings.Contains(page, `href="static/backoff.js"`) {
		t.Error("what is imported at second hand is not loaded ahead")
	}
	if strings.Contains(page, "example.js") || strings.Contains(page, `href="static/sfu.js"`) {
		t.Error("what the page does not need is loaded ahead")
	}
}

func TestSecurityHeaders(t *testing.T) {
	h := newHandler(t, web.Config{})
	for _, path := range []string{"/", "/r/kitchen", "/r/a%20b", "/static/main.js", "/static/example.html"} {
		r := get(t, h, path)
		for key, want := range map[string]string{
			"X-Content-Type-Options": "nosniff",
			"Referrer-Policy":        "no-referrer",
			"Permissions-Policy":     "camera=(self), microphone=(self), display-capture=(self), geolocation=(), payment=(), usb=()",
		} {
			if got := r.Header.Get(key); got != want {
				t.Errorf("%s: %s is %q", path, key, got)
			}
		}
		policy := r.Header.Get("Content-Security-Policy")
		for _, part := range []string{
			"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'", "form-action 'none'",
			"frame-ancestors 'none'", "require-trusted-types-for 'script'",
		} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: the policy lacks %s", path, part)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") {
			t.Errorf("%s: the policy is %s", path, policy)
		}
	}
}

func TestFrames(t *testing.T) {
	h := newHandler(t, web.Config{FrameAncestors: []string{"https://intranet.example.org", "http://localhost:3000"}})
	r := get(t, h, "/r/kitchen")
	if policy := r.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "frame-ancestors https://intranet.example.org http://localhost:3000;") {
		t.Error(policy)
	}
	if got := r.Header.Get("Cross-Origin-Opener-Policy"); got != "" {
		t.Errorf("a framed page has an opener policy: %q", got)
	}
	for _, origin := range []string{"*", "example.org", "https://example.org/", "https://a;script-src *", "javascript:x", "https://a b", "https://", "https://u@example.org"} {
		if _, err := web.NewHandler(web.Config{FrameAncestors: []string{origin}}); err == nil {
			t.Errorf("%q was taken for an origin", origin)
		}
	}
}

func TestSocketsOfOtherServersAreAllowedOnlyWhereTheyAreNamed(t *testing.T) {
	for want, signals := range map[string][]string{
		"; connect-src 'self'; ":          nil,
		"; connect-src 'self' wss: ws:; ": {"wss:", "ws:"},
		"; connect-src 'self' wss://n1.example.org wss://n2.example.org:8443; ": {"wss://n1.example.org", "wss://n2.example.org:8443"},
	} {
		r := get(t, newHandler(t, web.Config{Signals: signals}), "/r/kitchen")
		if policy := r.Header.Get("Content-Security-Policy"); !strings.Contains(policy, want) {
			t.Errorf("with %v the policy is %s", signals, policy)
		}
	}
	for _, source := range []string{"*", "", "https://n1.example.org", "wss://n1.example.org/", "wss://a;script-src *", "ws://a b", "wss://", "https:", "'unsafe-inline'"} {
		if _, err := web.NewHandler(web.Config{Signals: []string{source}}); err == nil {
			t.Errorf("%q was taken for a place of WebSockets", source)
		}
	}
}

func TestPagesAreNotStoredAndAssetsAreChecked(t *testing.T) {
	h := newHandler(t, web.Config{})
	page := get(t, h, "/r/kitchen")
	if page.Header.Get("Cache-Control") != "no-store" || page.Header.Get("X-Robots-Tag") != "noindex" {
		t.Errorf("%v", page.Header)
	}
	asset := get(t, h, "/static/main.js")
	etag := asset.Header.Get("ETag")
	if asset.Header.Get("Cache-Control") != "no-cache" || etag == "" {
		t.Fatalf("%v", asset.Header)
	}
	if r := get(t, h, "/static/main.js", "If-None-Match", etag); r.StatusCode != http.StatusNotModified {
		t.Errorf("the same again: %d", r.StatusCode)
	}
	if r := get(t, h, "/static/main.js", "If-None-Match", `"other"`); r.StatusCode != http.StatusOK {
		t.Errorf("another one: %d", r.StatusCode)
	}
	if get(t, h, "/static/call.css").Header.Get("ETag") == etag {
		t.Error("two files have one tag")
	}
}

func TestContentTypes(t *testing.T) {
	h := newHandler(t, web.Config{})
	for path, want := range map[string]string{
		"/":                     "text/html; charset=utf-8",
		"/r/kitchen":            "text/html; charset=utf-8",
		"/static/main.js":       "text/javascript; charset=utf-8",
		"/static/style.css":     "text/css; charset=utf-8",
		"/static/icon.svg":      "image/svg+xml",
		"/static/example.html":  "text/html; charset=utf-8",
		"/static/ui/picture.js": "text/javascript; charset=utf-8",
	} {
		if got := get(t, h, path).Header.Get("Content-Type"); got != want {
			t.Errorf("%s is %q, want %q", path, got, want)
		}
	}
}

func TestTLSIsPinnedForNamesOnly(t *testing.T) {
	h := newHandler(t, web.Config{})
	for host, want := range map[string]bool{
		"meet.example.org": true, "meet.example.org:8443": true, "localhost": false, "localhost:8080": false, "a.localhost": false,
		"192.0.2.1": false, "192.0.2.1:443": false, "[::1]:8080": false, "[::1]": false,
	} {
		if got := get(t, h, "https://"+host+"/").Header.Get("Strict-Transport-Security") != ""; got != want {
			t.Errorf("%s: pinned is %v", host, got)
		}
	}
	if get(t, h, "http://meet.example.org/").Header.Get("Strict-Transport-Security") != "" {
		t.Error("pinned without TLS")
	}
}

// Other sites may import the modules; whether they may use the server is the server's own check.
func TestModulesMayBeImportedFromElsewhere(t *testing.T) {
	h := newHandler(t, web.Config{})
	if get(t, h, "/static/sfu.js").Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Error("the module cannot be imported")
	}
	if get(t, h, "/r/kitchen").Header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("the page can be read from elsewhere")
	}
}

// The policy forbids both, so a slip would only show in a browser.
func TestNothingIsInline(t *testing.T) {
	h := newHandler(t, web.Config{})
	for _, path := range []string{"/", "/static/example.html"} {
		page := body(t, get(t, h, path))
		for _, pattern := range []string{`<script(?:[^>]*)>[^<\s]`, `<style`, `\sstyle="`, `\son[a-z]+="`} {
			if found := regexp.MustCompile(pattern).FindString(page); found != "" {
				t.Errorf("%s has %q", path, found)
			}
		}
	}
}

func FuzzRoomPage(f *testing.F) {
	h, err := web.NewHandler(web.Config{})
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"kitchen", "..", "%", "a b", "\x00", "a/b", "{{base}}", `"><script>`} {
		f.Add(seed)
	}
	reference := get(&testing.T{}, h, "/r/kitchen")
	want := body(&testing.T{}, reference)
	f.Fuzz(func(t *testing.T, name string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.URL.Path = "/r/" + name
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		// Whatever the name, it never becomes part of the page.
		if w.Code == http.StatusOK || w.Header().Get("Content-Type") == "text/html; charset=utf-8" && w.Code == http.StatusNotFound {
			if w.Body.String() != want {
				t.Errorf("%q made another page", name)
			}
		}
	})
}
