package signaling

import (
	"time"

	"sfu/pkg/forwarder"
	"sfu/pkg/room"
	"sfu/pkg/signaling/protocol"
)

// request acts on what the client asks. What it may do is decided by the room, from the grant with which it joined.
func (s *session) request(req protocol.Request) {
	switch body := req.Body.(type) {
	case protocol.Offer:
		s.offer(req.ID, body)
		return
	case protocol.Leave:
		s.leave(room.Left, req.ID)
		return
	}
	reply, err := s.answer(req.Body)
	if err != nil {
		s.refuse(req.ID, err)
		return
	}
	s.out.reply(req.ID, reply)
}

// answer handles the requests that are answered at once.
func (s *session) answer(body protocol.ClientMessage) (protocol.ServerMessage, error) {
	switch b := body.(type) {
	case protocol.Ping:
		return protocol.OK{}, nil
	case protocol.Applied:
		return s.applied(b)
	case protocol.Close:
		return s.closeLine(b)
	case protocol.Publish:
		return s.publish(b)
	case protocol.Unpublish:
		return s.unpublish(b)
	case protocol.Mute:
		return s.mute(b)
	case protocol.Subscribe:
		return done(s.member.Subscribe(trackIDs(b.Tracks)...))
	case protocol.Unsubscribe:
		return done(s.member.Unsubscribe(trackIDs(b.Tracks)...))
	case protocol.View:
		return s.view(b)
	case protocol.Say:
		return s.say(b)
	case protocol.Rename:
		return done(s.member.Rename(b.Name))
	case protocol.Remove:
		return done(s.member.Remove(room.ParticipantID(b.Participant)))
	case protocol.Join, protocol.Resume:
		return nil, protocol.BadState.Because("You are in the room already.")
	default:
		return nil, protocol.Unsupported.Refuse()
	}
}

// view sets the sizes of all tracks that are there, at once; one that ended a moment ago does not spoil the others.
func (s *session) view(v protocol.View) (protocol.ServerMessage, error) {
	shown := make([]room.Shown, 0, len(v.Tracks))
	for _, t := range v.Tracks {
		one := room.Shown{Track: room.TrackID(t.Track), View: forwarder.View{Width: t.Width, Height: t.Height, FPS: t.FPS}, Priority: 1}
		if t.Priority != nil {
			one.Priority = *t.Priority
		}
		shown = append(shown, one)
	}
	if err := s.member.SetViews(shown...); err != nil {
		return nil, s.refusal(err)
	}
	return protocol.OK{}, nil
}

func (s *session) say(m protocol.Say) (protocol.ServerMessage, error) {
	if len(m.Body) > s.env.opts.ChatBytes {
		return nil, protocol.MessageTooBig.Refuse()
	}
	if !s.chat.take(time.Now()) {
		s.env.tally.rateLimited.inc(limitChat)
		return nil, protocol.RateLimited.Refuse()
	}
	return done(s.member.Send(m.Body, room.ParticipantID(m.To)))
}

func trackIDs(names []string) []room.TrackID {
	ids := make([]room.TrackID, len(names))
	for i, n := range names {
		ids[i] = room.TrackID(n)
	}
	return ids
}
