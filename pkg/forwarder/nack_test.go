package forwarder

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// insertRange inserts the packets from first to last at one moment.
func insertRange(g *nackGenerator, first, last uint64, now Instant) {
	for seq := first; seq <= last; seq++ {
		g.insert(seq, false, now)
	}
}

func TestNackAsksAfterThreeLaterPackets(t *testing.T) {
	g := newNackGenerator(Video)
	g.insert(1<<16, false, 0)
	for later := range 3 {
		if got := g.due(0, 0, nil); len(got) != 0 {
			t.Fatalf("asked for %d after %d later packets", got, later)
		}
		g.insert(1<<16+2+uint64(later), false, 0)
	}
	if got := g.due(0, 0, nil); !slices.Equal(got, []uint16{1}) {
		t.Fatalf("due = %d", got)
	}
}

func TestNackAsksAfterTheReorderDelay(t *testing.T) {
	g := newNackGenerator(Audio)
	g.insert(65535, false, 0)
	g.insert(65538, false, 0)
	if got := g.due(instantMS(4), 0, nil); len(got) != 0 {
		t.Fatalf("asked for %d too early", got)
	}
	if got := g.due(instantMS(5), 0, nil); !slices.Equal(got, []uint16{0, 1}) {
		t.Fatalf("due = %d", got)
	}
}

// askedAt returns at which milliseconds a single missing packet is asked for, and when it is given up.
func askedAt(g *nackGenerator, rtt time.Duration) (asked []int, gaveUp int) {
	g.insert(100, false, 0)
	g.insert(102, false, 0)
	for ms := 0; g.pending() > 0; ms++ {
		if len(g.due(instantMS(ms), rtt, nil)) > 0 {
			asked = append(asked, ms)
		}
		gaveUp = ms
	}
	return asked, gaveUp
}

func TestNackBacksOffAndGivesUp(t *testing.T) {
	for _, c := range []struct {
		name   string
		kind   Kind
		rtt    time.Duration
		asked  []int
		gaveUp int
	}{
		{"video, rtt unknown", Video, 0, []int{5, 105, 230, 387}, 501},
		{"video, far", Video, 300 * time.Millisecond, []int{5, 325, 725}, 901},
		{"video, nearby", Video, time.Millisecond, []int{5, 26, 53, 86, 128, 180, 245, 326, 427}, 501},
		{"audio", Audio, 30 * time.Millisecond, []int{5, 55, 118}, 151},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newNackGenerator(c.kind)
			asked, gaveUp := askedAt(&g, c.rtt)
			if !slices.Equal(asked, c.asked) || gaveUp != c.gaveUp {
				t.Fatalf("asked at %d, gave up at %d; want %d, %d", asked, gaveUp, c.asked, c.gaveUp)
			}
			if n, unrecoverable := g.lost(); n != 1 || unrecoverable != (c.kind == Video) {
				t.Fatalf("lost = %d, %v", n, unrecoverable)
			}
			if n, unrecoverable := g.lost(); n != 0 || unrecoverable {
				t.Fatalf("lost again = %d, %v", n, unrecoverable)
			}
		})
	}
}

func TestNackGivesUpAfterTenTries(t *testing.T) {
	g := newNackGenerator(Video)
	g.insert(100, false, 0)
	g.insert(102, false, 0)
	g.missing[0].tries = nackTries - 1
	if got := g.due(instantMS(20), 0, nil); len(got) != 0 {
		t.Fatalf("due = %d", got)
	}
	if got := g.due(instantMS(400), 0, nil); len(got) != 1 {
		t.Fatalf("due = %d", got)
	}
	g.missing[0].since = instantMS(700)
	if got := g.due(instantMS(800), 0, nil); len(got) != 0 || g.pending() != 0 {
		t.Fatalf("due = %d, pending %d after ten tries", got, g.pending())
	}
}

