package srtp

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// referenceGuess is RFC 3711 appendix A in its own words, but that the counter ends where it would wrap.
func referenceGuess(highest uint64, seq uint16) uint64 {
	roc, sl, s := int64(highest>>16), int64(highest&0xFFFF), int64(seq)
	v := roc
	if sl < 32768 {
		if s-sl > 32768 {
			v = roc - 1
		}
	} else if sl-32768 > s {
		v = roc + 1
	}
	if v < 0 || v > maxROC {
		v = roc
	}
	return uint64(v)<<16 | uint64(seq)
}

func TestGuess(t *testing.T) {
	sequences := []uint16{0, 1, 2, 32766, 32767, 32768, 32769, 40000, 65534, 65535}
	for _, roc := range []uint64{0, 1, 7, maxROC - 1, maxROC} {
		for _, highest := range sequences {
			for _, seq := range sequences {
				w := window{highest: roc<<16 | uint64(highest)}
				if got, want := w.guess(seq), referenceGuess(w.highest, seq); got != want {
					t.Errorf("%d after %#x: guessed %#x, want %#x", seq, w.highest, got, want)
				}
			}
		}
	}
}

// A guess is right for every packet less than half a cycle away.
func TestGuessIsTheNearest(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 100000 {
		w := window{highest: rng.Uint64N(1 << 20)}
		index := int64(w.highest) + rng.Int64N(1<<16-1) - (1<<15 - 1)
		if index < 0 {
			continue
		}
		if got := w.guess(uint16(index)); got != uint64(index) {
			t.Fatalf("%#x after %#x: guessed %#x", index, w.highest, got)
		}
	}
}

// A window agrees with a set of everything that was ever received.
func TestWindowAgainstASet(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 2))
		var w window
		received := map[uint64]bool{}
		highest := rng.Uint64N(3 * windowSize)
		w.add(highest)
		received[highest] = true
		for range 3000 {
			index := highest
			switch rng.IntN(10) {
			case 0:
				index += rng.Uint64N(3 * windowSize)
			case 1, 2, 3:
				index += 1 + rng.Uint64N(3)
			case 4:
				index += []uint64{windowSize - 1, windowSize, windowSize + 1, 63, 64, 65}[rng.IntN(6)]
			default:
				index -= min(index, rng.Uint64N(windowSize+windowSize/4))
			}
			tooOld := index < w.highest && w.highest-index >= windowSize
			if got, want := w.has(index), tooOld || received[index]; got != want {
				t.Fatalf("seed %d: has(%d) = %v with %d highest, want %v", seed, index, got, w.highest, want)
			}
			if w.has(index) {
				continue
			}
			w.add(index)
			received[index] = true
			highest = max(highest, index)
			if w.highest != highest || !w.has(index) {
				t.Fatalf("seed %d: add(%d) left %d highest, want %d", seed, index, w.highest, highest)
			}
		}
	}
}

func TestStreamsReplaceTheOneSilentLongest(t *testing.T) {
	table := streams{limit: 3}
	for _, ssrc := range []uint32{1, 2, 3} {
		table.hear(table.add(ssrc), 5)
	}
	table.hear(table.find(1), 6)
	table.hear(table.find(3), 6)
	table.hear(table.add(4), 7) // in place of 2
	if want := []uint32{1, 4, 3}; !slices.Equal(table.ssrcs, want) {
		t.Fatalf("kept %d, want %d", table.ssrcs, want)
	}
	if s := table.find(4); s == nil || s.received.highest != 7 || s.received.has(5) || s.received.has(6) {
		t.Fatal("the new stream knows what the old one received")
	}
	if table.find(2) != nil {
		t.Fatal("2 is still there")
	}
	table.hear(table.add(2), 9) // in place of 1
	if want := []uint32{2, 4, 3}; !slices.Equal(table.ssrcs, want) {
		t.Fatalf("kept %d, want %d", table.ssrcs, want)
	}
}

func TestBudget(t *testing.T) {
	b := budget{left: maxSecondGuesses}
	for i := range maxSecondGuesses {
		if !b.allow(0) {
			t.Fatalf("no guess left after %d", i)
		}
		b.spend()
	}
	granted := 0
	for range 100 * packetsPerGuess {
		if b.allow(0) {
			b.spend()
			granted++
		}
	}
	if granted < 99 || granted > 101 {
		t.Errorf("%d guesses in %d packets", granted, 100*packetsPerGuess)
	}
	if !b.allow(1e9) || b.left != maxSecondGuesses {
		t.Errorf("%d guesses after many authentic packets, want %d", b.left, maxSecondGuesses)
	}
}
