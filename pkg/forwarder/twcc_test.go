package forwarder

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// An arrivalReport is what a sender reads out of feedback: -1 for a packet reported missing, else the arrival in ticks.
type arrivalReport struct {
	seq   uint16
	ticks int64
}

// readFeedback marshals, unmarshals and reads what build returned, as a sender would.
func readFeedback(t *testing.T, packets []rtcp.Packet, count *uint8) (all []arrivalReport) {
	t.Helper()
	for _, p := range packets {
		wire, err := p.Marshal()
		if err != nil {
			t.Fatalf("marshal: %v", err)
		}
		if len(wire) > 1100 || len(wire)%4 != 0 {
			t.Fatalf("%d bytes", len(wire))
		}
		parsed, err := rtcp.Unmarshal(wire)
		if err != nil || len(parsed) != 1 {
			t.Fatalf("unmarshal: %v", err)
		}
		f := parsed[0].(*rtcp.TransportLayerCC)
		if f.FbPktCount != *count || f.SenderSSRC != 11 || f.MediaSSRC != 22 {
			t.Fatalf("count %d, want %d; SSRCs %d, %d", f.FbPktCount, *count, f.SenderSSRC, f.MediaSSRC)
		}
		*count++
		all = append(all, readOne(t, f)...)
	}
	return all
}

func readOne(t *testing.T, f *rtcp.TransportLayerCC) (all []arrivalReport) {
	t.Helper()
	var symbols []uint16
	for _, c := range f.PacketChunks {
		switch c := c.(type) {
		case *rtcp.RunLengthChunk:
			for range c.RunLength {
				symbols = append(symbols, c.PacketStatusSymbol)
			}
		case *rtcp.StatusVectorChunk:
			symbols = append(symbols, c.SymbolList...)
		}
	}
	if len(symbols) < int(f.PacketStatusCount) || len(symbols) > int(f.PacketStatusCount)+13 {
		t.Fatalf("%d symbols for %d packets", len(symbols), f.PacketStatusCount)
	}
	ticks := int64(f.ReferenceTime) * twccReferenceTicks
	deltas := f.RecvDeltas
	for i, s := range symbols[:f.PacketStatusCount] {
		r := arrivalReport{f.BaseSequenceNumber + uint16(i), -1}
		if s != rtcp.TypeTCCPacketNotReceived {
			if deltas[0].Type == rtcp.TypeTCCPacketReceivedLargeDelta && deltas[0].Delta >= 0 && deltas[0].Delta <= 255*250 {
				t.Fatalf("a large delta of %d us", deltas[0].Delta)
			}
			ticks += deltas[0].Delta / rtcp.TypeTCCDeltaScaleFactor
			r.ticks, deltas = ticks, deltas[1:]
		}
		all = append(all, r)
	}
	if len(deltas) != 0 {
		t.Fatalf("%d deltas too many", len(deltas))
	}
	return all
}

func TestFeedback(t *testing.T) {
	const ms = 4 // ticks
	type arrival struct {
		seq uint16
		ms  int
	}
	for name, c := range map[string]struct {
		arrivals []arrival
		want     []arrivalReport
		packets  int
	}{
		"one":              {[]arrival{{5, 1000}}, []arrivalReport{{5, 1000 * ms}}, 1},
		"gap":              {[]arrival{{5, 1}, {8, 2}}, []arrivalReport{{5, 1 * ms}, {6, -1}, {7, -1}, {8, 2 * ms}}, 1},
		"overtaken":        {[]arrival{{5, 100}, {7, 101}, {6, 103}}, []arrivalReport{{5, 100 * ms}, {6, 103 * ms}, {7, 101 * ms}}, 1},
		"before the first": {[]arrival{{5, 100}, {4, 101}}, []arrivalReport{{4, 101 * ms}, {5, 100 * ms}}, 1},
		"duplicate":        {[]arrival{{5, 100}, {5, 150}}, []arrivalReport{{5, 100 * ms}}, 1},
		"wrap":             {[]arrival{{65535, 1}, {1, 2}, {0, 3}}, []arrivalReport{{65535, 1 * ms}, {0, 3 * ms}, {1, 2 * ms}}, 1},
		"pause":            {[]arrival{{5, 1}, {6, 8000}}, []arrivalReport{{5, 1 * ms}, {6, 8000 * ms}}, 1},
		"long pause":       {[]arrival{{5, 1}, {6, 9000}}, []arrivalReport{{5, 1 * ms}, {6, 9000 * ms}}, 2},
		"begins anew":      {[]arrival{{5, 1}, {8198, 2}}, []arrivalReport{{8198, 2 * ms}}, 1},
		"and backwards":    {[]arrival{{9000, 1}, {5, 2}}, []arrivalReport{{5, 2 * ms}}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			var r feedbackRecorder
			for _, a := range c.arrivals {
				r.record(a.seq, instantMS(a.ms))
			}
			packets := r.build(instantMS(10_000), 11, 22)
			if len(packets) != c.packets {
				t.Fatalf("%d packets", len(packets))
			}
			var count uint8
			got := readFeedback(t, packets, &count)
			if len(got) != len(c.want) {
				t.Fatalf("got %v, want %v", got, c.want)
			}
			for i := range got {
				if got[i] != c.want[i] {
					t.Fatalf("got %v, want %v", got, c.want)
				}
			}
			if r.build(instantMS(10_001), 11, 22) != nil {
				t.Fatal("the same again")
			}
		})
	}
}

