package forwarder

import (
	"math/rand/v2"
	"testing"
	"time"
)

// offer sends packets of size bytes evenly for a while and returns the milliseconds of those that are refused.
func offer(p *policer, from Instant, packetsPerSecond, size int, d time.Duration) (refused []int, admitted int) {
	step := time.Second / time.Duration(packetsPerSecond)
	for t := time.Duration(0); t < d; t += step {
		if p.admit(size, from.Add(t)) {
			admitted++
		} else {
			refused = append(refused, int(t/time.Millisecond))
		}
	}
	return refused, admitted
}

func TestPolicerBits(t *testing.T) {
	for _, c := range []struct {
		name         string
		percent      int
		firstRefused int // ms, -1 for never
	}{{"half", 50, -1}, {"all", 100, -1}, {"150 %", 150, 2000}, {"200 %", 200, 1000}, {"400 %", 400, 333}} {
		t.Run(c.name, func(t *testing.T) {
			p := newPolicer(2000, 1_000_000)
			refused, admitted := offer(&p, 0, c.percent*10, 125, 20*time.Second) // 1000 bits
			switch {
			case c.firstRefused < 0:
				if len(refused) > 0 {
					t.Fatalf("refused %d packets", len(refused))
				}
			case len(refused) == 0 || refused[0] < c.firstRefused-5 || refused[0] > c.firstRefused+5:
				t.Fatalf("refused first at %v, want %d ms", refused[:min(len(refused), 1)], c.firstRefused)
			case admitted < 20_900 || admitted > 21_001:
				t.Fatalf("admitted %d packets in 20 s", admitted)
			}
		})
	}
}

func TestPolicerPackets(t *testing.T) {
	p := newPolicer(2000, 100_000_000)
	if refused, _ := offer(&p, 0, 2000, 50, 10*time.Second); len(refused) > 0 {
		t.Fatalf("refused %d packets within the limit", len(refused))
	}
	refused, admitted := offer(&p, instantMS(10_000), 8000, 50, 10*time.Second)
	if len(refused) == 0 || refused[0] < 160 || refused[0] > 170 || admitted > 21_001 {
		t.Fatalf("refused %d packets, admitted %d", len(refused), admitted)
	}
	if !p.admit(50, instantMS(30_000)) {
		t.Fatal("refused after a pause")
	}
}

func TestPolicerRefusedPacketsAreFree(t *testing.T) {
	p := newPolicer(10, 8000)
	if p.admit(1001, 0) {
		t.Fatal("admitted more than the burst")
	}
	for i := range 5 {
		if !p.admit(200, 0) {
			t.Fatalf("packet %d was refused", i)
		}
	}
	if p.admit(0, 0) {
		t.Fatal("admitted more packets than the burst")
	}
}

// In no window of time may more pass than the burst and the rate allow.
func TestPolicerBound(t *testing.T) {
	const limit, packets = 1_000_000, 500
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 2))
		p := newPolicer(packets, limit)
		now := Instant(0)
		type passed struct {
			at   Instant
			bits int
		}
		var all []passed
		for range 2000 {
			now = now.Add(time.Duration(rng.IntN(4_000_000)))
			if rng.IntN(300) == 0 {
				now = now.Add(time.Second)
			}
			size := rng.IntN(1500)
			if p.admit(size, now) {
				all = append(all, passed{now, size * 8})
			}
		}
		for i := range all {
			bits := 0
			for j := i; j < len(all) && j < i+800; j++ {
				bits += all[j].bits
				seconds := all[j].at.Sub(all[i].at).Seconds()
				if float64(bits) > limit*(1+seconds)+1 || float64(j-i+1) > packets*(.5+seconds)+1 {
					t.Fatalf("seed %d: %d bits in %d packets within %v s", seed, bits, j-i+1, seconds)
				}
			}
		}
	}
}

func TestPolicerNotify(t *testing.T) {
	p := newPolicer(1, 1)
	for _, c := range []struct {
		ms   int
		want bool
	}{{0, true}, {1, false}, {1999, false}, {2000, true}, {3999, false}, {10_000, true}, {10_001, false}} {
		if got := p.notify(instantMS(c.ms)); got != c.want {
			t.Errorf("at %d ms: %v", c.ms, got)
		}
	}
}

func TestPolicerAllocatesNothing(t *testing.T) {
	p := newPolicer(2000, 1_000_000)
	now := Instant(0)
	if n := testing.AllocsPerRun(1000, func() { now += 1000; p.admit(1200, now); p.notify(now) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkPolicerAdmit(b *testing.B) {
	p := newPolicer(2000, 5_000_000)
	now := Instant(0)
	for b.Loop() {
		now += 1_000_000
		p.admit(500, now)
	}
}