func TestNackForgetsWhatArrives(t *testing.T) {
	g := newNackGenerator(Video)
	insertRange(&g, 100, 100, 0)
	insertRange(&g, 104, 110, 0)
	g.insert(102, true, instantMS(1))
	g.insert(102, true, instantMS(1))
	g.insert(101, false, instantMS(1))
	g.insert(104, false, instantMS(1))
	if got := g.due(instantMS(1), 0, nil); !slices.Equal(got, []uint16{103}) {
		t.Fatalf("due = %d", got)
	}
	g.insert(103, true, instantMS(90))
	if got := g.due(instantMS(500), 0, nil); len(got) != 0 || g.pending() != 0 {
		t.Fatalf("asked for %d after the repair", got)
	}
	if n, _ := g.lost(); n != 0 {
		t.Fatalf("lost = %d", n)
	}
}

func TestNackKeyframe(t *testing.T) {
	g := newNackGenerator(Video)
	insertRange(&g, 100, 100, 0)
	insertRange(&g, 105, 105, 0)
	g.keyframe(103)
	g.insert(110, false, 0)
	if got := g.due(instantMS(5), 0, nil); !slices.Equal(got, []uint16{103, 104, 106, 107, 108, 109}) {
		t.Fatalf("due = %d", got)
	}
	g.keyframe(120) // told before the packet is inserted
	g.insert(123, false, instantMS(6))
	if got := g.due(instantMS(20), 0, nil); !slices.Equal(got, []uint16{120, 121, 122}) {
		t.Fatalf("due = %d", got)
	}
	if n, _ := g.lost(); n != 0 {
		t.Fatalf("lost = %d", n)
	}
}

func TestNackKeyframeSettlesAGap(t *testing.T) {
	g := newNackGenerator(Video)
	askedAt(&g, 0)
	g.keyframe(103)
	if n, unrecoverable := g.lost(); n != 1 || unrecoverable {
		t.Fatalf("lost = %d, %v", n, unrecoverable)
	}
}

func TestNackOverflow(t *testing.T) {
	for _, c := range []struct {
		name    string
		kind    Kind
		seqs    []uint64
		pending int
		lost    int
	}{
		{"all that fits", Video, []uint64{100, 101 + nackLimit}, nackLimit, 0},
		{"one jump", Video, []uint64{100, 102 + nackLimit}, 0, nackLimit + 1},
		{"little by little", Video, []uint64{100, 701, 1202}, 0, 1100},
		{"and on", Video, []uint64{100, 1200, 1202}, 1, 1099},
		{"the sender began anew", Video, []uint64{100, 102, 200_000}, 0, 1},
		{"audio", Audio, []uint64{100, 1200}, 0, 1099},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := newNackGenerator(c.kind)
			for _, seq := range c.seqs {
				g.insert(seq, false, 0)
			}
			n, unrecoverable := g.lost()
			if g.pending() != c.pending || n != c.lost || unrecoverable != (c.lost > 0 && c.kind == Video) {
				t.Fatalf("pending %d, lost %d, %v", g.pending(), n, unrecoverable)
			}
		})
	}
}

func TestReorderDelay(t *testing.T) {
	var r reorderDelay
	check := func(now Instant, want time.Duration) {
		t.Helper()
		if got := r.wait(now); got != want {
			t.Fatalf("wait = %v, want %v", got, want)
		}
	}
	check(0, reorderStart)
	r.sample(time.Millisecond, 0)
	check(0, reorderStart) // one sample says little
	r.sample(12*time.Millisecond, 0)
	check(0, 12*time.Millisecond)
	for range 100 {
		r.sample(1500*time.Microsecond, instantMS(100))
	}
	check(instantMS(100), 2*time.Millisecond)
	for range 10 {
		r.sample(time.Second, instantMS(200))
	}
	check(instantMS(200), reorderMax)
	for range 300 {
		r.sample(0, instantMS(5100))
	}
	check(instantMS(5100), 2*time.Millisecond) // the period before still counts
	r.sample(0, instantMS(10_100))
	check(instantMS(10_100), 0)
	check(instantMS(20_100), reorderStart)
	r.sample(3*time.Millisecond, instantMS(25_000))
	check(instantMS(25_000), reorderStart)
}

