package transport

import (
	"fmt"
	"strings"

	"github.com/pion/webrtc/v4"

	"sfu/pkg/codec"
)

// The codec table is short on purpose: every codec is repeated on each of a viewer's m-lines, and negotiation costs grow with the square.
// H.264 is constrained baseline with packetization mode 1, VP9 profile 0, AV1 main: what every browser that has the codec can do.
var videoFormats = map[codec.Type]struct {
	payloadType, rtx webrtc.PayloadType
	fmtp             string
}{
	codec.VP8:  {96, 97, ""},
	codec.VP9:  {98, 99, "profile-id=0"},
	codec.H264: {102, 103, "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"},
	codec.AV1:  {45, 46, "level-idx=5;profile=0;tier=0"},
}

// DefaultVideoCodecs is the order in which publishers are asked to choose.
var DefaultVideoCodecs = []codec.Type{codec.VP8, codec.VP9, codec.H264, codec.AV1}

const (
	extensionMID         = "urn:ietf:params:rtp-hdrext:sdes:mid"
	extensionRID         = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	extensionRepairedRID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
	extensionTransportCC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
	extensionAudioLevel  = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
)

// newMediaEngine registers what may be negotiated.
func newMediaEngine(video []codec.Type) (*webrtc.MediaEngine, error) {
	m := &webrtc.MediaEngine{}
	opus := webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1",
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: "transport-cc"}},
		},
		PayloadType: 111,
	}
	if err := m.RegisterCodec(opus, webrtc.RTPCodecTypeAudio); err != nil {
		return nil, fmt.Errorf("register opus: %w", err)
	}
	feedback := []webrtc.RTCPFeedback{{Type: "transport-cc"}, {Type: "ccm", Parameter: "fir"}, {Type: "nack"}, {Type: "nack", Parameter: "pli"}}
	for _, t := range video {
		f := videoFormats[t]
		for _, c := range []webrtc.RTPCodecParameters{
			{RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: t.MIMEType(), ClockRate: t.ClockRate(), SDPFmtpLine: f.fmtp, RTCPFeedback: feedback,
			}, PayloadType: f.payloadType},
			{RTPCodecCapability: webrtc.RTPCodecCapability{
				MimeType: webrtc.MimeTypeRTX, ClockRate: t.ClockRate(), SDPFmtpLine: fmt.Sprintf("apt=%d", f.payloadType),
			}, PayloadType: f.rtx},
		} {
			if err := m.RegisterCodec(c, webrtc.RTPCodecTypeVideo); err != nil {
				return nil, fmt.Errorf("register %s: %w", c.MimeType, err)
			}
		}
	}
	for _, uri := range []string{extensionMID, extensionTransportCC, extensionAudioLevel} {
		if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeAudio); err != nil {
			return nil, fmt.Errorf("register extension: %w", err)
		}
	}
	for _, uri := range []string{extensionMID, extensionRID, extensionRepairedRID, extensionTransportCC} {
		if err := m.RegisterHeaderExtension(webrtc.RTPHeaderExtensionCapability{URI: uri}, webrtc.RTPCodecTypeVideo); err != nil {
			return nil, fmt.Errorf("register extension: %w", err)
		}
	}
	return m, nil
}

// formatOf tells which of the codecs of this package an SDP format is, codec.Unknown when it is none.
func formatOf(kind, encodingName, fmtp string) codec.Type {
	t := codec.ByMIMEType(kind + "/" + encodingName)
	p := parameters(fmtp)
	switch t {
	case codec.VP9:
		if p["profile-id"] != "" && p["profile-id"] != "0" {
			return codec.Unknown
		}
	case codec.H264:
		if p["packetization-mode"] != "1" || !strings.HasPrefix(strings.ToLower(p["profile-level-id"]), "42e0") {
			return codec.Unknown
		}
	case codec.AV1:
		if p["profile"] != "" && p["profile"] != "0" {
			return codec.Unknown
		}
	}
	return t
}

// parameters reads a format's parameters, "a=1;b=2".
func parameters(fmtp string) map[string]string {
	p := map[string]string{}
	for field := range strings.SplitSeq(fmtp, ";") {
		if k, v, ok := strings.Cut(strings.TrimSpace(field), "="); ok {
			p[strings.ToLower(k)] = strings.TrimSpace(v)
		}
	}
	return p
}
