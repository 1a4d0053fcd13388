package codec_test

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"sfu/pkg/codec"
)

// A sample is a payload and what it says about itself.
type sample struct {
	name    string
	payload []byte
	want    codec.Info
}

// A malformed payload must be an error and say nothing.
type malformed struct {
	name    string
	payload []byte
}

// raw decodes hexadecimal digits; spaces are for the reader.
func raw(digits string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(digits, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// silent is what an Info says about nothing.
func silent() codec.Info { return codec.Info{Spatial: -1, Temporal: -1} }

// layer returns an Info of a frame in a layer.
func layer(spatial, temporal int8, set func(*codec.Info)) codec.Info {
	info := codec.Info{Spatial: spatial, Temporal: temporal}
	if set != nil {
		set(&info)
	}
	return info
}

// unlayered returns an Info of a frame without layers.
func unlayered(set func(*codec.Info)) codec.Info { return layer(-1, -1, set) }

// samplesOf returns every valid sample of a codec.
func samplesOf(t codec.Type) []sample {
	switch t {
	case codec.VP8:
		return vp8Samples
	case codec.VP9:
		return vp9Samples
	case codec.H264:
		return slices.Concat(h264Samples, spsSamples)
	case codec.AV1:
		return av1Samples
	case codec.Opus:
		return opusSamples
	}
	return nil
}

// malformedOf returns payloads of a codec that are broken in one way each.
func malformedOf(t codec.Type) []malformed {
	switch t {
	case codec.VP8:
		return vp8Malformed
	case codec.VP9:
		return vp9Malformed
	case codec.H264:
		return h264Malformed
	case codec.AV1:
		return av1Malformed
	}
	return nil
}

var allTypes = []codec.Type{codec.Opus, codec.VP8, codec.VP9, codec.H264, codec.AV1}

func TestParse(t *testing.T) {
	for _, c := range allTypes {
		for _, s := range samplesOf(c) {
			t.Run(c.String()+"/"+s.name, func(t *testing.T) {
				info := codec.Info{Keyframe: true, End: true, Discardable: true, SwitchUp: true, Width: 1, Numbers: codec.Numbers{TL0: 1}}
				if err := codec.Parse(c, s.payload, &info); err != nil {
					t.Fatalf("Parse: %v", err)
				}
				if info != s.want {
					t.Errorf("got  %+v\nwant %+v", info, s.want)
				}
			})
		}
	}
}

func TestParseMalformed(t *testing.T) {
	for _, c := range append(allTypes, codec.Unknown, codec.Type(99)) {
		for _, m := range append(malformedOf(c), malformed{"nil", nil}, malformed{"empty", []byte{}}) {
			t.Run(c.String()+"/"+m.name, func(t *testing.T) {
				info := codec.Info{Keyframe: true, Start: true}
				if err := codec.Parse(c, m.payload, &info); err == nil {
					t.Error("Parse gave no error")
				}
				if info != silent() {
					t.Errorf("an error left %+v", info)
				}
			})
		}
	}
}

func TestParseUnknownCodec(t *testing.T) {
	var info codec.Info
	for _, c := range []codec.Type{codec.Unknown, codec.AV1 + 1} {
		if err := codec.Parse(c, []byte{1, 2, 3}, &info); err == nil {
			t.Errorf("Parse(%d) gave no error", c)
		}
	}
}
