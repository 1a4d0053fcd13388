package forwarder

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestRateMeter(t *testing.T) {
	var m rateMeter
	if m.rate(0) != 0 {
		t.Fatal("a rate before anything")
	}
	for ms := 0; ms < 3000; ms += 10 {
		m.add(1250, instantMS(ms)) // 1 Mbit/s
		if got := m.rate(instantMS(ms)); ms >= 1000 && (got < 980_000 || got > 1_020_000) {
			t.Fatalf("at %d ms the rate is %d", ms, got)
		}
	}
	for _, c := range []struct{ ms, want int }{{3250, 750_000}, {3500, 500_000}, {3995, 5000}, {4000, 0}, {100_000, 0}} {
		if got := m.rate(instantMS(c.ms)); math.Abs(float64(got-c.want)) > 20_000 {
			t.Errorf("at %d ms the rate is %d, want %d", c.ms, got, c.want)
		}
	}
	m.add(1000, instantMS(100_000))
	m.add(1000, instantMS(99_000)) // a clock that goes back must do no harm
	if got := m.rate(instantMS(100_000)); got != 16_000 {
		t.Errorf("rate = %d", got)
	}
}

func TestRateMeterForgetsInAPause(t *testing.T) {
	for ms := 3000; ms < 5000; ms += 50 {
		var m rateMeter
		for at := 0; at < 2000; at += 10 {
			m.add(1250, instantMS(at))
		}
		if got := m.rate(instantMS(ms)); got > 0 && ms > 3100 {
			t.Fatalf("at %d ms the rate is %d", ms, got)
		}
	}
}

// The rate lies between what came in the last 0.9 s and what came in the last 1.1 s.
func TestRateMeterBounds(t *testing.T) {
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 6))
		var m rateMeter
		type packet struct{ at, size int }
		var packets []packet
		for at := 0; at < 5000; at += rng.IntN(40) {
			packets = append(packets, packet{at, rng.IntN(1500)})
			m.add(packets[len(packets)-1].size, instantMS(at))
			least, most := 0, 0
			for _, p := range packets {
				if p.at >= at-900 {
					least += p.size * 8
				}
				if p.at > at-1100 {
					most += p.size * 8
				}
			}
			if got := m.rate(instantMS(at)); got < least-1 || got > most {
				t.Fatalf("seed %d: at %d ms the rate is %d, not in %d to %d", seed, at, got, least, most)
			}
		}
	}
}

// feedFrames sends frames of three packets in three temporal layers, at 30 per second, and returns the time after the last.
func feedFrames(m *encodingMeter, from Instant, frames int, interval time.Duration) Instant {
	for i := range frames {
		temporal := [...]int8{0, 2, 1, 2}[i%4]
		for p := range 3 {
			m.packet(500, p == 0, temporal, from)
		}
		from = from.Add(interval)
	}
	return from
}

func TestEncodingMeterRates(t *testing.T) {
	var m encodingMeter
	now := feedFrames(&m, 0, 120, time.Second/40)
	for temporal, want := range []float64{10, 20, 40, 40} {
		bps, fps := m.rate(now, temporal)
		if math.Abs(fps-want) > 1.5 || math.Abs(float64(bps)-want*12_000) > 18_000 {
			t.Errorf("up to layer %d: %d bits/s, %.1f frames/s, want %.0f", temporal, bps, fps, want)
		}
	}
	if got := m.temporals(now); got != 3 {
		t.Errorf("%d temporal layers", got)
	}
	// The publisher drops its upper layers.
	for range 30 {
		m.packet(500, true, 0, now)
		now = now.Add(100 * time.Millisecond)
	}
	if got := m.temporals(now); got != 1 {
		t.Errorf("%d temporal layers", got)
	}
	m.packet(500, true, -1, now)
	if got := m.temporals(now); got != 0 {
		t.Errorf("%d temporal layers of a codec without", got)
	}
	m.packet(500, true, 7, now)
	if _, fps := m.rate(now, 3); fps < 10 {
		t.Errorf("%v frames/s", fps)
	}
}

func TestEncodingMeterActive(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	for _, c := range []struct {
		name     string
		patience time.Duration
		interval time.Duration
		dry      int // ms after the last frame
	}{
		{"30 frames/s", 0, ms(33), 250},
		{"10 frames/s", 0, ms(100), 400},
		{"2 frames/s", 0, ms(500), 2000},
		{"a screen", 5 * time.Second, ms(33), 5000},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := encodingMeter{patience: c.patience}
			m.packet(100, true, 0, 0)
			m.packet(100, false, 0, 0)
			if m.active(0) {
				t.Fatal("alive after one frame")
			}
			next := feedFrames(&m, Instant(c.interval), 20, c.interval)
			last := next - Instant(c.interval)
			if !m.active(last) || !m.active(last+instantMS(c.dry)) {
				t.Fatal("not alive")
			}
			if m.active(last + instantMS(c.dry+2)) {
				t.Fatal("not dry")
			}
			again := last + instantMS(20_000)
			m.packet(100, true, 0, again)
			if m.active(again) {
				t.Fatal("alive after one frame again")
			}
			m.packet(100, true, 0, again+Instant(c.interval))
			if !m.active(again + Instant(c.interval)) {
				t.Fatal("not alive after two frames again")
			}
		})
	}
}

