package auth_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"sfu/pkg/auth"
)

func expectRefusal(t *testing.T, v auth.Verifier, token, room string, want error) {
	t.Helper()
	g, err := v.Verify(token, room, now)
	if !errors.Is(err, want) {
		t.Errorf("got grant %+v and error %v, want %v", g, err, want)
	}
}

func TestM10_AlgorithmNone(t *testing.T) {
	v := verifier(t, auth.Config{}, key(t, "main", auth.HS256, secret))
	for _, alg := range []string{"none", "None", "nOnE", "NONE", ""} {
		header := fmt.Sprintf(`{"alg":%q,"kid":"main"}`, alg)
		signed := forge(t, header, payload(t, nil))
		unsigned := signed[:strings.LastIndex(signed, ".")+1]
		expectRefusal(t, v, signed, "kitchen", auth.ErrTokenInvalid)
		expectRefusal(t, v, unsigned, "kitchen", auth.ErrTokenInvalid)
	}
}

func TestM11_SecretIsThePublicKey(t *testing.T) {
	_, public := ed25519Pair(t)
	_, publicEC := p256Pair(t)
	v := verifier(t, auth.Config{}, key(t, "ed", auth.EdDSA, public), key(t, "ec", auth.ES256, publicEC))
	for kid, text := range map[string]string{"ed": public, "ec": publicEC} {
		der, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := x509.ParsePKIXPublicKey(der); err != nil {
			t.Fatal(err)
		}
		asPEM := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		for _, material := range [][]byte{[]byte(text), der, asPEM} {
			token := jwt.NewWithClaims(jwt.SigningMethodHS256, jwt.MapClaims{"sub": "eve", "room": "kitchen", "exp": now.Unix() + 60})
			token.Header["kid"] = kid
			signed, err := token.SignedString(material)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := v.Verify(signed, "kitchen", now); !errors.Is(err, auth.ErrTokenInvalid) || !strings.Contains(err.Error(), "alg") {
				t.Errorf("got %v, want it to be refused for its alg", err)
			}
		}
	}
}

func TestM12_KeyID(t *testing.T) {
	v := verifier(t, auth.Config{}, key(t, "main", auth.HS256, secret))
	for name, kid := range map[string]string{
		"missing": `{"alg":"HS256"}`,
		"empty":   `{"alg":"HS256","kid":""}`,
		"number":  `{"alg":"HS256","kid":1}`,
		"unknown": `{"alg":"HS256","kid":"other"}`,
		"path":    `{"alg":"HS256","kid":"../../dev/null"}`,
		"case":    `{"alg":"HS256","kid":"MAIN"}`,
		"2 kB":    `{"alg":"HS256","kid":"` + strings.Repeat("k", 2000) + `"}`,
		"10 kB":   `{"alg":"HS256","kid":"` + strings.Repeat("k", 10_000) + `"}`,
		"crit":    `{"alg":"HS256","kid":"main","crit":["x"],"x":1}`,
	} {
		t.Run(name, func(t *testing.T) {
			expectRefusal(t, v, forge(t, kid, payload(t, nil)), "kitchen", auth.ErrTokenInvalid)
		})
	}
}

func TestM13_Times(t *testing.T) {
	v := verifier(t, auth.Config{}, key(t, "main", auth.HS256, secret))
	at := func(d time.Duration) int64 { return now.Add(d).Unix() }
	for name, tt := range map[string]struct {
		payload string
		want    error
	}{
		"exp missing":           {payload(t, map[string]any{"exp": nil}), auth.ErrTokenInvalid},
		"exp null":              {`{"sub":"a","room":"kitchen","exp":null}`, auth.ErrTokenInvalid},
		"exp 0":                 {payload(t, map[string]any{"exp": 0}), auth.ErrTokenInvalid},
		"exp negative":          {payload(t, map[string]any{"exp": -5}), auth.ErrTokenInvalid},
		"exp a string":          {payload(t, map[string]any{"exp": fmt.Sprint(at(time.Minute))}), auth.ErrTokenInvalid},
		"exp true":              {payload(t, map[string]any{"exp": true}), auth.ErrTokenInvalid},
		"exp 1e308":             {`{"sub":"a","room":"kitchen","exp":1e308}`, auth.ErrTokenInvalid},
		"exp 1e20":              {`{"sub":"a","room":"kitchen","exp":1e20}`, auth.ErrTokenInvalid},
		"exp 1e400":             {`{"sub":"a","room":"kitchen","exp":1e400}`, auth.ErrTokenInvalid},
		"exp past":              {payload(t, map[string]any{"exp": at(-time.Hour)}), auth.ErrTokenExpired},
		"exp past the leeway":   {payload(t, map[string]any{"exp": at(-30 * time.Second)}), auth.ErrTokenExpired},
		"exp within the leeway": {payload(t, map[string]any{"exp": at(-29 * time.Second)}), nil},
		"exp in 24 hours":       {payload(t, map[string]any{"exp": at(24 * time.Hour)}), nil},
		"exp in 25 hours":       {payload(t, map[string]any{"exp": at(25 * time.Hour)}), auth.ErrTokenInvalid},
		"exp with a fraction":   {`{"sub":"a","room":"kitchen","exp":1790000060.5}`, nil},
		"nbf ahead":             {payload(t, map[string]any{"nbf": at(time.Minute)}), auth.ErrTokenNotYetValid},
		"nbf within the leeway": {payload(t, map[string]any{"nbf": at(30 * time.Second)}), nil},
		"nbf a string":          {payload(t, map[string]any{"nbf": "now"}), auth.ErrTokenInvalid},
		"iat a string":          {payload(t, map[string]any{"iat": "now"}), auth.ErrTokenInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := v.Verify(forge(t, goodHeader, tt.payload), "kitchen", now)
			if !errors.Is(err, tt.want) {
				t.Errorf("got %v, want %v", err, tt.want)
			}
		})
	}
}

