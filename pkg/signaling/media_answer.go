package signaling

import (
	"maps"
	"slices"
	"time"

	"sfu/pkg/auth"
	"sfu/pkg/forwarder"
	"sfu/pkg/room"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/transport"
)

// accept takes over what came of an offer: tracks that ended, new slots, tracks that the offer named. It returns what the client
// is told.
func (m *media) accept(l *line, p *pendingOffer, r negotiated) *protocol.Answer {
	first := l.answered == nil
	l.conn = r.conn
	l.sending = make(map[string]forwarder.Kind, len(r.answer.Sending))
	for _, s := range r.answer.Sending {
		l.sending[s.Mid] = s.Kind
	}
	m.endSilent(l)
	a := &protocol.Answer{
		PC:       l.name,
		N:        p.n,
		SDP:      r.answer.SDP,
		Slots:    m.receive(l, r.answer.Slots),
		Rejected: m.rejections(p, r.answer),
	}
	m.publishNamed(l, p, a)
	l.answered = a
	if first {
		m.release(l) // nothing can flow before the answer is applied
	}
	return a
}

// release gives the room the slots that were held back. Media that came on a new slot before the client has applied the answer would have
// an SSRC that its browser does not know: Firefox shows it in another place, and stays with that.
func (m *media) release(l *line) {
	if len(l.held) == 0 {
		return
	}
	if err := m.member.Receive(l.held); err != nil {
		m.log.Warn("the room takes no slots", "slots", len(l.held), "err", err)
	}
	l.held = nil
}

// holds reports whether slots are held back.
func (m *media) holds() bool {
	for _, l := range m.lines {
		if len(l.held) > 0 {
			return true
		}
	}
	return false
}

// endSilent ends the tracks of m-lines that the client does not send on any more.
func (m *media) endSilent(l *line) {
	for mid, own := range l.own {
		if _, still := l.sending[mid]; !still {
			delete(l.own, mid)
			m.member.Unpublish(own.id) // fails only where the room ended it before
		}
	}
}

// receive keeps new slots for the room. The answer names them whatever the room will say: they are in its SDP.
func (m *media) receive(l *line, slots []forwarder.Slot) []protocol.Slot {
	if len(slots) == 0 {
		return nil
	}
	out := make([]protocol.Slot, len(slots))
	for i, s := range slots {
		if s.Audio != nil {
			m.downs[s.Audio] = l
			out[i].Audio = s.Audio.Mid()
		}
		if s.Video != nil {
			m.downs[s.Video] = l
			out[i].Video = s.Video.Mid()
		}
	}
	l.slots += len(slots)
	l.held = append(l.held, slots...)
	return out
}

// rejections say why m-lines were turned down, and which m-lines were named that there are not.
func (m *media) rejections(p *pendingOffer, a transport.Answer) map[string]protocol.Rejection {
	out := map[string]protocol.Rejection{}
	for mid, why := range a.Rejected {
		out[mid] = rejection(m.refusal(p.tracks[mid], why))
	}
	sending := map[string]bool{}
	for _, s := range a.Sending {
		sending[s.Mid] = true
	}
	for mid := range p.tracks {
		if _, rejected := out[mid]; !rejected && !sending[mid] {
			out[mid] = rejection(protocol.NotFound.Because("The offer has no m-line with this mid that sends."))
		}
	}
	return out
}

func (m *media) refusal(named protocol.Publication, why transport.Refusal) *protocol.Error {
	switch why {
	case transport.RefusedDirection:
		return protocol.BadSDP.Because("An m-line sends or receives, not both.")
	case transport.RefusedPermission:
		if named.Source != "" && m.grant.MayPublish(auth.Source(named.Source)) {
			return wrongKind(named.Source)
		}
		return protocol.NotAllowed.Refuse()
	case transport.RefusedCodec:
		return protocol.CodecUnsupported.Refuse()
	case transport.RefusedData:
		return protocol.DataChannelsUnsupported.Refuse()
	case transport.RefusedLimit:
		return protocol.LimitReached.Because("There are no more slots for you.")
	}
	return protocol.Internal.Refuse()
}

func wrongKind(source string) *protocol.Error {
	return protocol.BadRequest.Because("\"" + source + "\" is " + kindOf(source).String() + ", the m-line is not.")
}

func rejection(e *protocol.Error) protocol.Rejection {
	return protocol.Rejection{Code: e.Code, Message: e.Message}
}

// publishNamed publishes what the offer named, in the order of the mids.
func (m *media) publishNamed(l *line, p *pendingOffer, a *protocol.Answer) {
	a.Published = map[string]string{}
	for _, mid := range slices.Sorted(maps.Keys(p.tracks)) {
		if _, rejected := a.Rejected[mid]; rejected {
			continue
		}
		named := p.tracks[mid]
		id, err := m.publish(l, mid, named.Source, named.Muted)
		if err != nil {
			refusal, known := refusalOf(err, time.Now())
			if !known {
				m.log.Error("publish failed", "err", err)
			}
			a.Rejected[mid] = rejection(refusal)
			continue
		}
		a.Published[mid] = string(id)
	}
}

// publish makes a track of an m-line. Saying the same again changes nothing but whether it is muted; another source ends the track
// before.
func (m *media) publish(l *line, mid, source string, muted bool) (room.TrackID, error) {
	kind, sends := l.sending[mid]
	if !sends {
		return "", protocol.NotFound.Because("The PeerConnection has no m-line with this mid that sends.")
	}
	if kindOf(source) != kind {
		return "", wrongKind(source)
	}
	own, published := l.own[mid]
	if published && own.source == source {
		if err := m.member.SetMuted(own.id, muted); err == nil {
			return own.id, nil
		}
		// The room has ended it meanwhile: publish it anew.
	} else if published {
		m.member.Unpublish(own.id)
	}
	delete(l.own, mid)
	id, err := m.member.Publish(l.conn.Peer(), mid, kind, auth.Source(source), muted)
	if err != nil {
		return "", err
	}
	l.own[mid] = ownTrack{id, source}
	return id, nil
}

// find returns where one of the client's own tracks is.
func (m *media) find(id string) (l *line, mid string, err error) {
	for _, l := range m.lines {
		for mid, own := range l.own {
			if string(own.id) == id {
				return l, mid, nil
			}
		}
	}
	return nil, "", protocol.NotFound.Because("You publish no such track.")
}

// live returns a line by name that has been answered.
func (m *media) live(name string) (*line, error) {
	l, ok := m.lines[name]
	if !ok {
		return nil, protocol.NoMatch.Because("There is no PeerConnection of this name.")
	}
	return l, nil
}

// takeUpAnswers returns the last answer of each line for a new socket, and lets those that are still to come arrive on it
// without a request.
func (m *media) takeUpAnswers() []protocol.Answer {
	answers := []protocol.Answer{}
	for _, name := range slices.Sorted(maps.Keys(m.lines)) {
		l := m.lines[name]
		if l.pending != nil {
			l.pending.re = 0
		}
		if l.answered != nil {
			answers = append(answers, *l.answered)
		}
	}
	return answers
}
