package client

import (
	"fmt"

	"github.com/pion/webrtc/v4"

	"sfu/pkg/codec"
)

// formats are the payload types that this client offers, those of Chromium.
var formats = map[codec.Type]struct {
	payloadType, rtx webrtc.PayloadType
	fmtp             string
}{
	codec.VP8:  {96, 97, ""},
	codec.VP9:  {98, 99, "profile-id=0"},
	codec.H264: {108, 109, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"},
	codec.AV1:  {45, 46, "level-idx=5;profile=0;tier=0"},
}

// mediaEngine returns what the client offers.
func mediaEngine(video []codec.Type) (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	if err := m.RegisterCodec(webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48_000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: "transport-cc"}},
		},
		PayloadType: 111,
	}, webrtc.RTPCodecTypeAudio); err != nil {
		return nil, fmt.Errorf("register opus: %w", err)
	}
	feedback := []webrtc.RTCPFeedback{{Type: "transport-cc"}, {Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}}
	for _, c := range video {
		f, known := formats[c]
		if !known {
			return nil, fmt.Errorf("offer %v: not a video codec", c)
		}
		for _, p := range []webrtc.RTPCodecParameters{
			{RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: c.MIMEType(), ClockRate: 90_000, SDPFmtpLine: f.fmtp, RTCPFeedback: feedback,
			}, PayloadType: f.payloadType},
			{RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeRTX, ClockRate: 90_000, SDPFmtpLine: fmt.Sprintf("apt=%d", f.payloadType),
			}, PayloadType: f.rtx},
		} {
			if err := m.RegisterCodec(p, webrtc.RTPCodecTypeVideo); err != nil {
				return nil, fmt.Errorf("register %s: %w", p.MimeType, err)
			}
		}
	}
	for kind, uris := range map[webrtc.RTPCodecType][]string{
		webrtc.RTPCodecTypeAudio: {extensionMID, extensionTransportCC, extensionAudioLevel},
		webrtc.RTPCodecTypeVideo: {extensionMID, extensionTransportCC, extensionRID, extensionRepairedRID},
	} {
		for _, uri := range uris {
			if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, kind); err != nil {
				return nil, fmt.Errorf("register extension: %w", err)
			}
		}
	}
	return m, nil
}
