package auth

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"
)

const (
	// Leeway is by how much the clocks of those who sign tokens and of this server may differ.
	Leeway = 30 * time.Second
	// MaxLifetime is how far ahead a token may expire.
	MaxLifetime = 24 * time.Hour
	// maxIdentity is the longest identity, in characters.
	maxIdentity = 64
)

// claims are the payload of a token.
type claims struct {
	// The library's own checks of times are not used: they know no upper bound and read the clock themselves. So none of
	// these methods is called.
	jwt.Claims `json:"-"`

	Identity    string       `json:"sub"`
	Room        string       `json:"room"`
	Name        string       `json:"name,omitempty"`
	Permissions *permissions `json:"perm,omitempty"`
	Expires     *numericDate `json:"exp"`
	NotBefore   *numericDate `json:"nbf,omitempty"`
	IssuedAt    *numericDate `json:"iat,omitempty"`
	TokenID     string       `json:"jti,omitempty"`
}

// permissions may leave out anything; what is left out is that of an ordinary participant.
type permissions struct {
	Publish   *[]Source `json:"publish,omitempty"`
	Subscribe *bool     `json:"subscribe,omitempty"`
	Chat      *bool     `json:"chat,omitempty"`
	Moderate  bool      `json:"moderate,omitempty"`
}

// A numericDate is in seconds since 1970 (RFC 7519 section 2). A fraction is cut off.
type numericDate int64

// maxNumericDate is far beyond any use and far below where arithmetic on it could overflow.
const maxNumericDate = 1 << 40

// UnmarshalJSON takes a JSON number and nothing else.
func (d *numericDate) UnmarshalJSON(text []byte) error {
	seconds, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !(seconds >= 1 && seconds <= maxNumericDate) {
		return errors.New("a time must be a number of seconds since 1970")
	}
	*d = numericDate(seconds)
	return nil
}

func (d numericDate) time() time.Time { return time.Unix(int64(d), 0) }

func (c *claims) checkTimes(now time.Time) error {
	if c.Expires == nil {
		return fmt.Errorf("%w: exp is missing", ErrTokenInvalid)
	}
	expires := c.Expires.time()
	if !now.Before(expires.Add(Leeway)) {
		return fmt.Errorf("%w at %s; the server's time is %s", ErrTokenExpired, clock(expires), clock(now))
	}
	if expires.After(now.Add(MaxLifetime + Leeway)) {
		return fmt.Errorf("%w: exp is more than 24 hours ahead of the server's time, %s", ErrTokenInvalid, clock(now))
	}
	if c.NotBefore != nil && now.Add(Leeway).Before(c.NotBefore.time()) {
		return fmt.Errorf("%w; it is from %s on; the server's time is %s", ErrTokenNotYetValid, clock(c.NotBefore.time()), clock(now))
	}
	return nil
}

func clock(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func (c *claims) checkIdentity() error {
	if c.Identity == "" {
		return fmt.Errorf("%w: sub is missing", ErrTokenInvalid)
	}
	if utf8.RuneCountInString(c.Identity) > maxIdentity {
		return fmt.Errorf("%w: sub is longer than %d characters", ErrTokenInvalid, maxIdentity)
	}
	for _, r := range c.Identity {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return fmt.Errorf("%w: sub holds characters that cannot be shown", ErrTokenInvalid)
		}
	}
	return nil
}

// grant returns what the claims allow. It does not look at times.
func (c *claims) grant() (Grant, error) {
	g := Grant{
		Room: c.Room, Identity: c.Identity, Name: c.Name,
		Publish: AllSources(), Subscribe: true, Chat: true,
		TokenID: c.TokenID, Expires: c.Expires.time(),
	}
	p := c.Permissions
	if p == nil {
		return g, nil
	}
	g.Moderate = p.Moderate
	if p.Subscribe != nil {
		g.Subscribe = *p.Subscribe
	}
	if p.Chat != nil {
		g.Chat = *p.Chat
	}
	if p.Publish != nil {
		g.Publish = *p.Publish
	}
	for _, s := range g.Publish {
		if !slices.Contains(AllSources(), s) {
			return Grant{}, fmt.Errorf("%w: perm.publish: unknown source %.40q", ErrTokenInvalid, string(s))
		}
	}
	return g, nil
}
