package codec_test

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"strings"
	"testing"

	"github.com/pion/rtp/codecs"

	"sfu/pkg/codec"
)

// pion/rtp reads the same formats. What Parse accepts it must accept too, and read the same out of it.
func checkAgainstReference(t *testing.T, c codec.Type, payload []byte, info codec.Info) {
	t.Helper()
	switch c {
	case codec.VP8:
		compareVP8(t, payload, info)
	case codec.VP9:
		compareVP9(t, payload, info)
	case codec.H264:
		compareH264(t, payload, info)
	case codec.AV1:
		compareAV1(t, payload, info)
	}
}

func compareVP8(t *testing.T, payload []byte, info codec.Info) {
	t.Helper()
	var p codecs.VP8Packet
	frame, err := p.Unmarshal(payload)
	if err != nil {
		t.Fatalf("reference refuses %x: %v", payload, err)
	}
	want := codec.Info{
		Start: p.S == 1 && p.PID == 0, Spatial: -1, Temporal: -1, Discardable: p.N == 1, SwitchUp: p.T == 1 && p.Y == 1,
		Width: info.Width, Height: info.Height,
		Numbers: codec.Numbers{
			PictureID: p.PictureID, HasPictureID: p.I == 1, LongID: info.Numbers.LongID,
			TL0: p.TL0PICIDX, HasTL0: p.L == 1, KeyIndex: p.KEYIDX, HasKeyIndex: p.K == 1,
		},
	}
	want.Keyframe = want.Start && frame[0]&1 == 0
	if p.T == 1 {
		want.Temporal = int8(p.TID)
	}
	if info != want {
		t.Errorf("%x\ngot       %+v\nreference %+v", payload, info, want)
	}
}

func compareVP9(t *testing.T, payload []byte, info codec.Info) {
	t.Helper()
	if info.Spatial >= 5 {
		return // The RFC has room for eight spatial layers, the reference for five.
	}
	var p codecs.VP9Packet
	if _, err := p.Unmarshal(payload); err != nil {
		t.Fatalf("reference refuses %x: %v", payload, err)
	}
	want := codec.Info{
		Keyframe: !p.P && p.B && p.SID == 0, Start: p.B, End: p.E, Spatial: -1, Temporal: -1, SwitchUp: p.U,
		Numbers: codec.Numbers{
			PictureID: p.PictureID, HasPictureID: p.I, LongID: info.Numbers.LongID, TL0: p.TL0PICIDX, HasTL0: p.L && !p.F,
		},
	}
	if p.L {
		want.Spatial, want.Temporal = int8(p.SID), int8(p.TID)
	}
	if p.V && p.Y {
		want.Width, want.Height = p.Width[p.NS], p.Height[p.NS]
	}
	if info != want {
		t.Errorf("%x\ngot       %+v\nreference %+v", payload, info, want)
	}
}

func compareH264(t *testing.T, payload []byte, info codec.Info) {
	t.Helper()
	p := codecs.H264Packet{IsAVC: true}
	units, err := p.Unmarshal(payload)
	if err != nil {
		t.Fatalf("reference refuses %x: %v", payload, err)
	}
	if payload[0]&0x1f == 28 {
		return // The reference tells nothing before the last fragment.
	}
	var idr, sps bool
	for len(units) > 0 {
		size := binary.BigEndian.Uint32(units)
		unitType := units[4] & 0x1f
		idr = idr || unitType == 5
		sps = sps || unitType == 7
		units = units[4+size:]
	}
	if info.Start != sps || info.Keyframe != (sps || idr) {
		t.Errorf("%x: got %+v, reference SPS %v, IDR %v", payload, info, sps, idr)
	}
}

func compareAV1(t *testing.T, payload []byte, info codec.Info) {
	t.Helper()
	var d codecs.AV1Depacketizer
	obus, err := d.Unmarshal(payload)
	if err != nil && !strings.Contains(err.Error(), "does not match number of OBUs") {
		t.Fatalf("reference refuses %x: %v", payload, err)
	}
	// The reference miscounts where the last OBU is one that it drops.
	if info.Start && d.Z || info.Keyframe && !d.N {
		t.Errorf("%x: got %+v, reference Z %v, N %v", payload, info, d.Z, d.N)
	}
	if info.Keyframe && len(obus) > 0 && obus[0]>>3 != 1 {
		t.Errorf("%x is no keyframe, reference reads %x", payload, obus)
	}
}

// checkReference lets pion/rtp read a payload and the same with other numbers: all else must be equal, to the last bit of a frame.
func checkReference(t *testing.T, c codec.Type, payload, renumbered []byte) {
	t.Helper()
	switch c {
	case codec.VP8:
		var before, after codecs.VP8Packet
		a, errA := before.Unmarshal(payload)
		b, errB := after.Unmarshal(renumbered)
		after.PictureID, after.TL0PICIDX, after.KEYIDX = before.PictureID, before.TL0PICIDX, before.KEYIDX
		if errA != nil || errB != nil || !bytes.Equal(a, b) || !reflect.DeepEqual(before, after) {
			t.Errorf("%x became %x: %+v, %+v", payload, renumbered, before, after)
		}
	case codec.VP9:
		var before, after codecs.VP9Packet
		a, errA := before.Unmarshal(payload)
		b, errB := after.Unmarshal(renumbered)
		after.PictureID, after.TL0PICIDX = before.PictureID, before.TL0PICIDX
		if (errA != nil) != (errB != nil) || !bytes.Equal(a, b) || !reflect.DeepEqual(before, after) {
			t.Errorf("%x became %x: %+v, %+v", payload, renumbered, before, after)
		}
	}
}

func TestParseAgreesWithReference(t *testing.T) {
	for _, c := range allTypes {
		for _, s := range samplesOf(c) {
			t.Run(c.String()+"/"+s.name, func(t *testing.T) {
				checkAgainstReference(t, c, s.payload, s.want)
			})
		}
	}
}
