package forwarder

import "sfu/pkg/codec"

// A DownTrack is one m-line towards a viewer. It sends one source at a time as one continuous RTP stream.
type DownTrack struct {
	peer    *Peer
	mid     string
	kind    Kind
	formats []Format
	media   downMedia
}

// A Slot is a place for a remote participant: an audio and a video m-line that the browser plays in sync. Either may be nil.
type Slot struct {
	Audio, Video *DownTrack
}

// DownTrackState is what an m-line towards a viewer carries.
type DownTrackState struct {
	// Source is the track, nil when the m-line is parked.
	Source *UpTrack
	// Sending is false while nothing of the source is sent; Reason says why. Where Sending is true, a Reason says why it is less
	// than the view asked for.
	Sending bool
	Reason  Reason
	// RID is the simulcast encoding, "" where there is one only.
	RID string
	// Width and Height are those of the encoding in pixels, 0 while unknown.
	Width, Height int
	// Temporal is the highest temporal layer that is sent, -1 where the codec does not say.
	Temporal int
	// FirstTimestamp is the RTP timestamp of the source's first packet on this m-line.
	FirstTimestamp uint32
}

// Mid returns the m-line.
func (d *DownTrack) Mid() string { return d.mid }

// Peer returns the connection that d belongs to.
func (d *DownTrack) Peer() *Peer { return d.peer }

// Kind returns whether d is audio or video.
func (d *DownTrack) Kind() Kind { return d.kind }

// Accepts reports whether the viewer negotiated c on this m-line.
func (d *DownTrack) Accepts(c codec.Type) bool {
	for _, f := range d.formats {
		if f.Codec == c {
			return true
		}
	}
	return false
}

// SetSource switches d to t, nil parks it. The switch happens at t's next keyframe, which is asked for; until then nothing is sent.
// t must belong to the same Group.
func (d *DownTrack) SetSource(t *UpTrack) {
	d.peer.worker.do(func(now Instant) { d.setSource(t, now) })
}

// SetView tells how the viewer shows the track; it has no effect on audio.
func (d *DownTrack) SetView(v View) {
	d.peer.worker.do(func(now Instant) { d.setView(v, now) })
}
