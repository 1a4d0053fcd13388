package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sfu/pkg/doctor"
)

// diagnose runs sfu doctor and returns what it found as "level id", with the exit code.
func diagnose(t *testing.T, env []string, args ...string) (found []string, code int) {
	t.Helper()
	code, stdout, stderr := run(t, env, append([]string{"doctor", "--json"}, args...)...)
	var findings []struct{ ID, Level, Message, Remedy string }
	if err := json.Unmarshal([]byte(stdout), &findings); err != nil || stderr != "" {
		t.Fatalf("%v: %s %s", err, stdout, stderr)
	}
	for _, f := range findings {
		found = append(found, f.Level+" "+f.ID)
	}
	if t.Failed() {
		t.Log(stdout)
	}
	return found, code
}

func wantFound(t *testing.T, found []string, want ...string) {
	t.Helper()
	for _, w := range want {
		if !slices.Contains(found, w) {
			t.Errorf("%s is not among %q", w, found)
		}
	}
}

func TestDoctorOfWrongSettings(t *testing.T) {
	for name, tt := range map[string]struct {
		args, env []string
	}{
		"flag":        {args: []string{"--listen=x"}},
		"environment": {env: []string{"SFU_DANCE=1"}},
		"two":         {args: []string{"--tls-self", "--tls-cert=c", "--tls-key=k"}},
		"TURN":        {args: []string{"--turn-url=turn:192.0.2.1", "--turn-secret-file=/nowhere"}},
	} {
		t.Run(name, func(t *testing.T) {
			found, code := diagnose(t, tt.env, tt.args...)
			wantFound(t, found, "fail settings-invalid")
			if code != doctor.ExitFailures {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// TestDoctorTakesWhatTheServerTakes: STUN servers among those for TURN, with and without a secret.
func TestDoctorTakesWhatTheServerTakes(t *testing.T) {
	for _, c := range []struct{ args, env []string }{
		{args: []string{"--turn-url=stun:192.0.2.1"}},
		{args: []string{"--turn-url=stun:192.0.2.1,turn:127.0.0.1:1?transport=tcp"}, env: []string{"SFU_TURN_SECRET=north"}},
	} {
		found, _ := diagnose(t, c.env, append(c.args, "--listen=127.0.0.1:0")...)
		wantFound(t, found, "ok settings")
	}
}

func TestDoctorBeforeTheServerRuns(t *testing.T) {
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, []byte(testKeys), 0o644); err != nil {
		t.Fatal(err)
	}
	other, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	found, code := diagnose(t, []string{"TERMINATION_GRACE_PERIOD_SECONDS=20"}, "--listen="+other.Addr().String(), "--auth-keys-file="+keys, "--tls-self")
	wantFound(t, found, "ok settings", "ok port-free", "ok keys", "warn address-loopback", "info certificate-self", "ok engine-alone", "info turn-none", "warn grace-short")
	if !slices.Contains(found, "fail port-silent") && !slices.Contains(found, "fail port-taken") || code != doctor.ExitFailures {
		t.Errorf("found %q, exit code %d", found, code)
	}
}

// ownAddress is one of this machine at which others could reach it.
func ownAddress(t *testing.T) netip.Addr {
	t.Helper()
	a, ok := outsideAddress(netip.IPv4Unspecified())
	if !ok {
		t.Skip("this machine has no address but loopback")
	}
	return a
}

func TestDoctorBesideTheServer(t *testing.T) {
	address := ownAddress(t)
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, []byte(testKeys), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"--auth-keys-file=" + keys, "--tls-self", "--state-dir=" + t.TempDir()}
	r := startAssembled(t, assemble, append(args, "--listen="+address.String()+":0")...)
	found, _ := diagnose(t, nil, append(args, fmt.Sprintf("--listen=%s:%d", address, r.ports.mainPort()))...)
	wantFound(t, found, "ok settings", "ok port-served", "ok keys", "ok file", "ok udp-self")
}

func TestDoctorBeforeTheServerSendsToItself(t *testing.T) {
	found, _ := diagnose(t, nil, "--listen="+ownAddress(t).String()+":0")
	wantFound(t, found, "ok udp-self")
}

// proxyTo passes requests on to a node, from another address of this machine; change is what it does to them.
func proxyTo(t *testing.T, r *running, change func(*httputil.ProxyRequest)) string {
	t.Helper()
	to, err := url.Parse(r.url("/"))
	if err != nil {
		t.Fatal(err)
	}
	dialer := &net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	proxy := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host
			change(r)
		},
		Transport: &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true},
	})
	t.Cleanup(proxy.Close)
	return proxy.URL
}

