package signaling

import (
	"time"

	"sfu/pkg/room"
	"sfu/pkg/signaling/protocol"
)

// A joining is a session whose joined has not been said yet: its first offers are being answered.
type joining struct {
	re      uint64
	offers  []protocol.Offer
	manual  bool
	open    int // offers without an answer
	answers map[string]*protocol.Answer
	finish  func(result string) // counts the attempt; only the first call matters
}

// start begins with what came with join.
func (s *session) start() {
	if s.joining.manual {
		if err := s.member.SetAuto(false); err != nil {
			s.refuseJoin(s.refusal(err))
			return
		}
	}
	s.joining.open = len(s.joining.offers)
	s.joining.answers = map[string]*protocol.Answer{}
	for _, o := range s.joining.offers {
		if _, err := s.media.offer(s.joining.re, o, true); err != nil {
			s.refuseJoin(about(s.refusal(err), o.PC, o.N))
			return
		}
	}
	s.maybeJoined()
}

// refuseJoin takes the participant out again, which is the end of the session.
func (s *session) refuseJoin(refusal *protocol.Error) {
	j := s.joining
	j.finish(string(refusal.Code))
	s.over, s.reason = true, room.Left
	s.farewell = func() {
		s.env.tally.sent.inc(refusal.Type())
		s.out.shut(endingOf(refusal.Code), protocol.EncodeReply(j.re, refusal))
	}
}

// maybeJoined says joined when the last answer is there.
func (s *session) maybeJoined() {
	j := s.joining
	if j.open > 0 {
		return
	}
	answers := make([]protocol.Answer, 0, len(j.offers))
	for _, o := range j.offers {
		answers = append(answers, *j.answers[o.PC])
	}
	snapshot, err := s.snapshot()
	if err != nil {
		s.refuseJoin(s.refusal(err))
		return
	}
	s.joining = nil
	s.sayJoined(j.re, snapshot, answers, s.secrets.first(), false)
	j.finish(resultOK)
}

// snapshot returns the room as it is. What waits in the inbox is older, and need not be told any more.
func (s *session) snapshot() (room.Snapshot, error) {
	items, _ := s.inbox.take()
	waiting := append(s.queue, items...)
	s.queue = nil
	for _, item := range waiting {
		e, isEvent := item.(room.Event)
		if _, ended := item.(room.Ended); !isEvent || ended {
			s.queue = append(s.queue, item)
			continue
		}
		s.note(e)
	}
	return s.member.Snapshot()
}

// sayJoined tells everything: the snapshot, and behind it what is not in it.
func (s *session) sayJoined(re uint64, snapshot room.Snapshot, answers []protocol.Answer, secret string, resumed bool) {
	joined := protocol.Joined{
		Session:      s.id + "." + secret,
		Self:         string(snapshot.Self),
		Room:         snapshot.Room,
		Resumed:      resumed,
		Permissions:  permissionsOf(s.grant),
		Participants: membersOf(snapshot.Members),
		Answers:      answers,
		Bound:        s.media.bindings(snapshot.Bound),
		Unavailable:  unavailableOf(snapshot.Unavailable),
		Messages:     make([]protocol.Message, len(snapshot.Messages)),
		ICEServers:   s.env.iceServers(string(snapshot.Self)),
		ServerTime:   time.Now().UnixMilli(),
	}
	if joined.Unavailable == nil {
		joined.Unavailable = []protocol.Unavailable{}
	}
	for i, m := range snapshot.Messages {
		joined.Messages[i] = messageOf(m)
		s.seen = max(s.seen, m.ID)
	}
	s.out.reply(re, joined)
	for _, b := range snapshot.Bound {
		s.layers.bound(b.Down, string(b.Track))
	}
	s.layers.repeat()
	for _, l := range s.media.lines {
		if l.told {
			s.out.event(mediaOf(l))
		}
	}
	if s.need > 0 {
		s.out.event(protocol.Slots{Need: s.need})
	}
	s.sayDrain()
}

// An attach is a socket that wants to take the seat. The session answers on reply, which has room for it.
type attach struct {
	link   link
	secret string
	re     uint64
	reply  chan<- error
}

// attach lets a new socket take over when it knows the secret.
func (s *session) attach(a attach) {
	if s.joining != nil {
		a.reply <- protocol.ResumeInvalid.Refuse()
		return
	}
	next, ok := s.secrets.resume(a.secret)
	if !ok {
		a.reply <- errWrongSecret
		return
	}
	if s.seat.socketBack() {
		s.member.SetConnected(true)
	}
	snapshot, err := s.snapshot()
	if err != nil { // it has left: Ended is in the inbox
		a.reply <- protocol.ResumeInvalid.Refuse()
		return
	}
	a.reply <- nil
	s.out.event(protocol.Replaced.Refuse())
	s.out.shut(endingOf(protocol.Replaced))
	s.out.link = a.link
	s.sayJoined(a.re, snapshot, s.media.takeUpAnswers(), next, true)
}

// errWrongSecret is a resume_invalid that counts as an attempt to guess.
var errWrongSecret = protocol.ResumeInvalid.Refuse()

// about says which offer an error is about.
func about(e *protocol.Error, pc string, n uint64) *protocol.Error {
	copied := *e
	copied.PC, copied.N = pc, n
	return &copied
}