func TestM13_ExpirySaysTheServersTime(t *testing.T) {
	v := verifier(t, auth.Config{}, key(t, "main", auth.HS256, secret))
	_, err := v.Verify(forge(t, goodHeader, payload(t, map[string]any{"exp": now.Add(-time.Hour).Unix()})), "kitchen", now)
	if err == nil || !strings.Contains(err.Error(), "the server's time is 2026-09-21T14:13:20Z") {
		t.Errorf("got %v", err)
	}
}

func TestM14_Room(t *testing.T) {
	v := verifier(t, auth.Config{}, key(t, "main", auth.HS256, secret))
	for name, claim := range map[string]string{
		"another": "cellar", "case": "Kitchen", "dot": "kitchen.", "space": "kitchen ", "star": "*", "prefix": "kitch",
		"look-alike": "k\u0456tchen", "nul": "kitchen\x00", "longer": "kitchen2",
	} {
		t.Run(name, func(t *testing.T) {
			expectRefusal(t, v, forge(t, goodHeader, payload(t, map[string]any{"room": claim})), "kitchen", auth.ErrRoomNotAllowed)
		})
	}
	expectRefusal(t, v, forge(t, goodHeader, payload(t, map[string]any{"room": nil})), "kitchen", auth.ErrTokenInvalid)
	expectRefusal(t, v, forge(t, goodHeader, payload(t, map[string]any{"room": nil})), "", auth.ErrTokenInvalid)
	expectRefusal(t, v, forge(t, goodHeader, payload(t, map[string]any{"room": 5})), "5", auth.ErrTokenInvalid)
}

func TestM15_Dots(t *testing.T) {
	v := verifier(t, auth.Config{}, key(t, "main", auth.HS256, secret))
	for _, token := range []string{".", "..", "...", strings.Repeat(".", 4096), "a.b.c.d", "....a"} {
		expectRefusal(t, v, token, "kitchen", auth.ErrTokenInvalid)
	}
	// That it allocates next to nothing shows that the size is looked at before the content.
	many := strings.Repeat(".", 1<<20)
	if allocated := testing.AllocsPerRun(10, func() { _, _ = v.Verify(many, "kitchen", now) }); allocated > 10 {
		t.Errorf("a megabyte of dots costs %.0f allocations", allocated)
	}
}

