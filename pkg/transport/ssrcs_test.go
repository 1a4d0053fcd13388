package transport_test

import (
	"testing"
	"time"

	"sfu/pkg/transport"
)

func TestSSRCBudget(t *testing.T) {
	const limit = 32
	take := transport.NewSSRCBudget(limit)
	now := 100 * time.Hour // the process is older than the connection
	expect := func(when string, want int) {
		t.Helper()
		var got int
		for range 1000 {
			if take(now) {
				got++
			}
		}
		if got != want {
			t.Errorf("%s: %d SSRCs, want %d", when, got, want)
		}
	}
	expect("at once", limit)
	now += 9 * time.Second
	expect("9 s later", 0)
	now += time.Second
	expect("10 s later", 1)
	now += 25 * time.Second
	expect("25 s later", 2)
	now += 5 * time.Second
	expect("5 s after that, which is 10 s since the last was forgiven", 1)
	now += time.Hour
	expect("an hour later", limit)
}

// TestSSRCBudgetOfOneLife: pion's memory for SSRCs is bounded however long a connection lasts.
func TestSSRCBudgetOfOneLife(t *testing.T) {
	take := transport.NewSSRCBudget(32)
	var taken int
	for now := time.Duration(0); now < 24*time.Hour; now += 10 * time.Second {
		if take(now) {
			taken++
		}
	}
	if taken != 1024 {
		t.Errorf("%d SSRCs in a day, want 1024", taken)
	}
}
