package reception

import (
	"time"

	"sfu/pkg/synthetic"
)

// A Publisher is what came of one track, by its stamps, on whichever lines and PeerConnections: it shows what a rejoin on either side has
// cost. With Config.Sample it is as fine as the samples.
type Publisher struct {
	// ID is synthetic.Track.Publisher.
	ID uint64
	// Packets counts the stamps.
	Packets uint64
	// First and Last packet, and the longest time between two, which ended at GapEnd.
	First, Last time.Time
	LongestGap  time.Duration
	GapEnd      time.Time
	// MissingInGap counts the packets that were sent between those two and did not come. It is 0 where the two are not of one encoding.
	MissingInGap uint64

	encoding uint8
	sequence uint64
}

// publishers are those that were ever heard, by number.
type publishers map[uint64]*Publisher

func (p publishers) of(id uint64) *Publisher {
	if p[id] == nil {
		p[id] = &Publisher{ID: id}
	}
	return p[id]
}

// note takes a stamp that came at a time.
func (p *Publisher) note(s synthetic.Stamp, at time.Time) {
	same := p.Packets > 0 && s.Encoding == p.encoding
	switch gap := at.Sub(p.Last); {
	case p.Packets == 0:
		p.First, p.Last = at, at
	case gap > p.LongestGap:
		p.LongestGap, p.GapEnd, p.MissingInGap = gap, at, 0
		if same && s.Sequence > p.sequence {
			p.MissingInGap = s.Sequence - p.sequence - 1
		}
		p.Last = at
	case gap > 0:
		p.Last = at
	}
	p.Packets++
	if !same || s.Sequence > p.sequence {
		p.encoding, p.sequence = s.Encoding, s.Sequence
	}
}
