package signaling

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"strings"
)

// sessionIDBytes and secretBytes are the parts of what Joined calls session: "<id>.<secret>", both base64url. The id finds the
// session, the secret proves that it is one's own.
const (
	sessionIDBytes = 12
	secretBytes    = 32
)

func newSessionID() string { return randomText(sessionIDBytes) }

// randomText returns n random bytes as base64url. crypto/rand never fails.
func randomText(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// splitSession returns the two parts of what a client sends in resume.
func splitSession(session string) (id, secret string, ok bool) {
	id, secret, ok = strings.Cut(session, ".")
	return id, secret, ok && len(id) == base64.RawURLEncoding.EncodedLen(sessionIDBytes) &&
		len(secret) == base64.RawURLEncoding.EncodedLen(secretBytes)
}

// secrets holds the hash of the secret that resumes a session. While the client has not shown that it received a new one, the one
// it resumed with counts too: otherwise a joined that is lost together with its socket would lock the client out.
type secrets struct {
	current, shown [sha256.Size]byte
	hasShown       bool
}

// first returns the secret of a new session.
func (s *secrets) first() string {
	secret := randomText(secretBytes)
	s.current = sha256.Sum256([]byte(secret))
	return secret
}

// resume reports whether secret counts, and returns the one that replaces it.
func (s *secrets) resume(secret string) (next string, ok bool) {
	sum := sha256.Sum256([]byte(secret))
	current := subtle.ConstantTimeCompare(sum[:], s.current[:]) == 1
	shown := subtle.ConstantTimeCompare(sum[:], s.shown[:]) == 1
	if !current && !(s.hasShown && shown) {
		return "", false
	}
	next = s.first()
	s.shown, s.hasShown = sum, true
	return next, true
}

// confirm voids the secret that was shown: the client has the current one.
func (s *secrets) confirm() { s.shown, s.hasShown = [sha256.Size]byte{}, false }
