package forwarder

import (
	"math/rand/v2"
	"testing"
	"time"
)

// instantMS is n milliseconds after the origin.
func instantMS(n int) Instant { return Instant(n) * Instant(time.Millisecond) }

func TestExtender(t *testing.T) {
	const cycle, restarted = 1 << 16, true
	type step struct {
		seq       uint16
		ext       uint64 // 0 for refused
		restarted bool
	}
	first := step{10, cycle + 10, false}
	for name, steps := range map[string][]step{
		"seed":             {{0, cycle, false}},
		"in order":         {{7, cycle + 7, false}, {8, cycle + 8, false}},
		"duplicate":        {{7, cycle + 7, false}, {7, cycle + 7, false}},
		"wrap":             {{65535, cycle + 65535, false}, {0, 2 * cycle, false}, {65535, 2*cycle - 1, false}},
		"before the first": {{0, cycle, false}, {65535, cycle - 1, false}, {1, cycle + 1, false}},
		"largest jump":     {first, {3010, cycle + 3010, false}, first},
		"too far":          {first, {3011, 0, false}, {11, cycle + 11, false}},
		"too late":         {{4000, cycle + 4000, false}, {999, 0, false}, {4001, cycle + 4001, false}},
		"restart":          {first, {5000, 0, false}, {5001, 2*cycle + 5001, restarted}, {5002, 2*cycle + 5002, false}},
		"late after one":   {first, {5000, 0, false}, {5001, 2*cycle + 5001, restarted}, {5000, 2*cycle + 5000, false}},
		"backwards":        {{9000, cycle + 9000, false}, {100, 0, false}, {101, 3*cycle + 101, restarted}},
		"at the wrap":      {{9000, cycle + 9000, false}, {65535, 0, false}, {0, 3 * cycle, restarted}},
		"not in sequence":  {first, {5000, 0, false}, {5002, 0, false}, {5003, 2*cycle + 5003, restarted}},
		"twice the same":   {first, {5000, 0, false}, {5000, 0, false}, {5001, 2*cycle + 5001, restarted}},
		"a good one first": {first, {5000, 0, false}, {11, cycle + 11, false}, {5001, 0, false}},
	} {
		t.Run(name, func(t *testing.T) {
			var e extender
			for i, s := range steps {
				ext, ok := e.extend(s.seq)
				if ext != s.ext || ok != (s.ext != 0) || e.restarted() != s.restarted {
					t.Fatalf("step %d: extend(%d) = %d, %v, restarted %v; want %d, restarted %v",
						i, s.seq, ext, ok, e.restarted(), s.ext, s.restarted)
				}
			}
		})
	}
}

func TestExtenderNearDoesNotMove(t *testing.T) {
	var e extender
	if _, ok := e.near(5); ok || e.highest() != 0 {
		t.Fatal("near before the first packet")
	}
	e.extend(65530)
	if ext, ok := e.near(4); !ok || ext != 2<<16+4 {
		t.Fatalf("near(4) = %d, %v", ext, ok)
	}
	for _, seq := range []uint16{20000, 20001, 20002} {
		if _, ok := e.near(seq); ok {
			t.Fatalf("near(%d) is not near", seq)
		}
	}
	if e.highest() != 1<<16+65530 {
		t.Fatalf("highest = %d", e.highest())
	}
}

// Any loss, duplication and reordering within the allowed jump must give back the numbers that the sender counted.
func TestExtenderFollowsTheSender(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var e extender
		start := uint64(rng.IntN(1 << 16))
		head := start
		offset := uint64(0)
		for i := range 2000 {
			sent := head
			switch rng.IntN(4) {
			case 0:
				head += 1 + uint64(rng.IntN(maxSequenceJump))
				sent = head
			case 1:
				sent = max(head-min(head, uint64(rng.IntN(maxSequenceJump))), start)
			default:
				head++
				sent = head
			}
			ext, ok := e.extend(uint16(sent))
			if i == 0 {
				offset = ext - sent
			}
			if !ok || ext-offset != sent {
				t.Fatalf("seed %d, packet %d: %d became %d, %v", seed, i, sent, ext-offset, ok)
			}
		}
	}
}

func TestExtenderAllocatesNothing(t *testing.T) {
	var e extender
	seq := uint16(0)
	if n := testing.AllocsPerRun(1000, func() { seq += 7; e.extend(seq); e.near(seq - 3) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkExtender(b *testing.B) {
	var e extender
	seq := uint16(0)
	for b.Loop() {
		seq++
		e.extend(seq)
	}
}

// highest returns the highest extended number so far, 0 before the first.
func (e *extender) highest() uint64 { return e.head }
