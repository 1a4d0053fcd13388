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

// Limits of an offer.
const (
	maxSDPBytes   = 256 << 10
	maxSDPLines   = 8000
	maxSections   = 128
	maxLines      = 512 // in a connection's life, as none is forgotten
	maxCandidates = 64
	maxMid        = 16
	maxRIDs       = 4
	maxSSRCs      = 16 // per m-line
)

// An offer is a client's SDP after it was found fit, without its candidates.
type offer struct {
	description *sdp.SessionDescription
	sections    []section
}

// A section is one m-line of an offer.
type section struct {
	media *sdp.MediaDescription
	mid   string
	kind  forwarder.Kind // 0 for what is neither audio nor video
	// receives is set where the client receives, sends where it sends.
	receives, sends bool
	// disabled is set on an m-line that the client itself has turned off.
	disabled bool
	codecs   []codec.Type
	// refused says why the m-line will be rejected, 0 when it is not.
	refused Refusal
}

func badSDP(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrBadSDP, fmt.Sprintf(format, args...))
}

// parseOffer reads an offer and refuses what cannot be answered. The candidates are gone from what it returns: the server learns a client's
// address from the client's own checks and must never send to an address that a client merely names.
func parseOffer(text string) (*offer, error) {
	if len(text) > maxSDPBytes || strings.Count(text, "\n") > maxSDPLines {
		return nil, badSDP("it is larger than %d bytes or %d lines", maxSDPBytes, maxSDPLines)
	}
	if n := strings.Count(text, "a=candidate:"); n > maxCandidates {
		return nil, fmt.Errorf("%w: %d", ErrTooManyCandidates, n)
	}
	o := &offer{description: &sdp.SessionDescription{}}
	if err := o.description.UnmarshalString(text); err != nil {
		return nil, badSDP("it is not SDP")
	}
	if n := len(o.description.MediaDescriptions); n == 0 || n > maxSections {
		return nil, badSDP("it has %d m-lines, 1 to %d are possible", n, maxSections)
	}
	o.description.Attributes = slices.DeleteFunc(o.description.Attributes, namesCandidate)
	for _, media := range o.description.MediaDescriptions {
		s, err := parseSection(media)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(o.sections, func(other section) bool { return other.mid == s.mid }) {
			return nil, badSDP("two m-lines have the mid %q", s.mid)
		}
		o.sections = append(o.sections, s)
	}
	return o, o.checkTransport()
}

func parseSection(media *sdp.MediaDescription) (section, error) {
	s := section{media: media}
	mid, _ := media.Attribute("mid")
	s.mid = strings.Clone(mid) // it lasts, the offer does not
	if !isToken(s.mid, maxMid) {
		return s, badSDP("an m-line has no usable mid")
	}
	switch media.MediaName.Media {
	case "audio":
		s.kind = forwarder.Audio
	case "video":
		s.kind = forwarder.Video
	}
	media.Attributes = slices.DeleteFunc(media.Attributes, namesCandidate)
	_, bundleOnly := media.Attribute("bundle-only")
	port := media.MediaName.Port.Value
	if port < 0 || port > 65535 {
		return s, badSDP("the port of m-line %s is not one", s.mid)
	}
	s.disabled = port == 0 && !bundleOnly
	switch direction(media) {
	case "sendonly":
		s.sends = true
	case "recvonly":
		s.receives = true
	case "sendrecv":
		s.sends, s.receives = true, true
	}
	if s.kind == 0 || s.disabled {
		return s, nil
	}
	if _, ok := media.Attribute("rtcp-mux"); !ok {
		return s, badSDP("m-line %s does without rtcp-mux", s.mid)
	}
	for _, f := range formats(media) {
		if f.Codec != codec.Unknown {
			s.codecs = append(s.codecs, f.Codec)
		}
	}
	return s, checkAttributes(media, s.mid)
}

