package codec_test

import "sfu/pkg/codec"

// Sequence headers without obu_size: by libaom for 320 x 180, SVT-AV1 for 640 x 360 and rav1e for 96 x 80.
const (
	aomSequence  = "08 000000043cfeccdaf90040"
	svtSequence  = "08 0000000cc4ff673efe4010"
	raveSequence = "08 000000f99afcf1085440808085"
	// av1Frame is the beginning of an OBU_FRAME.
	av1Frame = "30 10008500041041"
)

func av1Key(width, height uint16) codec.Info {
	return unlayered(func(i *codec.Info) { i.Keyframe, i.Start, i.Width, i.Height = true, true, width, height })
}

func av1Start() codec.Info { return unlayered(func(i *codec.Info) { i.Start = true }) }

var av1Samples = []sample{
	{"keyframe by libaom", raw("28 0c" + aomSequence + av1Frame), av1Key(320, 180)},
	{"keyframe by SVT-AV1", raw("28 0c" + svtSequence + av1Frame), av1Key(640, 360)},
	{"keyframe by rav1e", raw("28 0e" + raveSequence + av1Frame), av1Key(96, 80)},
	{"keyframe with lengths", raw("08 0c" + aomSequence + "08" + av1Frame), av1Key(320, 180)},
	{"keyframe with a long length", raw("28 8c8000" + aomSequence + av1Frame), av1Key(320, 180)},
	{"keyframe that goes on", raw("68 0c" + aomSequence + av1Frame), av1Key(320, 180)},
	{"keyframe with obu_size", raw("28 0d 0a0b000000043cfeccdaf90040" + av1Frame), av1Key(320, 180)},
	{"keyframe with temporal delimiter", raw("38 02 1200 0c" + aomSequence + av1Frame), av1Key(320, 180)},
	{"sequence header alone", raw("18" + aomSequence), av1Key(320, 180)},
	{"sequence header in fragments, size in the first", raw("58 08 000000043cfecc"), av1Key(320, 180)},
	{"sequence header in fragments, size not in the first", raw("58 08 00000004"), av1Start()},
	{"sequence header without new sequence", raw("20 0c" + aomSequence + av1Frame), unlayered(func(i *codec.Info) {
		i.Start, i.Width, i.Height = true, 320, 180
	})},
	{"new sequence without sequence header", raw("18" + av1Frame), av1Start()},
	{"new sequence with the sequence header behind", raw("28 08" + av1Frame + aomSequence), av1Start()},
	{"keyframe of the base layer", raw("28 0c" + aomSequence + "34 00 10008500"), layer(0, 0, func(i *codec.Info) {
		i.Keyframe, i.Start, i.Width, i.Height = true, true, 320, 180
	})},
	{"frame of a layer", raw("10 34 48 10008500"), layer(1, 2, func(i *codec.Info) { i.Start = true })},
	{"layer of the first OBU counts", raw("20 03 1c4810 24 f8 10"), layer(1, 2, func(i *codec.Info) { i.Start = true })},
	{"frame of the highest layer", raw("10 34 f8 10008500"), layer(3, 7, func(i *codec.Info) { i.Start = true })},
	{"frame", raw("10" + av1Frame), av1Start()},
	{"frame header", raw("10 18 1000"), av1Start()},
	{"metadata", raw("10 28 0401"), av1Start()},
	{"tile group", raw("10 20 1000"), unlayered(nil)},
	{"redundant frame header", raw("10 38 1000"), unlayered(nil)},
	{"tile list", raw("10 40 1000"), unlayered(nil)},
	{"padding", raw("10 78 1000"), unlayered(nil)},
	{"tile group before a frame", raw("20 03 201000" + av1Frame), unlayered(nil)},
	{"middle of an OBU", raw("d0 ffffffff"), unlayered(nil)},
	{"end of an OBU and a tile group of a layer", raw("a0 02 ffff 24 28 01"), layer(1, 1, nil)},
	{"header cut by fragmentation", raw("50 34"), av1Start()},
	{"obu_size cut by fragmentation", raw("50 32 80"), av1Start()},
	{"obu_size of more than the fragment", raw("50 32 8001 10"), av1Start()},
	{"empty elements", raw("00 00 00"), unlayered(nil)},
	{"empty element before a frame", raw("20 00" + av1Frame), av1Start()},
	{"size that does not fit", raw("18 08 000000 07 ffffffffff"), unlayered(func(i *codec.Info) { i.Keyframe, i.Start = true, true })},
}

var av1Malformed = []malformed{
	{"aggregation header alone", raw("10")},
	{"new sequence in a fragment", raw("98" + av1Frame)},
	{"length beyond the packet", raw("20 0d" + aomSequence)},
	{"length cut", raw("00 80")},
	{"length of 35 bits", raw("00 ffffffff7f")},
	{"length of nine bytes", raw("00 808080808080808000")},
	{"one element where two are announced", raw("20 08" + av1Frame)},
	{"two elements where three are announced", raw("30 02 1200 08" + av1Frame)},
	{"forbidden bit", raw("10 b0 1000")},
	{"forbidden bit in the second element", raw("20 02 1200 b0 1000")},
	{"no layer", raw("10 34")},
	{"no obu_size", raw("10 32")},
	{"obu_size beyond the element", raw("10 32 03 1000")},
	{"obu_size of 35 bits", raw("10 32 ffffffff7f")},
	{"sequence header cut before its size", raw("18 08 00000004")},
	{"sequence header cut by obu_size", raw("18 0a 04 000000043cfeccdaf90040")},
}
