package transport

import (
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
)

// describe says what offer and answer agreed on, one Media for each m-line that carries something.
func describe(o *offer, answer *sdp.SessionDescription) []forwarder.Media {
	var all []forwarder.Media
	for i, s := range o.sections {
		if s.refused != 0 || s.disabled || i >= len(answer.MediaDescriptions) || s.sends == s.receives {
			continue
		}
		agreed := answer.MediaDescriptions[i]
		m := forwarder.Media{Mid: s.mid, Kind: s.kind, Send: s.receives, Formats: known(formats(agreed)), Extensions: extensions(agreed)}
		if len(m.Formats) == 0 {
			continue
		}
		if m.Send {
			m.Streams = streams(agreed)
		} else {
			m.Streams = streams(s.media)
			m.RIDs = sendRIDs(s.media)
		}
		all = append(all, m)
	}
	return all
}

func known(all []forwarder.Format) []forwarder.Format {
	var some []forwarder.Format
	for _, f := range all {
		if f.Codec != codec.Unknown {
			some = append(some, f)
		}
	}
	return some
}

// formats reads the payload types of an m-line in their order; retransmission formats are joined to theirs (RFC 4588 section 8.1).
func formats(media *sdp.MediaDescription) []forwarder.Format {
	var all []forwarder.Format
	names, fmtps := map[string]string{}, map[string]string{}
	for _, a := range media.Attributes {
		pt, rest, _ := strings.Cut(a.Value, " ")
		switch a.Key {
		case "rtpmap":
			names[pt], _, _ = strings.Cut(rest, "/")
		case "fmtp":
			fmtps[pt] = rest
		}
	}
	rtx := map[string]uint8{}
	for _, pt := range media.MediaName.Formats {
		if strings.EqualFold(names[pt], "rtx") {
			if n, ok := payloadType(pt); ok {
				rtx[parameter(fmtps[pt], "apt")] = n
			}
		}
	}
	for _, pt := range media.MediaName.Formats {
		n, ok := payloadType(pt)
		if !ok || names[pt] == "" || strings.EqualFold(names[pt], "rtx") {
			continue
		}
		f := forwarder.Format{Codec: formatOf(media.MediaName.Media, names[pt], fmtps[pt]), PayloadType: n, RTX: rtx[pt]}
		f.NACK, f.PLI, f.FIR = feedback(media, pt)
		all = append(all, f)
	}
	return all
}

func payloadType(s string) (uint8, bool) {
	n, err := strconv.ParseUint(s, 10, 7)
	return uint8(n), err == nil
}

func feedback(media *sdp.MediaDescription, payloadType string) (nack, pli, fir bool) {
	for _, a := range media.Attributes {
		if a.Key != "rtcp-fb" {
			continue
		}
		pt, what, _ := strings.Cut(a.Value, " ")
		if pt != payloadType && pt != "*" {
			continue
		}
		switch strings.TrimSpace(what) {
		case "nack":
			nack = true
		case "nack pli":
			pli = true
		case "ccm fir":
			fir = true
		}
	}
	return nack, pli, fir
}

// extensions reads the header extension ids of an m-line (RFC 8285 section 5).
func extensions(media *sdp.MediaDescription) forwarder.Extensions {
	var e forwarder.Extensions
	for _, a := range media.Attributes {
		if a.Key != "extmap" {
			continue
		}
		id, uri, _ := strings.Cut(a.Value, " ")
		id, _, _ = strings.Cut(id, "/")
		uri, _, _ = strings.Cut(uri, " ")
		n, err := strconv.ParseUint(id, 10, 8)
		if err != nil || n > maxExtension {
			continue
		}
		switch uri {
		case extensionMID:
			e.MID = uint8(n)
		case extensionRID:
			e.RID = uint8(n)
		case extensionRepairedRID:
			e.RepairedRID = uint8(n)
		case extensionTransportCC:
			e.TransportCC = uint8(n)
		case extensionAudioLevel:
			e.AudioLevel = uint8(n)
		}
	}
	return e
}

// streams reads the SSRCs of an m-line; an FID group joins one to its retransmissions (RFC 5576, RFC 4588).
func streams(media *sdp.MediaDescription) []forwarder.Stream {
	var order []uint32
	repairs, repair := map[uint32]uint32{}, map[uint32]bool{}
	for _, a := range media.Attributes {
		switch a.Key {
		case "ssrc":
			id, _, _ := strings.Cut(a.Value, " ")
			if n, err := strconv.ParseUint(id, 10, 32); err == nil && n != 0 && !slices.Contains(order, uint32(n)) {
				order = append(order, uint32(n))
			}
		case "ssrc-group":
			f := strings.Fields(a.Value)
			if len(f) != 3 || f[0] != "FID" {
				continue
			}
			primary, err1 := strconv.ParseUint(f[1], 10, 32)
			rtx, err2 := strconv.ParseUint(f[2], 10, 32)
			if err1 == nil && err2 == nil && primary != rtx {
				repairs[uint32(primary)], repair[uint32(rtx)] = uint32(rtx), true
			}
		}
	}
	var all []forwarder.Stream
	for _, ssrc := range order {
		if !repair[ssrc] {
			all = append(all, forwarder.Stream{SSRC: ssrc, RTX: repairs[ssrc]})
		}
	}
	return all
}

// sendRIDs returns the simulcast encodings that an m-line sends, in their order (RFC 8853).
func sendRIDs(media *sdp.MediaDescription) []string {
	for _, a := range media.Attributes {
		if a.Key != "simulcast" {
			continue
		}
		fields := strings.Fields(a.Value)
		for i := 0; i+1 < len(fields); i += 2 {
			if fields[i] != "send" {
				continue
			}
			var rids []string
			for stream := range strings.SplitSeq(fields[i+1], ";") {
				rid, _, _ := strings.Cut(stream, ",") // alternatives: the first one is meant
				if rid = strings.TrimPrefix(rid, "~"); isToken(rid, maxMid) && len(rids) < maxRIDs {
					rids = append(rids, strings.Clone(rid)) // they last, the offer does not
				}
			}
			return rids
		}
	}
	return nil
}
