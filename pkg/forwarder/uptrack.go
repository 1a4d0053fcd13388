package forwarder

import (
	"sync/atomic"

	"sfu/pkg/codec"
)

// A Source says what an UpTrack shows; limits differ.
type Source uint8

// What a client can publish.
const (
	Microphone Source = iota + 1
	Camera
	Screen
	ScreenAudio
)

// An UpTrackObserver is told what becomes of an UpTrack. It is called on the worker's goroutine and must not block or call the
// forwarder back.
type UpTrackObserver interface {
	// UpTrackStarted tells that the first media packet is here, and its codec. It is called again when the codec changes.
	UpTrackStarted(t *UpTrack, c codec.Type)
	// UpTrackPoliced tells that the client sends more than it may and that packets are dropped; at most once in two seconds.
	UpTrackPoliced(t *UpTrack)
}

// An UpTrack is what a client publishes on one m-line.
type UpTrack struct {
	peer     *Peer
	mid      string
	kind     Kind
	source   Source
	observer UpTrackObserver
	loudness atomic.Uint32
	media    upMedia
}

// Kind returns whether t is audio or video.
func (t *UpTrack) Kind() Kind { return t.kind }

// Mid returns the m-line that t is received on.
func (t *UpTrack) Mid() string { return t.mid }

// Loudness returns the smoothed level of an audio track, 0 for silence to 127 for full scale (127 - dBov of RFC 6464). It is 0 for
// tracks that carry no levels.
func (t *UpTrack) Loudness() int { return int(t.loudness.Load()) }

// SetMuted stops or resumes forwarding. Resuming video asks for a keyframe.
func (t *UpTrack) SetMuted(muted bool) {
	t.peer.worker.do(func(now Instant) { t.setMuted(muted, now) })
}

// Close ends the track; its DownTracks are parked.
func (t *UpTrack) Close() {
	t.peer.worker.do(func(now Instant) { t.close(now) })
}