func TestDoctorFromOutside(t *testing.T) {
	names := func(r *httputil.ProxyRequest) { r.SetXForwarded() }
	strips := func(*httputil.ProxyRequest) {}
	for name, tt := range map[string]struct {
		args   []string
		change func(*httputil.ProxyRequest) // nil without a proxy
		want   string
		code   int
	}{
		"without a proxy":         {nil, nil, "ok forwarded", 0},
		"a trusted proxy":         {[]string{"--trusted-proxies=127.0.0.2"}, names, "ok forwarded", 0},
		"a proxy nobody named":    {nil, names, "warn forwarded-untrusted", doctor.ExitWarnings},
		"one that strips":         {nil, strips, "warn forwarded-missing", doctor.ExitWarnings},
		"a trusted one that does": {[]string{"--trusted-proxies=127.0.0.2"}, strips, "warn forwarded-missing", doctor.ExitWarnings},
		"a trusted one with paths": {[]string{"--trusted-proxies=127.0.0.2"}, func(r *httputil.ProxyRequest) {
			r.SetXForwarded()
			r.Out.URL.Path = strings.TrimPrefix(r.Out.URL.Path, "/meet")
		}, "ok forwarded", 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := startAssembled(t, assemble, tt.args...)
			at := strings.TrimSuffix(r.url("/"), "/")
			if tt.change != nil {
				at = proxyTo(t, r, tt.change)
			}
			if strings.HasSuffix(name, "paths") {
				at += "/meet"
			}
			found, code := diagnose(t, nil, "--remote="+at, "--quick")
			wantFound(t, found, tt.want, "ok api", "ok page", "ok origin", "ok websocket", "ok udp", "ok tcp", "ok second")
			want := tt.code
			// A slow machine loses packets and takes its time, and the doctor says so.
			if text := strings.Join(found, " "); strings.Contains(text, "warn join-slow") || strings.Contains(text, "warn media-lossy") {
				want = doctor.ExitWarnings
			}
			if code != want {
				t.Errorf("exit code %d, want %d: %q", code, want, found)
			}
		})
	}
}

func TestWhoAsks(t *testing.T) {
	for name, tt := range map[string]struct {
		peer, forwarded, question, want string
	}{
		"direct":             {"203.0.113.9:5", "", "203.0.113.9", "direct; same"},
		"behind a NAT":       {"203.0.113.9:5", "", "192.168.1.7", "direct; other"},
		"does not know":      {"203.0.113.9:5", "", "?", "direct"},
		"trusted":            {"10.0.0.1:5", "203.0.113.9", "203.0.113.9", "forwarded; same"},
		"trusted, no header": {"10.0.0.1:5", "", "203.0.113.9", "nameless; other"},
		"stranger":           {"198.51.100.4:5", "203.0.113.9", "203.0.113.9", "untrusted; other"},
	} {
		t.Run(name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/", nil)
			r.RemoteAddr = tt.peer
			if tt.forwarded != "" {
				r.Header.Set("X-Forwarded-For", tt.forwarded)
			}
			if got := whoAsks(r, tt.question, proxies); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestRoomOfToken(t *testing.T) {
	_, token, _ := run(t, []string{"SFU_AUTH_KEYS=" + testKeys}, "token", "--room=kitchen", "--identity=ann")
	for text, want := range map[string]string{token: "kitchen", "a.b.c": "", "": "", "a.e30.c": ""} {
		if got := roomOfToken(text); got != want {
			t.Errorf("%.20q: %q", text, got)
		}
	}
}
