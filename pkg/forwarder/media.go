package forwarder

import (
	"time"

	"sfu/pkg/codec"
)

// An Instant is a point in monotonic time, in nanoseconds since the process's own origin. It is never negative.
type Instant int64

// Add returns the Instant d later.
func (i Instant) Add(d time.Duration) Instant { return i + Instant(d) }

// Sub returns the time from j to i.
func (i Instant) Sub(j Instant) time.Duration { return time.Duration(i - j) }

// A Kind is audio or video.
type Kind uint8

// The two kinds of media.
const (
	Audio Kind = iota + 1
	Video
)

// String returns "audio" or "video".
func (k Kind) String() string {
	switch k {
	case Audio:
		return "audio"
	case Video:
		return "video"
	}
	return "unknown"
}

// A Format is one payload type negotiated on an m-line.
type Format struct {
	Codec       codec.Type
	PayloadType uint8
	// RTX is the payload type of retransmissions of this format (RFC 4588), 0 where none was negotiated.
	RTX uint8
	// NACK, PLI and FIR tell which feedback the two sides agreed on (RFC 4585, RFC 5104).
	NACK, PLI, FIR bool
}

// Extensions are the ids of the RTP header extensions negotiated on an m-line (RFC 8285), 0 where one was not.
type Extensions struct {
	MID, RID, RepairedRID, TransportCC, AudioLevel uint8
}

// A Stream is one SSRC with the SSRC of its retransmissions, 0 where there is none.
type Stream struct {
	SSRC, RTX uint32
}

// Media describes one m-line after an offer was answered.
type Media struct {
	Mid  string
	Kind Kind
	// Send is true on a slot's m-line, towards the client; false where the client sends.
	Send bool
	// Formats are in the order of the answer.
	Formats    []Format
	Extensions Extensions
	// Streams are the SSRCs named in the SDP: those of the client where it sends, the one that we chose on a slot. Simulcast
	// names none and is told apart by RIDs.
	Streams []Stream
	// RIDs are the simulcast encodings in the order of the offer.
	RIDs []string
}

// A View is how a viewer shows a video track: the tile's size in device pixels and what it is worth.
type View struct {
	// Width and Height are in device pixels; both 0 when the tile is not visible, which parks the video.
	Width, Height int
	// FPS is the highest frame rate that is of use, 0 for any.
	FPS int
}

// DefaultView is assumed until the viewer says otherwise.
var DefaultView = View{Width: 640, Height: 360}

// Hidden reports whether nothing of the track is visible.
func (v View) Hidden() bool { return v.Width == 0 || v.Height == 0 }

// A Reason says why a viewer does not get what it asked for.
type Reason string

// The reasons a DownTrack may give.
const (
	// ReasonNone: the viewer gets what fits its tile.
	ReasonNone Reason = ""
	// ReasonView: the tile is not visible.
	ReasonView Reason = "view"
	// ReasonMuted: the publisher muted the track.
	ReasonMuted Reason = "muted"
	// ReasonKeyframe: the first keyframe has been asked for and is not here yet.
	ReasonKeyframe Reason = "keyframe"
	// ReasonPublisher: the publisher sends nothing, or nothing as good as was asked for.
	ReasonPublisher Reason = "publisher"
	// ReasonCodec: the viewer did not negotiate the track's codec.
	ReasonCodec Reason = "codec"
	// ReasonCongestion: the connection to the viewer takes no more packets.
	ReasonCongestion Reason = "congestion"
)
