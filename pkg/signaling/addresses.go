package signaling

import (
	"container/list"
	"net/netip"
	"sync"
	"time"
)

// AddressLimits bound what one client address may do, an IPv4 address or an IPv6 /64. A school or an office shares one. A zero field
// takes its default.
type AddressLimits struct {
	Sockets             int     // open WebSockets, 200
	Unauthenticated     int     // of them not joined yet, 30
	JoinsPerSecond      float64 // joins and resumes, 20; so many WebSockets are opened, and rooms asked about
	JoinBurst           int     // 100, twice that for WebSockets and questions
	FailedAuthPerMinute int     // refused tokens and secrets, 20; then the address is refused for a minute
	Addresses           int     // remembered at a time, 65536
}

// blockTime is how long an address is refused that failed to authenticate too often.
const blockTime = time.Minute

func (l AddressLimits) withDefaults() AddressLimits {
	l.Sockets = orDefault(l.Sockets, 200)
	l.Unauthenticated = orDefault(l.Unauthenticated, 30)
	l.JoinsPerSecond = orDefault(l.JoinsPerSecond, 20)
	l.JoinBurst = orDefault(l.JoinBurst, 100)
	l.FailedAuthPerMinute = orDefault(l.FailedAuthPerMinute, 20)
	l.Addresses = orDefault(l.Addresses, 65536)
	return l
}

func orDefault[T int | float64 | time.Duration](v, d T) T {
	if v <= 0 {
		return d
	}
	return v
}

// addresses counts what each client address does. Entries without a socket are forgotten oldest first when there are too many; those
// with one are bounded by the sockets that a node has.
type addresses struct {
	limits  AddressLimits
	mu      sync.Mutex
	entries map[netip.Prefix]*address
	idle    *list.List // of *address without sockets, the oldest in front
}

type address struct {
	key             netip.Prefix
	sockets         int
	unauthenticated int
	visits, joins   bucket
	questions       bucket
	failures        bucket
	blockedUntil    time.Time
	idle            *list.Element
}

func newAddresses(l AddressLimits) *addresses {
	return &addresses{limits: l.withDefaults(), entries: map[netip.Prefix]*address{}, idle: list.New()}
}

// open counts a WebSocket, or says which limit forbids it.
func (a *addresses) open(from netip.Addr, now time.Time) (limit string, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.entry(from, now)
	switch {
	case now.Before(e.blockedUntil):
		return limitAuth, false
	case e.sockets >= a.limits.Sockets:
		return limitSockets, false
	case e.unauthenticated >= a.limits.Unauthenticated:
		return limitUnauthenticated, false
	}
	e.sockets++
	e.unauthenticated++
	if e.idle != nil {
		a.idle.Remove(e.idle)
		e.idle = nil
	}
	return "", true
}

// authenticated tells that a counted WebSocket joined.
func (a *addresses) authenticated(from netip.Addr, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.entry(from, now).unauthenticated--
}

// close uncounts a WebSocket.
func (a *addresses) close(from netip.Addr, authenticated bool, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.entry(from, now)
	if e.sockets--; !authenticated {
		e.unauthenticated--
	}
	if e.sockets == 0 {
		e.idle = a.idle.PushBack(e)
	}
}

// visit reports whether the address may ask for a room now, which may begin with that.
func (a *addresses) visit(from netip.Addr, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.entry(from, now).visits.take(now)
}

// ask reports whether the address may ask about a room now.
func (a *addresses) ask(from netip.Addr, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.entry(from, now).questions.take(now)
}

// join reports whether the address may join or resume now.
func (a *addresses) join(from netip.Addr, now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.entry(from, now)
	return e.joins.take(now)
}

// failed counts a refused token or secret.
func (a *addresses) failed(from netip.Addr, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.entry(from, now)
	if !e.failures.take(now) {
		e.blockedUntil = now.Add(blockTime)
	}
}

// blocked returns how long the address is still refused.
func (a *addresses) blocked(from netip.Addr, now time.Time) time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.entries[key(from)]
	if e == nil {
		return 0
	}
	return max(0, e.blockedUntil.Sub(now))
}

// entry returns what is known of an address; a new one is idle. a.mu is held.
func (a *addresses) entry(from netip.Addr, now time.Time) *address {
	k := key(from)
	if e, ok := a.entries[k]; ok {
		return e
	}
	if oldest := a.idle.Front(); oldest != nil && len(a.entries) >= a.limits.Addresses {
		delete(a.entries, a.idle.Remove(oldest).(*address).key)
	}
	e := &address{
		key:       k,
		joins:     newBucket(a.limits.JoinsPerSecond, float64(a.limits.JoinBurst), now),
		visits:    newBucket(a.limits.JoinsPerSecond, 2*float64(a.limits.JoinBurst), now),
		questions: newBucket(a.limits.JoinsPerSecond, 2*float64(a.limits.JoinBurst), now),
		failures:  newBucket(float64(a.limits.FailedAuthPerMinute)/60, float64(a.limits.FailedAuthPerMinute), now),
	}
	e.idle = a.idle.PushBack(e)
	a.entries[k] = e
	return e
}

// key returns the block of addresses that one customer usually has. Requests without an address share one entry.
func key(a netip.Addr) netip.Prefix {
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
