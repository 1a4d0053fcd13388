package codec_test

import (
	"testing"

	"sfu/pkg/codec"
)

func TestAllocations(t *testing.T) {
	for _, c := range allTypes {
		var payloads [][]byte
		for _, s := range samplesOf(c) {
			payloads = append(payloads, s.payload)
		}
		for _, m := range malformedOf(c) {
			payloads = append(payloads, m.payload)
		}
		var info codec.Info
		var dst [codec.MaxPrefix]byte
		allocs := testing.AllocsPerRun(10, func() {
			for _, p := range payloads {
				_ = codec.Parse(c, p, &info)
				codec.Renumber(c, p, codec.Numbers{PictureID: 1}, dst[:])
			}
		})
		if allocs != 0 {
			t.Errorf("%v: %v allocations", c, allocs)
		}
	}
}

// packet returns a payload of the usual size that begins with head.
func packet(head []byte) []byte {
	p := make([]byte, 1200)
	copy(p, head)
	return p
}

// benchmarkPayloads are what most packets of a call look like, and what begins a keyframe.
var benchmarkPayloads = []struct {
	name    string
	codec   codec.Type
	payload []byte
}{
	{"opus", codec.Opus, packet(raw("fc fffe"))[:120]},
	{"VP8", codec.VP8, packet(raw("90 e0 8b13 05 a0" + vp8Inter))},
	{"VP8 keyframe", codec.VP8, packet(raw("90 e0 8b12 05 00" + vp8Key))},
	{"VP9", codec.VP9, packet(raw("ed 8b13 54 07" + vp9Frame))},
	{"VP9 keyframe", codec.VP9, packet(raw("aa 8b12 00 07" + vp9Structure + vp9Frame))},
	{"H264", codec.H264, packet(raw("5c01 9a38"))},
	{"H264 keyframe", codec.H264, raw("18 001a 6764001facd9405005bb0110000003001000000303c0f1831960 0004 68ce3c80")},
	{"AV1", codec.AV1, packet(raw("50" + av1Frame))},
	{"AV1 keyframe", codec.AV1, packet(raw("68 0c" + aomSequence + av1Frame))},
}

func BenchmarkParse(b *testing.B) {
	for _, p := range benchmarkPayloads {
		b.Run(p.name, func(b *testing.B) {
			b.ReportAllocs()
			var info codec.Info
			for b.Loop() {
				if err := codec.Parse(p.codec, p.payload, &info); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRenumber(b *testing.B) {
	for _, p := range benchmarkPayloads {
		b.Run(p.name, func(b *testing.B) {
			b.ReportAllocs()
			var dst [codec.MaxPrefix]byte
			n := codec.Numbers{PictureID: 0x1234, TL0: 0x56}
			for b.Loop() {
				codec.Renumber(p.codec, p.payload, n, dst[:])
			}
		})
	}
}
