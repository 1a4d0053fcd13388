package auth

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// MaxTokenBytes is the size of the largest token that is looked at.
const MaxTokenBytes = 4096

// Config sets up a KeyVerifier. The zero value is usable.
type Config struct {
	// Once makes a token count for one entry only; then every token needs a jti. The memory is that of this process.
	Once bool
	// Remember bounds how many redeemed tokens are known at a time, 0 for 100,000. Beyond it no token is redeemed.
	Remember int
}

// A KeyVerifier accepts tokens that are signed with one of its keys.
type KeyVerifier struct {
	keys atomic.Pointer[map[string]Key]
	once *onceMemory
}

// NewVerifier returns a Verifier for keys, which must have distinct ids; at least one is needed.
func NewVerifier(keys []Key, cfg Config) (*KeyVerifier, error) {
	v := &KeyVerifier{}
	if cfg.Once {
		v.once = newOnceMemory(cfg.Remember)
	}
	return v, v.SetKeys(keys)
}

// SetKeys replaces all keys. Tokens of a key that is gone are refused from now on. After an error the keys before stay.
func (v *KeyVerifier) SetKeys(keys []Key) error {
	if len(keys) == 0 {
		return errors.New("at least one key is needed")
	}
	if err := checkDistinct(keys); err != nil {
		return err
	}
	table := make(map[string]Key, len(keys))
	for _, k := range keys {
		table[k.ID] = k
	}
	v.keys.Store(&table)
	return nil
}

// Open is false: a token is needed.
func (v *KeyVerifier) Open() bool { return false }

// Verify checks token for room at the time now. A refusal says nothing of the token's content but times.
func (v *KeyVerifier) Verify(token, room string, now time.Time) (Grant, error) {
	c, err := v.parse(token)
	if err != nil {
		return Grant{}, err
	}
	if err := c.checkTimes(now); err != nil {
		return Grant{}, err
	}
	if err := c.checkIdentity(); err != nil {
		return Grant{}, err
	}
	if c.Room == "" {
		return Grant{}, fmt.Errorf("%w: room is missing", ErrTokenInvalid)
	}
	if c.Room != room {
		return Grant{}, ErrRoomNotAllowed
	}
	if v.once != nil && c.TokenID == "" {
		return Grant{}, fmt.Errorf("%w: jti is missing, and this server accepts a token once only", ErrTokenInvalid)
	}
	g, err := c.grant()
	if err != nil {
		return Grant{}, err
	}
	if v.once != nil && v.once.knows(g, now) {
		return Grant{}, ErrTokenUsed
	}
	return g, nil
}

// Redeem remembers the token of g until it expires, where a token counts once.
func (v *KeyVerifier) Redeem(g Grant, now time.Time) error {
	if v.once == nil {
		return nil
	}
	return v.once.redeem(g, now)
}

// parse checks everything that can be said without a clock: form, key, algorithm, signature.
func (v *KeyVerifier) parse(token string) (*claims, error) {
	if token == "" {
		return nil, ErrTokenRequired
	}
	if len(token) > MaxTokenBytes {
		return nil, fmt.Errorf("%w: it is longer than %d bytes", ErrTokenInvalid, MaxTokenBytes)
	}
	if strings.Count(token, ".") != 2 {
		return nil, fmt.Errorf("%w: it does not have three parts", ErrTokenInvalid)
	}
	c := &claims{}
	_, err := parser.ParseWithClaims(token, c, v.keyOf)
	switch refused := (*refusal)(nil); {
	case err == nil:
		return c, nil
	case errors.As(err, &refused):
		return nil, fmt.Errorf("%w: %s", ErrTokenInvalid, refused.reason)
	case errors.Is(err, jwt.ErrTokenSignatureInvalid):
		return nil, fmt.Errorf("%w: the signature is wrong", ErrTokenInvalid)
	default:
		return nil, fmt.Errorf("%w: it cannot be read", ErrTokenInvalid)
	}
}

// parser decides on form and signature only. Strict base64 leaves one spelling for each token.
var parser = jwt.NewParser(
	jwt.WithValidMethods([]string{string(HS256), string(EdDSA), string(ES256)}),
	jwt.WithStrictDecoding(),
	jwt.WithoutClaimsValidation(),
)

// A refusal is why no key is chosen for a token.
type refusal struct{ reason string }

func (r *refusal) Error() string { return r.reason }

// keyOf chooses the key by the token's kid, and accepts no other algorithm than that key's.
func (v *KeyVerifier) keyOf(t *jwt.Token) (any, error) {
	if _, there := t.Header["crit"]; there {
		return nil, &refusal{"it asks for an extension that is not known (crit)"} // RFC 7515 section 4.1.11
	}
	id, ok := t.Header["kid"].(string)
	if !ok || id == "" {
		return nil, &refusal{"kid is missing"}
	}
	key, ok := (*v.keys.Load())[id]
	if !ok {
		return nil, &refusal{"its kid is not known"}
	}
	if t.Method.Alg() != string(key.Algorithm) {
		return nil, &refusal{"its alg is not that of the key"}
	}
	return key.verifying, nil
}
