package codec

// The bits of a VP8 payload descriptor (RFC 7741 section 4.2).
const (
	vp8Extended       = 0x80 // X: a second byte follows
	vp8NonReference   = 0x20 // N
	vp8PartitionStart = 0x10 // S
	vp8PartitionIndex = 0x07 // PID

	vp8PictureID = 0x80 // I
	vp8TL0       = 0x40 // L
	vp8Temporal  = 0x20 // T
	vp8KeyIndex  = 0x10 // K

	vp8LayerSync    = 0x20 // Y, in the byte that holds TID and KEYIDX
	vp8KeyIndexBits = 0x1f
)

// parseVP8 reads the payload descriptor and, on the first packet of a frame, the frame header (RFC 7741 section 4.3).
func parseVP8(payload []byte, info *Info) error {
	r := byteReader{data: payload}
	first := r.u8()
	info.Start = first&(vp8PartitionStart|vp8PartitionIndex) == vp8PartitionStart
	info.Discardable = first&vp8NonReference != 0
	if first&vp8Extended != 0 {
		readVP8Extension(&r, info)
	}
	if r.short || len(r.rest()) == 0 {
		return errTruncated
	}
	if info.Start {
		return readVP8FrameHeader(r.rest(), info)
	}
	return nil
}

func readVP8Extension(r *byteReader, info *Info) {
	n := &info.Numbers
	has := r.u8()
	if has&vp8PictureID != 0 {
		readPictureID(r, n)
	}
	if has&vp8TL0 != 0 {
		n.HasTL0 = true
		n.TL0 = r.u8()
	}
	if has&(vp8Temporal|vp8KeyIndex) == 0 {
		return
	}
	b := r.u8()
	if has&vp8Temporal != 0 {
		info.Temporal = int8(b >> 6)
		info.SwitchUp = b&vp8LayerSync != 0
	}
	if has&vp8KeyIndex != 0 {
		n.HasKeyIndex = true
		n.KeyIndex = b & vp8KeyIndexBits
	}
}

// readVP8FrameHeader reads a frame from its beginning: a tag of three bytes, and in a keyframe a start code and the size
// (RFC 6386 section 9.1).
func readVP8FrameHeader(frame []byte, info *Info) error {
	const interFrame, headerSize = 0x01, 10
	if frame[0]&interFrame != 0 {
		return nil
	}
	if len(frame) < headerSize {
		return errTruncated
	}
	if frame[3] != 0x9d || frame[4] != 0x01 || frame[5] != 0x2a {
		return errStartCode
	}
	info.Keyframe = true
	// The upper two bits are a hint how to scale the picture up.
	info.Width = (uint16(frame[7])<<8 | uint16(frame[6])) & 0x3fff
	info.Height = (uint16(frame[9])<<8 | uint16(frame[8])) & 0x3fff
	return nil
}

func renumberVP8(payload []byte, n Numbers, dst []byte) (prefixLen, replaced int) {
	if len(payload) < 2 || payload[0]&vp8Extended == 0 {
		return 0, 0
	}
	has := payload[1]
	if has&(vp8PictureID|vp8TL0|vp8KeyIndex) == 0 {
		return 0, 0
	}
	r := byteReader{data: payload, pos: 2}
	dst[0], dst[1] = payload[0], has
	out := 2
	if has&vp8PictureID != 0 {
		var old Numbers
		readPictureID(&r, &old)
		putPictureID(dst[out:], n.PictureID)
		out += 2
	}
	if has&vp8TL0 != 0 {
		r.skip(1)
		dst[out] = n.TL0
		out++
	}
	if has&(vp8Temporal|vp8KeyIndex) != 0 {
		dst[out] = r.u8()
		if has&vp8KeyIndex != 0 {
			dst[out] = dst[out]&^vp8KeyIndexBits | n.KeyIndex&vp8KeyIndexBits
		}
		out++
	}
	if r.short {
		return 0, 0
	}
	return out, r.pos
}