func TestM16_TokenIDTwice(t *testing.T) {
	k := key(t, "main", auth.HS256, secret)
	v := verifier(t, auth.Config{Once: true}, k)
	token := forge(t, goodHeader, payload(t, map[string]any{"jti": "one"}))
	g, err := v.Verify(token, "kitchen", now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(token, "kitchen", now); err != nil {
		t.Errorf("looking at a token uses it up: %v", err)
	}
	if err := v.Redeem(g, now); err != nil {
		t.Fatal(err)
	}
	if err := v.Redeem(g, now); !errors.Is(err, auth.ErrTokenUsed) {
		t.Errorf("second entry: %v", err)
	}
	expectRefusal(t, v, token, "kitchen", auth.ErrTokenUsed)
	expectRefusal(t, v, forge(t, goodHeader, payload(t, nil)), "kitchen", auth.ErrTokenInvalid)

	other := forge(t, goodHeader, payload(t, map[string]any{"jti": "two"}))
	if _, err := v.Verify(other, "kitchen", now); err != nil {
		t.Errorf("another jti: %v", err)
	}
	without := verifier(t, auth.Config{}, k)
	for range 2 {
		if err := without.Redeem(g, now); err != nil {
			t.Errorf("without Once a token counts once: %v", err)
		}
	}
}

func TestM16_MemoryIsBounded(t *testing.T) {
	v := verifier(t, auth.Config{Once: true, Remember: 3}, key(t, "main", auth.HS256, secret))
	grant := func(id string, expires time.Duration) auth.Grant {
		return auth.Grant{Room: "kitchen", Identity: "ann", TokenID: id, Expires: now.Add(expires)}
	}
	for i := range 3 {
		if err := v.Redeem(grant(fmt.Sprint(i), time.Minute), now); err != nil {
			t.Fatal(err)
		}
	}
	if err := v.Redeem(grant("more", time.Hour), now); !errors.Is(err, auth.ErrTokenInvalid) {
		t.Errorf("the fourth of three: %v", err)
	}
	if err := v.Redeem(grant("0", time.Minute), now); !errors.Is(err, auth.ErrTokenUsed) {
		t.Errorf("a full memory forgot: %v", err)
	}
	later := now.Add(2 * time.Minute)
	if err := v.Redeem(grant("more", time.Hour), later); err != nil {
		t.Errorf("expired ones take up room: %v", err)
	}
}

func TestIdentity(t *testing.T) {
	v := verifier(t, auth.Config{}, key(t, "main", auth.HS256, secret))
	for name, sub := range map[string]any{
		"missing": nil, "empty": "", "too long": strings.Repeat("é", 65), "newline": "a\nb", "number": 7, "nul": "a\x00",
	} {
		t.Run(name, func(t *testing.T) {
			expectRefusal(t, v, forge(t, goodHeader, payload(t, map[string]any{"sub": sub})), "kitchen", auth.ErrTokenInvalid)
		})
	}
	if _, err := v.Verify(forge(t, goodHeader, payload(t, map[string]any{"sub": strings.Repeat("é", 64)})), "kitchen", now); err != nil {
		t.Errorf("64 characters: %v", err)
	}
	perm := map[string]any{"publish": []string{"mic"}}
	expectRefusal(t, v, forge(t, goodHeader, payload(t, map[string]any{"perm": perm})), "kitchen", auth.ErrTokenInvalid)
}

func TestAnyChangedByteIsRefused(t *testing.T) {
	v := verifier(t, auth.Config{}, key(t, "main", auth.HS256, secret))
	token := []byte(forge(t, goodHeader, payload(t, nil)))
	for i := range token {
		for _, c := range []byte("A_z.=\x00") {
			changed := append([]byte(nil), token...)
			if changed[i] == c {
				continue
			}
			changed[i] = c
			if _, err := v.Verify(string(changed), "kitchen", now); err == nil {
				t.Fatalf("byte %d changed to %q is accepted", i, c)
			}
		}
	}
}

// TestOneSpellingOfEachToken: the last character of a signature has bits that mean nothing, so that it could be written in four ways.
func TestOneSpellingOfEachToken(t *testing.T) {
	v := verifier(t, auth.Config{}, key(t, "main", auth.HS256, secret))
	token := forge(t, goodHeader, payload(t, nil))
	accepted := 0
	for _, last := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_" {
		if _, err := v.Verify(token[:len(token)-1]+string(last), "kitchen", now); err == nil {
			accepted++
		}
	}
	if accepted != 1 {
		t.Errorf("%d spellings are accepted", accepted)
	}
}

// FuzzVerify looks for a token that is accepted without having been signed.
func FuzzVerify(f *testing.F) {
	v := verifier(f, auth.Config{}, key(f, "main", auth.HS256, secret))
	good := forge(f, goodHeader, payload(f, nil))
	for _, seed := range []string{
		"", ".", "..", good, good + "=", good[:len(good)-1], "." + good,
		forge(f, `{"alg":"none","kid":"main"}`, payload(f, nil)), forge(f, goodHeader, "null"), forge(f, "null", "{}"),
		forge(f, `{"alg":["HS256"],"kid":{}}`, "[]"), forge(f, goodHeader, `{"exp":1e999,"perm":{"publish":null}}`),
	} {
		f.Add(seed)
	}
	sentinels := []error{auth.ErrTokenRequired, auth.ErrTokenInvalid, auth.ErrTokenExpired, auth.ErrTokenNotYetValid, auth.ErrRoomNotAllowed}
	f.Fuzz(func(t *testing.T, token string) {
		_, err := v.Verify(token, "kitchen", now)
		if err == nil {
			if token != good {
				t.Fatalf("%q is accepted", token)
			}
			return
		}
		for _, s := range sentinels {
			if errors.Is(err, s) {
				return
			}
		}
		t.Fatalf("%q: the error %v has no code", token, err)
	})
}

// FuzzClaims looks for claims that are signed and make the checks fail in an unforeseen way.
func FuzzClaims(f *testing.F) {
	v := verifier(f, auth.Config{Once: true}, key(f, "main", auth.HS256, secret))
	for _, seed := range []string{payload(f, nil), payload(f, map[string]any{"jti": "x"}), "{}", "null", "[]", `{"exp":1e308}`, `{"perm":{"publish":[null]}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, claims string) {
		g, err := v.Verify(forge(t, goodHeader, claims), "kitchen", now)
		if err != nil {
			return
		}
		if g.Room != "kitchen" || g.Identity == "" || g.TokenID == "" || g.Expires.After(now.Add(25*time.Hour)) || g.Expires.Before(now.Add(-time.Minute)) {
			t.Fatalf("%s gave %+v", claims, g)
		}
	})
}
