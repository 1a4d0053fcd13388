package synthetic

// NAL unit types (RFC 6184 section 5.2).
const (
	nalSlice  = 1
	nalIDR    = 5
	nalFiller = 12
	nalSTAPA  = 24
	nalFUA    = 28
)

// h264Head begins a keyframe with a STAP-A of both parameter sets and a filler unit, which holds the rest of that packet; the slice is
// a single NAL unit, or FU-A where it takes several packets.
func h264Head(dst []byte, f *frame, i, n, size int) int {
	const referenced = 0x60
	if f.key && i == 0 {
		return h264ParameterSets(dst, f, size)
	}
	first := i == 0
	unit := byte(nalSlice)
	if f.key {
		unit, first, n = nalIDR, i == 1, n-1
	}
	priority := byte(referenced)
	if f.discardable {
		priority = 0
	}
	if n <= 1 {
		dst[0] = priority | unit
		return 1
	}
	dst[0], dst[1] = priority|nalFUA, unit
	if first {
		dst[1] |= 0x80
	}
	if last := i == n-1 && !f.key || f.key && i == n; last {
		dst[1] |= 0x40
	}
	return 2
}

func h264ParameterSets(dst []byte, f *frame, size int) int {
	const referenced = 0x60
	dst[0] = referenced | nalSTAPA
	sps := h264SPS(dst[3:], f.width, f.height)
	dst[1], dst[2] = 0, byte(sps)
	at := 3 + sps
	// Baseline, one slice group, CAVLC, everything else as plain as can be.
	pps := copy(dst[at+2:], []byte{0x68, 0xce, 0x3c, 0x80})
	dst[at], dst[at+1] = 0, byte(pps)
	at += 2 + pps
	dst[at], dst[at+1], dst[at+2] = byte((size+1)>>8), byte(size+1), nalFiller
	return at + 3
}

// h264SPS writes a sequence parameter set of constrained baseline (ITU-T H.264 section 7.3.2.1.1).
func h264SPS(dst []byte, width, height int) int {
	columns, rows := (width+15)/16, (height+15)/16
	dst[0], dst[1], dst[2], dst[3] = 0x67, 66, 0xe0, 31
	w := bitWriter{dst: dst, bit: 32}
	w.ue(0)                   // seq_parameter_set_id
	w.ue(12)                  // log2_max_frame_num_minus4
	w.ue(2)                   // pic_order_cnt_type
	w.ue(1)                   // max_num_ref_frames
	w.bits(0, 1)              // gaps_in_frame_num_value_allowed_flag
	w.ue(uint32(columns - 1)) // pic_width_in_mbs_minus1
	w.ue(uint32(rows - 1))    // pic_height_in_map_units_minus1
	w.bits(3, 2)              // frame_mbs_only_flag, direct_8x8_inference_flag
	w.bits(1, 1)              // frame_cropping_flag, in units of two pixels
	w.ue(0)
	w.ue(uint32(columns*16-width) / 2)
	w.ue(0)
	w.ue(uint32(rows*16-height) / 2)
	w.bits(0, 1) // vui_parameters_present_flag
	w.bits(1, 1) // rbsp_stop_one_bit
	return w.bytes()
}

// A bitWriter writes big-endian bits from the bit on.
type bitWriter struct {
	dst []byte
	bit int
}

func (w *bitWriter) bits(v uint32, count int) {
	for i := count - 1; i >= 0; i-- {
		mask := byte(0x80) >> (w.bit & 7)
		if v>>i&1 != 0 {
			w.dst[w.bit>>3] |= mask
		} else {
			w.dst[w.bit>>3] &^= mask
		}
		w.bit++
	}
}

// ue writes an Exp-Golomb code (ITU-T H.264 section 9.1).
func (w *bitWriter) ue(v uint32) {
	length := 0
	for (v+1)>>(length+1) != 0 {
		length++
	}
	w.bits(0, length)
	w.bits(v+1, length+1)
}

// bytes ends the last byte with zeros and returns how many there are.
func (w *bitWriter) bytes() int {
	for w.bit&7 != 0 {
		w.bits(0, 1)
	}
	return w.bit >> 3
}
