package codec

// The bits of a VP9 payload descriptor (RFC 9628 section 4.2).
const (
	vp9PictureID      = 0x80 // I
	vp9InterPredicted = 0x40 // P
	vp9Layers         = 0x20 // L
	vp9Flexible       = 0x10 // F
	vp9FrameStart     = 0x08 // B
	vp9FrameEnd       = 0x04 // E
	vp9Structure      = 0x02 // V

	vp9SwitchUp = 0x10 // U, in the byte of the layer indices

	vp9Sizes        = 0x10 // Y, in the scalability structure
	vp9PictureGroup = 0x08 // G
)

// parseVP9 reads the payload descriptor alone; the frame behind it is not looked at.
//
// Two bits need a word. Z says that higher spatial layers do not refer to this frame; later pictures of the same layer may, so it
// does not make the frame Discardable, and no other bit does. U is by the RFC a promise about the frames that follow in higher
// temporal layers. Senders set it where VP8 sets Y, on frames that refer to lower temporal layers only, and that is how SwitchUp is
// to be understood.
func parseVP9(payload []byte, info *Info) error {
	r := byteReader{data: payload}
	first := r.u8()
	info.Start = first&vp9FrameStart != 0
	info.End = first&vp9FrameEnd != 0
	if first&vp9PictureID != 0 {
		readPictureID(&r, &info.Numbers)
	} else if first&vp9Flexible != 0 {
		return errPictureID
	}
	if first&vp9Layers != 0 {
		readVP9Layers(&r, first, info)
	}
	if first&(vp9Flexible|vp9InterPredicted) == vp9Flexible|vp9InterPredicted {
		if !skipVP9References(&r) {
			return errReferences
		}
	}
	if first&vp9Structure != 0 {
		readVP9Structure(&r, info)
	}
	if r.short || len(r.rest()) == 0 {
		return errTruncated
	}
	info.Keyframe = info.Start && first&vp9InterPredicted == 0 && info.Spatial <= 0
	return nil
}

func readVP9Layers(r *byteReader, first uint8, info *Info) {
	b := r.u8()
	info.Temporal = int8(b >> 5)
	info.SwitchUp = b&vp9SwitchUp != 0
	info.Spatial = int8(b >> 1 & 7)
	if first&vp9Flexible == 0 {
		info.Numbers.HasTL0 = true
		info.Numbers.TL0 = r.u8()
	}
}

// skipVP9References skips one to three P_DIFF and reports whether there were no more.
func skipVP9References(r *byteReader) bool {
	for range 3 {
		if r.u8()&1 == 0 {
			return true
		}
	}
	return false
}

// readVP9Structure reads the scalability structure for the size of the highest spatial layer, which stands last.
func readVP9Structure(r *byteReader, info *Info) {
	b := r.u8()
	if b&vp9Sizes != 0 {
		for range b>>5 + 1 {
			info.Width = r.u16()
			info.Height = r.u16()
		}
	}
	if b&vp9PictureGroup != 0 {
		for range r.u8() {
			references := int(r.u8() >> 2 & 3)
			r.skip(references)
		}
	}
}

func renumberVP9(payload []byte, n Numbers, dst []byte) (prefixLen, replaced int) {
	r := byteReader{data: payload}
	first := r.u8()
	hasTL0 := first&(vp9Layers|vp9Flexible) == vp9Layers
	if first&vp9PictureID == 0 && !hasTL0 {
		return 0, 0
	}
	dst[0] = first
	out := 1
	if first&vp9PictureID != 0 {
		var old Numbers
		readPictureID(&r, &old)
		putPictureID(dst[out:], n.PictureID)
		out += 2
	}
	if hasTL0 {
		dst[out] = r.u8()
		r.skip(1)
		dst[out+1] = n.TL0
		out += 2
	}
	if r.short {
		return 0, 0
	}
	return out, r.pos
}
