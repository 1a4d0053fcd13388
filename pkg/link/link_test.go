package link_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"sfu/pkg/link"
)

var origin = time.Unix(1_700_000_000, 0)

// A sent packet and when it arrived.
type passage struct {
	sent     time.Time
	arrivals []time.Time
	drop     link.Drop
}

// run sends count packets of size bytes, each gap after the one before.
func run(c link.Config, seed uint64, count, size int, gap time.Duration) []passage {
	l := link.New(c, seed)
	all := make([]passage, count)
	for i := range all {
		now := origin.Add(time.Duration(i) * gap)
		o := l.Send(size, now)
		all[i] = passage{now, append([]time.Time(nil), o.Arrivals()...), o.Dropped}
	}
	return all
}

func TestPerfectLink(t *testing.T) {
	for _, p := range run(link.Config{}, 1, 100, 1200, time.Millisecond) {
		if len(p.arrivals) != 1 || !p.arrivals[0].Equal(p.sent) {
			t.Fatalf("%+v", p)
		}
	}
}

func TestDelayIsExact(t *testing.T) {
	for _, p := range run(link.Config{Delay: 40 * time.Millisecond}, 1, 100, 1200, time.Millisecond) {
		if len(p.arrivals) != 1 || p.arrivals[0].Sub(p.sent) != 40*time.Millisecond {
			t.Fatalf("%+v", p)
		}
	}
}

func TestSameSeedSameFate(t *testing.T) {
	c, err := link.Parse("rate=2mbit,delay=20ms,jitter=9ms,loss=3%,burst=2%:4,reorder=2%,duplicate=1%")
	if err != nil {
		t.Fatal(err)
	}
	a, b, other := run(c, 7, 2000, 1000, 3*time.Millisecond), run(c, 7, 2000, 1000, 3*time.Millisecond), run(c, 8, 2000, 1000, 3*time.Millisecond)
	same := true
	for i := range a {
		if len(a[i].arrivals) != len(b[i].arrivals) || a[i].drop != b[i].drop || len(a[i].arrivals) > 0 && !a[i].arrivals[0].Equal(b[i].arrivals[0]) {
			t.Fatalf("packet %d: %+v and %+v", i, a[i], b[i])
		}
		same = same && a[i].drop == other[i].drop
	}
	if same {
		t.Error("another seed drops the same packets")
	}
}

// In no window may more bytes arrive than the rate allows, and a link that is kept busy is used fully.
func TestRateIsRespected(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 50 {
		c := link.Config{Rate: 100_000 + rng.Int64N(5_000_000), Queue: 20_000 + rng.IntN(100_000)}
		l := link.New(c, rng.Uint64())
		now := origin
		type arrived struct {
			at   time.Time
			size int
		}
		var all []arrived
		for range 3000 {
			size := 100 + rng.IntN(1300)
			o := l.Send(size, now)
			for _, at := range o.Arrivals() {
				all = append(all, arrived{at, size})
			}
			// On average three times the rate.
			now = now.Add(time.Duration(rng.Float64() * 2 / 3 * 750 * 8 / float64(c.Rate) * float64(time.Second)))
		}
		bytes := 0
		for i, a := range all {
			bytes += a.size
			if i > 0 && all[i].at.Sub(all[i-1].at).Seconds() < float64(a.size)*8/float64(c.Rate)-1e-6 {
				t.Fatalf("%v: %d bytes arrive %v after the packet before", c, a.size, all[i].at.Sub(all[i-1].at))
			}
		}
		rate := float64(bytes) * 8 / all[len(all)-1].at.Sub(origin).Seconds()
		if rate > float64(c.Rate)*1.001 || rate < float64(c.Rate)*0.97 {
			t.Errorf("%v: %.0f bits per second arrive of a link in overload", c, rate)
		}
	}
}

func TestQueueBoundsDelay(t *testing.T) {
	c := link.Config{Rate: 1_000_000, Queue: 25_000} // 200 ms
	var dropped int
	for _, p := range run(c, 1, 2000, 1000, 4*time.Millisecond) { // 2 Mbit/s
		switch {
		case p.drop == link.Overflowed:
			dropped++
		case p.arrivals[0].Sub(p.sent) > 200*time.Millisecond:
			t.Fatalf("waits %v", p.arrivals[0].Sub(p.sent))
		}
	}
	if dropped < 900 || dropped > 1100 {
		t.Errorf("%d of 2000 packets overflow at twice the rate", dropped)
	}
}

