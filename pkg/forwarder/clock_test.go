package forwarder

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestNTPTime(t *testing.T) {
	for _, c := range []struct {
		time string
		ntp  ntpTime
	}{
		{"1970-01-01T00:00:00Z", ntpUnix << 32},
		{"2026-11-24T12:00:00.5Z", 4_004_510_400<<32 | 1<<31},
		{"2036-02-07T06:28:15.999999999Z", 0xffff_ffff<<32 | 0xffff_fffc},
		{"2036-02-07T06:28:16Z", 0},
		{"2036-02-07T06:28:17.25Z", 1<<32 | 1<<30},
	} {
		want, err := time.Parse(time.RFC3339Nano, c.time)
		if err != nil {
			t.Fatal(err)
		}
		if got := ntpFromTime(want); got != c.ntp {
			t.Errorf("%s is %#x, want %#x", c.time, uint64(got), uint64(c.ntp))
		}
		if got := c.ntp.time(); !got.Equal(want) {
			t.Errorf("%#x is %v, want %s", uint64(c.ntp), got, c.time)
		}
	}
	if got := (1<<63 | ntpTime(math.MaxUint32)).time().Nanosecond(); got != 0 {
		t.Errorf("the last fraction of a second is %d ns", got)
	}
}

func TestNTPTimeRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 20_000 {
		want := time.Unix(rng.Int64N(4_000_000_000), rng.Int64N(1_000_000_000))
		n := ntpFromTime(want)
		if got := n.time(); !got.Equal(want) {
			t.Fatalf("%v became %v", want, got)
		}
		d := time.Duration(rng.Int64N(int64(time.Hour)) - int64(time.Hour)/2)
		if got := n.add(d).sub(n); (got - d).Abs() > 1 {
			t.Fatalf("%v became %v", d, got)
		}
		if got := n.add(d).time().Sub(want); (got - d).Abs() > 1 {
			t.Fatalf("%v later is %v later", d, got)
		}
	}
}

func TestClockTicks(t *testing.T) {
	for _, c := range []struct {
		d    time.Duration
		rate uint32
		want int64
	}{
		{time.Second, 90_000, 90_000}, {100 * time.Millisecond, 48_000, 4800}, {-time.Second / 2, 90_000, -45_000},
		{1000 * 24 * time.Hour, 90_000, 1000 * 86_400 * 90_000}, {time.Microsecond, 90_000, 0},
	} {
		if got := clockTicks(c.d, c.rate); got != c.want {
			t.Errorf("%v at %d Hz: %d, want %d", c.d, c.rate, got, c.want)
		}
	}
}

// A reportingSender has a wall clock and an RTP clock that is off by skew.
type reportingSender struct {
	rate    float64 // ticks per second of its wall clock
	now     ntpTime
	elapsed time.Duration
	rtp     float64
}

func (s *reportingSender) pass(d time.Duration) {
	s.now = s.now.add(d)
	s.elapsed += d
	s.rtp += s.rate * d.Seconds()
}

func (s *reportingSender) timestamp() uint32 { return uint32(int64(math.Round(s.rtp))) }

func (s *reportingSender) report(c *senderClock) {
	c.report(uint64(s.now), s.timestamp(), Instant(s.elapsed))
}

// lineError returns how far the line is off at the sender's present moment, read in both directions.
func (s *reportingSender) lineError(t *testing.T, c *senderClock) time.Duration {
	t.Helper()
	rtp, ok := c.rtpAt(s.now)
	n, ok2 := c.ntpAt(s.timestamp())
	if !ok || !ok2 {
		t.Fatal("the clock has no line")
	}
	one := time.Duration(float64(int32(rtp-s.timestamp())) / s.rate * float64(time.Second))
	return max(one.Abs(), n.sub(s.now).Abs())
}

func TestSenderClockBeforeAnyReport(t *testing.T) {
	c := newSenderClock(90_000)
	c.report(0, 5, 0) // a sender without a wall clock
	if _, ok := c.rtpAt(1 << 40); ok {
		t.Error("rtpAt")
	}
	if _, ok := c.ntpAt(5); ok {
		t.Error("ntpAt")
	}
}

