package codec_test

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"sfu/pkg/codec"
)

// checkRenumber renumbers a payload that says info, and checks that the result says n and else the same.
func checkRenumber(t *testing.T, c codec.Type, payload []byte, info codec.Info, n codec.Numbers) {
	t.Helper()
	dst := bytes.Repeat([]byte{0xa5}, codec.MaxPrefix+2)
	prefixLen, replaced := codec.Renumber(c, payload, n, dst)
	if prefixLen < 0 || prefixLen > codec.MaxPrefix || replaced < 0 || replaced > len(payload) {
		t.Fatalf("Renumber(%x) = %d, %d", payload, prefixLen, replaced)
	}
	if dst[codec.MaxPrefix] != 0xa5 || dst[codec.MaxPrefix+1] != 0xa5 {
		t.Fatalf("Renumber(%x) wrote more than MaxPrefix bytes", payload)
	}
	has := info.Numbers
	if !has.HasPictureID && !has.HasTL0 && !has.HasKeyIndex {
		if prefixLen != 0 || replaced != 0 {
			t.Errorf("%x has no numbers, Renumber = %d, %d", payload, prefixLen, replaced)
		}
		return
	}
	if want := replaced + grown(has); prefixLen != want {
		t.Errorf("prefix of %d bytes for %d, want %d", prefixLen, replaced, want)
	}
	renumbered := slices.Concat(dst[:prefixLen], payload[replaced:])
	var got codec.Info
	if err := codec.Parse(c, renumbered, &got); err != nil {
		t.Fatalf("Parse of renumbered %x: %v", renumbered, err)
	}
	want := info
	want.Numbers = renumberedNumbers(has, n)
	if got != want {
		t.Errorf("renumbered %x\ngot  %+v\nwant %+v", renumbered, got, want)
	}
	// The way back shows that no other bit changed.
	back := make([]byte, codec.MaxPrefix)
	m, r := codec.Renumber(c, renumbered, has, back)
	if restored := slices.Concat(back[:m], renumbered[r:]); grown(has) == 0 && !bytes.Equal(restored, payload) {
		t.Errorf("%x came back as %x", payload, restored)
	}
	checkReference(t, c, payload, renumbered)
}

// grown is how many bytes a payload grows by when its picture id takes 15 bits.
func grown(has codec.Numbers) int {
	if has.HasPictureID && !has.LongID {
		return 1
	}
	return 0
}

func renumberedNumbers(has, n codec.Numbers) codec.Numbers {
	want := has
	if has.HasPictureID {
		want.PictureID, want.LongID = n.PictureID&0x7fff, true
	}
	if has.HasTL0 {
		want.TL0 = n.TL0
	}
	if has.HasKeyIndex {
		want.KeyIndex = n.KeyIndex & 0x1f
	}
	return want
}

func TestRenumber(t *testing.T) {
	tests := []struct {
		name            string
		codec           codec.Type
		payload, prefix []byte
		replaced        int
	}{
		{"VP8, everything", codec.VP8, raw("b0 f0 8b12 05 bf" + vp8Inter), raw("b0 f0 9234 56 b1"), 6},
		{"VP8, layers without key index", codec.VP8, raw("90 e0 8b12 05 bf" + vp8Inter), raw("90 e0 9234 56 bf"), 6},
		{"VP8, short id grows", codec.VP8, raw("90 80 12" + vp8Inter), raw("90 80 9234"), 3},
		{"VP8, TL0PICIDX alone", codec.VP8, raw("90 40 12" + vp8Inter), raw("90 40 56"), 3},
		{"VP8, layer alone", codec.VP8, raw("90 20 40" + vp8Inter), nil, 0},
		{"VP8, no extension", codec.VP8, raw("10" + vp8Inter), nil, 0},
		{"VP8, reserved bits stay", codec.VP8, raw("d8 9f 00 e0" + vp8Inter), raw("d8 9f 9234 f1"), 4},
		{"VP9, non-flexible", codec.VP9, raw("ed 8b13 54 07" + vp9Frame), raw("ed 9234 54 56"), 5},
		{"VP9, short id grows", codec.VP9, raw("ed 13 54 07" + vp9Frame), raw("ed 9234 54 56"), 4},
		{"VP9, flexible", codec.VP9, raw("fc 8b13 30 03 04" + vp9Frame), raw("fc 9234"), 3},
		{"VP9, no id", codec.VP9, raw("2c 20 01" + vp9Frame), raw("2c 20 56"), 3},
		{"VP9, no numbers", codec.VP9, raw("0c" + vp9Frame), nil, 0},
		{"VP8, nothing", codec.VP8, nil, nil, 0},
		{"VP8, extension cut", codec.VP8, raw("90"), nil, 0},
		{"VP8, id cut", codec.VP8, raw("90 80 80"), nil, 0},
		{"VP8, layer cut", codec.VP8, raw("90 f0 8001 01"), nil, 0},
		{"VP9, nothing", codec.VP9, nil, nil, 0},
		{"VP9, id cut", codec.VP9, raw("88 80"), nil, 0},
		{"VP9, TL0PICIDX cut", codec.VP9, raw("a8 01 00"), nil, 0},
		{"H.264", codec.H264, raw("658884"), nil, 0},
		{"AV1", codec.AV1, raw("10" + av1Frame), nil, 0},
		{"Opus", codec.Opus, raw("fcfffe"), nil, 0},
		{"unknown", codec.Unknown, raw("90 f0 8b12 05 bf" + vp8Inter), nil, 0},
	}
	n := codec.Numbers{PictureID: 0x9234, TL0: 0x56, KeyIndex: 0xf1}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var dst [codec.MaxPrefix]byte
			prefixLen, replaced := codec.Renumber(tt.codec, tt.payload, n, dst[:])
			if !bytes.Equal(dst[:prefixLen], tt.prefix) || replaced != tt.replaced {
				t.Errorf("got %x for %d bytes, want %x for %d", dst[:prefixLen], replaced, tt.prefix, tt.replaced)
			}
		})
	}
}

func TestRenumberRoundTrip(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for _, c := range allTypes {
		for _, s := range samplesOf(c) {
			t.Run(c.String()+"/"+s.name, func(t *testing.T) {
				for range 50 {
					n := codec.Numbers{PictureID: uint16(random.Uint32()), TL0: uint8(random.Uint32()), KeyIndex: uint8(random.Uint32())}
					checkRenumber(t, c, s.payload, s.want, n)
				}
			})
		}
	}
}
