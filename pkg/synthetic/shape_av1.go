package synthetic

import "math/bits"

// av1Head is an aggregation header and the OBU headers of the AV1 RTP specification section 4.4. A keyframe begins with a sequence header.
func av1Head(dst []byte, f *frame, i, n, _ int) int {
	const (
		continued, open, newSequence = 0x80, 0x40, 0x08
		obuFrame                     = 6 << 3
		extended                     = 0x04
	)
	dst[0] = 1 << 4 // one element, without a length
	if i > 0 {
		dst[0] |= continued
	}
	if i < n-1 {
		dst[0] |= open
	}
	if i > 0 {
		return 1
	}
	at := 1
	if f.key {
		dst[0] = dst[0]&^0x30 | 2<<4 | newSequence
		size := av1SequenceHeader(dst[2:], f.width, f.height)
		dst[1] = byte(size)
		at = 2 + size
	}
	dst[at] = obuFrame
	at++
	if f.layers > 1 {
		dst[at-1] |= extended
		dst[at] = f.temporal << 5
		at++
	}
	return at
}

// av1SequenceHeader writes a sequence header OBU of the main profile (AV1 specification section 5.5).
func av1SequenceHeader(dst []byte, width, height int) int {
	dst[0] = 1 << 3
	w := bitWriter{dst: dst, bit: 8}
	w.bits(0, 3)  // seq_profile
	w.bits(0, 2)  // still_picture, reduced_still_picture_header
	w.bits(0, 2)  // timing_info_present_flag, initial_display_delay_present_flag
	w.bits(0, 5)  // operating_points_cnt_minus_1
	w.bits(0, 12) // operating_point_idc
	w.bits(5, 5)  // seq_level_idx: 3.1
	columns, rows := bits.Len(uint(width-1)), bits.Len(uint(height-1))
	w.bits(uint32(columns-1), 4)
	w.bits(uint32(rows-1), 4)
	w.bits(uint32(width-1), columns)
	w.bits(uint32(height-1), rows)
	w.bits(0, 1) // frame_id_numbers_present_flag
	w.bits(0, 3) // use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
	w.bits(0, 4) // enable_interintra_compound to enable_dual_filter
	w.bits(0, 1) // enable_order_hint
	w.bits(3, 2) // seq_choose_screen_content_tools, seq_choose_integer_mv
	w.bits(0, 3) // enable_superres, enable_cdef, enable_restoration
	w.bits(0, 8) // high_bitdepth to separate_uv_delta_q: 8 bits, 4:2:0, nothing described
	w.bits(0, 1) // film_grain_params_present
	w.bits(1, 1) // trailing bit
	return w.bytes()
}
