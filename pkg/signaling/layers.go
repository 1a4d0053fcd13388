package signaling

import (
	"time"

	"sfu/pkg/forwarder"
	"sfu/pkg/signaling/protocol"
)

// layerInterval is the least time between two layers events of one m-line.
const layerInterval = 200 * time.Millisecond

// A layerBook remembers what each m-line towards the client sends and spaces out what is said of it: the last state wins.
type layerBook struct {
	lines map[*forwarder.DownTrack]*layerLine
}

type layerLine struct {
	layer   protocol.Layer
	said    time.Time
	pending bool
}

// set notes what d sends now.
func (b *layerBook) set(d *forwarder.DownTrack, l protocol.Layer) {
	if b.lines == nil {
		b.lines = map[*forwarder.DownTrack]*layerLine{}
	}
	line := b.lines[d]
	if line == nil {
		line = &layerLine{}
		b.lines[d] = line
	}
	line.layer, line.pending = l, true
}

// bound forgets what was noted of d for another track than the one it carries now, "" for none.
func (b *layerBook) bound(d *forwarder.DownTrack, track string) {
	if line := b.lines[d]; line != nil && line.layer.Track != track {
		line.layer, line.pending = protocol.Layer{}, false
	}
}

// forget drops d.
func (b *layerBook) forget(d *forwarder.DownTrack) { delete(b.lines, d) }

// repeat makes everything that is known due at once: a new socket knows nothing.
func (b *layerBook) repeat() {
	for _, line := range b.lines {
		line.pending, line.said = line.layer.Track != "", time.Time{}
	}
}

// due returns what may be said now.
func (b *layerBook) due(now time.Time) []protocol.Layer {
	var out []protocol.Layer
	for _, line := range b.lines {
		if line.pending && now.Sub(line.said) >= layerInterval {
			line.pending, line.said = false, now
			out = append(out, line.layer)
		}
	}
	return out
}

// next returns when to call due, the zero time for never.
func (b *layerBook) next() time.Time {
	var next time.Time
	for _, line := range b.lines {
		if at := line.said.Add(layerInterval); line.pending && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	return next
}
