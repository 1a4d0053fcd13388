package forwarder

import "time"

const (
	meterBucket  = 100 * time.Millisecond
	meterBuckets = int64(time.Second / meterBucket)
)

// A lastSecond holds what happened in the last second in buckets of 100 ms, and one more that is being left.
type lastSecond[T any] struct {
	ring   [meterBuckets + 1]T
	newest int64 // counted from Instant 0
}

// at returns the bucket of now, or the newest one if now is before it.
func (l *lastSecond[T]) at(now Instant) *T {
	bucket := int64(now) / int64(meterBucket)
	var empty T
	for b := max(l.newest, bucket-meterBuckets-1) + 1; b <= bucket; b++ {
		l.ring[b%(meterBuckets+1)] = empty
	}
	l.newest = max(l.newest, bucket)
	return &l.ring[l.newest%(meterBuckets+1)]
}

// leaving returns the bucket that is partly more than a second old and the part that is not. It is called after at.
func (l *lastSecond[T]) leaving(now Instant) (oldest *T, part float64) {
	elapsed := min(max(now-Instant(l.newest*int64(meterBucket)), 0), Instant(meterBucket))
	return &l.ring[(l.newest+1)%(meterBuckets+1)], 1 - float64(elapsed)/float64(meterBucket)
}

// A rateMeter measures a bit rate over the last second.
type rateMeter struct{ bytes lastSecond[uint64] }

func (m *rateMeter) add(size int, at Instant) { *m.bytes.at(at) += uint64(size) }

// rate returns bits/s.
func (m *rateMeter) rate(now Instant) int {
	m.bytes.at(now)
	oldest, part := m.bytes.leaving(now)
	sum := -float64(*oldest) * (1 - part)
	for _, n := range m.bytes.ring {
		sum += float64(n)
	}
	return int(sum * 8)
}

// maxTemporal is how many temporal layers are told apart; what is above counts for the highest.
const maxTemporal = 4

const (
	// framePatience is how many frame intervals may pass between two frames of an encoding that flows.
	framePatience = 4
	// frameMinPatience is the least time without a frame that counts as dry.
	frameMinPatience = 250 * time.Millisecond
	// frameMaxInterval is the longest time between two frames that says something about the frame rate.
	frameMaxInterval = 2 * time.Second
)

type meterCounts struct {
	bytes  [maxTemporal]uint32
	frames [maxTemporal]uint32
}

// An encodingMeter measures one encoding: the rate of each temporal layer, and whether it flows at all.
type encodingMeter struct {
	// patience is the least time without a frame that makes the encoding dry, 0 for 250 ms; a still screen needs more.
	patience time.Duration
	counts   lastSecond[meterCounts]
	frameAt  Instant
	interval time.Duration // between frames, smoothed, 0 while unknown
	alive    bool
	framed   bool
	layered  bool
}

// packet counts a packet of size bytes. frameStart is set on the first packet of a frame; temporal is its layer, -1 where the codec
// does not say, which counts as layer 0.
func (m *encodingMeter) packet(size int, frameStart bool, temporal int8, at Instant) {
	m.layered = temporal >= 0
	layer := min(max(temporal, 0), maxTemporal-1)
	c := m.counts.at(at)
	c.bytes[layer] += uint32(size)
	if frameStart {
		c.frames[layer]++
		m.frame(at)
	}
}

func (m *encodingMeter) frame(at Instant) {
	gap := at.Sub(m.frameAt)
	first := !m.framed
	m.frameAt, m.framed = at, true
	if first {
		return
	}
	if gap > frameMaxInterval {
		m.alive = gap <= m.limit()
		return
	}
	if m.interval == 0 {
		m.interval = gap
	}
	m.alive = gap <= m.limit()
	m.interval += (gap - m.interval) / 8
}

func (m *encodingMeter) limit() time.Duration {
	return max(framePatience*m.interval, m.patience, frameMinPatience)
}

// active reports whether the encoding flows: from the second of two frames that are not too far apart until no frame comes for as
// long. Too far is four frame intervals or the patience, whichever is longer.
func (m *encodingMeter) active(now Instant) bool {
	return m.alive && now.Sub(m.frameAt) <= m.limit()
}