// A pause says nothing about the frame rate.
func TestEncodingMeterPause(t *testing.T) {
	var m encodingMeter
	m.packet(100, true, 0, 0)
	m.packet(100, true, 0, instantMS(60_000))
	if m.active(instantMS(60_000)) {
		t.Fatal("two frames in a minute are taken for alive")
	}
	now := feedFrames(&m, instantMS(60_033), 10, 33*time.Millisecond)
	now = feedFrames(&m, now+instantMS(60_000), 3, 33*time.Millisecond)
	if m.active(now + instantMS(300)) {
		t.Fatal("not dry")
	}
}

func TestEncodingMeterBecomesSlow(t *testing.T) {
	var m encodingMeter
	now := feedFrames(&m, 0, 60, time.Second/30)
	now = feedFrames(&m, now, 8, time.Second)
	if !m.active(now - instantMS(1)) {
		t.Fatal("one frame a second is not taken for alive")
	}
}

func TestChooseLayer(t *testing.T) {
	fps := [maxTemporal]float64{7.5, 15, 30, 30}
	ladder := []rung{
		{encoding: 0, width: 320, height: 180, active: true, fps: fps, temporals: 3},
		{encoding: 1, width: 640, height: 360, active: true, fps: fps, temporals: 3},
		{encoding: 2, width: 1280, height: 720, active: true, fps: fps, temporals: 3},
	}
	change := func(f func(r []rung)) []rung {
		r := append([]rung(nil), ladder...)
		f(r)
		return r
	}
	unknown := change(func(r []rung) {
		for i := range r {
			r[i].width, r[i].height = 0, 0
		}
	})
	for _, c := range []struct {
		name     string
		rungs    []rung
		view     View
		encoding int
		temporal int8
	}{
		{"exact", ladder, View{Width: 640, Height: 360}, 1, 2},
		{"large", ladder, View{Width: 3840, Height: 2160}, 2, 2},
		{"a fifth smaller", ladder, View{Width: 1024, Height: 576}, 2, 2},
		{"a little more", ladder, View{Width: 1023, Height: 576}, 1, 2},
		{"thumbnail", ladder, View{Width: 80, Height: 45}, 0, 2},
		{"narrow tile", ladder, View{Width: 320, Height: 2000}, 0, 2},
		{"flat tile", ladder, View{Width: 2000, Height: 300}, 1, 2},
		{"hidden", ladder, View{FPS: 30}, -1, -1},
		{"nothing", nil, DefaultView, -1, -1},
		{"nothing active", change(func(r []rung) { r[0].active, r[1].active, r[2].active = false, false, false }), DefaultView, -1, -1},
		{"middle is dry", change(func(r []rung) { r[1].active = false }), View{Width: 640, Height: 360}, 0, 2},
		{"only the largest", change(func(r []rung) { r[0].active, r[1].active = false, false }), View{Width: 80, Height: 45}, 2, 2},
		{"smallest is dry", change(func(r []rung) { r[0].active = false }), View{Width: 80, Height: 45}, 1, 2},
		{"unknown sizes", unknown, View{Width: 640, Height: 360}, 1, 2},
		{"upside down", []rung{ladder[2], ladder[1], ladder[0]}, View{Width: 640, Height: 360}, 1, 2},
		{"equal sizes", []rung{
			{encoding: 0, width: 640, height: 360, active: true},
			{encoding: 1, width: 640, height: 360, active: true},
		}, View{Width: 640, Height: 360}, 1, -1},
		{"portrait", []rung{{encoding: 0, width: 180, height: 320, active: true}, {encoding: 1, width: 360, height: 640, active: true}},
			View{Width: 640, Height: 360}, 0, -1},
		{"15 frames/s", ladder, View{Width: 640, Height: 360, FPS: 15}, 1, 1},
		{"12 frames/s, 15 are near enough", ladder, View{Width: 640, Height: 360, FPS: 12}, 1, 1},
		{"11 frames/s", ladder, View{Width: 640, Height: 360, FPS: 11}, 1, 0},
		{"1 frame/s", ladder, View{Width: 640, Height: 360, FPS: 1}, 1, 0},
		{"60 frames/s", ladder, View{Width: 640, Height: 360, FPS: 60}, 1, 2},
		{"one layer", change(func(r []rung) { r[1].temporals = 1 }), View{Width: 640, Height: 360, FPS: 5}, 1, 0},
		{"no layers", change(func(r []rung) { r[1].temporals = 0 }), View{Width: 640, Height: 360, FPS: 5}, 1, -1},
		{"too many layers", change(func(r []rung) { r[1].temporals = 8 }), View{Width: 640, Height: 360}, 1, 3},
	} {
		if e, temporal := chooseLayer(c.rungs, c.view); e != c.encoding || temporal != c.temporal {
			t.Errorf("%s: encoding %d, temporal layer %d; want %d, %d", c.name, e, temporal, c.encoding, c.temporal)
		}
	}
}

