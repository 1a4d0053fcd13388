package synthetic

import (
	"math"
	"time"

	"sfu/pkg/codec"
)

// A frame is one picture of one encoding, or one packet of sound.
type frame struct {
	key           bool
	temporal      uint8
	layers        uint8
	switchUp      bool // refers to no frame of its own layer
	discardable   bool // no frame refers to it
	pictureID     uint16
	tl0           uint8
	keyIndex      uint8
	width, height int
	bytes         int // of all payloads, stamps and heads included
	at            time.Time
	timestamp     uint32
}

// keyframeSize is how many times larger than the average a keyframe is, and keyframeDebt the share of each later frame that is saved
// until the bitrate is right again.
const (
	keyframeSize = 5
	keyframeDebt = 0.15
)

// keyframeGuard is how long after a keyframe further requests are ignored, as in libwebrtc.
const keyframeGuard = 300 * time.Millisecond

// mostBehind is how late a frame may be made; later ones are left out.
const mostBehind = 250 * time.Millisecond

// An encoder decides which frames there are. It knows no packets.
type encoder struct {
	kind     codec.Type
	cfg      Encoding
	interval time.Duration // between keyframes, 0 without
	clock    uint32

	began     time.Time
	count     uint64 // frames since began
	base      uint32
	debt      float64 // bytes that were sent too much
	lastKey   time.Time
	keyed     bool // there was a keyframe
	wanted    bool // a keyframe
	pictureID uint16
	tl0       uint8
	keyIndex  uint8
	phase     int // place in the temporal pattern
}

// The temporal patterns of libwebrtc for one, two and three layers, and what a frame of each layer weighs against the average.
var (
	patterns = [4][]uint8{1: {0}, 2: {0, 1}, 3: {0, 2, 1, 2}}
	weights  = [4][]float64{1: {1}, 2: {1.2, 0.8}, 3: {1.6, 0.8, 0.8}}
)

func newEncoder(kind codec.Type, cfg Encoding, interval time.Duration, base uint32, pictureID uint16) *encoder {
	return &encoder{kind: kind, cfg: cfg, interval: interval, clock: kind.ClockRate(), base: base, pictureID: pictureID & 0x7fff, wanted: kind.Video()}
}

// start makes the first frame due at now. After a pause it goes on with a keyframe, and its timestamps with the time that passed.
func (e *encoder) start(now time.Time) {
	if !e.began.IsZero() {
		e.base = e.timestampAt(now)
	}
	e.began, e.count = now, 0
	e.wanted = e.kind.Video()
}

// due is when the next frame is.
func (e *encoder) due() time.Time {
	return e.began.Add(time.Duration(float64(e.count) / e.cfg.FPS * float64(time.Second)))
}

// timestampAt is the RTP timestamp of a moment.
func (e *encoder) timestampAt(t time.Time) uint32 {
	return e.base + uint32(int64(math.Round(t.Sub(e.began).Seconds()*float64(e.clock))))
}

// requestKeyframe asks for a keyframe and reports whether there will be one soon.
func (e *encoder) requestKeyframe(now time.Time) bool {
	if !e.kind.Video() || e.keyed && now.Sub(e.lastKey) < keyframeGuard {
		return false
	}
	e.wanted = true
	return true
}

// next returns the frame that is due. Frames that could not be made in time are skipped, as a camera does.
func (e *encoder) next(now time.Time) frame {
	for now.Sub(e.due()) > mostBehind {
		e.count++
	}
	f := frame{
		at: e.due(), timestamp: e.base + uint32(math.Round(float64(e.count)*float64(e.clock)/e.cfg.FPS)),
		width: e.cfg.Width, height: e.cfg.Height, layers: uint8(e.cfg.TemporalLayers),
	}
	e.count++
	average := float64(e.cfg.Bitrate) / 8 / e.cfg.FPS
	if !e.kind.Video() {
		f.bytes = int(average + 0.5)
		return f
	}
	f.key = e.wanted || e.interval > 0 && f.at.Sub(e.lastKey) >= e.interval
	if f.key {
		e.wanted, e.keyed, e.lastKey, e.phase = false, true, f.at, 0
		e.keyIndex++
	}
	f.bytes = e.size(&f, average)
	e.layer(&f)
	f.pictureID, f.tl0, f.keyIndex = e.pictureID, e.tl0, e.keyIndex
	e.pictureID = (e.pictureID + 1) & 0x7fff
	return f
}

func (e *encoder) size(f *frame, average float64) int {
	if f.key {
		e.debt += (keyframeSize - 1) * average
		return int(keyframeSize * average)
	}
	size := average * weights[f.layers][patterns[f.layers][e.phase]]
	saved := min(e.debt, keyframeDebt*size)
	e.debt -= saved
	return int(size - saved)
}

// layer gives f its place in the temporal pattern.
func (e *encoder) layer(f *frame) {
	pattern := patterns[f.layers]
	f.temporal = pattern[e.phase]
	if f.temporal == 0 {
		e.tl0++
	}
	top := f.layers - 1
	f.discardable = f.temporal == top && top > 0
	// The second frame of the top layer refers to a frame of the middle layer; every other one only to layer 0.
	f.switchUp = f.temporal > 0 && !(f.layers == 3 && e.phase == 3)
	e.phase = (e.phase + 1) % len(pattern)
}