// namesCandidate reports whether a tells where to reach the client.
func namesCandidate(a sdp.Attribute) bool {
	return a.Key == "candidate" || a.Key == "end-of-candidates" || a.Key == "remote-candidates"
}

func direction(media *sdp.MediaDescription) string {
	for _, a := range media.Attributes {
		switch a.Key {
		case "sendonly", "recvonly", "sendrecv", "inactive":
			return a.Key
		}
	}
	return "sendrecv" // RFC 8866 section 6.7
}

// checkAttributes refuses lists on an m-line that are too long or contradict themselves.
func checkAttributes(media *sdp.MediaDescription, mid string) error {
	var rids int
	ssrcs := map[string]bool{}
	extensions := map[string]bool{}
	for _, a := range media.Attributes {
		id, _, _ := strings.Cut(a.Value, " ")
		switch a.Key {
		case "rid":
			if rids++; rids > maxRIDs || !isToken(id, maxMid) {
				return badSDP("m-line %s has more than %d usable rids", mid, maxRIDs)
			}
		case "ssrc":
			ssrcs[id] = true
			if _, err := strconv.ParseUint(id, 10, 32); err != nil || len(ssrcs) > maxSSRCs {
				return badSDP("m-line %s has more than %d usable SSRCs", mid, maxSSRCs)
			}
		case "extmap":
			number, _, _ := strings.Cut(id, "/")
			n, err := strconv.Atoi(number)
			if err != nil || n < 1 || n > 254 || n == 15 || extensions[number] {
				return badSDP("m-line %s has the extension id %.8q twice or out of range", mid, number)
			}
			extensions[number] = true
		}
	}
	return nil
}

// checkTransport looks at what all m-lines share: one bundle, one ICE user, one certificate.
func (o *offer) checkTransport() error {
	bundle := o.bundle()
	var first *sdp.MediaDescription
	for i := range o.sections {
		s := &o.sections[i]
		if s.disabled {
			continue
		}
		if !slices.Contains(bundle, s.mid) {
			return badSDP("m-line %s is not in the bundle", s.mid)
		}
		if first == nil {
			first = s.media
		}
	}
	if first == nil {
		return badSDP("every m-line is turned off")
	}
	ufrag, pwd := o.attribute(first, "ice-ufrag"), o.attribute(first, "ice-pwd")
	if !isICE(ufrag, 4, 256) || !isICE(pwd, 22, 256) {
		return badSDP("the ICE credentials are missing or malformed")
	}
	fingerprint := o.attribute(first, "fingerprint")
	if err := checkFingerprint(fingerprint); err != nil {
		return err
	}
	if setup := o.attribute(first, "setup"); setup != "actpass" && setup != "active" {
		return badSDP("setup must be actpass or active: the server is the DTLS server")
	}
	return o.checkAgreement(map[string]string{"ice-ufrag": ufrag, "ice-pwd": pwd, "fingerprint": fingerprint})
}

// checkAgreement wants every mention of what is shared to say the same as the one that was looked at. RFC 8843 section 7.1.3 lets the other
// m-lines repeat it, and the session may name it as well; which mention counts is read differently, by pion too.
func (o *offer) checkAgreement(want map[string]string) error {
	if err := agreed(o.description.Attributes, want); err != nil {
		return err
	}
	for i := range o.sections {
		if o.sections[i].disabled {
			continue
		}
		if err := agreed(o.sections[i].media.Attributes, want); err != nil {
			return err
		}
	}
	return nil
}

func agreed(mentions []sdp.Attribute, want map[string]string) error {
	for _, a := range mentions {
		value, shared := want[a.Key]
		if shared && a.Value != value && (a.Key != "fingerprint" || !strings.EqualFold(a.Value, value)) {
			return badSDP("the m-lines do not agree on %s", a.Key)
		}
	}
	return nil
}