// frameRate returns the frames/s while frames come, whatever came in the last second; 0 before the second frame.
func (m *encodingMeter) frameRate() float64 {
	if m.interval == 0 {
		return 0
	}
	return float64(time.Second) / float64(m.interval)
}

// rate returns the bits/s and frames/s of the last second of all temporal layers up to and including temporal.
func (m *encodingMeter) rate(now Instant, temporal int) (bps int, fps float64) {
	m.counts.at(now)
	oldest, part := m.counts.leaving(now)
	top := min(max(temporal, 0), maxTemporal-1)
	var bytes float64
	for t := range top + 1 {
		bytes -= float64(oldest.bytes[t]) * (1 - part)
		fps -= float64(oldest.frames[t]) * (1 - part)
		for i := range m.counts.ring {
			bytes += float64(m.counts.ring[i].bytes[t])
			fps += float64(m.counts.ring[i].frames[t])
		}
	}
	return int(bytes * 8), fps
}

// temporals returns how many temporal layers had frames in the last second, 0 where the codec does not say.
func (m *encodingMeter) temporals(now Instant) int8 {
	if !m.layered {
		return 0
	}
	m.counts.at(now)
	for t := maxTemporal - 1; t > 0; t-- {
		for i := range m.counts.ring {
			if m.counts.ring[i].frames[t] > 0 {
				return int8(t + 1)
			}
		}
	}
	return 1
}

// A rung is one simulcast encoding that a viewer could be sent.
type rung struct {
	encoding int
	// width and height are in pixels, 0 while unknown.
	width, height int
	active        bool
	// fps is the frame rate of all temporal layers up to each one; temporals is how many there are, 0 where the codec does not say.
	fps       [maxTemporal]float64
	temporals int8
}

const (
	// leastScale is how far a picture may be scaled down to its tile: a larger one wastes too many bits.
	leastScale = 0.8
	// fpsTolerance is how far a frame rate may lie above the one that is of use.
	fpsTolerance = 1.25
)

// size returns the picture's size. Unknown ones are taken for 16:9, with 180 lines in encoding 0 and twice as many in each further.
func (r *rung) size() (width, height int) {
	if r.width > 0 && r.height > 0 {
		return r.width, r.height
	}
	height = 180 << min(max(r.encoding, 0), 8)
	return height * 16 / 9, height
}

// fits reports whether the picture, scaled to lie within v, loses a fifth of its lines at most.
func (r *rung) fits(v View) bool {
	width, height := r.size()
	return min(float64(v.Width)/float64(width), float64(v.Height)/float64(height)) >= leastScale
}

// temporal returns the highest temporal layer that v has use for, -1 where the codec does not say.
func (r *rung) temporal(v View) int8 {
	t := min(r.temporals, maxTemporal) - 1
	for v.FPS > 0 && t > 0 && r.fps[t] > fpsTolerance*float64(v.FPS) {
		t--
	}
	return t
}

// chooseLayer returns the encoding and the highest temporal layer to send to v: the largest active encoding that fits, the smallest
// active one when none does. encoding is -1 when nothing is active or v is hidden; temporal is -1 then, and where the codec has none.
// Of two equally large encodings the later in rungs counts as larger.
//
// Whatever decides how much a viewer's connection can carry belongs here: it takes the same rungs and views.
func chooseLayer(rungs []rung, v View) (encoding int, temporal int8) {
	var best *rung
	bestArea, bestFits := 0, false
	for i := range rungs {
		r := &rungs[i]
		if !r.active || v.Hidden() {
			continue
		}
		width, height := r.size()
		area, fits := width*height, r.fits(v)
		better := fits && area >= bestArea
		if !fits {
			better = area < bestArea
		}
		if best == nil || fits && !bestFits || fits == bestFits && better {
			best, bestArea, bestFits = r, area, fits
		}
	}
	if best == nil {
		return -1, -1
	}
	return best.encoding, best.temporal(v)
}
