package baseline

import (
	"slices"
	"sync"

	"github.com/pion/rtcp"
	"github.com/pion/webrtc/v4"

	"sfu/pkg/signaling/protocol"
)

// A room forwards every track to every other member that has a slot for it.
type room struct {
	mu      sync.Mutex
	members []*session
}

// A track is one that is published.
type track struct {
	id    string
	owner *session
	local *webrtc.TrackLocalStaticRTP
	video bool
	codec string
	ssrc  uint32
}

// A slot is a place for one participant.
type slot struct {
	audio, video *seat
	of           *session
}

// A seat is an m-line towards a client.
type seat struct {
	mid    string
	sender *webrtc.RTPSender
	idle   *webrtc.TrackLocalStaticRTP

	mu    sync.Mutex
	track *track
}

func (s *seat) current() *track {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.track
}

// sit puts a track on the m-line, nil for none, and reports whether anything changed.
func (s *seat) sit(t *track) bool {
	if s.current() == t {
		return false
	}
	var local webrtc.TrackLocal = s.idle
	if t != nil {
		local = t.local
	}
	if err := s.sender.ReplaceTrack(local); err != nil {
		return false
	}
	s.mu.Lock()
	s.track = t
	s.mu.Unlock()
	return true
}

// readRTCP lets pion's interceptors see what the client reports, and passes keyframe requests on.
func (s *seat) readRTCP() {
	for {
		packets, _, err := s.sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			switch p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				if t := s.current(); t != nil {
					t.requestKeyframe()
				}
			}
		}
	}
}

// sources remembers what a client says its m-lines carry.
func (r *room) sources(s *session, tracks map[string]protocol.Publication) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if s.sources == nil {
		s.sources = map[string]string{}
	}
	for mid, p := range tracks {
		s.sources[mid] = p.Source
	}
}

func (r *room) addSlots(s *session, slots []*slot) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.slots = append(s.slots, slots...)
}

// join adds s and answers it with everyone, before any event of the room can reach it.
func (r *room) join(s *session, answer func([]protocol.Participant)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.members = append(r.members, s)
	var all []protocol.Participant
	for _, m := range r.members {
		p := m.participant()
		p.Tracks = []protocol.Track{}
		for mid, t := range m.published {
			p.Tracks = append(p.Tracks, t.describe(mid))
		}
		all = append(all, p)
	}
	answer(all)
	for _, m := range r.members {
		if m != s {
			m.event(s.participant())
		}
	}
}

func (s *session) participant() protocol.Participant {
	return protocol.Participant{ID: s.id, Name: s.name, Connected: true}
}

func (t *track) describe(mid string) protocol.Track {
	kind := "audio"
	if t.video {
		kind = "video"
	}
	return protocol.Track{ID: t.id, Participant: t.owner.id, Kind: kind, Source: t.owner.sources[mid], Codec: t.codec}
}

// changed seats a member anew after it joined or offered.
func (r *room) changed(s *session, m protocol.ClientMessage) {
	switch m.(type) {
	case protocol.Join, protocol.Offer:
		r.mu.Lock()
		defer r.mu.Unlock()
		r.seat(s)
	}
}

// publish announces a track and seats everyone else.
func (r *room) publish(s *session, mid string, t *track) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s.published[mid] = t
	for _, m := range r.members {
		if m != s {
			m.event(t.describe(mid))
			r.seat(m)
		}
	}
}

// leave takes s and its tracks out.
func (r *room) leave(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.Index(r.members, s)
	if i < 0 {
		return
	}
	r.members = slices.Delete(r.members, i, i+1)
	for _, m := range r.members {
		m.event(protocol.Gone{Participant: s.id, Reason: "left"})
		r.seat(m)
	}
}

// seat gives viewer's slots to the others, in the order in which they came. r.mu is held.
func (r *room) seat(viewer *session) {
	for _, one := range viewer.slots {
		if one.of != nil && !slices.Contains(r.members, one.of) {
			one.of = nil
		}
	}
	for _, m := range r.members {
		if m == viewer || len(m.published) == 0 || slices.ContainsFunc(viewer.slots, func(one *slot) bool { return one.of == m }) {
			continue
		}
		if i := slices.IndexFunc(viewer.slots, func(one *slot) bool { return one.of == nil }); i >= 0 {
			viewer.slots[i].of = m
		}
	}
	var bound []protocol.Binding
	for _, one := range viewer.slots {
		audio, video := one.wanted()
		bound = viewer.bind(bound, one.audio, audio)
		bound = viewer.bind(bound, one.video, video)
	}
	if len(bound) > 0 {
		viewer.event(protocol.Slots{Bound: bound})
	}
}

// wanted are the tracks that the slot should carry.
func (one *slot) wanted() (audio, video *track) {
	if one.of == nil {
		return nil, nil
	}
	for _, t := range one.of.published {
		if t.video {
			video = t
		} else {
			audio = t
		}
	}
	return audio, video
}

func (s *session) bind(bound []protocol.Binding, at *seat, t *track) []protocol.Binding {
	if !at.sit(t) {
		return bound
	}
	b := protocol.Binding{PC: s.pcName, Mid: at.mid}
	if t != nil {
		b.Track = protocol.NullableID(t.id)
		t.requestKeyframe()
	}
	return append(bound, b)
}