// transport returns what the client's side of the transport says; others than before are an ICE restart.
func (o *offer) transport() (c credentials, fingerprint string) {
	for _, s := range o.sections {
		if !s.disabled {
			lasting := func(key string) string { return strings.Clone(o.attribute(s.media, key)) }
			return credentials{lasting("ice-ufrag"), lasting("ice-pwd")}, lasting("fingerprint")
		}
	}
	return c, ""
}

func (o *offer) attribute(media *sdp.MediaDescription, key string) string {
	if v, ok := media.Attribute(key); ok {
		return v
	}
	v, _ := o.description.Attribute(key)
	return v
}

// bundle returns the mids of the BUNDLE group (RFC 8843).
func (o *offer) bundle() []string {
	for _, a := range o.description.Attributes {
		if mids, ok := strings.CutPrefix(a.Value, "BUNDLE "); ok && a.Key == "group" {
			return strings.Fields(mids)
		}
	}
	return nil
}

// checkFingerprint wants one of the hashes of RFC 8122 that are still safe, in full length.
func checkFingerprint(value string) error {
	algorithm, digits, _ := strings.Cut(value, " ")
	bytes, ok := map[string]int{"sha-256": 32, "sha-384": 48, "sha-512": 64}[strings.ToLower(algorithm)]
	if !ok {
		return badSDP("a sha-256 fingerprint is needed")
	}
	parts := strings.Split(digits, ":")
	if len(parts) != bytes {
		return badSDP("the fingerprint is malformed")
	}
	for _, p := range parts {
		if _, err := strconv.ParseUint(p, 16, 8); err != nil || len(p) != 2 {
			return badSDP("the fingerprint is malformed")
		}
	}
	return nil
}

// judge decides which m-lines are refused. slots is how many slots there are, on the m-lines that receiving knows, which are not refused any more.
// Each new m-line counts as addSlots will count it: the i-th of its kind is in the i-th new slot.
func (o *offer) judge(permit Permit, slots int, receiving func(mid string) bool) {
	made := map[forwarder.Kind]int{}
	for i := range o.sections {
		s := &o.sections[i]
		switch {
		case s.disabled:
		case s.kind == 0:
			s.refused = RefusedData
		case s.sends && s.receives:
			s.refused = RefusedDirection
		case len(s.codecs) == 0:
			s.refused = RefusedCodec
		case s.sends && !permit.Publish(s.mid, s.kind):
			s.refused = RefusedPermission
		case s.receives && !receiving(s.mid):
			if slots+made[s.kind] >= permit.Slots {
				s.refused = RefusedLimit
				continue
			}
			made[s.kind]++
		}
	}
}

// any reports whether an m-line is left that is neither refused nor turned off.
func (o *offer) any() bool {
	return slices.ContainsFunc(o.sections, func(s section) bool { return s.refused == 0 && !s.disabled })
}

// rejected is the m-line in an answer that turns it down. It names the formats as the offer did: some cannot read it otherwise.
func (s *section) rejected() *sdp.MediaDescription {
	name := s.media.MediaName
	name.Port = sdp.RangedPort{Value: 0}
	m := &sdp.MediaDescription{
		MediaName:             name,
		ConnectionInformation: unspecified,
		Attributes:            []sdp.Attribute{{Key: "mid", Value: s.mid}, {Key: "inactive"}},
	}
	for _, a := range s.media.Attributes {
		if a.Key == "rtpmap" {
			m.Attributes = append(m.Attributes, a)
		}
	}
	return m
}

// isToken reports whether s is 1 to longest characters of an SDP token that is safe to repeat.
func isToken(s string, longest int) bool {
	return isMadeOf(s, 1, longest, "!#$%&'*+-.^_`{|}~")
}

// isICE reports whether s is made of ice-char (RFC 8839 section 5.4).
func isICE(s string, shortest, longest int) bool { return isMadeOf(s, shortest, longest, "+/-_") }

func isMadeOf(s string, shortest, longest int, punctuation string) bool {
	if len(s) < shortest || len(s) > longest {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case strings.IndexByte(punctuation, c) >= 0:
		default:
			return false
		}
	}
	return true
}