func TestSenderClockOneReport(t *testing.T) {
	c := newSenderClock(48_000)
	ntp := ntpFromTime(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC))
	c.report(uint64(ntp), 1<<32-24_000, 0)
	if rtp, ok := c.rtpAt(ntp.add(time.Second)); !ok || rtp != 24_000 {
		t.Errorf("rtpAt = %d, %v", rtp, ok)
	}
	if n, ok := c.ntpAt(24_000); !ok || n.sub(ntp) != time.Second {
		t.Errorf("ntpAt = %v later, %v", n.sub(ntp), ok)
	}
	if n, ok := c.ntpAt(1<<32 - 72_000); !ok || n.sub(ntp) != -time.Second {
		t.Errorf("ntpAt = %v later, %v", n.sub(ntp), ok)
	}
}

// The line must follow a skewed clock closely, in spite of reports that are not exact.
func TestSenderClockSkew(t *testing.T) {
	for _, c := range []struct {
		skew  float64
		noise time.Duration
		limit time.Duration
	}{
		{0, 0, time.Millisecond}, {200e-6, 0, time.Millisecond}, {-1000e-6, 0, time.Millisecond},
		{200e-6, 5 * time.Millisecond, 10 * time.Millisecond}, {0, 20 * time.Millisecond, 40 * time.Millisecond},
	} {
		rng := rand.New(rand.NewPCG(1, 1))
		clock := newSenderClock(90_000)
		s := reportingSender{rate: 90_000 * (1 + c.skew), now: 3_900_000_000 << 32, rtp: 1<<32 - 90_000}
		for i := range 600 {
			noise := time.Duration((rng.Float64()*2 - 1) * float64(c.noise))
			clock.report(uint64(s.now.add(noise)), s.timestamp(), Instant(s.elapsed))
			s.pass(time.Second)
			if e := s.lineError(t, &clock); i > 8 && e > c.limit {
				t.Fatalf("skew %v, noise %v: %v off after %d reports", c.skew, c.noise, e, i+1)
			}
		}
	}
}

func TestSenderClockDuplicates(t *testing.T) {
	c := newSenderClock(90_000)
	s := reportingSender{rate: 90_000 * 1.001, now: 3_900_000_000 << 32}
	for i := range 20 {
		for range clockSamples {
			s.report(&c)
		}
		s.pass(5 * time.Second)
		if e := s.lineError(t, &c); i > 3 && e > time.Millisecond {
			t.Fatalf("%v off after %d reports", e, i+1)
		}
	}
}

func TestSenderClockRefusesAWildReport(t *testing.T) {
	for name, wild := range map[string]func(ntp ntpTime, rtp uint32) (ntpTime, uint32){
		"rtp ahead":    func(n ntpTime, r uint32) (ntpTime, uint32) { return n, r + 1<<31 },
		"rtp behind":   func(n ntpTime, r uint32) (ntpTime, uint32) { return n, r - 9001 },
		"clock set":    func(n ntpTime, r uint32) (ntpTime, uint32) { return n.add(time.Hour), r },
		"from before":  func(n ntpTime, r uint32) (ntpTime, uint32) { return n.add(-5 * time.Second), r - 450_000 },
		"barely wrong": func(n ntpTime, r uint32) (ntpTime, uint32) { return n.add(101 * time.Millisecond), r },
	} {
		t.Run(name, func(t *testing.T) {
			c := newSenderClock(90_000)
			s := reportingSender{rate: 90_000, now: 3_900_000_000 << 32}
			for i := range 20 {
				s.report(&c)
				s.pass(time.Second)
				if i%2 == 1 {
					n, r := wild(s.now, s.timestamp())
					c.report(uint64(n), r, Instant(s.elapsed))
					c.report(uint64(n), r, Instant(s.elapsed)) // a duplicate proves nothing
				}
				if e := s.lineError(t, &c); e > time.Millisecond {
					t.Fatalf("%v off after %d reports", e, i+1)
				}
			}
		})
	}
}

// Whatever jumps happen, two reports after the last one the line is right again.
func TestSenderClockAfterJumps(t *testing.T) {
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 8))
		c := newSenderClock(90_000)
		s := reportingSender{rate: 90_000 * (1 + (rng.Float64()-.5)*400e-6), now: ntpTime(rng.Uint64()), rtp: float64(rng.Uint32())}
		since := 0
		for i := range 300 {
			if rng.IntN(6) == 0 {
				since = 0
				switch rng.IntN(8) {
				case 0:
					s.rtp += 1 << 31
				case 1:
					s.rtp -= 90_000
				case 2: // muted while the timestamps stand still
					s.now = s.now.add(time.Minute)
					s.elapsed += time.Minute
				case 3:
					s.pass(time.Minute)
				case 4: // the wall clock is set back
					s.now = s.now.add(-time.Hour)
				case 5:
					s.rtp = float64(rng.Uint32())
				case 6: // a device that lost or repeated a buffer
					s.rtp += 90 * float64(rng.IntN(300)-150)
				}
			}
			s.report(&c)
			since++
			if e := s.lineError(t, &c); since >= 2 && e > 10*time.Millisecond {
				t.Fatalf("seed %d: %v off after %d reports, %d after the last jump", seed, e, i+1, since)
			}
			s.pass(time.Duration(500+rng.IntN(1000)) * time.Millisecond)
		}
	}
}

