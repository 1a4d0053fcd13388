package signaling

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"sfu/pkg/auth"
	"sfu/pkg/room"
	"sfu/pkg/signaling/protocol"
)

// A visitor is who opened a socket.
type visitor struct {
	room  string
	from  netip.Addr
	began time.Time
}

// greet acts on the first message of a socket. It returns the session that the socket now belongs to.
func (s *Server) greet(ctx context.Context, c link, v visitor, req protocol.Request) (*session, error) {
	switch body := req.Body.(type) {
	case protocol.Join:
		return s.join(ctx, c, v, req.ID, body)
	case protocol.Resume:
		sess, err := s.resume(c, v, req.ID, body)
		s.tally.resumes.inc(resultOf(err))
		return sess, err
	default:
		return nil, protocol.BadState.Because("The first message is join or resume.")
	}
}

func resultOf(err error) string {
	if err == nil {
		return resultOK
	}
	refusal, _ := refusalOf(err, time.Now())
	return string(refusal.Code)
}

// join makes a session. It is counted when it has said joined, or failed to.
func (s *Server) join(ctx context.Context, c link, v visitor, re uint64, j protocol.Join) (*session, error) {
	if !s.addresses.join(v.from, time.Now()) {
		s.tally.rateLimited.inc(limitJoins)
		err := protocol.RateLimited.Refuse()
		s.tally.joined(v.began, resultOf(err))
		return nil, err
	}
	if err := s.admission.enter(ctx); err != nil {
		s.tally.joined(v.began, resultOf(err))
		return nil, err
	}
	counted := false
	finish := func(result string) {
		if !counted {
			counted = true
			s.admission.leave()
			s.tally.joined(v.began, result)
		}
	}
	sess, err := s.enter(v, j, &joining{re: re, offers: j.Offers, manual: j.Subscribe == protocol.SubscribeManual, finish: finish}, c)
	if err != nil {
		finish(resultOf(err))
	}
	return sess, err
}

// enter takes the participant into the room and starts the session.
func (s *Server) enter(v visitor, j protocol.Join, attempt *joining, c link) (*session, error) {
	if err := s.admits(v); err != nil {
		return nil, err
	}
	if err := s.opts.Admit(); err != nil {
		return nil, s.notLocated(err, v)
	}
	grant, err := s.verify(j.Token, v)
	if err != nil {
		return nil, err
	}
	sess := newSession(s.env, v.room, grant, s.log)
	sess.joining, sess.out = attempt, outbox{link: c, tally: s.tally}
	member, _, err := s.rooms.Join(grant, j.Name, sess.inbox)
	if err != nil {
		return nil, err
	}
	if err := s.tokens.Redeem(grant, time.Now()); err != nil {
		member.Leave(room.Left)
		s.authFailed(err, v.from)
		return nil, err
	}
	sess.enter(member)
	if j.Client != nil {
		sess.log = sess.log.With("client", clip(j.Client.Name), "version", clip(j.Client.Version))
	}
	sess.log.Info("joining", "offers", len(j.Offers))
	if err := s.add(sess, v); err != nil {
		member.Leave(room.Left)
		return nil, err
	}
	return sess, nil
}

// clip bounds what a client may put into the log.
func clip(s string) string {
	const most = 64
	if len(s) > most {
		return s[:most]
	}
	return s
}

// resume finds the session and lets it decide. The counter of failed attempts sees wrong secrets only: sessions that are over are
// no guesses, after a restart every client has one.
func (s *Server) resume(c link, v visitor, re uint64, r protocol.Resume) (*session, error) {
	if !s.addresses.join(v.from, time.Now()) {
		s.tally.rateLimited.inc(limitJoins)
		return nil, protocol.RateLimited.Refuse()
	}
	id, secret, ok := splitSession(r.Session)
	sess := s.find(id)
	if !ok || sess == nil || sess.room != v.room {
		return nil, protocol.ResumeInvalid.Refuse()
	}
	reply := make(chan error, 1)
	sess.inbox.post(attach{link: c, secret: secret, re: re, reply: reply})
	select {
	case err := <-reply:
		if err == error(errWrongSecret) {
			s.authFailed(err, v.from)
		}
		return sess, err
	case <-sess.done:
		return nil, protocol.ResumeInvalid.Refuse()
	}
}

// verify checks a token and counts failures.
func (s *Server) verify(token string, v visitor) (auth.Grant, error) {
	grant, err := s.tokens.Verify(token, v.room, time.Now())
	if err != nil {
		s.authFailed(err, v.from)
		return auth.Grant{}, err
	}
	grant.Room = v.room
	return grant, nil
}

// authFailed counts a refused token or secret. Who brings none does not guess.
func (s *Server) authFailed(err error, from netip.Addr) {
	s.tally.authFails.inc(resultOf(err))
	if !errors.Is(err, auth.ErrTokenRequired) {
		s.addresses.failed(from, time.Now())
	}
}
