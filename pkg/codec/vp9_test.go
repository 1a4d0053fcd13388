package codec_test

import "sfu/pkg/codec"

const (
	vp9Frame = "82 49 83 42"
	// vp9Structure is a scalability structure of three spatial layers and a picture group of two pictures.
	vp9Structure = "58 0140 00b4 0280 0168 0500 02d0 02 04 01 38 01 02"
)

var vp9Samples = []sample{
	{"keyframe of three spatial layers", raw("aa 8b12 00 07" + vp9Structure + vp9Frame), layer(0, 0, func(i *codec.Info) {
		i.Keyframe, i.Start, i.Width, i.Height = true, true, 1280, 720
		i.Numbers = codec.Numbers{PictureID: 0x0b12, HasPictureID: true, LongID: true, TL0: 7, HasTL0: true}
	})},
	{"second packet of a keyframe", raw("a4 8b12 00 07" + vp9Frame), layer(0, 0, func(i *codec.Info) {
		i.End = true
		i.Numbers = codec.Numbers{PictureID: 0x0b12, HasPictureID: true, LongID: true, TL0: 7, HasTL0: true}
	})},
	{"upper spatial layer of the same picture", raw("ac 8b12 03 07" + vp9Frame), layer(1, 0, func(i *codec.Info) {
		i.Start, i.End = true, true
		i.Numbers = codec.Numbers{PictureID: 0x0b12, HasPictureID: true, LongID: true, TL0: 7, HasTL0: true}
	})},
	{"not a reference for upper layers", raw("ed 8b13 54 07" + vp9Frame), layer(2, 2, func(i *codec.Info) {
		i.Start, i.End, i.SwitchUp = true, true, true
		i.Numbers = codec.Numbers{PictureID: 0x0b13, HasPictureID: true, LongID: true, TL0: 7, HasTL0: true}
	})},
	{"flexible mode", raw("fc 8b13 30 03 04" + vp9Frame), layer(0, 1, func(i *codec.Info) {
		i.Start, i.End, i.SwitchUp = true, true, true
		i.Numbers = codec.Numbers{PictureID: 0x0b13, HasPictureID: true, LongID: true}
	})},
	{"flexible mode with three references", raw("d8 05 03 05 06" + vp9Frame), unlayered(func(i *codec.Info) {
		i.Start = true
		i.Numbers = codec.Numbers{PictureID: 5, HasPictureID: true}
	})},
	{"keyframe in flexible mode", raw("ba 8b13 00 10 02d0 0500" + vp9Frame), layer(0, 0, func(i *codec.Info) {
		i.Keyframe, i.Start, i.Width, i.Height = true, true, 720, 1280
		i.Numbers = codec.Numbers{PictureID: 0x0b13, HasPictureID: true, LongID: true}
	})},
	{"structure without sizes", raw("2a 00 01 28 01 04 01" + vp9Frame), layer(0, 0, func(i *codec.Info) {
		i.Keyframe, i.Start = true, true
		i.Numbers = codec.Numbers{TL0: 1, HasTL0: true}
	})},
	{"short picture id", raw("88 7f" + vp9Frame), unlayered(func(i *codec.Info) {
		i.Keyframe, i.Start = true, true
		i.Numbers = codec.Numbers{PictureID: 0x7f, HasPictureID: true}
	})},
	{"highest layers", raw("28 ef ff" + vp9Frame), layer(7, 7, func(i *codec.Info) {
		i.Start = true
		i.Numbers = codec.Numbers{TL0: 255, HasTL0: true}
	})},
	{"first packet of libvpx, without numbers", raw("08 824983420003f002f60838241c1842"), unlayered(func(i *codec.Info) {
		i.Keyframe, i.Start = true, true
	})},
	{"last packet of libvpx", raw("04 774cc6abea6553e62a1a"), unlayered(func(i *codec.Info) { i.End = true })},
}

var vp9Malformed = []malformed{
	{"no frame", raw("08")},
	{"no picture id", raw("88")},
	{"half a picture id", raw("88 80")},
	{"no layer", raw("a8 01")},
	{"no TL0PICIDX", raw("a8 01 00")},
	{"descriptor alone", raw("a8 01 00 01")},
	{"flexible mode without picture id", raw("18" + vp9Frame)},
	{"no reference", raw("d8 01")},
	{"no second reference", raw("d8 01 03")},
	{"four references", raw("d8 01 03 03 03 02" + vp9Frame)},
	{"no structure", raw("0a")},
	{"structure with half a size", raw("0a 10 0140 00")},
	{"structure without group", raw("0a 08")},
	{"structure with half a group", raw("0a 08 02 04 01")},
	{"structure without references", raw("0a 08 01 0c 01 02")},
	{"structure alone", raw("0a 08 01 04 01")},
}
