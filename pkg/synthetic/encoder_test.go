package synthetic

import (
	"math"
	"testing"
	"time"

	"sfu/pkg/codec"
)

var origin = time.Unix(1_700_000_000, 0)

func TestBitrate(t *testing.T) {
	for _, layers := range []int{1, 2, 3} {
		for _, interval := range []time.Duration{0, 5 * time.Second} {
			cfg := Encoding{Width: 640, Height: 360, FPS: 30, Bitrate: 1_000_000, TemporalLayers: layers}
			e := newEncoder(codec.VP8, cfg, interval, 0, 0)
			e.start(origin)
			bytes, frames := 0, 0
			for e.due().Before(origin.Add(60 * time.Second)) {
				f := e.next(e.due())
				bytes += f.bytes
				frames++
			}
			if got := float64(bytes) * 8 / 60; math.Abs(got-1_000_000) > 20_000 {
				t.Errorf("%d layers, keyframe each %v: %.0f bits per second", layers, interval, got)
			}
			if frames != 1800 {
				t.Errorf("%d frames in a minute", frames)
			}
		}
	}
}

func TestTemporalPattern(t *testing.T) {
	e := newEncoder(codec.VP8, Encoding{FPS: 30, Bitrate: 500_000, TemporalLayers: 3}, 0, 0, 0x7ffe)
	e.start(origin)
	type row struct {
		temporal              uint8
		switchUp, discardable bool
		pictureID             uint16
		tl0                   uint8
		key                   bool
	}
	want := []row{
		{0, false, false, 0x7ffe, 1, true}, {2, true, true, 0x7fff, 1, false}, {1, true, false, 0, 1, false}, {2, false, true, 1, 1, false},
		{0, false, false, 2, 2, false}, {2, true, true, 3, 2, false},
	}
	for i, w := range want {
		f := e.next(e.due())
		if got := (row{f.temporal, f.switchUp, f.discardable, f.pictureID, f.tl0, f.key}); got != w {
			t.Errorf("frame %d: %+v, want %+v", i, got, w)
		}
	}
}

func TestKeyframeRequests(t *testing.T) {
	e := newEncoder(codec.VP8, Encoding{FPS: 30, Bitrate: 500_000, TemporalLayers: 1}, 0, 0, 0)
	e.start(origin)
	if f := e.next(origin); !f.key {
		t.Fatal("the first frame is not a keyframe")
	}
	if e.requestKeyframe(origin.Add(299 * time.Millisecond)) {
		t.Error("a request right after a keyframe is taken")
	}
	if f := e.next(e.due()); f.key {
		t.Error("a keyframe nobody asked for")
	}
	if !e.requestKeyframe(origin.Add(300*time.Millisecond)) || !e.next(e.due()).key || e.next(e.due()).key {
		t.Error("a request does not give one keyframe")
	}
}

func TestTimestamps(t *testing.T) {
	for _, c := range []struct {
		kind codec.Type
		fps  float64
		step uint32
	}{{codec.Opus, 50, 960}, {codec.VP8, 30, 3000}, {codec.VP9, 25, 3600}} {
		e := newEncoder(c.kind, Encoding{FPS: c.fps, Bitrate: 50_000, TemporalLayers: 1}, 0, math.MaxUint32-10_000, 0)
		e.start(origin)
		last := e.next(e.due())
		for range 5000 {
			f := e.next(e.due())
			if f.timestamp-last.timestamp != c.step {
				t.Fatalf("%v: %d after %d", c.kind, f.timestamp, last.timestamp)
			}
			last = f
		}
		// After a pause the timestamps have gone on with the time.
		again := last.at.Add(10 * time.Second)
		e.start(again)
		f := e.next(again)
		want := last.timestamp + 10*c.kind.ClockRate()
		if diff := int32(f.timestamp - want); diff < -2 || diff > 2 || f.key != c.kind.Video() {
			t.Errorf("%v: %d after a pause, want %d; keyframe %v", c.kind, f.timestamp, want, f.key)
		}
	}
}

func TestLateFramesAreLeftOut(t *testing.T) {
	e := newEncoder(codec.VP8, Encoding{FPS: 30, Bitrate: 500_000, TemporalLayers: 1}, 0, 0, 0)
	e.start(origin)
	e.next(origin)
	late := origin.Add(10 * time.Second)
	f := e.next(late)
	if late.Sub(f.at) > mostBehind {
		t.Errorf("a frame %v late", late.Sub(f.at))
	}
	made := 0
	for !e.due().After(late) {
		e.next(late)
		made++
	}
	if made > 8 {
		t.Errorf("%d frames at once", made)
	}
}

func TestPacer(t *testing.T) {
	var p pacer
	p.setBitrate(1_600_000) // 500 kB/s: 2500 bytes per slot
	now := origin
	sent := 0
	for range 1000 { // for 1 s, asked each ms
		p.begin(now)
		burst := 0
		for p.allowed() {
			p.spend(1200)
			burst++
			sent++
		}
		if burst > 3 {
			t.Fatalf("%d packets at once", burst)
		}
		now = now.Add(time.Millisecond)
	}
	if got := float64(sent) * 1200 * 8; math.Abs(got-4_000_000) > 100_000 {
		t.Errorf("%.0f bits in a second", got)
	}
}
