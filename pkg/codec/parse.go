package codec

import "errors"

// Every error is made once, because a client decides how often they occur.
var (
	errCodec      = errors.New("parse payload: unknown codec")
	errTruncated  = errors.New("parse payload: cut short")
	errStartCode  = errors.New("parse VP8 payload: keyframe without start code")
	errPictureID  = errors.New("parse VP9 payload: flexible mode without picture id")
	errReferences = errors.New("parse VP9 payload: more than three references")
	errNALUnit    = errors.New("parse H.264 payload: invalid NAL unit header")
	errOBU        = errors.New("parse AV1 payload: invalid OBU header")
	errFragment   = errors.New("parse AV1 payload: new sequence begins with a fragment")
	errLEB128     = errors.New("parse AV1 payload: size exceeds 32 bits")
)

// Parse reads what an RTP payload of codec t says about itself into info, and returns an error when the payload is cut short or
// breaks its format. info then says nothing. The payload is without RTP header and padding; one that is empty is an error.
func Parse(t Type, payload []byte, info *Info) error {
	*info = Info{Spatial: -1, Temporal: -1}
	if len(payload) == 0 {
		return errTruncated
	}
	var err error
	switch t {
	case Opus: // The whole payload is one Opus packet (RFC 7587 section 4.2).
	case VP8:
		err = parseVP8(payload, info)
	case VP9:
		err = parseVP9(payload, info)
	case H264:
		err = parseH264(payload, info)
	case AV1:
		err = parseAV1(payload, info)
	default:
		err = errCodec
	}
	if err != nil {
		*info = Info{Spatial: -1, Temporal: -1}
	}
	return err
}

// Renumber writes into dst what a payload of codec t begins with, with the values of n in place of its own. It returns how many
// bytes it wrote and how many bytes of the payload they stand for: dst[:prefixLen] followed by payload[replaced:] is the new payload.
//
// The payload decides which numbers it has; the Has fields of n are ignored. A picture id always takes 15 bits, so that the size
// does not change as it grows. A payload without numbers, one that cannot be read, and a codec other than VP8 and VP9 give 0, 0:
// it is sent as it is. dst must have room for MaxPrefix bytes and must not overlap the payload.
func Renumber(t Type, payload []byte, n Numbers, dst []byte) (prefixLen, replaced int) {
	switch t {
	case VP8:
		return renumberVP8(payload, n, dst)
	case VP9:
		return renumberVP9(payload, n, dst)
	}
	return 0, 0
}

// readPictureID reads a picture id of 7 or 15 bits; VP8 and VP9 write it alike.
func readPictureID(r *byteReader, n *Numbers) {
	n.HasPictureID = true
	n.PictureID = uint16(r.u8())
	if n.LongID = n.PictureID&0x80 != 0; n.LongID {
		n.PictureID = n.PictureID&0x7f<<8 | uint16(r.u8())
	}
}

// putPictureID writes a picture id of 15 bits.
func putPictureID(dst []byte, id uint16) {
	dst[0] = 0x80 | byte(id>>8)
	dst[1] = byte(id)
}
