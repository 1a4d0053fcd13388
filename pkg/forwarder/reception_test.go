package forwarder

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// receive inserts packets of 100 bytes, each 10 ms after the one before and with timestamps that say so.
func receive(r *reception, seqs ...uint64) {
	for _, seq := range seqs {
		r.insert(seq, uint32(seq)*480, 48_000, 100, false, Instant(seq)*instantMS(10))
	}
}

func span(first, last uint64) (seqs []uint64) {
	for s := first; s <= last; s++ {
		seqs = append(seqs, s)
	}
	return seqs
}

func TestReceptionCountsLossBeforeRepair(t *testing.T) {
	const first = 1<<16 + 65_500
	now := func(seconds int) Instant { return first*instantMS(10) + instantMS(1000*seconds) }
	r := newReception(7)
	receive(&r, span(first, first+59)...)
	receive(&r, span(first+80, first+99)...)
	for seq := uint64(first + 60); seq < first+70; seq++ {
		r.insert(seq, 0, 48_000, 100, true, 0)
	}
	got := r.report(now(5))
	want := rtcp.ReceptionReport{SSRC: 7, FractionLost: 51, TotalLost: 20, LastSequenceNumber: 65_500 + 99}
	if got != want {
		t.Fatalf("report = %+v, want %+v", got, want)
	}
	if r.packets != 90 || r.bytes != 9000 || r.repaired != 10 {
		t.Fatalf("packets %d, bytes %d, repaired %d", r.packets, r.bytes, r.repaired)
	}
	receive(&r, span(first+100, first+199)...)
	got = r.report(now(6))
	if got.FractionLost != 0 || got.TotalLost != 20 {
		t.Fatalf("report = %+v", got)
	}
	r.report(now(7))
	if r.lostTotal() != 10 {
		t.Fatalf("lostTotal = %d", r.lostTotal())
	}
}

func TestReceptionFractionLost(t *testing.T) {
	for _, c := range []struct {
		name string
		seqs []uint64
		want uint8
	}{
		{"nothing lost", span(1000, 1099), 0},
		{"a quarter", []uint64{1000, 1001, 1003, 1004, 1005, 1007}, 64},
		{"a duplicate is not a packet", []uint64{1000, 1000, 1000, 1003}, 128},
		{"overtaken", []uint64{1000, 1003, 1002, 1001}, 0},
		{"before the first", []uint64{1003, 1000, 1002}, 64},
		{"nearly all", []uint64{1000, 4999}, 255},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newReception(1)
			receive(&r, c.seqs...)
			if got := r.report(instantMS(100_000)).FractionLost; got != c.want {
				t.Fatalf("fraction lost %d, want %d", got, c.want)
			}
			if got := r.report(instantMS(100_100)).FractionLost; got != 0 {
				t.Fatalf("fraction lost %d in an empty interval", got)
			}
		})
	}
}

func TestReceptionLateInTheNextInterval(t *testing.T) {
	r := newReception(1)
	receive(&r, 1000, 1001, 1003)
	r.report(instantMS(1000))
	receive(&r, 1002)
	if got := r.report(instantMS(2000)); got.FractionLost != 0 || got.TotalLost != 0 {
		t.Fatalf("report = %+v", got)
	}
	if r.report(instantMS(3000)); r.lostTotal() != 0 {
		t.Fatalf("lostTotal = %d", r.lostTotal())
	}
}

func TestReceptionLostTotalWaitsForRepair(t *testing.T) {
	r := newReception(1)
	receive(&r, 1000, 1003)
	r.report(instantMS(10_040)) // overtaken 10 ms ago
	if r.lostTotal() != 0 {
		t.Fatalf("lostTotal = %d at once", r.lostTotal())
	}
	r.insert(1001, 0, 48_000, 100, true, instantMS(10_100))
	receive(&r, 1004)
	for _, ms := range []int{11_040, 12_040} {
		r.report(instantMS(ms))
	}
	if r.lostTotal() != 1 {
		t.Fatalf("lostTotal = %d, want the one that never came", r.lostTotal())
	}
	r.insert(1002, 0, 48_000, 100, true, instantMS(12_100))
	r.report(instantMS(13_040))
	if r.lostTotal() != 1 || r.repaired != 1 {
		t.Fatalf("lostTotal = %d after a repair that came too late", r.lostTotal())
	}
}

