package client

import (
	"maps"
	"slices"

	"sfu/pkg/signaling/protocol"
)

// A Place is one m-line.
type Place struct{ PC, MID string }

// A State is what the server has said of the room, and how the socket is.
type State struct {
	Self, Room   string
	Permissions  protocol.Permissions
	Participants map[string]protocol.Participant
	// Bound tells which track an m-line carries; parked ones are not in it.
	Bound       map[Place]string
	Layers      map[Place]protocol.Layer
	Unavailable []protocol.Unavailable
	Messages    []protocol.Message
	// Media is the last word on each PeerConnection.
	Media map[string]protocol.Media
	// Errors are those that answered no request.
	Errors []protocol.Error
	// Draining is set when the server is about to end.
	Draining bool
	// Left is set when oneself is out of the room.
	Left *protocol.Left
	// Online is false while the socket is lost. Resumed counts the times it was found again, Rejoins the times the room was joined anew.
	Online  bool
	Resumed int
	Rejoins int
}

func newState() State {
	return State{
		Participants: map[string]protocol.Participant{}, Bound: map[Place]string{},
		Layers: map[Place]protocol.Layer{}, Media: map[string]protocol.Media{},
	}
}

// Track returns a track of anyone's by its id.
func (s *State) Track(id string) (protocol.Track, bool) {
	for _, p := range s.Participants {
		for _, t := range p.Tracks {
			if t.ID == id {
				return t, true
			}
		}
	}
	return protocol.Track{}, false
}

// PlaceOf returns the m-line that carries a track.
func (s *State) PlaceOf(track string) (Place, bool) {
	for place, bound := range s.Bound {
		if bound == track {
			return place, true
		}
	}
	return Place{}, false
}

// clone returns a copy that shares nothing that changes.
func (s *State) clone() State {
	c := *s
	c.Participants = maps.Clone(s.Participants)
	for id, p := range c.Participants {
		p.Tracks = slices.Clone(p.Tracks)
		c.Participants[id] = p
	}
	c.Bound, c.Layers, c.Media = maps.Clone(s.Bound), maps.Clone(s.Layers), maps.Clone(s.Media)
	c.Unavailable, c.Messages, c.Errors = slices.Clone(s.Unavailable), slices.Clone(s.Messages), slices.Clone(s.Errors)
	return c
}

// apply changes s by one message of the server.
func (s *State) apply(m protocol.ServerMessage) {
	switch m := m.(type) {
	case protocol.Joined:
		s.joined(m)
	case protocol.Participant:
		m.Tracks = s.Participants[m.ID].Tracks
		s.Participants[m.ID] = m
	case protocol.Gone:
		delete(s.Participants, m.Participant)
	case protocol.Track:
		s.track(m)
	case protocol.Untrack:
		s.untrack(m.Track)
	case protocol.Slots:
		s.bind(m.Bound)
		if m.Unavailable != nil {
			s.Unavailable = m.Unavailable
		}
	case protocol.Layers:
		for _, l := range m.Layers {
			s.Layers[Place{l.PC, l.Mid}] = l
		}
	case protocol.Media:
		s.Media[m.PC] = m
	case protocol.Message:
		s.Messages = append(s.Messages, m)
	case protocol.Drain:
		s.Draining = true
	case protocol.Undrain:
		s.Draining = false
	case protocol.Left:
		s.Left = &m
	case protocol.Error:
		s.Errors = append(s.Errors, m)
	}
}

// joined replaces everything by a snapshot: what it does not name is gone.
func (s *State) joined(m protocol.Joined) {
	before := *s
	*s = newState()
	s.Self, s.Room, s.Permissions, s.Online = m.Self, m.Room, m.Permissions, true
	s.Resumed, s.Rejoins = before.Resumed, before.Rejoins
	switch {
	case m.Resumed:
		s.Media = before.Media
		s.Resumed++
	case before.Self != "":
		s.Rejoins++
	}
	for _, p := range m.Participants {
		s.Participants[p.ID] = p
	}
	s.bind(m.Bound)
	s.Unavailable, s.Messages = m.Unavailable, m.Messages
}

func (s *State) bind(bound []protocol.Binding) {
	for _, b := range bound {
		place := Place{b.PC, b.Mid}
		delete(s.Layers, place)
		if b.Track == "" {
			delete(s.Bound, place)
		} else {
			s.Bound[place] = string(b.Track)
		}
	}
}

func (s *State) track(t protocol.Track) {
	p, known := s.Participants[t.Participant]
	if !known {
		return // gone already; the server keeps the order, so this does not happen
	}
	if i := slices.IndexFunc(p.Tracks, func(other protocol.Track) bool { return other.ID == t.ID }); i >= 0 {
		p.Tracks[i] = t
	} else {
		p.Tracks = append(p.Tracks, t)
	}
	s.Participants[t.Participant] = p
}

func (s *State) untrack(id string) {
	for key, p := range s.Participants {
		p.Tracks = slices.DeleteFunc(p.Tracks, func(t protocol.Track) bool { return t.ID == id })
		s.Participants[key] = p
	}
}
