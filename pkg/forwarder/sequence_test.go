package forwarder

import (
	"math/rand/v2"
	"testing"
	"time"
)

// instantMS is n milliseconds after the origin.
func instantMS(n int) Instant { return Instant(n) * Instant(time.Millisecond) }

func TestExtender(t *testing.T) {
	const cycle = 1 << 16
	type step struct {
		seq       uint16
		ext       uint64 // 0 for refused
		restarted bool
	}
	for name, steps := range map[string][]step{
		"seed":                  {{seq: 0, ext: cycle}},
		"in order":              {{seq: 7, ext: cycle + 7}, {seq: 8, ext: cycle + 8}},
		"duplicate":             {{seq: 7, ext: cycle + 7}, {seq: 7, ext: cycle + 7}},
		"wrap":                  {{seq: 65535, ext: cycle + 65535}, {seq: 0, ext: 2 * cycle}, {seq: 65535, ext: 2*cycle - 1}},
		"before the first":      {{seq: 0, ext: cycle}, {seq: 65535, ext: cycle - 1}, {seq: 1, ext: cycle + 1}},
		"largest jump":          {{seq: 10, ext: cycle + 10}, {seq: 3010, ext: cycle + 3010}, {seq: 10, ext: cycle + 10}},
		"too far":               {{seq: 10, ext: cycle + 10}, {seq: 3011}, {seq: 11, ext: cycle + 11}},
		"too late":              {{seq: 4000, ext: cycle + 4000}, {seq: 999}, {seq: 4001, ext: cycle + 4001}},
		"restart":               {{seq: 10, ext: cycle + 10}, {seq: 5000}, {seq: 5001, ext: 2*cycle + 5001, restarted: true}, {seq: 5002, ext: 2*cycle + 5002}},
		"restart backwards":     {{seq: 9000, ext: cycle + 9000}, {seq: 100}, {seq: 101, ext: 3*cycle + 101, restarted: true}},
		"restart at the wrap":   {{seq: 9000, ext: cycle + 9000}, {seq: 65535}, {seq: 0, ext: 3 * cycle, restarted: true}},
		"late after a restart":  {{seq: 10, ext: cycle + 10}, {seq: 5000}, {seq: 5001, ext: 2*cycle + 5001, restarted: true}, {seq: 5000, ext: 2*cycle + 5000}},
		"not in sequence":       {{seq: 10, ext: cycle + 10}, {seq: 5000}, {seq: 5002}, {seq: 5003, ext: 2*cycle + 5003, restarted: true}},
		"twice the same":        {{seq: 10, ext: cycle + 10}, {seq: 5000}, {seq: 5000}, {seq: 5001, ext: 2*cycle + 5001, restarted: true}},
		"a good one in between": {{seq: 10, ext: cycle + 10}, {seq: 5000}, {seq: 11, ext: cycle + 11}, {seq: 5001}},
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

func TestSerialAfter(t *testing.T) {
	for _, c := range []struct {
		a, b uint16
		want bool
	}{{1, 0, true}, {0, 1, false}, {5, 5, false}, {0, 65535, true}, {65535, 0, false}, {32767, 0, true}, {32768, 0, false}, {0, 32768, false}} {
		if got := serialAfter(c.a, c.b); got != c.want {
			t.Errorf("serialAfter(%d, %d) = %v", c.a, c.b, got)
		}
	}
	if !serialAfter(uint8(3), 250) || !serialAfter(uint32(3), 1<<32-5) {
		t.Error("other widths wrap elsewhere")
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
