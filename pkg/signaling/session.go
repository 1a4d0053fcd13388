package signaling

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"sfu/pkg/auth"
	"sfu/pkg/room"
	"sfu/pkg/signaling/protocol"
)

// What a session allows besides the limits of its socket.
const (
	chatRate, chatBurst   = 5, 20
	offerRate, offerBurst = 5, 20
)

// hangUpTime is how long leaving the room waits for the connections, so that no media of someone who left is in flight.
const hangUpTime = time.Second

// An environment is what all sessions of a server share.
type environment struct {
	dial       Dial
	times      timing
	opts       Options
	tally      *tally
	iceServers func(user string) []protocol.ICEServer
	forget     func(*session)
}

// A session is one participant's stay in a room. It outlives its socket: a client that lost it finds the session again by resume. All
// fields but the first ones belong to the goroutine of run.
type session struct {
	id    string
	room  string
	env   *environment
	inbox *inbox
	done  chan struct{} // closed when the session is over

	log     *slog.Logger
	member  Participant
	grant   auth.Grant
	media   *media
	out     outbox
	seat    seat
	secrets secrets
	layers  layerBook
	chat    bucket
	offers  bucket
	joining *joining
	queue   []any // taken from the inbox and not handled yet
	// need is how many slots the room has asked for and not got; a new socket is told again.
	need int
	// seen is the newest chat message that a snapshot carried: what the inbox still holds of it must not be said twice.
	seen uint64
	// drain is when the server ends, zero where nothing is planned.
	drain time.Time
	// move is when the client is told that the room has moved, zero where it has not.
	move time.Time
	// over ends the loop; farewell is said when the room is left.
	over     bool
	reason   room.Reason
	farewell func()
}

func newSession(env *environment, roomName string, grant auth.Grant, log *slog.Logger) *session {
	now := time.Now()
	return &session{
		id:     newSessionID(),
		room:   roomName,
		env:    env,
		inbox:  newInbox(),
		done:   make(chan struct{}),
		log:    log,
		grant:  grant,
		chat:   newBucket(chatRate, chatBurst, now),
		offers: newBucket(offerRate, offerBurst, now),
		reason: room.Left,
	}
}

// enter gives the session its participant. It is called once, before run.
func (s *session) enter(member Participant) {
	s.member = member
	s.log = s.log.With("room", s.room, "participant", string(member.ID()))
	s.media = newMedia(member, s.grant, s.env, s.inbox.post, s.log)
}

// run is the session. It returns when everything that belongs to it has ended, or has been given up.
func (s *session) run() {
	defer s.end()
	defer s.recovered()
	timer := time.NewTimer(0)
	defer timer.Stop()
	s.start()
	for !s.over {
		s.arm(timer)
		s.wait(timer.C)
		s.onTime(time.Now())
	}
}

// wait handles whatever comes first.
func (s *session) wait(due <-chan time.Time) {
	var requests <-chan protocol.Request
	var lost <-chan struct{}
	if s.out.open() {
		lost = s.out.link.lost()
		if s.joining == nil {
			requests = s.out.link.requests()
		}
	}
	select {
	case <-s.inbox.arrivals:
		items, flooded := s.inbox.take()
		if flooded {
			s.out.shut(endingOf(protocol.SlowConsumer))
			s.disconnected()
		}
		s.queue = append(s.queue, items...)
		for len(s.queue) > 0 && !s.over {
			item := s.queue[0]
			s.queue = s.queue[1:]
			s.handle(item)
		}
	case req := <-requests:
		s.request(req)
	case <-lost:
		s.disconnected()
	case <-due:
	}
}

// handle acts on one item of the inbox.
func (s *session) handle(item any) {
	switch i := item.(type) {
	case room.Event:
		s.event(i)
	case negotiated:
		s.negotiated(i)
	case statusChanged:
		s.statusChanged(i)
	case downTrackChanged:
		s.member.DownTrackChanged(i.down, i.state)
	case attach:
		s.attach(i)
	case heardBy:
		if s.out.link == i.link {
			s.secrets.confirm()
			s.seat.heard = true
		}
	case drainNotice:
		s.drainAt(i.deadline)
	case moveNotice:
		s.moveAt(i.at)
	case shutdownNotice:
		s.leave(room.Shutdown, 0)
	default:
		panic(fmt.Sprintf("signaling: unknown item %T", item))
	}
}

