package auth_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"sfu/pkg/auth"
)

func TestParseKeysText(t *testing.T) {
	_, public := ed25519Pair(t)
	keys, err := auth.ParseKeys([]byte("# rotated in spring\n\nmain HS256 " + secret + "\r\n  second\tEdDSA  " + public + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) != 2 || keys[0].String() != "main HS256" || keys[1].String() != "second EdDSA" {
		t.Errorf("got %v", keys)
	}
	if !keys[0].CanSign() || keys[1].CanSign() {
		t.Error("who can sign is wrong")
	}
}

func TestParseKeysJSON(t *testing.T) {
	private, _ := p256Pair(t)
	text, err := json.Marshal(map[string]any{"keys": []map[string]string{{"kid": "a", "alg": "ES256", "key": private}}})
	if err != nil {
		t.Fatal(err)
	}
	keys, err := auth.ParseKeys(text)
	if err != nil {
		t.Fatal(err)
	}
	if len(keys) != 1 || keys[0].String() != "a ES256" || !keys[0].CanSign() {
		t.Errorf("got %v", keys)
	}
}

func TestParseKeysRefuses(t *testing.T) {
	private, public := ed25519Pair(t)
	_, publicEC := p256Pair(t)
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, publicRSA := pemOf(t, rsaKey, &rsaKey.PublicKey)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, publicP384 := pemOf(t, p384, &p384.PublicKey)
	for name, tt := range map[string]struct{ file, want string }{
		"empty":                 {"", "no key"},
		"only comments":         {"# nothing\n", "no key"},
		"two fields":            {"main HS256\n", "line 1: want three fields"},
		"PEM in text":           {"ok HS256 " + secret + "\nmain EdDSA " + private, "line 2"},
		"short secret":          {"main HS256 " + secret[:31], "the secret has 31 bytes, at least 32"},
		"sample secret":         {"main HS256 your-256-bit-secret-your-256-bit-secret", "looks like a sample"},
		"janus":                 {"main HS256 janusoverlordjanusoverlordjanusoverlord", "looks like a sample"},
		"change me":             {"main HS256 CHANGEMECHANGEMECHANGEMECHANGEME", "looks like a sample"},
		"one letter":            {"main HS256 " + strings.Repeat("a", 40), "looks like a sample"},
		"digits in a row":       {"main HS256 0123456789abcdef0123456789abcdef", "looks like a sample"},
		"unknown algorithm":     {"main HS512 " + secret, "unknown algorithm"},
		"none":                  {"main none " + secret, "unknown algorithm"},
		"bad id":                {"ma/in HS256 " + secret, "key id"},
		"long id":               {strings.Repeat("i", 65) + " HS256 " + secret, "1 to 64"},
		"twice":                 {"main HS256 " + secret + "\nmain EdDSA " + public, `"main" is there twice`},
		"wrong curve family":    {"main EdDSA " + publicEC, "needs an Ed25519 key"},
		"wrong family":          {"main ES256 " + public, "needs a P-256 key"},
		"RSA":                   {"main ES256 " + publicRSA, "needs a P-256 key"},
		"P-384":                 {"main ES256 " + publicP384, "needs the curve P-256, this is P-384"},
		"not base64":            {"main ES256 ???", "neither PEM nor base64"},
		"not a key":             {"main ES256 aGVsbG8=", "neither a public key"},
		"JSON, unknown field":   {`{"keys":[],"more":1}`, "unknown field"},
		"JSON, something after": {`{"keys":[]} {}`, "something follows"},
		"JSON, no keys":         {`{"keys":[]}`, "no key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := auth.ParseKeys([]byte(tt.file))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("got %v, want something with %q", err, tt.want)
			}
			for _, field := range strings.Fields(tt.file) {
				if len(field) >= 31 && strings.Contains(err.Error(), field) {
					t.Errorf("the error shows a secret: %v", err)
				}
			}
		})
	}
}

func TestKeyNeverPrintsItsSecret(t *testing.T) {
	k := key(t, "main", auth.HS256, secret)
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "key", k, "keys", []auth.Key{k})
	for _, text := range []string{fmt.Sprint(k), fmt.Sprintf("%+v %#v %s %q", k, k, k, []auth.Key{k}), log.String()} {
		if strings.Contains(text, secret) || strings.Contains(text, secret[:8]) || strings.Contains(text, "90 107 57 119") {
			t.Errorf("the secret stands in %q", text)
		}
	}
}

func TestSignRefuses(t *testing.T) {
	k := key(t, "main", auth.HS256, secret)
	for name, change := range map[string]func(*auth.Grant){
		"no room":           func(g *auth.Grant) { g.Room = "" },
		"no identity":       func(g *auth.Grant) { g.Identity = "" },
		"no expiry":         func(g *auth.Grant) { g.Expires = now.Add(-60e9) },
		"two days":          func(g *auth.Grant) { g.Expires = now.Add(48 * 3600e9) },
		"identity too long": func(g *auth.Grant) { g.Identity = strings.Repeat("x", 65) },
		"unknown source":    func(g *auth.Grant) { g.Publish = []auth.Source{"mic"} },
		"too big":           func(g *auth.Grant) { g.Name = strings.Repeat("x", 4096) },
	} {
		t.Run(name, func(t *testing.T) {
			g := ordinary()
			change(&g)
			if token, err := auth.Sign(k, g, now); err == nil {
				t.Errorf("signed %q", token)
			}
		})
	}
}

func TestNewVerifierRefuses(t *testing.T) {
	k := key(t, "main", auth.HS256, secret)
	for name, keys := range map[string][]auth.Key{"none": nil, "twice": {k, k}} {
		if _, err := auth.NewVerifier(keys, auth.Config{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
