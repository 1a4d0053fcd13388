package transport

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/pion/sdp/v3"

	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
)

// An outLine is an m-line towards the client. Its SSRCs never change.
type outLine struct {
	kind forwarder.Kind
	slot int // both m-lines of a slot carry the same stream id, so that the browser plays them in sync
	ssrc uint32
	rtx  uint32 // 0 for audio
}

// A side is what an answer says of this side of the transport.
type side struct {
	credentials
	fingerprint string
	candidates  []string
}

// answer is the answer to an offer that was judged (RFC 8829 section 5.3): m-lines in the order of the offer, all in one bundle, those that
// are refused with port 0. out are the m-lines towards the client by mid.
func (o *offer) answer(at side, out map[string]outLine, session, version uint64) *sdp.SessionDescription {
	d := &sdp.SessionDescription{
		Origin: sdp.Origin{
			Username: "-", SessionID: session, SessionVersion: version, NetworkType: "IN", AddressType: "IP4", UnicastAddress: "0.0.0.0",
		},
		SessionName:      "-",
		TimeDescriptions: []sdp.TimeDescription{{}},
	}
	bundle := "BUNDLE"
	for i := range o.sections {
		s := &o.sections[i]
		if s.refused != 0 || s.disabled {
			d.MediaDescriptions = append(d.MediaDescriptions, s.rejected())
			continue
		}
		m := s.accepted(at, out)
		if bundle == "BUNDLE" { // the first one carries the transport of all (RFC 8843 section 7.3)
			for _, c := range at.candidates {
				m.Attributes = append(m.Attributes, sdp.Attribute{Key: "candidate", Value: c})
			}
			m.Attributes = append(m.Attributes, sdp.Attribute{Key: "end-of-candidates"})
		}
		bundle += " " + s.mid
		d.MediaDescriptions = append(d.MediaDescriptions, m)
	}
	d.Attributes = []sdp.Attribute{
		{Key: "group", Value: bundle}, {Key: "fingerprint", Value: at.fingerprint}, {Key: "msid-semantic", Value: "WMS *"},
	}
	if _, mixed := o.description.Attribute("extmap-allow-mixed"); mixed { // RFC 8285 section 6
		d.Attributes = append(d.Attributes, sdp.Attribute{Key: "extmap-allow-mixed"})
	}
	return d
}

// unspecified is the connection address where candidates say it (RFC 8839 section 4.2.1.2).
var unspecified = &sdp.ConnectionInformation{NetworkType: "IN", AddressType: "IP4", Address: &sdp.Address{Address: "0.0.0.0"}}

// accepted is the m-line in an answer that agrees to it.
func (s *section) accepted(at side, out map[string]outLine) *sdp.MediaDescription {
	m := &sdp.MediaDescription{MediaName: s.media.MediaName, ConnectionInformation: unspecified}
	m.MediaName.Port = sdp.RangedPort{Value: 9}
	m.MediaName.Formats = nil
	add := func(key, value string) { m.Attributes = append(m.Attributes, sdp.Attribute{Key: key, Value: value}) }
	add("setup", "passive")
	add("mid", s.mid)
	add("ice-ufrag", at.ufrag)
	add("ice-pwd", at.pwd)
	add("rtcp-mux", "")
	add("rtcp-rsize", "")
	s.agree(m)
	switch {
	case s.receives:
		out[s.mid].announce(m)
		add("sendonly", "")
	case s.sends:
		if rids := sendRIDs(s.media); len(rids) > 0 {
			for _, rid := range rids {
				add("rid", rid+" recv")
			}
			add("simulcast", "recv "+strings.Join(rids, ";"))
		}
		add("recvonly", "")
	default:
		add("inactive", "")
	}
	return m
}

// announce names the SSRCs (RFC 5576) and the slot (RFC 8830) of an m-line.
func (l outLine) announce(m *sdp.MediaDescription) {
	add := func(key, value string) { m.Attributes = append(m.Attributes, sdp.Attribute{Key: key, Value: value}) }
	stream := fmt.Sprintf("slot%d", l.slot)
	track := stream + "-" + l.kind.String()
	ssrcs := []uint32{l.ssrc}
	if l.rtx != 0 {
		ssrcs = append(ssrcs, l.rtx)
		add("ssrc-group", fmt.Sprintf("FID %d %d", l.ssrc, l.rtx))
	}
	for _, ssrc := range ssrcs {
		id := strconv.FormatUint(uint64(ssrc), 10)
		add("ssrc", id+" cname:"+stream)
		add("ssrc", id+" msid:"+stream+" "+track)
	}
	add("msid", stream+" "+track)
}

// agree adds what both sides can do: the offer's formats and header extensions that this package knows, under the offer's numbers.
func (s *section) agree(m *sdp.MediaDescription) {
	kept := map[string]bool{}
	for _, f := range formats(s.media) {
		if !slices.Contains(s.codecs, f.Codec) {
			continue
		}
		kept[strconv.Itoa(int(f.PayloadType))] = true
		if f.RTX != 0 {
			kept[strconv.Itoa(int(f.RTX))] = true
		}
	}
	for _, pt := range s.media.MediaName.Formats {
		if kept[pt] {
			m.MediaName.Formats = append(m.MediaName.Formats, pt)
		}
	}
	known := knownExtensions[s.kind]
	for _, a := range s.media.Attributes {
		pt, rest, _ := strings.Cut(a.Value, " ")
		switch a.Key {
		case "rtpmap", "fmtp":
			if kept[pt] {
				m.Attributes = append(m.Attributes, a)
			}
		case "rtcp-fb":
			if (kept[pt] || pt == "*") && slices.Contains(knownFeedback[s.kind], strings.TrimSpace(rest)) {
				m.Attributes = append(m.Attributes, a)
			}
		case "extmap":
			id, _, _ := strings.Cut(pt, "/")
			uri, _, _ := strings.Cut(rest, " ")
			if n, err := strconv.Atoi(id); err == nil && n <= maxExtension && slices.Contains(known, uri) {
				m.Attributes = append(m.Attributes, sdp.Attribute{Key: "extmap", Value: id + " " + uri})
			}
		}
	}
}

// allow takes the codecs out of an offer that this side does not want.
func (o *offer) allow(video []codec.Type) {
	for i := range o.sections {
		s := &o.sections[i]
		s.codecs = slices.DeleteFunc(s.codecs, func(t codec.Type) bool { return t.Video() && !slices.Contains(video, t) })
	}
}