// A heardBy tells that the client has received something on link. A drainNotice tells when the server will end, or with the zero time that
// it will not, a moveNotice when to go to the room's next server, a shutdownNotice that the server ends now.
type (
	heardBy        struct{ link link }
	drainNotice    struct{ deadline time.Time }
	moveNotice     struct{ at time.Time }
	shutdownNotice struct{}
)

// onTime does what has become due.
func (s *session) onTime(now time.Time) {
	if s.over {
		return
	}
	announce, over := s.seat.due(now)
	if announce {
		s.member.SetConnected(false)
	}
	switch {
	case over:
		s.leave(room.Lost, 0)
		return
	case !s.move.IsZero() && !now.Before(s.move):
		s.leave(room.Moved, 0)
		return
	}
	if s.out.open() && s.joining == nil {
		if due := s.layers.due(now); len(due) > 0 {
			s.out.event(protocol.Layers{Layers: due})
		}
	}
}

// arm sets the timer for the next call of onTime.
func (s *session) arm(timer *time.Timer) {
	next := s.seat.next()
	if !s.move.IsZero() && (next.IsZero() || s.move.Before(next)) {
		next = s.move
	}
	if s.out.open() && s.joining == nil {
		if l := s.layers.next(); !l.IsZero() && (next.IsZero() || l.Before(next)) {
			next = l
		}
	}
	if next.IsZero() {
		timer.Stop()
		return
	}
	timer.Reset(time.Until(next))
}

// disconnected starts the clock of a seat without a socket. Nobody can resume a session whose secret was never sent.
func (s *session) disconnected() {
	s.out.link = nil
	s.seat.socketLost(time.Now())
	if s.joining != nil {
		s.joining.finish(resultLost)
		s.leave(room.Lost, 0)
	}
}

// leave ends the session. The request re, if any, is answered when the room has been left.
func (s *session) leave(reason room.Reason, re uint64) {
	s.over, s.reason = true, reason
	s.farewell = func() {
		left, e := leftOf(reason)
		s.env.tally.sent.inc(left.Type())
		s.out.shut(e, protocol.EncodeReply(re, left))
	}
}

// end leaves the room and waits for the connections, but not for ever.
func (s *session) end() {
	if s.joining != nil {
		s.joining.finish(string(protocol.Shutdown))
	}
	s.media.hangUp()
	closed := s.media.wait(min(hangUpTime, s.env.times.closing))
	s.member.Leave(s.reason)
	if s.out.open() && s.farewell != nil {
		s.farewell()
	}
	s.env.forget(s)
	close(s.done)
	s.log.Info("left", "reason", string(s.reason))
	if !closed && !s.media.wait(s.env.times.closing) {
		s.env.tally.abandoned.Add(1)
		s.log.Error("connections of a participant who left do not close")
	}
}

// recovered ends a session that has a bug, and no other.
func (s *session) recovered() {
	p := recover()
	if p == nil {
		return
	}
	s.env.tally.panics.Add(1)
	s.log.Error("a session ended by a panic", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	s.reason = room.Lost
	s.farewell = func() {
		s.out.shut(endingOf(protocol.Internal), protocol.EncodeEvent(protocol.Internal.Refuse()))
	}
}

// refuse answers a request with an error; what is not the client's doing is logged and not shown.
func (s *session) refuse(re uint64, err error) {
	s.out.reply(re, s.refusal(err))
}

func (s *session) refusal(err error) *protocol.Error {
	refusal, known := refusalOf(err, time.Now())
	if !known && context.Cause(s.media.ctx) == nil {
		s.log.Error("a request failed", "err", err)
	}
	return refusal
}

// drainAt takes note of when the server will end, the zero time where it will not, and says so.
func (s *session) drainAt(deadline time.Time) {
	s.drain = deadline
	if deadline.IsZero() && s.joining == nil {
		s.out.event(protocol.Undrain{})
	}
	s.sayDrain()
}

// moveAt takes note of when to leave for the room's next server. Who is still joining has nothing to lose, and is sent away at once. A
// notice that comes later can hasten an earlier one, and not put it off.
func (s *session) moveAt(at time.Time) {
	if s.joining != nil {
		s.refuseJoin(protocol.RoomUnavailable.Refuse())
		s.reason = room.Moved
		return
	}
	if s.move.IsZero() || at.Before(s.move) {
		s.move = at
	}
}

func (s *session) sayDrain() {
	if !s.drain.IsZero() && s.joining == nil {
		s.out.event(protocol.Drain{Deadline: max(0, time.Until(s.drain).Milliseconds())})
	}
}