func TestReceptionRepairFromBeforeTheFirst(t *testing.T) {
	r := newReception(1)
	receive(&r, 1000)
	r.insert(998, 0, 48_000, 100, true, instantMS(10_000))
	if got := r.report(instantMS(10_001)); got.TotalLost != 0 || r.packets != 1 {
		t.Fatalf("report = %+v", got)
	}
}

// What is older than the window or decided already must not be counted again.
func TestReceptionBeforeTheFirstTooLate(t *testing.T) {
	r := newReception(1)
	receive(&r, 1000, 5000)
	receive(&r, 903)
	if got := r.report(0).TotalLost; got != 3999 || r.packets != 2 {
		t.Fatalf("total lost %d, %d packets", got, r.packets)
	}
	r = newReception(1)
	receive(&r, 1000, 1003)
	r.report(instantMS(20_000))
	r.report(instantMS(30_000))
	receive(&r, 999)
	receive(&r, 1004)
	r.report(instantMS(40_000))
	r.report(instantMS(50_000))
	if r.lostTotal() != 2 {
		t.Fatalf("lostTotal = %d", r.lostTotal())
	}
}

// Without reports the window alone decides what is lost.
func TestReceptionWindow(t *testing.T) {
	r := newReception(1)
	want := uint64(0)
	for seq := uint64(1000); seq <= 20_000; seq++ {
		if seq%3 != 0 {
			receive(&r, seq)
		} else if seq <= 20_000-receptionWindow {
			want++
		}
	}
	if r.lostTotal() != want {
		t.Fatalf("lostTotal = %d, want %d", r.lostTotal(), want)
	}
}

func TestReceptionRestart(t *testing.T) {
	r := newReception(1)
	receive(&r, 1<<16+10, 1<<16+12)
	r.report(instantMS(1))
	receive(&r, span(3<<16+100, 3<<16+199)...)
	got := r.report(instantMS(2))
	if got.FractionLost != 0 || got.TotalLost != 0 || got.LastSequenceNumber != 199 {
		t.Fatalf("report = %+v", got)
	}
	if r.lostTotal() != 1 {
		t.Fatalf("lostTotal = %d", r.lostTotal())
	}
}

func TestReceptionClampsCumulativeLoss(t *testing.T) {
	r := newReception(1)
	seq := uint64(1 << 16)
	for range 3000 {
		receive(&r, seq)
		seq += 3000
	}
	if got := r.report(instantMS(0)).TotalLost; got != maxCumulativeLost {
		t.Fatalf("total lost %#x", got)
	}
}

func TestReceptionSenderReport(t *testing.T) {
	r := newReception(1)
	receive(&r, 1000)
	if got := r.report(instantMS(500)); got.LastSenderReport != 0 || got.Delay != 0 {
		t.Fatalf("report = %+v before a sender report", got)
	}
	r.senderReport(0x0123_4567_89ab_cdef, instantMS(1000))
	if got := r.report(instantMS(2500)); got.LastSenderReport != 0x4567_89ab || got.Delay != 3<<15 {
		t.Fatalf("report = %+v", got)
	}
	if got := r.report(Instant(100 * time.Hour)); got.Delay != 1<<32-1 {
		t.Fatalf("delay %d is not clamped", got.Delay)
	}
}

func TestReceptionBeforeAnything(t *testing.T) {
	r := newReception(5)
	r.senderReport(1<<40, 0)
	if got := r.report(0); got != (rtcp.ReceptionReport{SSRC: 5}) {
		t.Fatalf("report = %+v", got)
	}
}

