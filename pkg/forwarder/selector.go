package forwarder

// A verdict is what becomes of a packet for one viewer.
type verdict uint8

const (
	// withhold: the packet belongs to the stream that is sent, but is not sent itself.
	withhold verdict = iota
	// ignore: the packet is of another stream.
	ignore
	// pass: send it.
	pass
	// start: send it as the first packet of another stream, after a call of selector.begin.
	start
)

// none stands for "no encoding".
const none = -1

// A selector decides for one viewer which packets of an UpTrack pass. It knows encodings by their index, smallest first, and never
// crosses from one to another but at a keyframe.
type selector struct {
	// target is the encoding wanted, none when nothing is; temporal the highest layer wanted, -1 for all.
	target         int
	targetTemporal int8
	// current is the encoding that is sent, in this generation; none while waiting for a first keyframe.
	current    int
	generation uint32
	temporal   int8
	// frame is the timestamp of the newest frame of the current encoding and passes what was decided for it.
	frame  uint32
	passes bool
}

func (s *selector) reset() {
	*s = selector{target: none, current: none, targetTemporal: -1, temporal: -1}
}

// aim sets what is wanted. A lower temporal layer takes effect at the next frame, a higher one where the stream permits.
func (s *selector) aim(encoding int, temporal int8) { s.target, s.targetTemporal = encoding, temporal }

// stop forgets the current stream: the next packet must begin one.
func (s *selector) stop() { s.current = none }

// wants returns the encoding of which a keyframe is needed, none when the selector is where it wants to be.
func (s *selector) wants() int {
	if s.target == s.current {
		return none
	}
	return s.target
}

// decide judges packet p of an encoding. video is false for audio, which may begin anywhere.
func (s *selector) decide(encoding int, generation uint32, p *packet, video, newest bool) verdict {
	if s.target == none {
		return ignore
	}
	if encoding == s.current && generation == s.generation {
		if !video {
			return pass
		}
		return s.layer(p, newest)
	}
	if s.current != none && s.current == encoding {
		s.current = none // the encoding was restarted: what was sent of it has no continuation
	}
	if !s.better(encoding) || p.empty() || video && !(p.info.Keyframe && p.info.Start) {
		return ignore
	}
	return start
}

// begin makes p's encoding the current one.
func (s *selector) begin(encoding int, generation uint32, p *packet) {
	s.current, s.generation = encoding, generation
	s.temporal = s.targetTemporal
	s.frame, s.passes = p.timestamp, true
}

// better reports whether encoding brings the viewer nearer to the target: from nothing everything up to the target does, and when
// climbing every step on the way.
func (s *selector) better(encoding int) bool {
	switch {
	case encoding == s.target:
		return true
	case encoding > s.target:
		return false
	default:
		return encoding > s.current
	}
}

// layer applies the temporal limit to a packet of the current encoding. Whole frames pass or do not.
func (s *selector) layer(p *packet, newest bool) verdict {
	if !newest {
		// A late packet passes if its layer does; whether a number was kept for it is the rewriter's to know.
		if s.above(p.info.Temporal) {
			return withhold
		}
		return pass
	}
	if p.timestamp != s.frame {
		s.frame = p.timestamp
		s.climb(p)
		s.passes = !s.above(p.info.Temporal)
	}
	if s.passes {
		return pass
	}
	return withhold
}

func (s *selector) above(temporal int8) bool {
	return s.temporal >= 0 && temporal > s.temporal
}

// climb moves the temporal limit towards the target at the first packet of a frame: down at once, up where the frame says that
// a decoder of the layers below can take it, or at a keyframe.
func (s *selector) climb(p *packet) {
	t := p.info.Temporal
	switch {
	case p.info.Keyframe, s.temporal < 0 && s.targetTemporal < 0:
		s.temporal = s.targetTemporal
	case s.targetTemporal >= 0 && (s.temporal < 0 || s.targetTemporal < s.temporal):
		s.temporal = s.targetTemporal
	case p.info.SwitchUp && t > s.temporal && (s.targetTemporal < 0 || t <= s.targetTemporal):
		s.temporal = t
	}
}
