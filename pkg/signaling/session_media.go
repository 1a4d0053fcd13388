package signaling

import (
	"time"

	"sfu/pkg/room"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/transport"
)

// offer answers at once where it can; usually the answer comes later.
func (s *session) offer(re uint64, o protocol.Offer) {
	if !s.offers.take(time.Now()) {
		s.env.tally.rateLimited.inc(limitOffers)
		s.out.reply(re, about(protocol.RateLimited.Refuse(), o.PC, o.N))
		return
	}
	again, err := s.media.offer(re, o, false)
	switch {
	case err != nil:
		s.out.reply(re, about(s.refusal(err), o.PC, o.N))
	case again != nil:
		s.out.reply(re, *again)
	}
}

// negotiated takes over what a negotiator brought.
func (s *session) negotiated(r negotiated) {
	l := r.line
	if s.media.lines[l.name] != l || l.pending == nil || l.pending.n != r.n {
		return // the line was dropped meanwhile
	}
	p := l.pending
	l.pending = nil
	if r.err != nil {
		s.offerFailed(l, p, r)
		return
	}
	a := s.media.accept(l, p, r)
	if len(a.Slots) > 0 {
		s.need = 0
	}
	if p.join {
		s.joining.answers[l.name] = a
		s.joining.open--
		s.maybeJoined()
		return
	}
	s.out.reply(p.re, *a)
}

// offerFailed refuses an offer. A connection that never worked is dropped, and its name may be tried again.
func (s *session) offerFailed(l *line, p *pendingOffer, r negotiated) {
	refusal := about(s.refusal(r.err), l.name, p.n)
	if unused := l.conn == nil; unused || r.fatal {
		s.forgetLine(l, !unused)
		s.mediaChanged(time.Now())
	}
	if p.join {
		s.refuseJoin(refusal)
		return
	}
	s.out.reply(p.re, refusal)
}

// statusChanged tells the client how far a connection is. One that failed or closed is over: what it carried ends.
func (s *session) statusChanged(c statusChanged) {
	l := c.line
	if s.media.lines[l.name] != l {
		return
	}
	l.status, l.told = c.status, true
	if s.joining == nil {
		s.out.event(mediaOf(l))
	}
	if c.status.State == transport.Failed || c.status.State == transport.Closed {
		s.lineEnded(l)
	}
	since := time.Now()
	if c.status.State == transport.Disconnected {
		since = since.Add(-transport.DisconnectedAfter)
	}
	s.mediaChanged(since)
}

// lineEnded forgets a line whose connection is gone, with the offer that waits for it.
func (s *session) lineEnded(l *line) {
	p := l.pending
	s.forgetLine(l, true)
	if p == nil {
		return
	}
	refusal := about(protocol.NoMatch.Because("The connection ended before the offer was answered."), l.name, p.n)
	if p.join {
		s.refuseJoin(refusal)
		return
	}
	s.out.reply(p.re, refusal)
}

// forgetLine drops a line, and what would be said of its m-lines. See media.drop.
func (s *session) forgetLine(l *line, burned bool) {
	for d, of := range s.media.downs {
		if of == l {
			s.layers.forget(d)
		}
	}
	s.media.drop(l, burned)
}

// mediaChanged tells the seat whether any connection is up, and since when that is so.
func (s *session) mediaChanged(since time.Time) { s.seat.setMedia(s.media.connected(), since) }

func mediaOf(l *line) protocol.Media {
	m := protocol.Media{PC: l.name, State: l.status.State.String(), Step: l.status.Step, Path: l.status.Path}
	if l.status.Err != nil {
		refusal, _ := refusalOf(l.status.Err, time.Now())
		m.Code, m.Message = refusal.Code, refusal.Message
	}
	return m
}

// applied lets media flow on the slots of an answer.
func (s *session) applied(a protocol.Applied) (protocol.ServerMessage, error) {
	l, err := s.media.live(a.PC)
	if err != nil {
		return nil, err
	}
	switch {
	case l.answered == nil || a.N > l.answered.N:
		return nil, protocol.NoMatch.Because("This offer has not been answered.")
	case a.N == l.answered.N:
		s.media.release(l)
	}
	return protocol.OK{}, nil
}

// closeLine ends a connection as the client wishes.
func (s *session) closeLine(c protocol.Close) (protocol.ServerMessage, error) {
	l, err := s.media.live(c.PC)
	if err != nil {
		return nil, err
	}
	s.lineEnded(l)
	s.mediaChanged(time.Now())
	return protocol.OK{}, nil
}

func (s *session) publish(p protocol.Publish) (protocol.ServerMessage, error) {
	l, err := s.media.live(p.PC)
	if err != nil {
		return nil, err
	}
	id, err := s.media.publish(l, p.Mid, p.Source, p.Muted)
	if err != nil {
		return nil, err
	}
	return protocol.Published{Track: string(id)}, nil
}

func (s *session) unpublish(u protocol.Unpublish) (protocol.ServerMessage, error) {
	l, mid, err := s.media.find(u.Track)
	if err != nil {
		return nil, err
	}
	delete(l.own, mid)
	return done(s.member.Unpublish(room.TrackID(u.Track)))
}

func (s *session) mute(m protocol.Mute) (protocol.ServerMessage, error) {
	if _, _, err := s.media.find(m.Track); err != nil {
		return nil, err
	}
	return done(s.member.SetMuted(room.TrackID(m.Track), m.Muted))
}

// done is OK where nothing failed.
func done(err error) (protocol.ServerMessage, error) {
	if err != nil {
		return nil, err
	}
	return protocol.OK{}, nil
}
