package link

import (
	"math/rand/v2"
	"time"
)

// An Outcome is what became of a packet.
type Outcome struct {
	times  [2]time.Time
	copies int
	// Dropped says why the packet does not arrive; it is Arrives when it does.
	Dropped Drop
}

// Arrivals are the times at which the packet arrives: none, one, or two when it was duplicated.
func (o *Outcome) Arrivals() []time.Time { return o.times[:o.copies] }

// A Drop says why a packet does not arrive.
type Drop uint8

// What may become of a packet.
const (
	Arrives Drop = iota
	// Lost on the way.
	Lost
	// Overflowed the queue.
	Overflowed
)

// Counters count packets, and bytes as they were given to Send.
type Counters struct {
	Sent, SentBytes   uint64
	Lost, Overflowed  uint64
	Arrived           uint64 // without duplicates
	ArrivedBytes      uint64
	Reordered, Copies uint64
}

// A Link is one direction of a path. It is not safe for concurrent use.
type Link struct {
	cfg Config
	rng *rand.Rand
	// idle is when everything accepted so far has left the queue.
	idle time.Time
	// latest is the arrival of the last packet that was not held back.
	latest time.Time
	// bad is the state of Gilbert's model.
	bad      bool
	counters Counters
}

// New returns a Link. Links of the same seed treat the same packets alike.
func New(cfg Config, seed uint64) *Link {
	return &Link{cfg: cfg, rng: rand.New(rand.NewPCG(seed, 0x6c696e6b))}
}

// Set changes the path for the packets that are sent from now on. Those accepted before keep their times, and nothing overtakes them;
// what they fill of the queue drains at the new rate.
func (l *Link) Set(cfg Config, now time.Time) {
	waiting := l.waiting(now)
	l.cfg = cfg
	l.idle = now.Add(l.transmission(waiting))
}

// Counters returns what was counted so far.
func (l *Link) Counters() Counters { return l.counters }

// Backlog returns how many bytes wait in the queue.
func (l *Link) Backlog(now time.Time) int { return l.waiting(now) }

// Send takes a packet of size bytes at the time now, which must not go back, and returns what becomes of it.
func (l *Link) Send(size int, now time.Time) Outcome {
	l.counters.Sent++
	l.counters.SentBytes += uint64(size)
	departure, ok := l.enqueue(size, now)
	if !ok {
		l.counters.Overflowed++
		return Outcome{Dropped: Overflowed}
	}
	if l.lose() {
		l.counters.Lost++
		return Outcome{Dropped: Lost}
	}
	l.counters.Arrived++
	l.counters.ArrivedBytes += uint64(size)
	o := Outcome{copies: 1}
	o.times[0] = l.arrival(departure)
	if l.happens(l.cfg.Duplicate) {
		l.counters.Copies++
		o.copies = 2
		o.times[1] = o.times[0].Add(l.upTo(max(l.cfg.Jitter, time.Millisecond)))
	}
	return o
}

// enqueue returns when the packet has left the bottleneck, or false when the queue is full.
func (l *Link) enqueue(size int, now time.Time) (time.Time, bool) {
	if l.cfg.Rate == 0 {
		return now, true
	}
	if l.waiting(now)+size > l.cfg.queueBytes() {
		return time.Time{}, false
	}
	start := l.idle
	if start.Before(now) {
		start = now
	}
	l.idle = start.Add(l.transmission(size))
	return l.idle, true
}

// waiting is how many bytes are in the queue at now.
func (l *Link) waiting(now time.Time) int {
	if l.cfg.Rate == 0 || !l.idle.After(now) {
		return 0
	}
	return int(l.idle.Sub(now).Seconds() * float64(l.cfg.Rate) / 8)
}

// transmission is how long size bytes take at the bottleneck.
func (l *Link) transmission(size int) time.Duration {
	if l.cfg.Rate == 0 {
		return 0
	}
	return time.Duration(float64(size) * 8 / float64(l.cfg.Rate) * float64(time.Second))
}

func (l *Link) lose() bool {
	if b := l.cfg.Burst; b.Loss > 0 {
		// The bad state is left with 1/Length; the good one is left so often that Loss of all packets meet the bad state.
		leave := 1 / b.Length
		enter := min(1, leave*b.Loss/(1-b.Loss))
		if l.bad {
			l.bad = !l.happens(leave)
		} else {
			l.bad = l.happens(enter)
		}
		if l.bad {
			return true
		}
	}
	return l.happens(l.cfg.Loss)
}

// minHold is how long a reordered packet may be held back where there is no jitter.
const minHold = 10 * time.Millisecond

func (l *Link) arrival(departure time.Time) time.Time {
	at := departure.Add(l.cfg.Delay + l.upTo(l.cfg.Jitter))
	if at.Before(l.latest) {
		at = l.latest
	}
	if l.happens(l.cfg.Reorder) {
		l.counters.Reordered++
		return at.Add(l.upTo(max(2*l.cfg.Jitter, minHold)))
	}
	l.latest = at
	return at
}

// happens is true with the probability share.
func (l *Link) happens(share float64) bool {
	return share > 0 && l.rng.Float64() < share
}

// upTo returns a duration from 0 to most.
func (l *Link) upTo(most time.Duration) time.Duration {
	if most <= 0 {
		return 0
	}
	return time.Duration(l.rng.Int64N(int64(most) + 1))
}
