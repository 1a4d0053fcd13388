package codec_test

import "sfu/pkg/codec"

func spsInfo(width, height uint16) codec.Info {
	return unlayered(func(i *codec.Info) { i.Keyframe, i.Start, i.Width, i.Height = true, true, width, height })
}

func keyInfo() codec.Info     { return unlayered(func(i *codec.Info) { i.Keyframe = true }) }
func discardInfo() codec.Info { return unlayered(func(i *codec.Info) { i.Discardable = true }) }

// spsSamples are parameter sets, the long ones made by libx264. Those without a size have values that H.264 does not allow.
var spsSamples = []sample{
	{"SPS baseline 320x180, cropped", raw("6742c00dd901419f9f0110000003001000000303c0f142a480"), spsInfo(320, 180)},
	{"SPS high 1280x720 with scaling lists", raw("6764001facd9405005bb0110000003001000000303c0f1831960"), spsInfo(1280, 720)},
	{"SPS high 4:0:0 100x50", raw("6764000af3651c9e363f016c80000003008000001e078912cb"), spsInfo(100, 50)},
	{"SPS high 4:2:2 324x186", raw("677a000db6cd941519e79f0110000003001000000303c0f1429960"), spsInfo(324, 186)},
	{"SPS high 4:4:4 322x182", raw("67f4000d919b282a33c7c5e022000003000200000300781e28532c"), spsInfo(322, 182)},
	{"SPS interlaced 1920x1080", raw("67640028acd94078044fde0220000003002000000783e2c5b2c0"), spsInfo(1920, 1080)},
	{"SPS of ten bytes", raw("6742001f da0140 16ec 40"), spsInfo(1280, 720)},
	{"SPS with a number of more than 32 bits", raw("6742001f 00000000 80"), spsInfo(0, 0)},
	{"SPS with an unknown picture order count", raw("6742001f c97a"), spsInfo(0, 0)},
	{"SPS of 65536 pixels", raw("6742001f f8002001d0"), spsInfo(0, 0)},
	{"SPS that crops all", raw("6742001f fbe27c"), spsInfo(0, 0)},
}

var h264Samples = []sample{
	{"STAP-A with SPS and PPS", raw("18 0017 6742c00ad9047b0110000003001000000303c8f1226480 0005 68cb83cb20"), spsInfo(64, 48)},
	{"STAP-A with SPS, PPS and IDR", raw("78 0009 6742001fda014016ec 0004 68ce3c80 0003 658884"), spsInfo(1280, 720)},
	{"STAP-A with delimiter, SPS and PPS", raw("18 0002 09f0 0009 6742001fda014016ec 0004 68ce3c80"), spsInfo(1280, 720)},
	{"PPS", raw("68ce3c80"), unlayered(nil)},
	{"SEI", raw("0605ffff"), unlayered(nil)},
	{"delimiter", raw("09f0"), unlayered(nil)},
	{"end of sequence", raw("0a"), unlayered(nil)},
	{"IDR", raw("65888404bc98"), keyInfo()},
	{"STAP-A with PPS and IDR", raw("78 0004 68ce3c80 0003 658884"), keyInfo()},
	{"slice", raw("419a380bf8"), unlayered(nil)},
	{"slice that nothing refers to", raw("019a380bf8"), discardInfo()},
	{"STAP-A with two slices, one referred to", raw("38 0003 019a38 0003 219a38"), unlayered(nil)},
	{"STAP-A with SEI and a slice that nothing refers to", raw("18 0002 0605 0003 019a38"), discardInfo()},
	{"FU-A, first of an IDR", raw("7c85 8884"), keyInfo()},
	{"FU-A, middle of an IDR", raw("7c05 8884"), unlayered(nil)},
	{"FU-A, last of an IDR", raw("7c45 8884"), unlayered(nil)},
	{"FU-A, first of an IDR, empty", raw("7c85"), unlayered(nil)},
	{"FU-A, first of a slice", raw("5c81 9a38"), unlayered(nil)},
	{"FU-A, first of a slice that nothing refers to", raw("1c81 9a38"), discardInfo()},
	{"FU-A, middle of a slice that nothing refers to", raw("1c01 9a38"), discardInfo()},
	{"FU-A of SEI by libx264", raw("1c8605ffff5ddc45e9bde6"), unlayered(nil)},
}

var h264Malformed = []malformed{
	{"type 0", raw("00 01")},
	{"forbidden bit", raw("e5 88")},
	{"STAP-B", raw("19 0001 0002 0988")},
	{"MTAP16", raw("1a 0001 0002 0988")},
	{"FU-B", raw("1d 85 0001 88")},
	{"type 31", raw("1f 88")},
	{"IDR header alone", raw("65")},
	{"slice header alone", raw("41")},
	{"SPS header alone", raw("67")},
	{"SPS cut before its size", raw("6742c00dd901")},
	{"STAP-A header alone", raw("18")},
	{"STAP-A with half a size", raw("18 00")},
	{"STAP-A with an empty unit", raw("18 0000")},
	{"STAP-A with an empty unit between", raw("78 0003 658884 0000 0003 658884")},
	{"STAP-A longer than the packet", raw("78 0004 658884")},
	{"STAP-A with a byte behind", raw("78 0003 658884 00")},
	{"STAP-A with a cut SPS", raw("78 0004 6742c00d 0003 658884")},
	{"STAP-A within", raw("78 0004 18000109")},
	{"STAP-A, forbidden bit", raw("98 0002 09f0")},
	{"STAP-A, forbidden bit within", raw("18 0002 89f0")},
	{"FU-A header cut", raw("7c")},
	{"FU-A of type 0", raw("7c80 88")},
	{"FU-A of STAP-A", raw("7c98 88")},
	{"FU-A, forbidden bit", raw("fc85 88")},
}