func TestParticipantClock(t *testing.T) {
	var c participantClock
	ntp := ntpFromTime(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC))
	expect := func(n ntpTime, want int) {
		t.Helper()
		if got, ok := c.instant(n); !ok || (got.Sub(instantMS(want))).Abs() > time.Microsecond {
			t.Fatalf("instant = %v, %v, want %d ms", time.Duration(got), ok, want)
		}
	}
	observe := func(sentMS, delayMS int) {
		c.observe(ntp.add(time.Duration(sentMS)*time.Millisecond), instantMS(10_000+sentMS+delayMS))
	}
	if _, ok := c.instant(ntp); ok {
		t.Fatal("instant before any report")
	}
	c.observe(0, 5)
	if _, ok := c.instant(ntp); ok {
		t.Fatal("instant after a report without a time")
	}
	observe(0, 80)
	expect(ntp, 10_080)
	observe(1000, 30)
	observe(2000, 200)
	expect(ntp.add(5*time.Second), 15_030)
	// The least delay counts for 30 s.
	for s := 3; s <= 30; s++ {
		observe(1000*s, 50)
		expect(ntp, 10_030)
	}
	for s := 31; s <= 40; s++ {
		observe(1000*s, 50)
	}
	expect(ntp, 10_050)
	if _, ok := c.instant(ntp.add(-time.Hour)); ok {
		t.Fatal("an instant before our own origin")
	}
}

func TestParticipantClockSteps(t *testing.T) {
	for name, step := range map[string]time.Duration{"forward": time.Hour, "back": -time.Hour, "a little": 1500 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			var c participantClock
			base := ntpTime(3_900_000_000 << 32)
			for s := range 10 {
				c.observe(base.add(time.Duration(s)*time.Second), instantMS(5000+1000*s))
			}
			check := func(n ntpTime, want int) {
				t.Helper()
				if got, _ := c.instant(n); got != instantMS(want) {
					t.Fatalf("instant = %v, want %d ms", time.Duration(got), want)
				}
			}
			stepped := base.add(step)
			c.observe(stepped.add(10*time.Second), instantMS(15_000))
			check(base, 5000) // it may be an error
			c.observe(base.add(10*time.Second), instantMS(15_000))
			c.observe(stepped.add(11*time.Second), instantMS(16_000))
			check(base, 5000) // and another
			c.observe(stepped.add(12*time.Second), instantMS(17_000))
			check(stepped.add(12*time.Second), 17_000)
		})
	}
}

func TestParticipantClockAfterSilence(t *testing.T) {
	var c participantClock
	base := ntpTime(3_900_000_000 << 32)
	c.observe(base, instantMS(1000))
	c.observe(base.add(time.Hour), instantMS(3_601_100))
	if got, _ := c.instant(base.add(time.Hour)); got != instantMS(3_601_100) {
		t.Fatalf("instant = %v", time.Duration(got))
	}
}

func TestClocksAllocateNothing(t *testing.T) {
	c := newSenderClock(90_000)
	var p participantClock
	s := reportingSender{rate: 90_000, now: 3_900_000_000 << 32}
	if n := testing.AllocsPerRun(1000, func() {
		s.pass(time.Second)
		s.report(&c)
		p.observe(s.now, Instant(s.elapsed))
		ntp, _ := c.ntpAt(s.timestamp())
		p.instant(ntp)
		c.rtpAt(ntp)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkSenderClockNTPAt(b *testing.B) {
	c := newSenderClock(90_000)
	s := reportingSender{rate: 90_000, now: 3_900_000_000 << 32}
	for range clockSamples {
		s.report(&c)
		s.pass(time.Second)
	}
	ts := s.timestamp()
	for b.Loop() {
		ts++
		c.ntpAt(ts)
	}
}

// instant returns when the publisher's time n was in our time. ok is false before the first sender report, and for what was before
// our own origin.
func (c *participantClock) instant(n ntpTime) (at Instant, ok bool) {
	if !c.started {
		return 0, false
	}
	at = Instant(n.sub(c.origin) + c.offset)
	return max(at, 0), at >= 0
}
