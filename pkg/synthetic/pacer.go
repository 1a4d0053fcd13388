package synthetic

import "time"

// Chromium's pacer wakes every 5 ms and sends 2.5 times as fast as the media is made.
const (
	paceSlot   = 5 * time.Millisecond
	paceFactor = 2.5
	// slowest keeps the packets moving that have a least size, in bits per second.
	slowest = 300_000
)

// A pacer spreads the packets of a frame. It may send while its budget is positive.
type pacer struct {
	rate   float64 // bytes per second
	budget float64
	slot   time.Time // the present slot began
}

// setBitrate is told what all video takes together, in bits per second.
func (p *pacer) setBitrate(bitrate int) { p.rate = float64(max(bitrate, slowest)) / 8 * paceFactor }

// begin opens the slot that holds now, unless it is open.
func (p *pacer) begin(now time.Time) {
	elapsed := now.Sub(p.slot)
	if elapsed < paceSlot {
		return
	}
	slots := elapsed / paceSlot
	refill := p.rate * paceSlot.Seconds()
	if slots > 100 || p.slot.IsZero() {
		p.slot, p.budget = now, refill
		return
	}
	p.slot = p.slot.Add(slots * paceSlot)
	p.budget = min(p.budget+refill*float64(slots), refill)
}

// allowed reports whether the slot has room for another packet.
func (p *pacer) allowed() bool { return p.budget > 0 }

// spend takes a packet of size bytes out of the budget.
func (p *pacer) spend(size int) { p.budget -= float64(size) }

// next is when the next slot begins.
func (p *pacer) next() time.Time { return p.slot.Add(paceSlot) }
