package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sfu/pkg/auth"
)

func run(t *testing.T, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err strings.Builder
	code = Run(context.Background(), args, env, &out, &err)
	return code, out.String(), err.String()
}

func TestExitCodes(t *testing.T) {
	for _, tt := range []struct {
		args           []string
		env            []string
		code           int
		stdout, stderr string
	}{
		{args: []string{"--help"}, stdout: "--public-ip"},
		{args: []string{"-h"}, stdout: "Usage:"},
		{args: []string{"help"}, stdout: "Usage:"},
		{args: []string{"serve", "--help"}, stdout: "Usage:"},
		{args: []string{"version"}, stdout: "sfu "},
		{args: []string{"token", "--help"}, stdout: "--identity"},
		{args: []string{"healthcheck", "--help"}, stdout: "--listen"},
		{args: []string{"doctor", "--help"}, stdout: "--remote=URL"},
		{args: []string{"doctor", "--dance"}, code: 2, stderr: "unknown flag --dance"},
		{args: []string{"doctor", "--quick"}, code: 2, stderr: "--quick needs --remote"},
		{args: []string{"doctor", "--remote=meet.example.org"}, code: 2, stderr: "--remote"},
		{args: []string{"doctor", "--remote=https://meet.example.org", "--listen=:80"}, code: 2, stderr: "--listen is about this machine"},
		{args: []string{"doctor", "--remote=https://meet.example.org", "--room=a b"}, code: 2, stderr: "--room"},
		{args: []string{"dance"}, code: 2, stderr: `unknown command "dance"`},
		{args: []string{"--dance"}, code: 2, stderr: "unknown flag --dance"},
		{args: []string{"version", "--dance"}, code: 2, stderr: "unknown flag --dance"},
		{env: []string{"SFU_DANCE=1"}, code: 2, stderr: "SFU_DANCE"},
		{args: []string{"--auth-keys-file=/nowhere/keys"}, code: 2, stderr: "/nowhere/keys"},
		{args: []string{"--tls-cert=/nowhere/c", "--tls-key=/nowhere/k"}, code: 2, stderr: "/nowhere/c"},
		{args: []string{"--turn-secret-file=/nowhere/s"}, code: 2, stderr: "/nowhere/s"},
		{args: []string{"--listen=192.0.2.1:8080"}, code: 1, stderr: "open --listen"},
		{args: []string{"healthcheck", "--listen=x"}, code: 2, stderr: "--listen"},
		{args: []string{"token", "--room=kitchen", "--identity=ann"}, code: 2, stderr: "needs a key"},
	} {
		code, stdout, stderr := run(t, tt.env, tt.args...)
		if code != tt.code || !strings.Contains(stdout, tt.stdout) || !strings.Contains(stderr, tt.stderr) {
			t.Errorf("%v %v: code %d, stdout %.80q, stderr %q", tt.args, tt.env, code, stdout, stderr)
		}
		if tt.code != 0 && stdout != "" {
			t.Errorf("%v: an error is written to stdout: %q", tt.args, stdout)
		}
	}
}

const testKeys = "first EdDSA MCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\nmain HS256 Zk9wq7Bn3T0sVxLr5Yd2HgM8cJ4uPaEi\n"

func TestTokenIsAccepted(t *testing.T) {
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(testKeys), 0o600); err != nil {
		t.Fatal(err)
	}
	v, _, err := newVerifier(Access{KeysFile: file})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args, env []string
		check     func(auth.Grant) bool
	}{
		"file": {[]string{"--auth-keys-file=" + file, "--moderate"}, nil,
			func(g auth.Grant) bool {
				return g.Moderate && g.Subscribe && g.Chat && len(g.Publish) == 4 && g.TokenID == ""
			}},
		"variable with the file": {[]string{"--publish=microphone"}, []string{"SFU_AUTH_KEYS_FILE=" + file},
			func(g auth.Grant) bool { return len(g.Publish) == 1 && g.Publish[0] == auth.Microphone }},
		"variable with the keys": {[]string{"--publish=", "--subscribe=false", "--chat=false", "--jti", "--name=Ann"}, []string{"SFU_AUTH_KEYS=" + testKeys},
			func(g auth.Grant) bool {
				return len(g.Publish) == 0 && !g.Subscribe && !g.Chat && len(g.TokenID) > 20 && g.Name == "Ann"
			}},
		"named key": {[]string{"--auth-keys-file=" + file, "--kid=main", "--ttl=24h"}, nil,
			func(g auth.Grant) bool { return g.Expires.After(time.Now().Add(23 * time.Hour)) }},
	} {
		t.Run(name, func(t *testing.T) {
			code, token, stderr := run(t, tt.env, append([]string{"token", "--room=kitchen", "--identity=ann"}, tt.args...)...)
			if code != 0 {
				t.Fatal(stderr)
			}
			g, err := v.Verify(strings.TrimSuffix(token, "\n"), "kitchen", time.Now())
			if err != nil {
				t.Fatal(err)
			}
			if g.Identity != "ann" || !tt.check(g) {
				t.Errorf("got %+v", g)
			}
		})
	}
	for name, args := range map[string][]string{
		"too long":      {"--ttl=25h"},
		"no such key":   {"--kid=other"},
		"public key":    {"--kid=first"},
		"no identity":   {"--identity="},
		"bad source":    {"--publish=mic"},
		"negative time": {"--ttl=-1h"},
	} {
		code, token, stderr := run(t, []string{"SFU_AUTH_KEYS=" + testKeys}, append([]string{"token", "--room=kitchen", "--identity=ann"}, args...)...)
		if code != 2 || token != "" || strings.Contains(stderr, "Zk9wq7Bn") {
			t.Errorf("%s: code %d, token %q, stderr %q", name, code, token, stderr)
		}
	}
}

func TestOnlyAKeyThatCanSign(t *testing.T) {
	onlyPublic, _, _ := strings.Cut(testKeys, "\n")
	code, _, stderr := run(t, []string{"SFU_AUTH_KEYS=" + onlyPublic}, "token", "--room=kitchen", "--identity=ann")
	if code != 2 || !strings.Contains(stderr, "none of the keys") {
		t.Errorf("code %d, %s", code, stderr)
	}
}
