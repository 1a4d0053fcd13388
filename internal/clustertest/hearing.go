//go:build linux

package clustertest

import (
	"slices"
	"testing"
	"time"
)

// MarkAll marks the ledgers of all at one moment, which it returns.
func MarkAll(people ...*Person) time.Time {
	now := time.Now()
	for _, p := range people {
		p.Mark(now)
	}
	return now
}

// A pair is one person and what another sends, sound or picture.
type pair struct {
	listener, speaker *Person
	publisher         uint64
}

// pairs are all in a room where everyone hears everyone.
func pairs(people []*Person) []pair {
	var all []pair
	for _, listener := range people {
		for _, speaker := range people {
			if listener != speaker {
				all = append(all, pair{listener, speaker, speaker.sound()}, pair{listener, speaker, speaker.picture()})
			}
		}
	}
	return all
}

func (p pair) heard(now time.Time) Heard { return p.listener.Of(p.publisher, now) }

// AwaitMedia waits until everyone has heard and seen everyone since the mark, and returns how long after began each of them did.
func AwaitMedia(t testing.TB, people []*Person, began time.Time) []time.Duration {
	t.Helper()
	waiting := pairs(people)
	var times []time.Duration
	heardAll := func() bool {
		waiting = slices.DeleteFunc(waiting, func(p pair) bool {
			back := p.heard(time.Now()).Back
			if !back.IsZero() {
				times = append(times, back.Sub(began))
			}
			return !back.IsZero()
		})
		return len(waiting) == 0
	}
	if !until(patience, heardAll) {
		for _, p := range waiting {
			t.Errorf("%s hears nothing of %s", p.listener.Name, p.speaker.Name)
		}
		t.FailNow()
	}
	return times
}

// AwaitCalls waits until everyone in every room sees, hears and has heard everyone, and marks them.
func AwaitCalls(t testing.TB, rooms ...[]*Person) {
	t.Helper()
	for _, people := range rooms {
		AwaitRoster(t, people)
		AwaitMedia(t, people, MarkAll(people...))
	}
	for _, people := range rooms {
		MarkAll(people...)
	}
}

// Silences are the longest times without a packet since the mark, of everyone from everyone.
func Silences(people []*Person) []time.Duration {
	now := time.Now()
	var times []time.Duration
	for _, p := range pairs(people) {
		times = append(times, p.heard(now).Silence)
	}
	return times
}

// CheckUnhurt fails if anyone has lost a packet since the mark, or had to join anew. What is late is waited for.
func CheckUnhurt(t testing.TB, what string, rooms ...[]*Person) {
	t.Helper()
	for _, people := range rooms {
		missing := 0
		until(within(time.Second), func() bool {
			missing = 0
			for _, p := range pairs(people) {
				missing += p.heard(time.Now()).Missing
			}
			return missing == 0
		})
		if missing > 0 {
			t.Errorf("%s: %d packets are lost", what, missing)
		}
		AwaitMedia(t, people, MarkAll(people...)) // it still flows
		for _, p := range people {
			if n := p.State().Rejoins; n > 0 {
				t.Errorf("%s: %s had to join anew %d times", what, p.Name, n)
			}
		}
	}
}
