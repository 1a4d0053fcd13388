package codec_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"sfu/pkg/codec"
)

// A bitWriter writes bit fields, the highest bit first.
type bitWriter struct {
	bytes []byte
	n     int
}

func (w *bitWriter) bits(v uint64, n int) {
	for i := n - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.bytes = append(w.bytes, 0)
		}
		w.bytes[w.n/8] |= byte(v>>i&1) << (7 - w.n%8)
		w.n++
	}
}

func (w *bitWriter) flag(v bool) bool {
	if v {
		w.bits(1, 1)
	} else {
		w.bits(0, 1)
	}
	return v
}

func (w *bitWriter) ue(v uint32) {
	x := uint64(v) + 1
	n := 0
	for x>>n > 1 {
		n++
	}
	w.bits(0, n)
	w.bits(x, n+1)
}

func (w *bitWriter) se(v int32) {
	if v > 0 {
		w.ue(uint32(2*v - 1))
	} else {
		w.ue(uint32(-2 * v))
	}
}

// escape puts a 3 between two zeros and a byte below 4, as H.264 wants it.
func escape(rbsp []byte) []byte {
	var out []byte
	zeros := 0
	for _, b := range rbsp {
		if zeros == 2 && b <= 3 {
			out = append(out, 3)
			zeros = 0
		}
		if out = append(out, b); b == 0 {
			zeros++
		} else {
			zeros = 0
		}
	}
	return out
}

func chance(r *rand.Rand) bool { return r.IntN(2) == 0 }

// randomSPS writes a parameter set of any kind and returns the size that it stands for.
func randomSPS(r *rand.Rand) (nal []byte, width, height uint16) {
	w := &bitWriter{}
	profiles := []uint64{66, 77, 88, 100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}
	profile := profiles[r.IntN(len(profiles))]
	w.bits(profile, 8)
	w.bits(0, 8)
	w.bits(31, 8)
	w.ue(r.Uint32N(32))
	chroma := uint32(1)
	if profile >= 100 || profile == 44 || profile == 83 || profile == 86 {
		chroma = writeChroma(w, r)
	}
	w.ue(r.Uint32N(13))
	writePictureOrder(w, r)
	w.ue(r.Uint32N(17))
	w.flag(chance(r))
	width, height = writeSize(w, r, chroma)
	w.flag(false) // no VUI
	w.bits(1, 1)
	return append([]byte{0x67}, escape(w.bytes)...), width, height
}

func writeChroma(w *bitWriter, r *rand.Rand) uint32 {
	chroma := r.Uint32N(4)
	lists := 8
	w.ue(chroma)
	if chroma == 3 {
		lists = 12
		if w.flag(chance(r)) {
			chroma = 0
		}
	}
	w.ue(r.Uint32N(7))
	w.ue(r.Uint32N(7))
	w.flag(chance(r))
	if !w.flag(chance(r)) {
		return chroma
	}
	for i := range lists {
		if !w.flag(chance(r)) {
			continue
		}
		size := 16
		if i >= 6 {
			size = 64
		}
		writeScalingList(w, r, size)
	}
	return chroma
}

func writeScalingList(w *bitWriter, r *rand.Rand, size int) {
	last := int32(8)
	for range size {
		next := int32(r.IntN(256))
		if r.IntN(20) == 0 {
			next = 0
		}
		delta := next - last
		switch {
		case delta > 127:
			delta -= 256
		case delta < -128:
			delta += 256
		}
		w.se(delta)
		if next == 0 {
			return
		}
		last = next
	}
}

func writePictureOrder(w *bitWriter, r *rand.Rand) {
	kind := r.Uint32N(3)
	w.ue(kind)
	switch kind {
	case 0:
		w.ue(r.Uint32N(13))
	case 1:
		w.flag(chance(r))
		w.se(r.Int32() - 1<<30)
		w.se(r.Int32() - 1<<30)
		n := r.Uint32N(256)
		w.ue(n)
		for range n {
			w.se(r.Int32N(7) - 3)
		}
	}
}

