package forwarder

import "time"

// A timeline maps the RTP timestamps of changing encodings and sources on one that a receiver can follow.
//
// Browsers freeze for about the length of a forward jump and not at all on a small step back, so at a switch the new timestamp is what the
// server's clock says has passed since the last frame, never what the sources say, unless both encodings' clocks are known
// and agree with it.
type timeline struct {
	clockRate uint32
	started   bool
	offset    uint32 // out = in + offset

	// lastOut is the newest frame's outgoing timestamp and lastAt when its first packet was sent.
	lastOut uint32
	lastIn  uint32
	lastAt  Instant
	// Frames that would come before their predecessor are pushed to just behind it, without shifting those that follow. maxBehind
	// keeps them few; their timestamps are remembered for packets that come late.
	pushed     [4]pushedFrame
	pushedNext int
}

type pushedFrame struct {
	in, out uint32
	set     bool
}

// maxAhead and maxBehind are how far a switch between encodings of one source may stray from the server's clock, and from the last
// frame, before the encodings' own clocks are not believed.
const (
	maxAhead  = 200 * time.Millisecond
	maxBehind = 50 * time.Millisecond
)

// maxElapsed bounds how far timestamps step over a pause: a step of half their range, which is 6.6 h of video, would count as one back. A
// receiver has long forgotten what was before.
const maxElapsed = time.Hour

// expected returns the outgoing timestamp of a frame that is sent now, rounded down.
func (t *timeline) expected(now Instant) uint32 {
	elapsed := min(max(now.Sub(t.lastAt), 0), maxElapsed)
	return t.lastOut + uint32(int64(elapsed)*int64(t.clockRate)/int64(time.Second))
}

// begin starts an epoch with a frame whose incoming timestamp is in. natural is its outgoing timestamp by the encodings' clocks; it
// is used where known is set and it is believable.
func (t *timeline) begin(in uint32, now Instant, natural uint32, known bool) uint32 {
	if !t.started {
		t.started = true
		t.offset = 0
		t.lastIn, t.lastOut, t.lastAt = in, in, now
		return in
	}
	out := t.expected(now)
	if known && t.ticks(natural-out) <= maxAhead && t.ticks(t.lastOut-natural) <= maxBehind {
		out = natural
	}
	t.offset = out - in
	clear(t.pushed[:])
	return t.frame(in, now)
}

// ticks returns a difference of timestamps as a time, which may be negative.
func (t *timeline) ticks(difference uint32) time.Duration {
	return time.Duration(int64(int32(difference)) * int64(time.Second) / int64(t.clockRate))
}

// frame takes note of a new frame and returns its outgoing timestamp.
func (t *timeline) frame(in uint32, now Instant) uint32 {
	out := in + t.offset
	if int32(out-t.lastOut) <= 0 {
		out = t.lastOut + 1
		t.pushed[t.pushedNext%len(t.pushed)] = pushedFrame{in: in, out: out, set: true}
		t.pushedNext++
	}
	t.lastIn, t.lastOut, t.lastAt = in, out, now
	return out
}

// apply returns the outgoing timestamp of a packet of the running epoch. All packets of a frame get the same one.
func (t *timeline) apply(in uint32, now Instant) uint32 {
	if int32(in-t.lastIn) > 0 {
		return t.frame(in, now)
	}
	for i := range t.pushed {
		if f := &t.pushed[i]; f.set && f.in == in {
			return f.out
		}
	}
	return in + t.offset
}
