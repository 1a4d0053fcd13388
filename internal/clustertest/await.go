//go:build linux

package clustertest

import (
	"testing"
	"time"
)

// patience is the deadline of what is waited for and has no target.
const patience = 60 * time.Second

// Await waits until ok says yes.
func Await(t testing.TB, what string, ok func() bool) {
	t.Helper()
	if !until(patience, ok) {
		t.Fatalf("still not: %s", what)
	}
}

// until asks every 5 ms until ok says yes, for as long as limit.
func until(limit time.Duration, ok func() bool) bool {
	deadline := time.Now().Add(limit)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Now().After(deadline) {
			return false
		}
		<-tick.C
	}
	return true
}

// Hold has a fault last: it looks again and again that ok says yes.
func Hold(t testing.TB, what string, d time.Duration, ok func() bool) {
	t.Helper()
	if until(d, func() bool { return !ok() }) {
		t.Fatalf("no longer: %s", what)
	}
}