func writeSize(w *bitWriter, r *rand.Rand, chroma uint32) (width, height uint16) {
	columns, rows := r.Uint32N(300)+1, r.Uint32N(300)+1
	w.ue(columns - 1)
	w.ue(rows - 1)
	x, y := []uint32{1, 2, 2, 1}[chroma], []uint32{1, 2, 1, 1}[chroma]
	if !w.flag(chance(r)) {
		w.flag(chance(r))
		rows *= 2
		y *= 2
	}
	w.flag(chance(r))
	var left, right, top, bottom uint32
	if w.flag(chance(r)) {
		left, right, top, bottom = r.Uint32N(4), r.Uint32N(4), r.Uint32N(2), r.Uint32N(2)
		for _, v := range []uint32{left, right, top, bottom} {
			w.ue(v)
		}
	}
	return uint16(16*columns - x*(left+right)), uint16(16*rows - y*(top+bottom))
}

func TestRandomSPS(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 500 {
		nal, width, height := randomSPS(r)
		var info codec.Info
		if err := codec.Parse(codec.H264, nal, &info); err != nil {
			t.Fatalf("%x: %v", nal, err)
		}
		if want := spsInfo(width, height); info != want {
			t.Fatalf("%x\ngot  %+v\nwant %+v", nal, info, want)
		}
		checkPrefixes(t, codec.H264, nal, info)
	}
}

// randomSequenceHeader writes an AV1 sequence header of any kind up to the size, and one byte more.
func randomSequenceHeader(r *rand.Rand) (obu []byte, width, height uint16) {
	w := &bitWriter{}
	w.bits(uint64(r.IntN(3)), 3)
	reduced := r.IntN(4) == 0
	w.flag(reduced)
	if w.flag(reduced) {
		w.bits(uint64(r.IntN(32)), 5)
	} else {
		writeOperatingPoints(w, r)
	}
	width, height = uint16(r.UintN(65535)+1), uint16(r.UintN(65535)+1)
	w.bits(15, 4)
	w.bits(15, 4)
	w.bits(uint64(width-1), 16)
	w.bits(uint64(height-1), 16)
	w.bits(0xaa, 8)
	return append([]byte{1 << 3}, w.bytes...), width, height
}

func writeOperatingPoints(w *bitWriter, r *rand.Rand) {
	delayBits := 0
	if w.flag(chance(r)) {
		w.bits(r.Uint64(), 32)
		w.bits(r.Uint64(), 32)
		if w.flag(chance(r)) {
			w.ue(r.Uint32() >> r.UintN(32) >> 1)
		}
		if w.flag(chance(r)) {
			delayBits = r.IntN(32) + 1
			w.bits(uint64(delayBits-1), 5)
			w.bits(r.Uint64(), 42)
		}
	}
	display := w.flag(chance(r))
	points := r.IntN(32) + 1
	w.bits(uint64(points-1), 5)
	for range points {
		w.bits(r.Uint64(), 12)
		level := r.Uint64N(32)
		w.bits(level, 5)
		if level > 7 {
			w.flag(chance(r))
		}
		if delayBits > 0 && w.flag(chance(r)) {
			w.bits(r.Uint64(), delayBits)
			w.bits(r.Uint64(), delayBits)
			w.flag(chance(r))
		}
		if display && w.flag(chance(r)) {
			w.bits(r.Uint64(), 4)
		}
	}
}

func TestRandomSequenceHeader(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 500 {
		obu, width, height := randomSequenceHeader(r)
		payload := slices.Concat([]byte{0x18}, obu)
		var info codec.Info
		if err := codec.Parse(codec.AV1, payload, &info); err != nil {
			t.Fatalf("%x: %v", payload, err)
		}
		if want := av1Key(width, height); info != want {
			t.Fatalf("%x\ngot  %+v\nwant %+v", payload, info, want)
		}
		checkPrefixes(t, codec.AV1, payload, info)
	}
}
