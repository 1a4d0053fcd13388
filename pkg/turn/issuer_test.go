package turn_test

import (
	"slices"
	"testing"
	"time"

	"sfu/pkg/turn"
)

func TestIssueSignsTheExpiryAndTheUser(t *testing.T) {
	urls := []string{"turn:turn.example.org:3478", "turns:turn.example.org:443?transport=tcp"}
	i, err := turn.NewIssuer(urls, "north", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	c := i.Issue("p1", time.Unix(1_790_000_000, 999))
	// printf '1790003600:p1' | openssl dgst -sha1 -hmac north -binary | base64
	const want = "frnnIfT2DY/83Db0g1CaUanN8XY="
	if c.Username != "1790003600:p1" || c.Password != want {
		t.Errorf("got %q %q", c.Username, c.Password)
	}
	if !c.Expires.Equal(time.Unix(1_790_003_600, 0)) || !slices.Equal(c.URLs, urls) {
		t.Errorf("got %v %v", c.Expires, c.URLs)
	}
	if other := i.Issue("p2", time.Unix(1_790_000_000, 0)); other.Password == c.Password {
		t.Error("two users have one password")
	}
}

func TestIssueLastsForTheDefaultTime(t *testing.T) {
	i, err := turn.NewIssuer([]string{"turn:t"}, "north", 0)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Unix(1_790_000_000, 0)
	if got := i.Issue("a", now).Expires.Sub(now); got != turn.DefaultTTL {
		t.Errorf("credentials last for %v", got)
	}
}

func TestNewIssuerRefusesWhatCannotWork(t *testing.T) {
	for name, c := range map[string]struct {
		urls   []string
		secret string
	}{
		"no secret": {[]string{"turn:t"}, ""},
		"no URL":    {nil, "north"},
		"STUN":      {[]string{"stun:t"}, "north"},
	} {
		if _, err := turn.NewIssuer(c.urls, c.secret, time.Hour); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
