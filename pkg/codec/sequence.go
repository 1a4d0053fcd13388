package codec

import "math"

// readSequenceHeader reads an AV1 sequence header OBU up to the largest size of its frames (AV1 specification section 5.5.1). It
// reports whether all of that was there. Values that AV1 does not allow give no size.
func readSequenceHeader(obu []byte, info *Info) (complete bool) {
	r := bitReader{data: obu}
	r.bits(3)     // seq_profile
	r.bits(1)     // still_picture
	if r.flag() { // reduced_still_picture_header
		r.bits(5) // seq_level_idx
	} else {
		skipOperatingPoints(&r)
	}
	widthBits := int(r.bits(4)) + 1
	heightBits := int(r.bits(4)) + 1
	width := r.bits(widthBits) + 1
	height := r.bits(heightBits) + 1
	r.require(width <= math.MaxUint16 && height <= math.MaxUint16)
	if r.invalid {
		return true
	}
	if r.short {
		return false
	}
	info.Width, info.Height = uint16(width), uint16(height)
	return true
}

// skipOperatingPoints goes past timing_info, decoder_model_info and the operating points.
func skipOperatingPoints(r *bitReader) {
	delayBits := 0 // of decoder_buffer_delay and encoder_buffer_delay, 0 without a decoder model
	if r.flag() {  // timing_info_present_flag
		r.bits(32)    // num_units_in_display_tick
		r.bits(32)    // time_scale
		if r.flag() { // equal_picture_interval
			r.ue() // num_ticks_per_picture_minus_1
		}
		if r.flag() { // decoder_model_info_present_flag
			delayBits = int(r.bits(5)) + 1
			r.bits(32) // num_units_in_decoding_tick
			r.bits(10) // buffer_removal_time_length_minus_1, frame_presentation_time_length_minus_1
		}
	}
	displayDelay := r.flag() // initial_display_delay_present_flag
	for range r.bits(5) + 1 {
		r.bits(12)         // operating_point_idc
		if r.bits(5) > 7 { // seq_level_idx
			r.bits(1) // seq_tier
		}
		if delayBits > 0 && r.flag() { // decoder_model_present_for_this_op
			r.bits(delayBits)
			r.bits(delayBits)
			r.bits(1) // low_delay_mode_flag
		}
		if displayDelay && r.flag() { // initial_display_delay_present_for_this_op
			r.bits(4)
		}
	}
}
