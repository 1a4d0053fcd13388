package turn

import (
	"crypto/hmac"
	"crypto/sha1" // what TURN servers expect; HMAC-SHA1 is not broken
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// DefaultTTL is how long credentials last where nothing else is said. A client needs them when it makes an allocation: on joining and
// when it restarts ICE.
const DefaultTTL = time.Hour

// Credentials open one TURN server until they expire.
type Credentials struct {
	URLs     []string
	Username string
	Password string
	Expires  time.Time
}

// An Issuer makes Credentials. It may be used from any goroutine.
type Issuer struct {
	urls   []string
	secret []byte
	ttl    time.Duration
}

// NewIssuer returns an Issuer for the servers of urls ("turn:" or "turns:"), which know secret. A ttl of 0 means DefaultTTL.
func NewIssuer(urls []string, secret string, ttl time.Duration) (*Issuer, error) {
	if secret == "" {
		return nil, errors.New("the TURN secret is empty")
	}
	if len(urls) == 0 {
		return nil, errors.New("a TURN secret needs the URL of its server")
	}
	for _, u := range urls {
		if !strings.HasPrefix(u, "turn:") && !strings.HasPrefix(u, "turns:") {
			return nil, fmt.Errorf("want turn: or turns: in front of the TURN address %q", u)
		}
	}
	if ttl <= 0 {
		ttl = DefaultTTL
	}
	return &Issuer{urls: append([]string(nil), urls...), secret: []byte(secret), ttl: ttl}, nil
}

// Issue returns credentials that user can use from now on. user must not hold a colon.
func (i *Issuer) Issue(user string, now time.Time) Credentials {
	expires := now.Add(i.ttl).Truncate(time.Second)
	username := strconv.FormatInt(expires.Unix(), 10) + ":" + user
	mac := hmac.New(sha1.New, i.secret)
	mac.Write([]byte(username))
	return Credentials{
		URLs:     i.urls,
		Username: username,
		Password: base64.StdEncoding.EncodeToString(mac.Sum(nil)),
		Expires:  expires,
	}
}
