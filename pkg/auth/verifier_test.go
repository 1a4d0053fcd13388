package auth_test

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"sfu/pkg/auth"
)

const secret = "Zk9wq7Bn3T0sVxLr5Yd2HgM8cJ4uPaEi"

var now = time.Unix(1_790_000_000, 0)

// key makes a key or ends the test.
func key(t testing.TB, id string, algorithm auth.Algorithm, material string) auth.Key {
	t.Helper()
	k, err := auth.NewKey(id, algorithm, material)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func verifier(t testing.TB, cfg auth.Config, keys ...auth.Key) *auth.KeyVerifier {
	t.Helper()
	v, err := auth.NewVerifier(keys, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// pemOf returns a private key as PEM and its public part as bare base64.
func pemOf(t testing.TB, private, public any) (privatePEM, publicBase64 string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), base64.StdEncoding.EncodeToString(spki)
}

func ed25519Pair(t testing.TB) (private, public string) {
	t.Helper()
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf(t, priv, pub)
}

func p256Pair(t testing.TB) (private, public string) {
	t.Helper()
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return pemOf(t, priv, &priv.PublicKey)
}

// forge signs any header and claims with the HS256 secret, whatever alg they name.
func forge(t testing.TB, header, payload string) string {
	t.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(header)) + "." + encode([]byte(payload))
	signature, err := jwt.SigningMethodHS256.Sign(text, []byte(secret))
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + encode(signature)
}

const goodHeader = `{"alg":"HS256","typ":"JWT","kid":"main"}`

// payload returns claims that are good but for what edits change; a nil value takes a claim away.
func payload(t testing.TB, edits map[string]any) string {
	t.Helper()
	c := map[string]any{"sub": "ann", "room": "kitchen", "exp": now.Add(time.Minute).Unix()}
	for name, value := range edits {
		if value == nil {
			delete(c, name)
			continue
		}
		c[name] = value
	}
	text, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestSignedTokenIsTheGrantAgain(t *testing.T) {
	edPrivate, _ := ed25519Pair(t)
	ecPrivate, _ := p256Pair(t)
	keys := []auth.Key{key(t, "hs", auth.HS256, secret), key(t, "ed", auth.EdDSA, edPrivate), key(t, "ec", auth.ES256, ecPrivate)}
	v := verifier(t, auth.Config{}, keys...)
	want := auth.Grant{
		Room: "kitchen", Identity: "ann", Name: "Ann Smith", Publish: []auth.Source{auth.Microphone}, Subscribe: true, Moderate: true,
		TokenID: "t-1", Expires: now.Add(10 * time.Minute),
	}
	for _, k := range keys {
		token, err := auth.Sign(k, want, now)
		if err != nil {
			t.Fatalf("%v: %v", k, err)
		}
		got, err := v.Verify(token, "kitchen", now)
		if err != nil {
			t.Fatalf("%v: %v", k, err)
		}
		if !equal(got, want) {
			t.Errorf("%v: got %+v, want %+v", k, got, want)
		}
	}
}

func TestPublicKeyVerifiesWhatThePrivateOneSigned(t *testing.T) {
	private, public := ed25519Pair(t)
	token, err := auth.Sign(key(t, "a", auth.EdDSA, private), ordinary(), now)
	if err != nil {
		t.Fatal(err)
	}
	checking := key(t, "a", auth.EdDSA, public)
	if _, err := verifier(t, auth.Config{}, checking).Verify(token, "kitchen", now); err != nil {
		t.Error(err)
	}
	if _, err := auth.Sign(checking, ordinary(), now); err == nil {
		t.Error("a public key signed")
	}
}

func TestPermissions(t *testing.T) {
	v := verifier(t, auth.Config{}, key(t, "main", auth.HS256, secret))
	all := auth.AllSources()
	tests := map[string]struct {
		perm any
		want auth.Grant
	}{
		"none: an ordinary participant": {nil, auth.Grant{Publish: all, Subscribe: true, Chat: true}},
		"empty: the same":               {map[string]any{}, auth.Grant{Publish: all, Subscribe: true, Chat: true}},
		"moderator":                     {map[string]any{"moderate": true}, auth.Grant{Publish: all, Subscribe: true, Chat: true, Moderate: true}},
		"viewer":                        {map[string]any{"publish": []string{}}, auth.Grant{Publish: []auth.Source{}, Subscribe: true, Chat: true}},
		"speaker who hears nobody": {map[string]any{"publish": []string{"microphone"}, "subscribe": false, "chat": false},
			auth.Grant{Publish: []auth.Source{auth.Microphone}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			token := forge(t, goodHeader, payload(t, map[string]any{"perm": tt.perm}))
			got, err := v.Verify(token, "kitchen", now)
			if err != nil {
				t.Fatal(err)
			}
			tt.want.Room, tt.want.Identity, tt.want.Expires = "kitchen", "ann", now.Add(time.Minute)
			if !equal(got, tt.want) {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestSeveralKeysAndRotation(t *testing.T) {
	older, newer := key(t, "older", auth.HS256, secret), key(t, "newer", auth.HS256, strings.ToUpper(secret)+"x")
	v := verifier(t, auth.Config{}, older)
	byOlder, byNewer := sign(t, older), sign(t, newer)
	if _, err := v.Verify(byNewer, "kitchen", now); !errors.Is(err, auth.ErrTokenInvalid) {
		t.Errorf("key that is not there yet: %v", err)
	}
	if err := v.SetKeys([]auth.Key{older, newer}); err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{byOlder, byNewer} {
		if _, err := v.Verify(token, "kitchen", now); err != nil {
			t.Errorf("both keys: %v", err)
		}
	}
	if err := v.SetKeys([]auth.Key{newer}); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(byOlder, "kitchen", now); !errors.Is(err, auth.ErrTokenInvalid) {
		t.Errorf("key that is gone: %v", err)
	}
	if err := v.SetKeys(nil); err == nil {
		t.Error("no keys at all would shut everyone out and were accepted")
	}
	if _, err := v.Verify(byNewer, "kitchen", now); err != nil {
		t.Errorf("after a refused SetKeys: %v", err)
	}
}

func TestTokenIsRequired(t *testing.T) {
	v := verifier(t, auth.Config{}, key(t, "main", auth.HS256, secret))
	if _, err := v.Verify("", "kitchen", now); !errors.Is(err, auth.ErrTokenRequired) {
		t.Errorf("got %v", err)
	}
	if v.Open() {
		t.Error("a server with keys says it is open")
	}
}

func TestOpenRooms(t *testing.T) {
	v := auth.OpenRooms()
	g, err := v.Verify("anything", "kitchen", now)
	if err != nil {
		t.Fatal(err)
	}
	if !equal(g, auth.Grant{Room: "kitchen", Publish: auth.AllSources(), Subscribe: true, Chat: true}) {
		t.Errorf("got %+v", g)
	}
	if !v.Open() || v.Redeem(g, now) != nil {
		t.Error("open rooms are not open")
	}
}

func ordinary() auth.Grant {
	return auth.Grant{Room: "kitchen", Identity: "ann", Publish: auth.AllSources(), Subscribe: true, Chat: true, Expires: now.Add(time.Minute)}
}

func sign(t testing.TB, k auth.Key) string {
	t.Helper()
	token, err := auth.Sign(k, ordinary(), now)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func equal(a, b auth.Grant) bool {
	if len(a.Publish) != len(b.Publish) || !a.Expires.Equal(b.Expires) {
		return false
	}
	for i := range a.Publish {
		if a.Publish[i] != b.Publish[i] {
			return false
		}
	}
	return a.Room == b.Room && a.Identity == b.Identity && a.Name == b.Name && a.TokenID == b.TokenID &&
		a.Subscribe == b.Subscribe && a.Chat == b.Chat && a.Moderate == b.Moderate
}
