package client

import (
	"sync"
	"time"

	"github.com/pion/webrtc/v4"
)

// patience is how long the path may be lost before ICE is restarted, and half the pause between two restarts.
const patience = 3 * time.Second

// A connection is how far the present PeerConnection is. It has ICE restarted when the path is lost, until there is one.
type connection struct {
	restart func() // begins one; nil never does

	mu sync.Mutex
	// generation counts the PeerConnections, so that the word of an old one is told.
	generation int
	state      webrtc.PeerConnectionState
	first      time.Time // when media could flow, the first time
	next       *time.Timer
	ended      bool
}

// begin is for a new PeerConnection, whose generation it returns.
func (k *connection) begin() (generation int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.generation++
	k.state = webrtc.PeerConnectionStateNew
	return k.generation
}

// changed is told how far a PeerConnection is, and reports whether that is the present one.
func (k *connection) changed(generation int, s webrtc.PeerConnectionState) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if generation != k.generation {
		return false
	}
	k.state = s
	if s == webrtc.PeerConnectionStateConnected && k.first.IsZero() {
		k.first = time.Now()
	}
	k.stop()
	switch s {
	case webrtc.PeerConnectionStateDisconnected:
		k.restartAfter(patience)
	case webrtc.PeerConnectionStateFailed:
		k.restartAfter(0)
	}
	return true
}

// restartAfter plans a restart. mu is held.
func (k *connection) restartAfter(d time.Duration) {
	if k.restart != nil && !k.ended {
		generation := k.generation
		k.next = time.AfterFunc(d, func() { k.again(generation) })
	}
}

// again restarts ICE and does so again until the path is found.
func (k *connection) again(generation int) {
	k.mu.Lock()
	over := k.ended || generation != k.generation || k.state == webrtc.PeerConnectionStateConnected || k.state == webrtc.PeerConnectionStateClosed
	if !over {
		k.restartAfter(2 * patience)
	}
	k.mu.Unlock()
	if !over {
		k.restart()
	}
}

// stop forgets what is planned. mu is held.
func (k *connection) stop() {
	if k.next != nil {
		k.next.Stop()
		k.next = nil
	}
}

// pause forgets the restart that is planned: the PeerConnection is about to be replaced.
func (k *connection) pause() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stop()
}

// end forgets it for good.
func (k *connection) end() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.stop()
	k.ended = true
}

// connected reports whether media can flow, and since when it could first, zero for never.
func (k *connection) connected() (now bool, first time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.state == webrtc.PeerConnectionStateConnected, k.first
}
