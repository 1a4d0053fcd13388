package signaling

import (
	"sfu/pkg/auth"
	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
	"sfu/pkg/room"
	"sfu/pkg/signaling/protocol"
)

// The functions of this file say in the protocol's words what the room, the forwarder and the transport say in theirs.

func participantOf(m room.Member) protocol.Participant {
	return protocol.Participant{ID: string(m.ID), Name: m.Name, Connected: m.Connected}
}

func trackOf(t room.Track) protocol.Track {
	return protocol.Track{
		ID:          string(t.ID),
		Participant: string(t.Participant),
		Kind:        t.Kind.String(),
		Source:      string(t.Source),
		Muted:       t.Muted,
		Codec:       t.Codec.String(),
	}
}

func messageOf(m room.Message) protocol.Message {
	return protocol.Message{
		ID:   m.ID,
		From: string(m.From),
		Name: m.Name,
		Body: m.Body,
		At:   m.At.UnixMilli(),
		To:   string(m.To),
	}
}

// unavailableOf keeps the difference between nil, "did not change", and empty.
func unavailableOf(list []room.Unavailable) []protocol.Unavailable {
	if list == nil {
		return nil
	}
	out := make([]protocol.Unavailable, len(list))
	for i, u := range list {
		out[i] = protocol.Unavailable{Track: string(u.Track), Reason: protocol.UnavailableSlots}
		if u.Codec != codec.Unknown {
			out[i].Reason, out[i].Codec = protocol.UnavailableCodec, u.Codec.String()
		}
	}
	return out
}

// membersOf is for a snapshot: everyone with tracks, nil nowhere.
func membersOf(members []room.Member) []protocol.Participant {
	out := make([]protocol.Participant, len(members))
	for i, m := range members {
		out[i] = participantOf(m)
		out[i].Tracks = make([]protocol.Track, len(m.Tracks))
		for j, t := range m.Tracks {
			out[i].Tracks[j] = trackOf(t)
		}
	}
	return out
}

func permissionsOf(g auth.Grant) protocol.Permissions {
	p := protocol.Permissions{Publish: make([]string, len(g.Publish)), Subscribe: g.Subscribe, Chat: g.Chat, Moderate: g.Moderate}
	for i, s := range g.Publish {
		p.Publish[i] = string(s)
	}
	return p
}

func layerOf(at protocol.Binding, s forwarder.DownTrackState) protocol.Layer {
	l := protocol.Layer{
		PC:      at.PC,
		Mid:     at.Mid,
		Track:   string(at.Track),
		Sending: s.Sending,
		Reason:  string(s.Reason),
		RID:     s.RID,
		Width:   s.Width,
		Height:  s.Height,
	}
	if s.Temporal >= 0 && s.Sending {
		l.Temporal = &s.Temporal
	}
	if s.Sending {
		l.Timestamp = &s.FirstTimestamp
	}
	return l
}

// leftOf says why oneself is out of the room, and how the socket ends.
func leftOf(reason room.Reason) (protocol.Left, ending) {
	left := protocol.Left{Reason: string(reason)}
	code := protocol.Internal
	switch reason {
	case room.Left:
		return left, ending{protocol.CloseLeft, closedLeft}
	case room.Removed:
		code = protocol.Removed
	case room.Replaced:
		code = protocol.Replaced
	case room.Shutdown:
		code = protocol.Shutdown
	case room.Moved:
		code = protocol.Moved
	}
	left.Code, left.Message = code, code.Info().Sentence
	return left, endingOf(code)
}

// kindOf returns what a source is made of.
func kindOf(source string) forwarder.Kind {
	switch source {
	case protocol.Microphone, protocol.ScreenAudio:
		return forwarder.Audio
	default:
		return forwarder.Video
	}
}
