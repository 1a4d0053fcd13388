package codec_test

import (
	"testing"

	"sfu/pkg/codec"
)

func TestType(t *testing.T) {
	tests := []struct {
		codec  codec.Type
		mime   string
		name   string
		video  bool
		hertz  uint32
		lookup string
	}{
		{codec.Unknown, "", "", false, 0, "video/H265"},
		{codec.Opus, "audio/opus", "opus", false, 48000, "audio/OPUS"},
		{codec.VP8, "video/VP8", "VP8", true, 90000, "video/vp8"},
		{codec.VP9, "video/VP9", "VP9", true, 90000, "VIDEO/VP9"},
		{codec.H264, "video/H264", "H264", true, 90000, "video/H264"},
		{codec.AV1, "video/AV1", "AV1", true, 90000, "video/av1"},
		{codec.AV1 + 1, "", "", false, 0, ""},
	}
	for _, tt := range tests {
		if got := tt.codec.MIMEType(); got != tt.mime {
			t.Errorf("%d: MIMEType %q, want %q", tt.codec, got, tt.mime)
		}
		if got := tt.codec.String(); got != tt.name {
			t.Errorf("%d: String %q, want %q", tt.codec, got, tt.name)
		}
		if got := tt.codec.Video(); got != tt.video {
			t.Errorf("%d: Video %v", tt.codec, got)
		}
		if got := tt.codec.ClockRate(); got != tt.hertz {
			t.Errorf("%d: ClockRate %d, want %d", tt.codec, got, tt.hertz)
		}
		if got := codec.ByMIMEType(tt.lookup); got != tt.codec && tt.codec <= codec.AV1 {
			t.Errorf("ByMIMEType(%q) = %d, want %d", tt.lookup, got, tt.codec)
		}
	}
}

var opusSamples = []sample{
	{"one frame", raw("fc fffe"), silent()},
	{"discontinuous transmission", raw("f8"), silent()},
}
