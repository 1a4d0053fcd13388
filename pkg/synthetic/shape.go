package synthetic

import "sfu/pkg/codec"

// maxPayload is the largest payload, in bytes; with header, extensions and SRTP the packet stays below 1200.
const maxPayload = 1140

// maxHead is the most that a shape writes.
const maxHead = 64

// A shape writes what the payloads of a codec begin with: packet i of the n of a frame. The rest of the payload, size bytes, is
// opaque. It returns the number of bytes written.
type shape func(dst []byte, f *frame, i, n, size int) int

func shapeOf(t codec.Type) shape {
	switch t {
	case codec.VP8:
		return vp8Head
	case codec.VP9:
		return vp9Head
	case codec.H264:
		return h264Head
	case codec.AV1:
		return av1Head
	}
	return opusHead
}

// opusHead is the byte that tells what an Opus packet holds: here one stereo frame of 20 ms in hybrid mode (RFC 6716 section 3.1).
func opusHead(dst []byte, _ *frame, _, _, _ int) int {
	dst[0] = 15<<3 | 1<<2
	return 1
}

// vp8Head is the payload descriptor of RFC 7741 with a picture id of 15 bits, and on the first packet the frame's own head (RFC 6386
// section 9.1).
func vp8Head(dst []byte, f *frame, i, _, size int) int {
	dst[0], dst[1] = 0x80, 0x80
	if i == 0 {
		dst[0] |= 0x10
	}
	if f.discardable {
		dst[0] |= 0x20
	}
	dst[2], dst[3] = 0x80|byte(f.pictureID>>8), byte(f.pictureID)
	at := 4
	if f.layers > 1 {
		dst[1] |= 0x40 | 0x20 | 0x10
		dst[4], dst[5] = f.tl0, f.temporal<<6|f.keyIndex&0x1f
		if f.switchUp {
			dst[5] |= 0x20
		}
		at = 6
	}
	if i > 0 {
		return at
	}
	tag := uint32(size)<<5 | 1<<4 // a first partition as large as the packet; the frame is shown
	if !f.key {
		tag |= 1
	}
	dst[at], dst[at+1], dst[at+2] = byte(tag), byte(tag>>8), byte(tag>>16)
	if !f.key {
		return at + 3
	}
	copy(dst[at+3:], []byte{0x9d, 0x01, 0x2a, byte(f.width), byte(f.width >> 8), byte(f.height), byte(f.height >> 8)})
	return at + 10
}

// vp9Head is the payload descriptor of RFC 9628 in non-flexible mode with one spatial layer.
func vp9Head(dst []byte, f *frame, i, n, _ int) int {
	dst[0] = 0x80
	if !f.key {
		dst[0] |= 0x40
	}
	if i == 0 {
		dst[0] |= 0x08
	}
	if i == n-1 {
		dst[0] |= 0x04
	}
	dst[1], dst[2] = 0x80|byte(f.pictureID>>8), byte(f.pictureID)
	at := 3
	if f.layers > 1 {
		dst[0] |= 0x20
		dst[3], dst[4] = f.temporal<<5, f.tl0
		if f.switchUp {
			dst[3] |= 0x10
		}
		at = 5
	}
	if f.key && i == 0 {
		dst[0] |= 0x02
		copy(dst[at:], []byte{0x10, byte(f.width >> 8), byte(f.width), byte(f.height >> 8), byte(f.height)})
		at += 5
	}
	return at
}
