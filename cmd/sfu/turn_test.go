package main

import (
	"testing"
	"time"
)

// STUN servers need no secret and are told to everybody; TURN servers come with credentials.
func TestSTUNAndTURNServers(t *testing.T) {
	for _, c := range []struct {
		urls   []string
		secret secret
		stun   int
		turn   int
	}{
		{nil, "", 0, 0},
		{[]string{"stun:stun.example.org:3478"}, "", 1, 0},
		{[]string{"turn:turn.example.org:3478", "turns:turn.example.org:5349"}, "a secret", 0, 2},
		{[]string{"stun:stun.example.org", "turn:turn.example.org", "stuns:stun.example.org"}, "a secret", 2, 1},
	} {
		cfg := Config{TURN: TURN{URLs: c.urls, TTL: time.Hour}}
		options, err := signallingOptions(materials{Config: cfg, TURNSecret: c.secret})
		if err != nil {
			t.Errorf("%v: %v", c.urls, err)
			continue
		}
		stun, turn := 0, 0
		for _, s := range options.ICEServers {
			stun += len(s.URLs)
		}
		if options.TURN != nil {
			turn = len(options.TURN.Issue("ann", time.Now()).URLs)
		}
		if stun != c.stun || turn != c.turn {
			t.Errorf("%v: %d STUN and %d TURN servers", c.urls, stun, turn)
		}
	}
}