func TestReceptionJitter(t *testing.T) {
	r := newReception(1)
	insert := func(seq uint64, ts uint32, ms int) { r.insert(seq, ts, 90_000, 1, false, instantMS(ms)) }
	check := func(want uint32) {
		t.Helper()
		if got := r.report(0).Jitter; got != want {
			t.Fatalf("jitter %d, want %d", got, want)
		}
	}
	insert(1000, 1<<32-3000, 0)
	insert(1001, 0, 33) // 33.3 ms of media, 30 ticks early
	check(1)            // 30/16
	for i := range 10 {
		insert(1002+uint64(i), 0, 33+50*i) // the same frame, paced
	}
	check(1)
	insert(1020, 3000, 33+100) // 100 ms after the first packet of its frame instead of 33.3
	check(376)                 // (30 + 6000 - 2) / 16
	before := r.report(0).Jitter
	insert(1019, 90_000, 140) // overtaken
	r.insert(1021, 0, 90_000, 1, true, instantMS(140))
	insert(1022, 6000, 60_133) // muted for a minute
	check(before)
	r = newReception(1)
	for i := range 200 { // ±5 ms: mean |D| is 10 ms or 900 ticks
		insert(1000+uint64(i), uint32(i)*1800, 20*i+10*(i%2))
	}
	if got := r.report(0).Jitter; got < 890 || got > 901 {
		t.Fatalf("jitter %d does not converge to 900", got)
	}
}

// receptionModel knows the fate of every packet.
type receptionModel struct {
	first, highest uint64
	itself, any    map[uint64]bool
}

func (m *receptionModel) missing() (before, after uint64) {
	n := m.highest - m.first + 1
	return n - uint64(len(m.itself)), n - uint64(len(m.any))
}

// Loss, reordering, duplicates and repairs in any mixture must give the counts of a model that remembers everything.
func TestReceptionAgainstModel(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 5))
		r := newReception(1)
		start := 1<<16 | uint64(rng.IntN(1<<16))
		m := receptionModel{first: start, highest: start, itself: map[uint64]bool{}, any: map[uint64]bool{}}
		now, total := Instant(0), uint64(0)
		insert := func(seq uint64, recovered bool) {
			r.insert(seq, uint32(seq), 90_000, 1, recovered, now)
			if !recovered && !m.any[seq] {
				m.itself[seq] = true
			}
			m.any[seq] = true
			m.highest = max(m.highest, seq)
		}
		insert(start, false)
		var late []uint64
		for seq, end := start+1, start+3000; seq < end; seq++ {
			now = now.Add(2 * time.Millisecond)
			if rng.IntN(10) > 0 || seq == end-1 {
				insert(seq, false)
			} else {
				late = append(late, seq)
			}
			// What was not lost for good comes within some 100 packets.
			if len(late) > 10 {
				if fate := rng.IntN(3); fate < 2 {
					insert(late[0], fate == 1)
				}
				late = late[1:]
			}
			if rng.IntN(50) == 0 {
				insert(max(start, seq-uint64(rng.IntN(5))), true)
			}
			if (seq-start)%500 == 0 {
				r.report(now)
				if r.lostTotal() < total {
					t.Fatalf("seed %d: lostTotal fell from %d to %d", seed, total, r.lostTotal())
				}
				total = r.lostTotal()
			}
		}
		before, after := m.missing()
		got := r.report(now.Add(2 * time.Second))
		r.report(now.Add(4 * time.Second))
		if uint64(got.TotalLost) != before || r.lostTotal() != after {
			t.Fatalf("seed %d: lost %d before repair and %d after, want %d and %d", seed, got.TotalLost, r.lostTotal(), before, after)
		}
	}
}

func TestReceptionAllocatesNothing(t *testing.T) {
	r := newReception(1)
	seq := uint64(1 << 16)
	if n := testing.AllocsPerRun(1000, func() { seq += 3; receive(&r, seq); receive(&r, seq-1); r.report(Instant(seq)) }); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkReception(b *testing.B) {
	r := newReception(1)
	seq := uint64(1 << 16)
	for b.Loop() {
		seq++
		r.insert(seq, uint32(seq), 90_000, 1200, false, Instant(seq))
	}
}