// A larger tile never gets a smaller picture, the choice is always active, and nothing that fits better is left out.
func TestChooseLayerProperties(t *testing.T) {
	for seed := range uint64(5000) {
		rng := rand.New(rand.NewPCG(seed, 7))
		rungs := make([]rung, 1+rng.IntN(4))
		for i := range rungs {
			rungs[i] = rung{encoding: i, active: rng.IntN(4) > 0, temporals: int8(rng.IntN(5))}
			if rng.IntN(3) > 0 {
				rungs[i].width, rungs[i].height = 1+rng.IntN(2000), 1+rng.IntN(2000)
			}
		}
		view := View{Width: 1 + rng.IntN(2000), Height: 1 + rng.IntN(2000), FPS: rng.IntN(60)}
		larger := View{Width: view.Width + rng.IntN(500), Height: view.Height + rng.IntN(500), FPS: view.FPS}
		e, temporal := chooseLayer(rungs, view)
		if e < 0 {
			for _, r := range rungs {
				if r.active {
					t.Fatalf("seed %d: nothing was chosen of %+v", seed, rungs)
				}
			}
			continue
		}
		chosen := rungs[e]
		w, h := chosen.size()
		if !chosen.active || temporal >= chosen.temporals || (temporal < 0) != (chosen.temporals == 0) {
			t.Fatalf("seed %d: chose %+v, temporal layer %d", seed, chosen, temporal)
		}
		for _, r := range rungs {
			rw, rh := r.size()
			if r.active && r.fits(view) && (!chosen.fits(view) || rw*rh > w*h) {
				t.Fatalf("seed %d: chose %+v, %+v fits better", seed, chosen, r)
			}
		}
		e2, _ := chooseLayer(rungs, larger)
		if w2, h2 := rungs[e2].size(); chosen.fits(view) && w2*h2 < w*h {
			t.Fatalf("seed %d: %v gets %dx%d, %v gets %dx%d", seed, view, w, h, larger, w2, h2)
		}
	}
}

func TestLadderAllocatesNothing(t *testing.T) {
	var m encodingMeter
	var r rateMeter
	rungs := []rung{{encoding: 0, active: true, temporals: 3}, {encoding: 1, active: true}}
	now := Instant(0)
	if n := testing.AllocsPerRun(1000, func() {
		now = now.Add(7 * time.Millisecond)
		r.add(100, now)
		m.packet(1000, true, 1, now)
		m.rate(now, 2)
		r.rate(now)
		chooseLayer(rungs, DefaultView)
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkEncodingMeterPacket(b *testing.B) {
	var m encodingMeter
	now := Instant(0)
	for b.Loop() {
		now += 2_000_000
		m.packet(1200, now%10_000_000 == 0, 1, now)
	}
}

func BenchmarkRateMeterAdd(b *testing.B) {
	var m rateMeter
	now := Instant(0)
	for b.Loop() {
		now += 2_000_000
		m.add(1200, now)
	}
}

func BenchmarkChooseLayer(b *testing.B) {
	rungs := []rung{{encoding: 0, active: true, temporals: 3}, {encoding: 1, active: true}, {encoding: 2, active: true}}
	for b.Loop() {
		chooseLayer(rungs, DefaultView)
	}
}

func TestFrameRateOutlivesAPause(t *testing.T) {
	for _, want := range []float64{5, 30} {
		var m encodingMeter
		interval := time.Duration(float64(time.Second) / want)
		at := feedFrames(&m, 0, 1, interval)
		if got := m.frameRate(); got != 0 {
			t.Errorf("%v frames/s after one frame", got)
		}
		feedFrames(&m, at, 20, interval)
		if got := m.frameRate(); math.Abs(got-want) > want/10 {
			t.Errorf("%v frames/s, not %v", got, want)
		}
	}
}
