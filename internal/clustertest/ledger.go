//go:build linux

package clustertest

import (
	"sync"
	"time"

	"sfu/pkg/synthetic"
)

// A Ledger is what one person has heard of the publishers, told by the stamps in the packets, whatever connections they came by.
type Ledger struct {
	mu     sync.Mutex
	marked time.Time
	of     map[uint64]*heard
}

// heard is what came of one publisher since the mark.
type heard struct {
	last    synthetic.Stamp
	at      time.Time // when it came
	packets int
	missing map[uint64]bool // numbers that were left out
	silence time.Duration
	back    time.Time
}

// Heard is what came of one publisher since the Mark.
type Heard struct {
	// Packets came, Missing did not, though later ones did.
	Packets, Missing int
	// Silence is the longest time between two packets, the one that lasts included.
	Silence time.Duration
	// Back is when the first packet came that was sent after the Mark, zero if none has.
	Back time.Time
}

// NewLedger returns an empty Ledger, marked at now.
func NewLedger(now time.Time) *Ledger { return &Ledger{marked: now, of: map[uint64]*heard{}} }

// Mark begins anew. What was missing is forgotten, silence goes on.
func (l *Ledger) Mark(now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.marked = now
	for _, h := range l.of {
		h.packets, h.silence, h.back = 0, 0, time.Time{}
		clear(h.missing)
	}
}

// Arrived takes a packet that came at a time.
func (l *Ledger) Arrived(s synthetic.Stamp, at time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.of[s.Publisher]
	switch {
	case h == nil:
		h = &heard{last: s, at: at, missing: map[uint64]bool{}}
		l.of[s.Publisher] = h
	case s.Sequence > h.last.Sequence:
		for n := h.last.Sequence + 1; n < s.Sequence; n++ {
			h.missing[n] = true
		}
		h.last = s
	case s.Sent.After(h.last.Sent):
		clear(h.missing) // the publisher counts from the beginning again
		h.last = s
	case !h.missing[s.Sequence]:
		return // a copy, or of before the mark
	default:
		delete(h.missing, s.Sequence)
	}
	h.packets++
	h.silence = max(h.silence, at.Sub(h.at))
	h.at = at
	if h.back.IsZero() && s.Sent.After(l.marked) {
		h.back = at
	}
}

// Of returns what came of a publisher until now. Of somebody never heard, silence lasts since the mark.
func (l *Ledger) Of(publisher uint64, now time.Time) Heard {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.of[publisher]
	if h == nil {
		return Heard{Silence: now.Sub(l.marked)}
	}
	return Heard{Packets: h.packets, Missing: len(h.missing), Silence: max(h.silence, now.Sub(h.at)), Back: h.back}
}
