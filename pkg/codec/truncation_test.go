package codec_test

import (
	"testing"

	"sfu/pkg/codec"
)

// parseAlone parses a copy without a byte to spare, so that reading past the end panics.
func parseAlone(c codec.Type, payload []byte) (codec.Info, error) {
	alone := make([]byte, len(payload))
	copy(alone, payload)
	var info codec.Info
	err := codec.Parse(c, alone, &info)
	return info, err
}

// checkPrefixes parses what is left of a payload when its end is missing. VP8 and VP9 descriptors stand in front, so what can still
// be read is what the whole payload says.
func checkPrefixes(t *testing.T, c codec.Type, payload []byte, info codec.Info) {
	t.Helper()
	var dst [codec.MaxPrefix]byte
	for n := range payload {
		got, err := parseAlone(c, payload[:n])
		if prefixLen, replaced := codec.Renumber(c, payload[:n], codec.Numbers{}, dst[:]); prefixLen > codec.MaxPrefix || replaced > n {
			t.Errorf("Renumber(%x) = %d, %d", payload[:n], prefixLen, replaced)
		}
		switch {
		case n == 0 && err == nil:
			t.Error("empty payload gives no error")
		case err != nil && got != silent():
			t.Errorf("%x: %v, but %+v", payload[:n], err, got)
		case err == nil && (c == codec.VP8 || c == codec.VP9) && got != info:
			t.Errorf("%x\ngot  %+v\nwant %+v", payload[:n], got, info)
		case got.Keyframe && !info.Keyframe:
			t.Errorf("%x is a keyframe, %x is not", payload[:n], payload)
		}
	}
}

func TestTruncation(t *testing.T) {
	for _, c := range allTypes {
		for _, s := range samplesOf(c) {
			t.Run(c.String()+"/"+s.name, func(t *testing.T) { checkPrefixes(t, c, s.payload, s.want) })
		}
		for _, m := range malformedOf(c) {
			t.Run(c.String()+"/"+m.name, func(t *testing.T) {
				for n := range len(m.payload) + 1 {
					if info, err := parseAlone(c, m.payload[:n]); n == 0 && (err == nil || info.Keyframe) {
						t.Errorf("empty payload: %v, %+v", err, info)
					}
				}
			})
		}
	}
}

// A keyframe's first packet stops being one as soon as what tells so is cut.
func TestTruncatedKeyframe(t *testing.T) {
	tests := []struct {
		name    string
		codec   codec.Type
		payload []byte
		needed  int // bytes
	}{
		{"VP8", codec.VP8, raw("90 e0 8b12 05 00" + vp8Key), 16},
		{"VP9", codec.VP9, raw("aa 8b12 00 07" + vp9Structure + vp9Frame), 25},
		{"H.264 SPS", codec.H264, raw("6742001fda014016ec40"), 9},
		{"H.264 STAP-A", codec.H264, raw("78 0009 6742001fda014016ec 0004 68ce3c80 0003 658884"), 12},
		{"H.264 IDR", codec.H264, raw("65888404bc98"), 2},
		{"H.264 FU-A", codec.H264, raw("7c858884"), 3},
		{"AV1 sequence header", codec.AV1, raw("18" + aomSequence), 9},
		{"AV1 aggregate", codec.AV1, raw("28 0c" + aomSequence + av1Frame), 15},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for n := range len(tt.payload) + 1 {
				if info, _ := parseAlone(tt.codec, tt.payload[:n]); info.Keyframe && n < tt.needed {
					t.Errorf("keyframe from %d bytes", n)
				}
			}
			if info, err := parseAlone(tt.codec, tt.payload[:tt.needed]); err != nil || !info.Keyframe {
				t.Errorf("no keyframe from %d bytes: %v", tt.needed, err)
			}
		})
	}
}
