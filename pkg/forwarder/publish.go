package forwarder

import (
	"time"

	"sfu/pkg/codec"
)

// upMedia is the worker's part of an UpTrack.
type upMedia struct {
	line      *line
	downs     []*DownTrack
	muted     bool
	closed    bool
	codec     codec.Type
	codecAt   Instant // when it was last another
	police    policer
	keyframes keyframeRequester
	// wishes says when somebody last wanted a keyframe of each encoding.
	wishes []Instant
	level  float32
	rungs  []rung
}

// publish attaches t to its m-line.
func (p *Peer) publish(t *UpTrack, _ Instant) {
	t.media.police = newPolicer(p.worker.router.limits.TrackPacketsPerSecond, p.worker.router.limits.bitsPerSecond(t.source))
	for _, l := range p.ingress.lines {
		if l.media.Mid == t.mid && l.media.Kind == t.kind {
			if l.track != nil {
				l.track.detach()
			}
			l.track, t.media.line = t, l
			for _, e := range l.encodings {
				e.restart()
				e.meter = encodingMeter{}
				if t.source == Screen {
					e.meter.patience = screenPatience
				}
			}
			return
		}
	}
	// The m-line is gone with its connection; the track stays silent.
	t.media.line = &line{peer: p}
}

// forward gives a stored packet to every viewer.
func (t *UpTrack) forward(e *encoding, p *packet, now Instant) {
	if t.media.muted {
		return
	}
	for _, d := range t.media.downs {
		d.forward(e, p, now)
	}
}

// codecInterval is how often a track may change its codec: everyone in the room is told, and seated anew.
const codecInterval = time.Second

// accepts reports whether packets in c are taken now.
func (t *UpTrack) accepts(c codec.Type, now Instant) bool {
	return c == t.media.codec || t.media.codec == 0 || now.Sub(t.media.codecAt) >= codecInterval
}

// started takes note of the codec that packets now come in.
func (t *UpTrack) started(c codec.Type, now Instant) {
	if t.media.codec == c {
		return
	}
	t.media.codec, t.media.codecAt = c, now
	t.observer.UpTrackStarted(t, c)
	for _, d := range t.media.downs {
		d.retarget(now)
	}
}

// keyframe takes note of a keyframe's first packet.
func (t *UpTrack) keyframe(e *encoding, now Instant) {
	t.peer.group.counters.Keyframes++
	t.media.keyframes.arrived(e.index, now)
}

// hear takes an audio level (RFC 6464): the lowest seven bits are -dBov.
func (t *UpTrack) hear(level byte) {
	t.media.level += (float32(127-level&0x7F) - t.media.level) / 8
	t.loudness.Store(uint32(t.media.level + 0.5))
}

func (t *UpTrack) policed(now Instant) {
	if t.media.police.notify(now) {
		t.observer.UpTrackPoliced(t)
	}
}

func (t *UpTrack) setMuted(muted bool, now Instant) {
	if t.media.muted == muted {
		return
	}
	t.media.muted = muted
	t.media.level = 0
	t.loudness.Store(0)
	for _, d := range t.media.downs {
		d.media.selector.stop()
		d.retarget(now)
	}
}

func (t *UpTrack) close(now Instant) {
	if t.media.closed {
		return
	}
	t.detach()
	if l := t.media.line; l != nil && l.track == t {
		l.track = nil
		for _, e := range l.encodings {
			e.restart() // what was kept for viewers is of no use to the next track
		}
	}
}

// detach parks the viewers of t.
func (t *UpTrack) detach() {
	t.media.closed = true
	for len(t.media.downs) > 0 {
		t.media.downs[0].park()
	}
}

// wishLife is how long a wish for a keyframe counts that nobody repeats: viewers that wait repeat theirs as they steer.
const wishLife = time.Second

// wantKeyframe asks the publisher for a keyframe of an encoding; wishes in one gap become one request.
func (t *UpTrack) wantKeyframe(encoding int, now Instant) {
	for len(t.media.wishes) <= encoding {
		t.media.wishes = append(t.media.wishes, 0)
	}
	t.media.wishes[encoding] = now
	t.media.line.peer.ingress.busy = true
	t.media.keyframes.request(encoding, now)
}

// forgetWishes ends requests that nobody waits for any more.
func (t *UpTrack) forgetWishes(now Instant) {
	for encoding, at := range t.media.wishes {
		if at != 0 && now.Sub(at) > wishLife {
			t.media.wishes[encoding] = 0
			t.media.keyframes.cancel(encoding)
		}
	}
}

// ladder returns what the track's encodings offer at this moment.
func (t *UpTrack) ladder(now Instant) []rung {
	t.media.rungs = t.media.rungs[:0]
	for _, e := range t.media.line.encodings {
		t.media.rungs = append(t.media.rungs, e.rung(now))
	}
	return t.media.rungs
}
