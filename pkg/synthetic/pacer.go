package synthetic

import "time"

// A Pacing is how the packets of video leave.
type Pacing uint8

// The ways of pacing.
const (
	// PaceBrowser is Chromium's: every 5 ms, up to 2.5 times as fast as the media is made.
	PaceBrowser Pacing = iota
	// PaceBurst sends a frame whole, as soon as it is made.
	PaceBurst
	// PaceEven sends single packets at even distances. They leave at the rate of the media, so a keyframe takes long.
	PaceEven
)

// Chromium's pacer wakes every 5 ms and sends 2.5 times as fast as the media is made.
const (
	paceSlot   = 5 * time.Millisecond
	paceFactor = 2.5
	// slowest keeps the packets moving that have a least size, in bits per second.
	slowest = 300_000
	// evenFactor is what PaceEven is faster than the media, so that the queue runs empty between frames.
	evenFactor = 1.05
	// evenCatch is how much time PaceEven makes up for when it was woken late.
	evenCatch = 50 * time.Millisecond
)

// A pacer says which packets of video may leave now. begin is told the time first.
type pacer struct {
	pacing  Pacing
	bitrate int // of the media
	now     time.Time

	// PaceBrowser: it may send while its budget of bytes is positive.
	budget float64
	slot   time.Time // the present slot began
	// PaceEven: the next packet may leave at due. Time that passed while there was none is not made up for.
	due  time.Time
	idle bool
}

// setBitrate is told what all video takes together, in bits per second.
func (p *pacer) setBitrate(bitrate int) { p.bitrate = max(bitrate, slowest) }

// begin opens the slot that holds now, unless it is open.
func (p *pacer) begin(now time.Time) {
	p.now = now
	if late := now.Sub(p.due); late > evenCatch || late > 0 && p.idle {
		p.due = now
	}
	elapsed := now.Sub(p.slot)
	if elapsed < paceSlot {
		return
	}
	slots := elapsed / paceSlot
	refill := float64(p.bitrate) / 8 * paceFactor * paceSlot.Seconds()
	if slots > 100 || p.slot.IsZero() {
		p.slot, p.budget = now, refill
		return
	}
	p.slot = p.slot.Add(slots * paceSlot)
	p.budget = min(p.budget+refill*float64(slots), refill)
}

// allowed reports whether another packet may leave.
func (p *pacer) allowed() bool {
	switch p.pacing {
	case PaceBurst:
		return true
	case PaceEven:
		return !p.now.Before(p.due)
	}
	return p.budget > 0
}

// spend is told that a packet of size bytes has left.
func (p *pacer) spend(size int) {
	p.budget -= float64(size)
	p.idle = false
	if p.pacing == PaceEven {
		p.due = p.due.Add(time.Duration(float64(size) * 8 / (float64(p.bitrate) * evenFactor) * float64(time.Second)))
	}
}

// rest is told that there are no packets.
func (p *pacer) rest() { p.idle = true }

// next is when the next packet may leave, if none may now.
func (p *pacer) next() time.Time {
	if p.pacing == PaceEven {
		return p.due
	}
	return p.slot.Add(paceSlot)
}
