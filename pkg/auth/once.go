package auth

import (
	"crypto/sha256"
	"fmt"
	"sync"
	"time"
)

// defaultRemember bounds the memory of redeemed tokens to about 10 MB.
const defaultRemember = 100_000

// onceMemory knows which tokens were redeemed, until they expire.
type onceMemory struct {
	limit int

	mu   sync.Mutex
	used map[[sha256.Size]byte]time.Time // until when
}

func newOnceMemory(limit int) *onceMemory {
	if limit <= 0 {
		limit = defaultRemember
	}
	return &onceMemory{limit: limit, used: map[[sha256.Size]byte]time.Time{}}
}

// onceKey is a hash, because a jti may be long and there may be many. Two issuers that choose the same jti for different people
// do not disturb each other.
func onceKey(g Grant) [sha256.Size]byte {
	return sha256.Sum256(fmt.Appendf(nil, "%q %q %q", g.Room, g.Identity, g.TokenID))
}

func (m *onceMemory) knows(g Grant, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	until, there := m.used[onceKey(g)]
	return there && now.Before(until)
}

func (m *onceMemory) redeem(g Grant, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := onceKey(g)
	if until, there := m.used[key]; there && now.Before(until) {
		return ErrTokenUsed
	}
	if len(m.used) >= m.limit {
		m.forgetExpired(now)
	}
	if len(m.used) >= m.limit {
		// Forgetting one that is still valid would let it in twice.
		return fmt.Errorf("%w: too many tokens are in use at once", ErrTokenInvalid)
	}
	m.used[key] = g.Expires.Add(Leeway)
	return nil
}

func (m *onceMemory) forgetExpired(now time.Time) {
	for key, until := range m.used {
		if !now.Before(until) {
			delete(m.used, key)
		}
	}
}