// Where packets are only overtaken, by 8 ms, the generator must learn to wait for them.
func TestNackLearnsReordering(t *testing.T) {
	g := newNackGenerator(Video)
	asked := 0
	for i := range 400 {
		seq, now := 1000+2*uint64(i), instantMS(40*i)
		g.insert(seq+1, false, now)
		for ms := range 8 {
			n := len(g.due(now+instantMS(ms), 50*time.Millisecond, nil))
			if i > 50 {
				asked += n
			}
		}
		g.insert(seq, false, now+instantMS(8))
	}
	if asked > 0 {
		t.Fatalf("asked for %d packets that were under way", asked)
	}
}

// 5 % loss in both directions and a round trip of 80 ms must leave hardly a packet behind.
func TestNackRepairsLoss(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	g := newNackGenerator(Video)
	type repair struct {
		at  int
		seq uint64
	}
	var repairs []repair
	arrived := map[uint64]bool{}
	const packets, first = 30_000, uint64(1<<16 + 65_000)
	asked := 0
	for ms := range 2*packets + 1000 {
		if seq := first + uint64(ms/2); ms%2 == 0 && ms < 2*packets && rng.Float64() >= .05 {
			g.insert(seq, false, instantMS(ms))
			arrived[seq] = true
		}
		for len(repairs) > 0 && repairs[0].at <= ms {
			g.insert(repairs[0].seq, true, instantMS(ms))
			arrived[repairs[0].seq] = true
			repairs = repairs[1:]
		}
		if ms%10 != 0 || g.pending() == 0 {
			continue
		}
		for _, seq16 := range g.due(instantMS(ms), 80*time.Millisecond, nil) {
			seq := g.highest - uint64(uint16(g.highest)-seq16)
			asked++
			if arrived[seq] {
				t.Fatalf("asked for %d, which is here", seq)
			}
			if rng.Float64() >= .05+.05 { // the request or the repair is lost
				repairs = append(repairs, repair{ms + 80, seq})
			}
		}
	}
	missing := packets - len(arrived)
	t.Logf("of %d packets %d are missing, %d requests", packets, missing, asked)
	if missing > packets/1000 || asked > packets/15 {
		t.Fatalf("of %d packets %d are missing, %d requests", packets, missing, asked)
	}
}

// nackModel is what may be asked for at all: a slow bookkeeping of what the generator was told.
type nackModel struct {
	highest, needed uint64
	missing         map[uint64]Instant // since when
	asked           map[uint64][]Instant
}

func (m *nackModel) insert(seq uint64, now Instant) {
	for s := max(m.highest+1, m.needed); m.highest != 0 && s < seq; s++ {
		m.missing[s] = now
	}
	m.highest = max(m.highest, seq)
	delete(m.missing, seq)
}

func (m *nackModel) keyframe(first uint64) {
	m.needed = max(m.needed, first)
	for s := range m.missing {
		if s < m.needed {
			delete(m.missing, s)
		}
	}
}

// check takes what was asked for at now and compares what is pending.
func (m *nackModel) check(t *testing.T, g *nackGenerator, asked []uint16, now Instant, rtt time.Duration) {
	t.Helper()
	if !slices.IsSorted(asked) && m.highest>>16 == (m.highest-nackLimit)>>16 {
		t.Fatalf("%d is not in order", asked)
	}
	for _, seq16 := range asked {
		seq := m.highest - uint64(uint16(m.highest)-seq16)
		since, missing := m.missing[seq]
		before := m.asked[seq]
		switch {
		case !missing:
			t.Fatalf("asked for %d, which is not missing", seq)
		case len(before) >= nackTries:
			t.Fatalf("asked for %d too often", seq)
		case len(before) > 0 && now.Sub(before[len(before)-1]) < max(nackMinInterval, min(rtt, nackMaxInterval)):
			t.Fatalf("asked for %d again too soon", seq)
		case now.Sub(since) > max(nackVideoPatience, 3*rtt):
			t.Fatalf("asked for %d too late", seq)
		}
		m.asked[seq] = append(before, now)
	}
	// What the generator gave up is what it does not list.
	for s := range m.missing {
		if _, listed := g.search(s); !listed {
			delete(m.missing, s)
		}
	}
	if len(m.missing) != g.pending() {
		t.Fatalf("%d pending, %d missing", g.pending(), len(m.missing))
	}
}

