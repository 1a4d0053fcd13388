package mesh

import "sync"

// A proxied connection can be ended at once, without waiting for anything.
type proxied interface{ abort() }

// A registry knows the proxied connections by the incarnation of the peer that they are shared with.
type registry struct {
	mu     sync.Mutex
	closed bool
	byPeer map[string]map[proxied]struct{}
}

// add returns false where the registry is closed.
func (r *registry) add(peer string, c proxied) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	of := r.byPeer[peer]
	if of == nil {
		if r.byPeer == nil {
			r.byPeer = map[string]map[proxied]struct{}{}
		}
		of = map[proxied]struct{}{}
		r.byPeer[peer] = of
	}
	of[c] = struct{}{}
	return true
}

// remove forgets c; it need not be known.
func (r *registry) remove(peer string, c proxied) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.byPeer[peer], c)
	if len(r.byPeer[peer]) == 0 {
		delete(r.byPeer, peer)
	}
}

// cut ends the connections with a peer and returns how many they were.
func (r *registry) cut(peer string) int {
	r.mu.Lock()
	of := r.byPeer[peer]
	delete(r.byPeer, peer)
	r.mu.Unlock()
	for c := range of {
		c.abort()
	}
	return len(of)
}

// counts returns how many connections there are with each peer.
func (r *registry) counts() map[string]int {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts := make(map[string]int, len(r.byPeer))
	for peer, of := range r.byPeer {
		counts[peer] = len(of)
	}
	return counts
}

// close ends all connections and lets no more in.
func (r *registry) close() {
	r.mu.Lock()
	all := r.byPeer
	r.byPeer, r.closed = nil, true
	r.mu.Unlock()
	for _, of := range all {
		for c := range of {
			c.abort()
		}
	}
}
