package transport

import (
	"fmt"

	"github.com/pion/webrtc/v4"

	"sfu/pkg/forwarder"
)

// slotTrack is what pion takes for the track of an m-line towards the client. It sends nothing itself: it makes pion choose an SSRC and
// write it into the answer, and hands over the stream that encrypts. It stays for the m-line's life.
type slotTrack struct {
	kind   webrtc.RTPCodecType
	stream string // both m-lines of a slot carry the same, so that the browser plays them in sync
	writer *writer
}

func newSlotTrack(kind forwarder.Kind, slot int, w *writer) *slotTrack {
	t := &slotTrack{kind: webrtc.RTPCodecTypeAudio, stream: fmt.Sprintf("slot%d", slot), writer: w}
	if kind == forwarder.Video {
		t.kind = webrtc.RTPCodecTypeVideo
	}
	return t
}

func (t *slotTrack) Bind(c webrtc.TrackLocalContext) (webrtc.RTPCodecParameters, error) {
	codecs := c.CodecParameters()
	if len(codecs) == 0 {
		return webrtc.RTPCodecParameters{}, webrtc.ErrUnsupportedCodec
	}
	t.writer.bind(c.WriteStream())
	return codecs[0], nil
}

func (t *slotTrack) Unbind(webrtc.TrackLocalContext) error { return nil }
func (t *slotTrack) ID() string                            { return t.stream + "-" + t.kind.String() }
func (t *slotTrack) RID() string                           { return "" }
func (t *slotTrack) StreamID() string                      { return t.stream }
func (t *slotTrack) Kind() webrtc.RTPCodecType             { return t.kind }
