package codec_test

import "sfu/pkg/codec"

// vp8Key is the beginning of a keyframe of 640 x 360, vp8Inter that of another frame.
const (
	vp8Key   = "50 26 00 9d 01 2a 80 02 68 01 00 47 08 85"
	vp8Inter = "31 03 00 0c 10 14"
)

var vp8Samples = []sample{
	{"keyframe with three temporal layers", raw("90 e0 8b12 05 00" + vp8Key), layer(-1, 0, func(i *codec.Info) {
		i.Keyframe, i.Start, i.Width, i.Height = true, true, 640, 360
		i.Numbers = codec.Numbers{PictureID: 0x0b12, HasPictureID: true, LongID: true, TL0: 5, HasTL0: true}
	})},
	{"keyframe with everything", raw("90 f0 ffff ff 1f" + vp8Key), layer(-1, 0, func(i *codec.Info) {
		i.Keyframe, i.Start, i.Width, i.Height = true, true, 640, 360
		i.Numbers = codec.Numbers{PictureID: 0x7fff, HasPictureID: true, LongID: true, TL0: 255, HasTL0: true, KeyIndex: 31, HasKeyIndex: true}
	})},
	{"middle of a keyframe", raw("80 e0 8b12 05 00 47 08"), layer(-1, 0, func(i *codec.Info) {
		i.Numbers = codec.Numbers{PictureID: 0x0b12, HasPictureID: true, LongID: true, TL0: 5, HasTL0: true}
	})},
	{"sync frame of the highest layer", raw("b0 e0 8b13 05 a0" + vp8Inter), layer(-1, 2, func(i *codec.Info) {
		i.Start, i.SwitchUp, i.Discardable = true, true, true
		i.Numbers = codec.Numbers{PictureID: 0x0b13, HasPictureID: true, LongID: true, TL0: 5, HasTL0: true}
	})},
	{"short picture id", raw("90 80 7f" + vp8Inter), unlayered(func(i *codec.Info) {
		i.Start = true
		i.Numbers = codec.Numbers{PictureID: 0x7f, HasPictureID: true}
	})},
	{"key index without temporal layer", raw("90 10 f7" + vp8Inter), unlayered(func(i *codec.Info) {
		i.Start = true
		i.Numbers = codec.Numbers{KeyIndex: 0x17, HasKeyIndex: true}
	})},
	{"temporal layer alone", raw("90 20 5f" + vp8Inter), layer(-1, 1, func(i *codec.Info) { i.Start = true })},
	{"reserved bits", raw("d8 0f" + vp8Inter), unlayered(func(i *codec.Info) { i.Start = true })},
	{"extension without content", raw("90 00" + vp8Inter), unlayered(func(i *codec.Info) { i.Start = true })},
	{"keyframe without extension", raw("10" + vp8Key), unlayered(func(i *codec.Info) {
		i.Keyframe, i.Start, i.Width, i.Height = true, true, 640, 360
	})},
	{"keyframe to be scaled up", raw("10 50 26 00 9d 01 2a 80 42 68 81"), unlayered(func(i *codec.Info) {
		i.Keyframe, i.Start, i.Width, i.Height = true, true, 640, 360
	})},
	{"second partition is no start", raw("91 80 8001 50 26"), unlayered(func(i *codec.Info) {
		i.Numbers = codec.Numbers{PictureID: 1, HasPictureID: true, LongID: true}
	})},
	{"keyframe of libvpx", raw("90808000 5026009d012a400030000047088585889984880202c805fc07f007a81fe0"), unlayered(func(i *codec.Info) {
		i.Keyframe, i.Start, i.Width, i.Height = true, true, 64, 48
		i.Numbers = codec.Numbers{HasPictureID: true, LongID: true}
	})},
}

var vp8Malformed = []malformed{
	{"no frame", raw("10")},
	{"no extension", raw("90")},
	{"no picture id", raw("90 80")},
	{"half a picture id", raw("90 80 80")},
	{"no TL0PICIDX", raw("90 c0 80 01")},
	{"no temporal layer", raw("90 e0 80 01 02")},
	{"descriptor alone", raw("90 e0 80 01 02 00")},
	{"keyframe header cut", raw("10 50 26 00 9d 01 2a 80 02 68")},
	{"keyframe without start code", raw("10 50 26 00 9d 01 2b 80 02 68 01")},
}
