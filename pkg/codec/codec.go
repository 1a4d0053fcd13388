package codec

import "strings"

// A Type names one codec that the forwarder understands.
type Type uint8

// The codecs the forwarder can tell apart. Anything else is Unknown and is not negotiated.
const (
	Unknown Type = iota
	Opus
	VP8
	VP9
	H264
	AV1
)

var mimeTypes = [...]string{Unknown: "", Opus: "audio/opus", VP8: "video/VP8", VP9: "video/VP9", H264: "video/H264", AV1: "video/AV1"}

// ByMIMEType returns the Type of a MIME type such as "video/VP8". Case does not matter.
func ByMIMEType(mime string) Type {
	for t, m := range mimeTypes {
		if t != 0 && strings.EqualFold(m, mime) {
			return Type(t)
		}
	}
	return Unknown
}

// MIMEType returns the registered MIME type, "" for Unknown.
func (t Type) MIMEType() string {
	if int(t) >= len(mimeTypes) {
		return ""
	}
	return mimeTypes[t]
}

// String returns the subtype alone, such as "VP8"; it is what a person is shown.
func (t Type) String() string {
	_, name, _ := strings.Cut(t.MIMEType(), "/")
	return name
}

// Video reports whether t is a video codec.
func (t Type) Video() bool { return t >= VP8 && t <= AV1 }

// ClockRate returns the RTP clock in Hz: 48000 for Opus (RFC 7587 section 4.1), 90000 for video, 0 for Unknown.
func (t Type) ClockRate() uint32 {
	switch {
	case t == Opus:
		return 48000
	case t.Video():
		return 90000
	}
	return 0
}

// Info is what one RTP payload says about itself. The zero value of a field means that the payload does not say,
// except for Spatial and Temporal, which are -1 then.
type Info struct {
	// Keyframe is set where a frame begins that decodes without any earlier one. Together with Start it marks the one packet at
	// which a receiver can begin. In H.264 it stands on each packet in which a parameter set (SPS) or a slice of such a frame
	// begins, so it may be set without Start; in the other codecs it implies Start.
	Keyframe bool
	// Start and End mark the first and the last packet of a frame of one spatial layer. End is only set where the payload
	// itself says so (VP9); elsewhere the RTP marker does. H.264 does not say where a frame starts; Start is only set
	// there on packets with an SPS. In AV1 a frame whose headers are spread over several packets has as many starts.
	Start, End bool
	// Spatial and Temporal are the layer of the frame within its encoding, counted from 0, or -1.
	Spatial, Temporal int8
	// SwitchUp is set when a receiver of the layers below may begin with this frame's temporal layer (VP8 Y, VP9 U).
	SwitchUp bool
	// Discardable is set when no other frame refers to this one (VP8 N, H.264 nal_ref_idc 0). VP9 and AV1 payloads never say so.
	Discardable bool
	// Width and Height are the picture's size in pixels, on packets that carry it: VP8 keyframes, H.264 SPS, AV1 sequence
	// headers, and VP9 scalability structures, where they are those of the highest spatial layer.
	Width, Height uint16
	// Numbers are the picture numbers that must stay continuous for a receiver.
	Numbers Numbers
}

// Numbers are the running numbers of a VP8 or VP9 payload descriptor.
type Numbers struct {
	PictureID    uint16 // 7 or 15 bits as on the wire, see LongID
	TL0          uint8  // TL0PICIDX
	KeyIndex     uint8  // VP8 KEYIDX, 5 bits
	HasPictureID bool
	LongID       bool // PictureID has 15 bits on the wire
	HasTL0       bool
	HasKeyIndex  bool
}

// MaxPrefix is the largest number of bytes that Renumber writes.
const MaxPrefix = 6
