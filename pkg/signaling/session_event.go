package signaling

import (
	"sfu/pkg/room"
	"sfu/pkg/signaling/protocol"
)

// event passes on what happened in the room. What happens before joined is in its snapshot.
func (s *session) event(e room.Event) {
	if ended, ok := e.(room.Ended); ok {
		if s.joining != nil {
			_, e := leftOf(ended.Reason)
			s.joining.finish(e.why)
		}
		s.leave(ended.Reason, 0)
		return
	}
	s.note(e)
	if s.joining != nil {
		return
	}
	if m := s.messageFor(e); m != nil {
		s.out.event(m)
	}
}

// note keeps what a snapshot does not hold.
func (s *session) note(e room.Event) {
	switch e := e.(type) {
	case room.LayerChanged:
		s.noteLayer(e)
	case room.SlotsBound:
		for _, b := range e.Bound {
			s.layers.bound(b.Down, string(b.Track))
		}
		s.need = max(s.need, s.lacking(e))
	}
}

// lacking is how many more slots the room asks for. While it has not got those that the client made last it knows no better, and will
// ask again.
func (s *session) lacking(e room.SlotsBound) int {
	if s.media.holds() {
		return 0
	}
	return e.Need
}

func (s *session) noteLayer(e room.LayerChanged) {
	at, ok := s.media.binding(e.Down, e.Track)
	switch {
	case !ok:
	case e.Track == "":
		s.layers.forget(e.Down)
	default:
		s.layers.set(e.Down, layerOf(at, e.State))
	}
}

// messageFor returns how the client is told of e, nil for what it need not know now.
func (s *session) messageFor(e room.Event) protocol.ServerMessage {
	switch e := e.(type) {
	case room.MemberChanged:
		return participantOf(e.Member)
	case room.MemberGone:
		return protocol.Gone{Participant: string(e.ID), Reason: string(e.Reason)}
	case room.TrackChanged:
		return trackOf(e.Track)
	case room.TrackGone:
		return protocol.Untrack{Track: string(e.ID)}
	case room.SlotsBound:
		slots := protocol.Slots{Bound: s.media.bindings(e.Bound), Need: s.lacking(e), Unavailable: unavailableOf(e.Unavailable)}
		if len(slots.Bound) > 0 || slots.Need > 0 || slots.Unavailable != nil {
			return slots
		}
	case room.MessageReceived:
		if e.Message.ID > s.seen { // what a snapshot held may still have been on its way to the inbox
			return messageOf(e.Message)
		}
	case room.Policed:
		limited := protocol.BitrateLimited.Refuse()
		limited.Track = string(e.Track)
		return limited
	}
	return nil // layers are told when they are due
}
