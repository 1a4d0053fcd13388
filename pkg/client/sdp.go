package client

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"sfu/pkg/codec"
	"sfu/pkg/reception"
)

const (
	extensionMID         = "urn:ietf:params:rtp-hdrext:sdes:mid"
	extensionRID         = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
	extensionRepairedRID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
	extensionTransportCC = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
	extensionAudioLevel  = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
)

// withoutSimulcastSSRCs takes the SSRCs out of the m-lines of an offer that send simulcast: browsers name none there.
func withoutSimulcastSSRCs(offer string) (string, error) {
	if !strings.Contains(offer, "a=simulcast:send") {
		return offer, nil
	}
	d := &sdp.SessionDescription{}
	if err := d.UnmarshalString(offer); err != nil {
		return "", fmt.Errorf("read the own offer: %w", err)
	}
	for _, m := range d.MediaDescriptions {
		if _, simulcast := m.Attribute("simulcast"); !simulcast {
			continue
		}
		keep := m.Attributes[:0]
		for _, a := range m.Attributes {
			if a.Key != "ssrc" && a.Key != "ssrc-group" {
				keep = append(keep, a)
			}
		}
		m.Attributes = keep
	}
	text, err := d.Marshal()
	if err != nil {
		return "", fmt.Errorf("write the own offer: %w", err)
	}
	return string(text), nil
}

// linesOf reads from an answer what the server sends, one Line for each m-line.
func linesOf(answer string) ([]reception.Line, error) {
	d := &sdp.SessionDescription{}
	if err := d.UnmarshalString(answer); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	var lines []reception.Line
	for _, m := range d.MediaDescriptions {
		_, sends := m.Attribute("sendonly")
		if !sends || m.MediaName.Port.Value == 0 {
			continue
		}
		line := reception.Line{Video: m.MediaName.Media == "video", Formats: formatsOf(m), TransportCC: transportCC(m)}
		line.MID, _ = m.Attribute("mid")
		line.SSRC, line.RTX = streamOf(m)
		if line.SSRC != 0 {
			lines = append(lines, line)
		}
	}
	return lines, nil
}

// streamOf returns the SSRC of an m-line and that of its retransmissions (RFC 5576, RFC 4588 section 8.8).
func streamOf(m *sdp.MediaDescription) (ssrc, rtx uint32) {
	for _, a := range m.Attributes {
		fields := strings.Fields(a.Value)
		switch {
		case a.Key == "ssrc-group" && len(fields) == 3 && fields[0] == "FID":
			return number(fields[1]), number(fields[2])
		case a.Key == "ssrc" && ssrc == 0 && len(fields) > 0:
			ssrc = number(fields[0])
		}
	}
	return ssrc, 0
}

func number(s string) uint32 {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// formatsOf reads the payload types of an m-line.
func formatsOf(m *sdp.MediaDescription) []reception.Format {
	names, original := map[string]string{}, map[string]string{}
	nack, pli := map[string]bool{}, map[string]bool{}
	for _, a := range m.Attributes {
		payloadType, rest, _ := strings.Cut(a.Value, " ")
		switch a.Key {
		case "rtpmap":
			names[payloadType], _, _ = strings.Cut(rest, "/")
		case "fmtp":
			if apt, ok := strings.CutPrefix(rest, "apt="); ok {
				original[payloadType] = apt
			}
		case "rtcp-fb":
			nack[payloadType] = nack[payloadType] || rest == "nack"
			pli[payloadType] = pli[payloadType] || rest == "nack pli"
		}
	}
	rtx := map[string]uint8{}
	for payloadType, apt := range original {
		if strings.EqualFold(names[payloadType], "rtx") {
			rtx[apt] = uint8(number(payloadType))
		}
	}
	var formats []reception.Format
	for _, payloadType := range m.MediaName.Formats {
		c := codec.ByMIMEType(m.MediaName.Media + "/" + names[payloadType])
		if c == codec.Unknown {
			continue
		}
		formats = append(formats, reception.Format{
			PayloadType: uint8(number(payloadType)), Codec: c, RTX: rtx[payloadType], NACK: nack[payloadType], PLI: pli[payloadType],
		})
	}
	return formats
}

func transportCC(m *sdp.MediaDescription) uint8 {
	for _, a := range m.Attributes {
		id, uri, _ := strings.Cut(a.Value, " ")
		if a.Key == "extmap" && uri == extensionTransportCC {
			id, _, _ = strings.Cut(id, "/")
			return uint8(number(id))
		}
	}
	return 0
}
