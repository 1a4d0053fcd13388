package reception

import (
	"bytes"
	"testing"

	"github.com/pion/rtp"
)

func FuzzParseHeader(f *testing.F) {
	h := rtp.Header{Version: 2, Marker: true, PayloadType: 96, SequenceNumber: 7, Timestamp: 8, SSRC: 9}
	_ = h.SetExtension(3, []byte{1, 2})
	b, _ := (&rtp.Packet{Header: h, Payload: []byte{1, 2, 3}}).Marshal()
	f.Add(b, uint8(3))
	f.Fuzz(func(t *testing.T, b []byte, id uint8) {
		h, ok := parseHeader(b, id%15)
		var want rtp.Packet
		err := want.Unmarshal(b)
		if err == nil && want.Version == 2 && !ok {
			t.Fatal("refuses what pion reads")
		}
		if !ok {
			return
		}
		payload := h.payload(b)
		if err != nil || want.Version != 2 {
			return
		}
		if h.ssrc != want.SSRC || h.sequence != want.SequenceNumber || h.timestamp != want.Timestamp || h.marker != want.Marker || h.payloadType != want.PayloadType {
			t.Errorf("%+v, want %v", h, want.Header)
		}
		if !bytes.Equal(payload, want.Payload) {
			t.Errorf("payload %x, want %x", payload, want.Payload)
		}
		if ext := want.GetExtension(id % 15); id%15 != 0 && want.ExtensionProfile == 0xbede && len(ext) == 2 != h.hasTransport {
			t.Errorf("transport-wide number %v, extension %x", h.hasTransport, ext)
		}
	})
}