func TestOrderIsKept(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 50 {
		c := link.Config{
			Rate: rng.Int64N(10_000_000), Delay: time.Duration(rng.Int64N(1e8)), Jitter: time.Duration(rng.Int64N(1e8)), Loss: 0.05,
		}
		var last time.Time
		for i, p := range run(c, rng.Uint64(), 2000, 600, 2*time.Millisecond) {
			for _, at := range p.arrivals {
				if at.Before(last) {
					t.Fatalf("%v: packet %d overtakes", c, i)
				}
				last = at
			}
		}
	}
}

func TestReorder(t *testing.T) {
	c := link.Config{Delay: 20 * time.Millisecond, Reorder: 0.1}
	all := run(c, 1, 10_000, 600, time.Millisecond)
	var late int
	for i, p := range all {
		took := p.arrivals[0].Sub(p.sent)
		if took < 20*time.Millisecond || took > 30*time.Millisecond {
			t.Fatalf("took %v", took)
		}
		if i+1 < len(all) && all[i+1].arrivals[0].Before(p.arrivals[0]) {
			late++
		}
	}
	// One in ten is held back by up to 10 ms, and the next one comes 1 ms later.
	if late < 700 || late > 1000 {
		t.Errorf("%d of 10000 packets are overtaken by the next one", late)
	}
}

func TestShares(t *testing.T) {
	const count = 200_000
	for name, c := range map[string]link.Config{
		"random":    {Loss: 0.02},
		"heavy":     {Loss: 0.3},
		"bursts":    {Burst: link.Burst{Loss: 0.05, Length: 5}},
		"both":      {Loss: 0.02, Burst: link.Burst{Loss: 0.03, Length: 8}},
		"duplicate": {Duplicate: 0.1},
	} {
		var lost, runs, copies int
		before := false
		for _, p := range run(c, 11, count, 600, time.Millisecond) {
			if gone := p.drop == link.Lost; gone {
				lost++
				if !before {
					runs++
				}
				before = true
			} else {
				before = false
				copies += len(p.arrivals) - 1
			}
		}
		want := 1 - (1-c.Loss)*(1-c.Burst.Loss)
		if got := float64(lost) / count; math.Abs(got-want) > 0.1*want+0.001 {
			t.Errorf("%s: lost %.4f, want %.4f", name, got, want)
		}
		if got := float64(copies) / count; math.Abs(got-c.Duplicate) > 0.01 {
			t.Errorf("%s: duplicated %.4f", name, got)
		}
		if c.Loss == 0 && c.Burst.Loss > 0 {
			if got := float64(lost) / float64(runs); math.Abs(got-c.Burst.Length) > 0.1*c.Burst.Length {
				t.Errorf("%s: runs of %.2f, want %.2f", name, got, c.Burst.Length)
			}
		}
	}
}

func TestSetKeepsOrder(t *testing.T) {
	l := link.New(link.Config{Rate: 1_000_000, Queue: 100_000}, 1)
	var last time.Time
	for range 50 {
		o := l.Send(1000, origin)
		last = o.Arrivals()[0]
	}
	if got := l.Backlog(origin); got < 49_990 || got > 50_000 {
		t.Fatalf("%d bytes wait", got)
	}
	l.Set(link.Config{Rate: 8_000_000}, origin)
	if got := l.Backlog(origin); got < 49_990 || got > 50_000 {
		t.Errorf("%d bytes wait at the new rate", got)
	}
	o := l.Send(1000, origin)
	if got := o.Arrivals()[0]; got.Before(last) || got.After(last.Add(2*time.Millisecond)) {
		t.Errorf("arrives %v after the packet before", got.Sub(last))
	}
	l.Set(link.Config{}, origin)
	if o := l.Send(1000, last.Add(time.Second)); !o.Arrivals()[0].Equal(last.Add(time.Second)) {
		t.Error("a link that became perfect delays")
	}
}

func TestSendDoesNotAllocate(t *testing.T) {
	l := link.New(link.Config{Rate: 10_000_000, Jitter: time.Millisecond, Loss: 0.01, Duplicate: 0.01}, 1)
	now := origin
	if n := testing.AllocsPerRun(1000, func() {
		o := l.Send(1200, now)
		for _, at := range o.Arrivals() {
			now = at
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
