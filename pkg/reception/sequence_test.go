package reception

import (
	"math/rand/v2"
	"testing"
)

// sequences agrees with a set of numbers, through wraps, holes, repetitions and disorder.
func TestSequencesAgainstModel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 30 {
		var s sequences
		base := uint64(rng.Uint32N(1 << 15))
		model := map[uint64]bool{}
		first, highest := uint64(0), uint64(0)
		next := base
		for i := range 20_000 {
			n := next
			switch r := rng.IntN(100); {
			case r < 3 && i > 0:
				next += uint64(rng.IntN(50))
				n = next
				next++
			case r < 8 && highest > first+60:
				n = highest - uint64(rng.IntN(50)) // late or repeated
			default:
				next++
			}
			a := s.add(uint16(n))
			if i == 0 {
				first, highest = n, n
			}
			if a.duplicate != model[n] {
				t.Fatalf("packet %d (%d): duplicate %v", i, n, a.duplicate)
			}
			if n > highest+1 && a.ahead != n-highest-1 {
				t.Fatalf("packet %d: %d ahead of %d, got %d", i, n, highest, a.ahead)
			}
			model[n] = true
			highest = max(highest, n)
			if got, want := s.lost(), highest-first+1-uint64(len(model)); got != want {
				t.Fatalf("packet %d: %d lost, want %d", i, got, want)
			}
		}
		if s.last-(1<<16) != highest-base+s.first-(1<<16) {
			t.Errorf("highest %d, want %d more than %d", s.last, highest-base, s.first)
		}
	}
}

func TestSequencesLongJump(t *testing.T) {
	var s sequences
	s.add(0)
	s.add(recent)
	for n := 1; n < recent; n++ {
		if a := s.add(uint16(n)); a.duplicate {
			t.Fatalf("%d after a jump is taken for a repetition", n)
		}
	}
	if s.lost() != 0 {
		t.Errorf("%d lost", s.lost())
	}
}