func runNack(t *testing.T, ops []byte) {
	g := newNackGenerator(Video)
	m := nackModel{missing: map[uint64]Instant{}, asked: map[uint64][]Instant{}}
	now, seq, lost, gone := Instant(0), uint64(1<<16+65_400), 0, 0
	for i := 0; i+1 < len(ops); i += 2 {
		n := uint64(ops[i+1])
		switch ops[i] % 8 {
		case 0, 1, 2:
			seq++
			g.insert(seq, false, now)
			m.insert(seq, now)
		case 3:
			seq += n
			g.insert(seq, n%2 == 0, now)
			m.insert(seq, now)
		case 4:
			g.insert(seq-n, n%3 == 0, now)
			m.insert(seq-n, now)
		case 5:
			g.keyframe(seq - n)
			m.keyframe(seq - n)
		default:
			now = now.Add(time.Duration(n) * time.Millisecond)
		}
		if g.pending() == 0 {
			// An overflow or the last repair.
			gone += len(m.missing)
			clear(m.missing)
		}
		before := len(m.missing)
		rtt := time.Duration(ops[i]/8) * 10 * time.Millisecond
		m.check(t, &g, g.due(now, rtt, nil), now, rtt)
		gone += before - len(m.missing)
		k, _ := g.lost()
		lost += k
	}
	if lost != gone {
		t.Fatalf("reported %d lost, %d are gone", lost, gone)
	}
}

func TestNackAgainstModel(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 3))
		ops := make([]byte, 600)
		for i := range ops {
			ops[i] = byte(rng.UintN(256))
			if i%2 == 1 && rng.IntN(4) > 0 {
				ops[i] %= 8
			}
		}
		runNack(t, ops)
	}
}

func FuzzNackGenerator(f *testing.F) {
	f.Add([]byte{0, 0, 3, 5, 6, 10, 4, 2, 7, 200, 7, 200, 7, 200})
	f.Add([]byte{3, 255, 3, 255, 3, 255, 3, 255, 3, 255, 6, 5})
	f.Fuzz(func(t *testing.T, ops []byte) { runNack(t, ops[:min(len(ops), 2000)]) })
}

func TestNackAllocatesNothing(t *testing.T) {
	g := newNackGenerator(Video)
	seq, now, dst := uint64(1<<16), Instant(0), make([]uint16, 0, 64)
	step := func() {
		now = now.Add(time.Millisecond)
		seq += 2
		g.insert(seq, false, now)
		if seq%4 == 0 {
			g.insert(seq-7, true, now)
		}
		dst = g.due(now, 40*time.Millisecond, dst[:0])
	}
	for range 1000 {
		step()
	}
	if n := testing.AllocsPerRun(1000, step); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkNackInOrder(b *testing.B) {
	g := newNackGenerator(Video)
	seq := uint64(1 << 16)
	for b.Loop() {
		seq++
		g.insert(seq, false, Instant(seq))
	}
}

func BenchmarkNackWithLoss(b *testing.B) {
	g := newNackGenerator(Video)
	seq, dst := uint64(1<<16), make([]uint16, 0, 64)
	for b.Loop() {
		seq++
		now := Instant(seq) * Instant(time.Millisecond)
		if seq%20 != 0 {
			g.insert(seq, false, now)
		}
		if seq%20 == 10 {
			g.insert(seq-10, true, now)
		}
		if seq%10 == 0 {
			dst = g.due(now, 40*time.Millisecond, dst[:0])
		}
	}
}