func TestFeedbackLargestGap(t *testing.T) {
	var r feedbackRecorder
	r.record(5, 0)
	r.build(0, 11, 22)
	r.record(5+twccWindow, instantMS(1))
	var count uint8 = 1
	packets := r.build(instantMS(1), 11, 22)
	got := readFeedback(t, packets, &count)
	if len(packets) != 1 || len(got) != twccWindow || got[0] != (arrivalReport{6, -1}) || got[len(got)-1].ticks != 4 {
		t.Fatalf("%d packets about %d", len(packets), len(got))
	}
	if n := packets[0].MarshalSize(); n > 28 {
		t.Fatalf("%d bytes", n)
	}
}

// More than fits one packet is split, more than the window holds is forgotten.
func TestFeedbackManyPackets(t *testing.T) {
	for _, c := range []struct{ packets, every, want int }{{3000, 2, 3000}, {8100, 1, 8100}, {20_000, 1, twccWindow}} {
		var r feedbackRecorder
		var count uint8
		for i := range c.packets {
			if i%c.every == 0 || i == c.packets-1 {
				r.record(uint16(i), Instant(i)*instantMS(1))
			}
		}
		packets := r.build(0, 11, 22)
		got := readFeedback(t, packets, &count)
		if len(got) != c.want || len(packets) < 4 {
			t.Fatalf("%d packets report %d of %d", len(packets), len(got), c.packets)
		}
		for i, a := range got {
			n := c.packets - c.want + i
			if a.seq != uint16(n) || a.ticks != int64(4*n) && (a.ticks != -1 || n%c.every == 0) {
				t.Fatalf("packet %d is reported as %v", n, a)
			}
		}
	}
}

func TestFeedbackReportsTheOvertakenLater(t *testing.T) {
	var r feedbackRecorder
	var count uint8
	record := func(ms int, seqs ...uint16) []arrivalReport {
		for _, s := range seqs {
			r.record(s, instantMS(ms))
		}
		return readFeedback(t, r.build(instantMS(ms), 11, 22), &count)
	}
	record(0, 100, 101, 103)
	got := record(100, 102, 104)
	want := []arrivalReport{{102, 400}, {103, 0}, {104, 400}}
	if len(got) != 3 || got[0] != want[0] || got[1] != want[1] || got[2] != want[2] {
		t.Fatalf("got %v, want %v", got, want)
	}
	record(600, 105)
	record(1200, 107)
	if got := record(1300, 99, 104); got != nil {
		t.Fatalf("got %v about what is long past", got)
	}
	if got := record(1400, 106); len(got) != 2 {
		t.Fatalf("got %v", got)
	}
}

// The reference time has 24 bits of 64 ms and wraps after twelve days.
func TestFeedbackReferenceTimeWraps(t *testing.T) {
	var r feedbackRecorder
	at := Instant(300 * time.Hour)
	r.record(1, at)
	f := r.build(at, 11, 22)[0].(*rtcp.TransportLayerCC)
	if want := uint32(int64(300*time.Hour/(64*time.Millisecond)) - 1<<24); f.ReferenceTime != want {
		t.Fatalf("reference time %d, want %d", f.ReferenceTime, want)
	}
	if _, err := f.Marshal(); err != nil {
		t.Fatal(err)
	}
}

func TestFeedbackDue(t *testing.T) {
	for _, c := range []struct {
		rate int
		want int // ms
	}{{0, 250}, {30_000, 250}, {100_000, 109}, {1_000_000, 50}} {
		var r feedbackRecorder
		if r.due(instantMS(10), c.rate) {
			t.Fatal("due before anything arrived")
		}
		r.record(1, instantMS(10))
		if !r.due(instantMS(10), c.rate) {
			t.Fatal("the first is not due")
		}
		r.build(instantMS(10), 11, 22)
		if r.due(instantMS(1000), c.rate) {
			t.Fatal("due without news")
		}
		r.record(2, instantMS(11))
		if r.due(instantMS(10+c.want-1), c.rate) || !r.due(instantMS(10+c.want), c.rate) {
			t.Errorf("rate %d: not due after %d ms", c.rate, c.want)
		}
	}
}

