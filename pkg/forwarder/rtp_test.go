package forwarder

import (
	"bytes"
	"testing"

	"github.com/pion/rtp"
)

func TestHeaderParse(t *testing.T) {
	base := []byte{0x80, 0x80 | 96, 0x12, 0x34, 1, 2, 3, 4, 5, 6, 7, 8}
	with := func(first byte, more ...byte) []byte {
		b := append([]byte(nil), base...)
		b[0] = first
		return append(b, more...)
	}
	tests := []struct {
		name          string
		packet        []byte
		ok            bool
		size, padding int
	}{
		{"plain", with(0x80, 'x'), true, 12, 0},
		{"empty payload", with(0x80), true, 12, 0},
		{"too short", base[:11], false, 0, 0},
		{"version 1", with(0x40, 'x'), false, 0, 0},
		{"version 3", with(0xC0, 'x'), false, 0, 0},
		{"two CSRCs", with(0x82, 1, 2, 3, 4, 5, 6, 7, 8, 'x'), true, 20, 0},
		{"CSRCs beyond the end", with(0x8F, 1, 2, 3), false, 0, 0},
		{"extension", with(0x90, 0xBE, 0xDE, 0, 1, 0x10, 7, 0, 0, 'x'), true, 20, 0},
		{"extension cut in its head", with(0x90, 0xBE, 0xDE), false, 0, 0},
		{"extension beyond the end", with(0x90, 0xBE, 0xDE, 0xFF, 0xFF, 1), false, 0, 0},
		{"padding", with(0xA0, 'x', 0, 2), true, 12, 2},
		{"padding alone", with(0xA0, 0, 0, 3), true, 12, 3},
		{"padding of 0", with(0xA0, 'x', 0), false, 0, 0},
		{"padding of 255", with(0xA0, 'x', 255), false, 0, 0},
		{"padding one too long", with(0xA0, 'x', 3), false, 0, 0},
		{"padding without payload", with(0xA0), false, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var h header
			err := h.parse(test.packet)
			if (err == nil) != test.ok {
				t.Fatalf("error %v, want ok %v", err, test.ok)
			}
			if test.ok && (h.size != test.size || h.padding != test.padding) {
				t.Errorf("size %d, padding %d, want %d, %d", h.size, h.padding, test.size, test.padding)
			}
		})
	}
}

func TestHeaderElement(t *testing.T) {
	tests := []struct {
		name    string
		profile uint16
		body    []byte
		id      uint8
		want    []byte
	}{
		{"one byte form", profileOneByte, []byte{0x10, 7, 0x32, 1, 2, 3, 0, 0}, 3, []byte{1, 2, 3}},
		{"padding before", profileOneByte, []byte{0, 0, 0x10, 7}, 1, []byte{7}},
		{"absent", profileOneByte, []byte{0x10, 7, 0, 0}, 2, nil},
		{"id 0 is none", profileOneByte, []byte{0x10, 7, 0, 0}, 0, nil},
		{"id 15 ends it", profileOneByte, []byte{0xF0, 7, 0x10, 7}, 1, nil},
		{"length past the end", profileOneByte, []byte{0x1F, 1, 2, 3}, 1, nil},
		{"two byte form", profileTwoByte, []byte{1, 1, 7, 20, 2, 8, 9, 0}, 20, []byte{8, 9}},
		{"two byte form, empty element", profileTwoByte, []byte{1, 0, 2, 1, 5, 0, 0, 0}, 1, []byte{}},
		{"two byte form, cut", profileTwoByte, []byte{0, 0, 0, 1}, 1, nil},
		{"two byte form, past the end", profileTwoByte, []byte{1, 9, 1, 1}, 1, nil},
		{"another profile", 0xABCD, []byte{0x10, 7, 0, 0}, 1, nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := []byte{0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, byte(test.profile >> 8), byte(test.profile), 0, byte(len(test.body) / 4)}
			b = append(b, test.body...)
			var h header
			if err := h.parse(b); err != nil {
				t.Fatal(err)
			}
			if got := h.element(test.id); !bytes.Equal(got, test.want) || (got == nil) != (test.want == nil) {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// FuzzHeader compares with pion's parser, which must agree on every packet that we take.
func FuzzHeader(f *testing.F) {
	f.Add([]byte{0x90, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0xBE, 0xDE, 0, 1, 0x10, 7, 0, 0, 'x'})
	f.Add([]byte{0xB1, 96, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 9, 9, 9, 9, 0x10, 0x00, 0, 1, 1, 1, 7, 0, 'x', 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var h header
		err := h.parse(b)
		for id := range 256 {
			if err == nil {
				h.element(uint8(id))
			}
		}
		var theirs rtp.Header
		n, theirErr := theirs.Unmarshal(b)
		if err != nil || theirErr != nil {
			return
		}
		if theirs.SSRC != h.ssrc || theirs.SequenceNumber != h.sequence || theirs.Timestamp != h.timestamp || theirs.Marker != h.marker ||
			theirs.PayloadType != h.payloadType || n != h.size {
			t.Errorf("%+v, %d bytes; pion says %+v, %d bytes", h, h.size, theirs, n)
		}
	})
}

func TestOutHeader(t *testing.T) {
	h := outHeader{marker: true, payloadType: 96, sequence: 4711, timestamp: 1 << 31, ssrc: 99, transportCC: 3, transportSeq: 0xABCD}
	var o Outgoing
	h.marshal(&o)
	var got rtp.Header
	if _, err := got.Unmarshal(o.Header()); err != nil {
		t.Fatal(err)
	}
	if !got.Marker || got.PayloadType != 96 || got.SequenceNumber != 4711 || got.Timestamp != 1<<31 || got.SSRC != 99 {
		t.Errorf("%+v", got)
	}
	if x := got.GetExtension(3); !bytes.Equal(x, []byte{0xAB, 0xCD}) {
		t.Errorf("extension %v", x)
	}
	h = outHeader{padding: true, payloadType: 96}
	h.marshal(&o)
	if len(o.Header()) != 12 || o.Header()[0] != 0xA0 {
		t.Errorf("% x", o.Header())
	}
}
