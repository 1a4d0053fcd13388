package synthetic

import (
	"fmt"
	"testing"

	"sfu/pkg/codec"
)

var videoCodecs = []codec.Type{codec.VP8, codec.VP9, codec.H264, codec.AV1}

// What pkg/codec reads is what the frame is.
func TestShapesParse(t *testing.T) {
	sizes := [][2]int{{320, 180}, {640, 360}, {1280, 720}, {1920, 1080}, {854, 480}, {16, 16}, {256, 128}}
	for _, c := range videoCodecs {
		for _, layers := range []uint8{1, 3} {
			for _, key := range []bool{true, false} {
				for _, n := range []int{2, 3, 7} {
					for _, size := range sizes {
						f := frame{key: key, layers: layers, pictureID: 0x1234, tl0: 9, keyIndex: 3, width: size[0], height: size[1]}
						if layers > 1 && !key {
							f.temporal, f.switchUp, f.discardable = 2, true, true
						}
						t.Run(fmt.Sprintf("%v/%dlayers/key=%v/%d/%dx%d", c, layers, key, n, size[0], size[1]), func(t *testing.T) {
							checkShape(t, c, &f, n)
						})
					}
				}
			}
		}
	}
}

func checkShape(t *testing.T, c codec.Type, f *frame, n int) {
	for i := range n {
		payload := make([]byte, 200)
		head := shapeOf(c)(payload, f, i, n, 0)
		if head > maxHead {
			t.Fatalf("a head of %d bytes", head)
		}
		head = shapeOf(c)(payload, f, i, n, len(payload)-head)
		fill(payload[head:], uint64(i))
		var info codec.Info
		if err := codec.Parse(c, payload, &info); err != nil {
			t.Fatalf("packet %d: %v", i, err)
		}
		if got, want := info.Keyframe && info.Start, f.key && i == 0; got != want {
			t.Errorf("packet %d: keyframe %v, want %v", i, got, want)
		}
		if f.key && i == 0 && (int(info.Width) != f.width || int(info.Height) != f.height) {
			t.Errorf("%dx%d, want %dx%d", info.Width, info.Height, f.width, f.height)
		}
		if c != codec.H264 && info.Start != (i == 0) {
			t.Errorf("packet %d: start %v", i, info.Start)
		}
		if c == codec.VP9 && info.End != (i == n-1) {
			t.Errorf("packet %d: end %v", i, info.End)
		}
		checkLayer(t, c, f, i, info)
	}
}

func checkLayer(t *testing.T, c codec.Type, f *frame, i int, info codec.Info) {
	layered := f.layers > 1 && (c == codec.VP8 || c == codec.VP9 || c == codec.AV1 && i == 0)
	want := int8(-1)
	if layered {
		want = int8(f.temporal)
	}
	if info.Temporal != want {
		t.Errorf("packet %d: temporal layer %d, want %d", i, info.Temporal, want)
	}
	if layered && c != codec.AV1 && info.SwitchUp != f.switchUp {
		t.Errorf("packet %d: switch up %v", i, info.SwitchUp)
	}
	if (c == codec.VP8 || c == codec.H264 && !f.key) && info.Discardable != f.discardable {
		t.Errorf("packet %d: discardable %v", i, info.Discardable)
	}
	if c == codec.VP8 || c == codec.VP9 {
		n := info.Numbers
		if n.PictureID != f.pictureID || !n.LongID || f.layers > 1 && n.TL0 != f.tl0 {
			t.Errorf("packet %d: numbers %+v", i, n)
		}
	}
}

func TestOpusShape(t *testing.T) {
	payload := make([]byte, 80)
	if n := opusHead(payload, &frame{}, 0, 1, 79); n != 1 {
		t.Errorf("%d bytes", n)
	}
}