// runFeedback runs a random stream through the recorder and compares what the sender reads with what was recorded.
func runFeedback(t *testing.T, rng *rand.Rand) {
	var r feedbackRecorder
	var count uint8
	now, head := Instant(rng.Int64N(int64(time.Hour))), uint64(1<<20)+rng.Uint64N(1<<16)
	arrived := map[uint64]int64{} // first arrival in ticks
	known := map[uint64]int64{}   // what the sender knows, -1 for missing
	first := head
	loss, reorder, pace := rng.Float64()*.6, rng.IntN(40)+1, rng.Int64N(int64(30*time.Millisecond))+1
	for range 40 {
		for range rng.IntN(700) {
			now = now.Add(time.Duration(rng.Int64N(pace)))
			head++
			switch rng.IntN(3000) {
			case 0:
				head += rng.Uint64N(4000)
			case 1:
				now = now.Add(time.Duration(rng.Int64N(int64(20 * time.Second))))
			}
			if rng.Float64() < loss {
				continue
			}
			seq := head
			if rng.IntN(10) == 0 {
				seq = max(seq-uint64(rng.IntN(reorder)), first)
			}
			r.record(uint16(seq), now)
			if _, ok := arrived[seq]; !ok {
				arrived[seq] = int64(now) / int64(twccTick)
			}
		}
		for _, a := range readFeedback(t, r.build(now, 11, 22), &count) {
			seq := head - uint64(uint16(head)-a.seq)
			want, ok := arrived[seq]
			if a.ticks >= 0 && (!ok || a.ticks != want) || a.ticks < 0 && ok {
				t.Fatalf("packet %d arrived at %d (%v), reported %d", seq, want, ok, a.ticks)
			}
			known[seq] = a.ticks
		}
	}
	highest := uint64(0)
	for seq := range arrived {
		highest = max(highest, seq)
	}
	for seq, ticks := range known {
		if want, ok := arrived[seq]; ok && ticks != want {
			t.Fatalf("packet %d: the sender believes %d, it arrived at %d", seq, ticks, want)
		}
		if seq > highest {
			t.Fatalf("packet %d was reported before it was sent", seq)
		}
	}
	for seq := range arrived {
		if _, ok := known[seq]; !ok {
			t.Fatalf("packet %d is not reported", seq)
		}
	}
}

func TestFeedbackReconstructsArrivals(t *testing.T) {
	for seed := range uint64(60) {
		runFeedback(t, rand.New(rand.NewPCG(seed, 9)))
	}
}

func FuzzFeedback(f *testing.F) {
	f.Add([]byte{1, 0, 1, 9, 200, 3, 255, 7, 0, 1})
	f.Fuzz(func(t *testing.T, ops []byte) {
		var r feedbackRecorder
		var count uint8
		seq, now := uint16(0), Instant(0)
		for i := 0; i+1 < min(len(ops), 1000); i += 2 {
			n := uint16(ops[i+1])
			switch ops[i] % 8 {
			case 0, 1, 2:
				seq += n%4 + 1
			case 3:
				seq += n << 8
			case 4:
				seq -= n
			case 5:
				now = now.Add(time.Duration(n) * time.Millisecond * 50)
			default:
				readFeedback(t, r.build(now, 11, 22), &count)
				continue
			}
			r.record(seq, now)
			if len(r.arrivals) > twccWindow {
				t.Fatalf("%d entries", len(r.arrivals))
			}
		}
	})
}

func TestFeedbackSizes(t *testing.T) {
	for _, c := range []struct {
		name  string
		every int
		bytes int
	}{{"all arrive", 1, 20 + 2 + 100 + 2}, {"every second", 2, 20 + 30 + 100 + 2}, {"every thirtieth", 30, 20 + 400 + 100}} {
		var r feedbackRecorder
		for i := range 100 {
			r.record(uint16(1+c.every*i), instantMS(i))
		}
		packets := r.build(instantMS(100), 11, 22)
		if n := packets[0].MarshalSize(); len(packets) != 1 || n > c.bytes {
			t.Errorf("%s: %d packets, the first has %d bytes, want at most %d", c.name, len(packets), n, c.bytes)
		}
	}
}

func TestFeedbackAllocatesNothing(t *testing.T) {
	var r feedbackRecorder
	seq, now := uint16(0), Instant(0)
	step := func() {
		for i := range 50 {
			seq++
			now = now.Add(time.Duration(i*i) * 100 * time.Microsecond)
			if i%7 != 0 {
				r.record(seq, now)
			}
		}
		r.build(now, 11, 22)
	}
	for range 20 {
		step()
	}
	if n := testing.AllocsPerRun(500, step); n != 0 {
		t.Fatalf("%v allocations in 50 packets and one feedback", n)
	}
}

func BenchmarkFeedbackRecord(b *testing.B) {
	var r feedbackRecorder
	seq, now := uint16(0), Instant(0)
	for b.Loop() {
		seq++
		now += 1_000_000
		r.record(seq, now)
		if seq%100 == 0 {
			r.build(now, 11, 22)
		}
	}
}

func BenchmarkFeedbackLargestGaps(b *testing.B) {
	var r feedbackRecorder
	seq := uint16(0)
	for b.Loop() {
		seq += twccWindow
		r.record(seq, 0)
	}
}
