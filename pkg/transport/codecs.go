package transport

import (
	"strings"

	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
)

// DefaultVideoCodecs is the order in which publishers are asked to choose. It is short on purpose: every codec is repeated on each of a viewer's
// m-lines.
var DefaultVideoCodecs = []codec.Type{codec.VP8, codec.VP9, codec.H264, codec.AV1}

const (
	extensionMID         = "urn:ietf:params:rtp-hdrext:sdes:mid"
	extensionRID         = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	extensionRepairedRID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
	extensionTransportCC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
	extensionAudioLevel  = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
)

// knownExtensions are the header extensions that are answered, knownFeedback the kinds of RTCP feedback (RFC 4585).
var (
	knownExtensions = map[forwarder.Kind][]string{
		forwarder.Audio: {extensionMID, extensionTransportCC, extensionAudioLevel},
		forwarder.Video: {extensionMID, extensionRID, extensionRepairedRID, extensionTransportCC},
	}
	knownFeedback = map[forwarder.Kind][]string{
		forwarder.Audio: {"transport-cc"},
		forwarder.Video: {"transport-cc", "ccm fir", "nack", "nack pli"},
	}
)

// formatOf tells which of the codecs of this package an SDP format is, codec.Unknown when it is none. H.264 is constrained baseline with
// packetization mode 1, VP9 profile 0, AV1 main: what every browser that has the codec can do.
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
