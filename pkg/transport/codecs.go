package transport

import (
	"slices"
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

// maxExtension is the highest id of a header extension that is answered: it fits the one-byte form (RFC 8285 section 4.2).
const maxExtension = 14

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
	other := false
	switch t {
	case codec.VP9:
		other = !oneOf(parameter(fmtp, "profile-id"), "", "0")
	case codec.H264:
		other = parameter(fmtp, "packetization-mode") != "1" || !hasPrefixFold(parameter(fmtp, "profile-level-id"), "42e0")
	case codec.AV1:
		other = !oneOf(parameter(fmtp, "profile"), "", "0")
	}
	if other {
		return codec.Unknown
	}
	return t
}

func oneOf(s string, all ...string) bool { return slices.Contains(all, s) }

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// parameter reads one of a format's parameters, "a=1;b=2"; the last counts.
func parameter(fmtp, name string) (value string) {
	for field := range strings.SplitSeq(fmtp, ";") {
		if k, v, ok := strings.Cut(strings.TrimSpace(field), "="); ok && strings.EqualFold(k, name) {
			value = strings.TrimSpace(v)
		}
	}
	return value
}
