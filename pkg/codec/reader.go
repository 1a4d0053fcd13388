package codec

// A byteReader reads whole bytes. Past the end it reads zeros and remembers that in short, so that a parser needs to ask only once.
type byteReader struct {
	data  []byte
	pos   int
	short bool
}

func (r *byteReader) u8() uint8 {
	if r.pos >= len(r.data) {
		r.short = true
		return 0
	}
	b := r.data[r.pos]
	r.pos++
	return b
}

func (r *byteReader) u16() uint16 {
	high := r.u8()
	return uint16(high)<<8 | uint16(r.u8())
}

func (r *byteReader) skip(n int) {
	if n > len(r.data)-r.pos {
		r.short = true
		return
	}
	r.pos += n
}

// rest returns what was not read yet.
func (r *byteReader) rest() []byte { return r.data[r.pos:] }

// A bitReader reads bit fields, the highest bit first. Past the end it reads zeros and sets short. invalid is set by a value that
// the format does not allow and that was really there, so at most one of the two tells why a structure could not be read.
type bitReader struct {
	data []byte
	pos  int
	// current holds the byte being read, its lowest left bits are still to come.
	current uint8
	left    uint8
	// escaped makes the reader drop the 3 of each 0 0 3, as in an H.264 NAL unit; zeros counts the zero bytes just read.
	escaped        bool
	zeros          uint8
	short, invalid bool
}

func (r *bitReader) load() {
	if r.escaped && r.zeros >= 2 && r.pos < len(r.data) && r.data[r.pos] == 3 {
		r.pos++
		r.zeros = 0
	}
	r.current, r.left = 0, 8
	if r.pos >= len(r.data) {
		r.short = true
		return
	}
	r.current = r.data[r.pos]
	r.pos++
	if r.current != 0 {
		r.zeros = 0
	} else if r.zeros < 2 {
		r.zeros++
	}
}

// bits returns an unsigned number of n bits, at most 32.
func (r *bitReader) bits(n int) uint32 {
	var v uint32
	for range n {
		if r.left == 0 {
			r.load()
		}
		r.left--
		v = v<<1 | uint32(r.current>>r.left&1)
	}
	return v
}

func (r *bitReader) flag() bool { return r.bits(1) != 0 }

// ue reads an unsigned Exp-Golomb number of at most 32 bits: ue(v) of H.264, uvlc() of AV1.
func (r *bitReader) ue() uint32 {
	zeros := 0
	for !r.flag() {
		if zeros++; zeros == 32 {
			r.require(false)
			return 0
		}
	}
	return 1<<zeros - 1 + r.bits(zeros)
}

// se reads a signed Exp-Golomb number, se(v) of H.264.
func (r *bitReader) se() int32 {
	v := r.ue()
	if v&1 == 0 {
		return -int32(v >> 1)
	}
	return int32(v>>1 + 1)
}

// require sets invalid unless ok. What was read past the end is not held against the format.
func (r *bitReader) require(ok bool) {
	if !ok && !r.short {
		r.invalid = true
	}
}
