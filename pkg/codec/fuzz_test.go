package codec_test

import (
	"bytes"
	"testing"

	"sfu/pkg/codec"
)

// fuzz runs a codec on arbitrary payloads. Nothing may panic; what is malformed says nothing; what is not says the same as the
// reference parser does, keeps its meaning when it is renumbered, and is never made a keyframe by losing its end.
func fuzz(f *testing.F, c codec.Type) {
	n := codec.Numbers{PictureID: 0x1234, TL0: 0x56, KeyIndex: 0x0a}
	for _, s := range samplesOf(c) {
		f.Add(s.payload, n.PictureID, n.TL0, n.KeyIndex)
	}
	for _, m := range malformedOf(c) {
		f.Add(m.payload, n.PictureID, n.TL0, n.KeyIndex)
	}
	f.Fuzz(func(t *testing.T, payload []byte, id uint16, tl0, keyIndex uint8) {
		n := codec.Numbers{PictureID: id, TL0: tl0, KeyIndex: keyIndex}
		before := bytes.Clone(payload)
		info, err := parseAlone(c, payload)
		switch {
		case err == nil && len(payload) == 0:
			t.Fatal("empty payload gives no error")
		case err != nil && info != silent():
			t.Fatalf("%v, but %+v", err, info)
		case err != nil:
			var dst [codec.MaxPrefix]byte
			if prefixLen, replaced := codec.Renumber(c, payload, n, dst[:]); prefixLen > codec.MaxPrefix || replaced > len(payload) {
				t.Fatalf("Renumber = %d, %d", prefixLen, replaced)
			}
			return
		}
		checkRenumber(t, c, payload, info, n)
		checkAgainstReference(t, c, payload, info)
		if c == codec.VP8 || c == codec.VP9 {
			checkPrefixes(t, c, payload[:min(len(payload), 64)], info)
		}
		if !bytes.Equal(before, payload) {
			t.Fatal("the payload was changed")
		}
	})
}

func FuzzVP8(f *testing.F)  { fuzz(f, codec.VP8) }
func FuzzVP9(f *testing.F)  { fuzz(f, codec.VP9) }
func FuzzH264(f *testing.F) { fuzz(f, codec.H264) }
func FuzzAV1(f *testing.F)  { fuzz(f, codec.AV1) }
