package forwarder

import (
	"slices"
	"time"
)

// Steering is the slow half of a DownTrack: what it should carry, what stands in the way, and what the viewer is told of it.

// steerInterval is how often a DownTrack looks at what its source offers.
const steerInterval = 50 * time.Millisecond

// parkedMemory is how long a parked m-line remembers what it sent.
const parkedMemory = 2 * time.Second

func (d *DownTrack) setSource(t *UpTrack, now Instant) {
	m := &d.media
	if m.source == t {
		return
	}
	d.park()
	if t == nil || t.media.closed || m.stream.SSRC == 0 {
		d.report(now)
		return
	}
	m.source = t
	m.stalled = d.kind == Video && d.peer.writer.Room() <= audioReserve
	t.media.downs = append(t.media.downs, d)
	d.retarget(now)
}

// park takes the source away.
func (d *DownTrack) park() {
	m := &d.media
	if m.source == nil {
		return
	}
	m.source.media.downs = slices.DeleteFunc(m.source.media.downs, func(other *DownTrack) bool { return other == d })
	m.source, m.stalled, m.lacksCodec = nil, false, false
	m.selector.reset()
	d.report(m.timeline.lastAt)
}

func (d *DownTrack) setView(v View, now Instant) {
	d.media.view = v
	d.retarget(now)
}

// retarget decides what the viewer should get and asks for a keyframe where that takes one.
func (d *DownTrack) retarget(now Instant) {
	m := &d.media
	t := m.source
	if t == nil {
		return
	}
	m.lacksCodec = t.media.codec != 0 && d.formatFor(t.media.codec) == nil
	switch {
	case t.media.muted, m.lacksCodec:
		m.selector.aim(none, -1)
		m.selector.stop()
	case d.kind == Audio:
		m.selector.aim(0, -1)
	case m.view.Hidden():
		m.selector.aim(none, -1)
		m.selector.stop()
	case m.stalled && d.peer.writer.Room() < 2*audioReserve:
	default:
		m.stalled = false
		d.aim(t.ladder(now))
	}
	d.catchUp(now)
	d.askForKeyframe(now)
	d.report(now)
}

// freshKeyframe is how old a keyframe may be that a viewer is begun with: the picture would run ahead of the clock by as much.
const freshKeyframe = 300 * time.Millisecond

// catchUp begins with a keyframe that has just gone by, from the history, so that viewers who come as a track begins, or many at once, need
// no other one.
func (d *DownTrack) catchUp(now Instant) {
	m := &d.media
	if d.kind == Audio || m.selector.current != none || m.selector.target == none || m.stalled {
		return
	}
	for i := min(m.selector.target, len(m.source.media.line.encodings)-1); i >= 0; i-- {
		e := m.source.media.line.encodings[i]
		if p := e.history.get(e.lastKey); p != nil && now.Sub(p.arrival) <= freshKeyframe {
			d.forward(e, p, now)
			return
		}
	}
}

// aim sets the selector to what fits the view. A source that pauses keeps the encoding it had.
func (d *DownTrack) aim(ladder []rung) {
	s := &d.media.selector
	encoding, temporal := chooseLayer(ladder, d.media.view)
	if encoding == none {
		if s.target == none {
			s.aim(0, -1)
		}
		return
	}
	if d.media.view.FPS <= 0 {
		temporal = -1 // layers that have not been seen yet are welcome too
	}
	s.aim(encoding, temporal)
}

func (d *DownTrack) askForKeyframe(now Instant) {
	m := &d.media
	wanted := m.selector.wants()
	if d.kind == Audio || wanted == none || m.source.media.codec == 0 {
		m.asked = none
		return
	}
	if m.asked != wanted {
		m.asked = wanted
		d.peer.group.counters.KeyframeRequestsIn++
	}
	m.source.wantKeyframe(wanted, now)
}

// keyframeLost answers a viewer that cannot go on without a keyframe (PLI, FIR).
func (d *DownTrack) keyframeLost(now Instant) {
	m := &d.media
	d.peer.group.counters.KeyframeRequestsIn++
	if m.source == nil || m.selector.current == none || now.Sub(m.lostAt) < minLostInterval && m.lostAt != 0 {
		return
	}
	m.lostAt = now
	m.source.wantKeyframe(m.selector.current, now)
}

// minLostInterval is how often one viewer may ask for a keyframe.
const minLostInterval = 500 * time.Millisecond

// begun tells the viewer that another stream begins.
func (d *DownTrack) begun(timestamp uint32, now Instant) {
	m := &d.media
	if m.state.Source != m.source || !m.state.Sending {
		m.firstTimestamp = timestamp
	}
	m.reports.due = now
	d.report(now)
}

// report tells the observer when the state has changed.
func (d *DownTrack) report(now Instant) {
	s := d.describe(now)
	if s != d.media.state {
		d.media.state = s
		d.peer.observer.DownTrackChanged(d, s)
	}
}

func (d *DownTrack) describe(now Instant) DownTrackState {
	m := &d.media
	s := DownTrackState{Source: m.source, Temporal: -1}
	if m.source == nil {
		return s
	}
	s.Sending = m.selector.current != none
	s.Reason = d.reason(now)
	if s.Sending {
		s.FirstTimestamp = m.firstTimestamp
	}
	if s.Sending && m.from != nil && d.kind == Video {
		s.RID, s.Width, s.Height = m.from.rid, m.from.width, m.from.height
		s.Temporal = int(m.selector.temporal)
		if s.Temporal < 0 {
			s.Temporal = int(m.from.meter.temporals(now)) - 1
		}
	}
	return s
}

// reason says why the viewer does not get what it asked for.
func (d *DownTrack) reason(now Instant) Reason {
	m := &d.media
	t := m.source
	switch {
	case t.media.muted:
		return ReasonMuted
	case m.lacksCodec:
		return ReasonCodec
	case d.kind == Video && m.view.Hidden():
		return ReasonView
	case m.stalled && m.from != nil:
		return ReasonCongestion
	case d.kind == Audio:
		return ReasonNone
	case t.quiet(now):
		return ReasonPublisher
	case m.selector.current == none:
		return ReasonKeyframe
	case m.selector.current != m.selector.target:
		return ReasonKeyframe
	}
	return ReasonNone
}

// quietAfter is how long a video track may send nothing before viewers are told; screens may stand still.
const quietAfter = time.Second

func (t *UpTrack) quiet(now Instant) bool {
	patience := quietAfter
	if t.source == Screen {
		patience = screenPatience
	}
	for _, e := range t.media.line.encodings {
		if e.last != 0 && now.Sub(e.lastAt) < patience {
			return false
		}
	}
	return true
}

// steer is called every steerInterval.
func (d *DownTrack) steer(now Instant) {
	m := &d.media
	if m.source != nil {
		d.retarget(now)
		return
	}
	if m.sent.ring != nil && now.Sub(m.timeline.lastAt) > parkedMemory {
		m.sent, m.from, m.left = sentPackets{}, nil, leftStreams{}
		m.rewriter.holes = nil
	}
}
