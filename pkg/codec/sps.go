package codec

import "math"

// readSPS reads a sequence parameter set without its NAL unit header (ITU-T H.264 section 7.3.2.1.1). It marks the one place where a
// receiver can begin. One that is cut short before the end of the picture's size is an error; one with values that H.264 does not
// allow is left to the receiver's decoder to judge, and gives no size.
func readSPS(rbsp []byte, info *Info) error {
	r := bitReader{data: rbsp, escaped: true}
	profile := r.bits(8)
	r.bits(16) // constraint flags, level_idc
	r.ue()     // seq_parameter_set_id
	chroma := uint32(chroma420)
	if hasChromaFormat(profile) {
		chroma = readChromaFormat(&r)
	}
	r.ue() // log2_max_frame_num_minus4
	skipPictureOrderCount(&r)
	r.ue()    // max_num_ref_frames
	r.bits(1) // gaps_in_frame_num_value_allowed_flag
	width, height := readPictureSize(&r, chroma)
	if r.short && !r.invalid {
		return errTruncated
	}
	info.Keyframe, info.Start = true, true
	if !r.invalid {
		info.Width, info.Height = width, height
	}
	return nil
}

// Values of chroma_format_idc.
const (
	chromaNone = 0
	chroma420  = 1
	chroma422  = 2
	chroma444  = 3
)

// hasChromaFormat reports whether the set of a profile_idc carries chroma_format_idc and what comes with it; without, it is 4:2:0.
func hasChromaFormat(profile uint32) bool {
	switch profile {
	case 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135:
		return true
	}
	return false
}

// readChromaFormat returns ChromaArrayType and goes past bit depths and scaling matrices.
func readChromaFormat(r *bitReader) uint32 {
	format := r.ue()
	r.require(format <= chroma444)
	chroma, lists := format, 8
	if format == chroma444 {
		lists = 12
		if r.flag() { // separate_colour_plane_flag
			chroma = chromaNone
		}
	}
	r.ue()    // bit_depth_luma_minus8
	r.ue()    // bit_depth_chroma_minus8
	r.bits(1) // qpprime_y_zero_transform_bypass_flag
	if r.flag() {
		for i := range lists {
			if !r.flag() {
				continue
			}
			if i < 6 {
				skipScalingList(r, 16)
			} else {
				skipScalingList(r, 64)
			}
		}
	}
	return chroma
}

// skipScalingList goes past one list; it ends early where the next scale becomes 0 (section 7.3.2.1.1.1).
func skipScalingList(r *bitReader, size int) {
	scale := uint8(8)
	for range size {
		scale += uint8(r.se())
		if scale == 0 {
			return
		}
	}
}

func skipPictureOrderCount(r *bitReader) {
	switch r.ue() {
	case 0:
		r.ue() // log2_max_pic_order_cnt_lsb_minus4
	case 1:
		r.bits(1) // delta_pic_order_always_zero_flag
		r.se()    // offset_for_non_ref_pic
		r.se()    // offset_for_top_to_bottom_field
		n := r.ue()
		r.require(n <= 255)
		for range min(n, 255) {
			r.se() // offset_for_ref_frame
		}
	case 2:
	default:
		r.require(false)
	}
}

// readPictureSize returns width and height after cropping (section 7.4.2.1.1).
func readPictureSize(r *bitReader, chroma uint32) (width, height uint16) {
	const macroblock = 16
	columns := uint64(r.ue()) + 1
	rows := uint64(r.ue()) + 1
	cropX, cropY := uint64(1), uint64(1)
	if chroma == chroma420 || chroma == chroma422 {
		cropX = 2
	}
	if chroma == chroma420 {
		cropY = 2
	}
	if !r.flag() { // frame_mbs_only_flag: rows are those of a field
		rows *= 2
		cropY *= 2
		r.bits(1) // mb_adaptive_frame_field_flag
	}
	r.bits(1) // direct_8x8_inference_flag
	w, h := columns*macroblock, rows*macroblock
	if r.flag() {
		left, right, top, bottom := uint64(r.ue()), uint64(r.ue()), uint64(r.ue()), uint64(r.ue())
		cropX *= left + right
		cropY *= top + bottom
	} else {
		cropX, cropY = 0, 0
	}
	ok := w > cropX && h > cropY && w-cropX <= math.MaxUint16 && h-cropY <= math.MaxUint16
	r.require(ok)
	return uint16(w - cropX), uint16(h - cropY)
}
