package signaling

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sfu/pkg/forwarder"
	"sfu/pkg/room"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/transport"
)

func TestOthersHearOfALostSocketAfterThreeSeconds(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		bob, ada := w.join("kitchen", with("Bob")), w.join("kitchen", with("Ada", camera()))
		heardOf[protocol.Participant](bob)
		ada.link.lose()
		time.Sleep(announceAfter - time.Millisecond)
		if said := heardOf[protocol.Participant](bob); len(said) != 0 {
			t.Errorf("too early: %+v", said)
		}
		time.Sleep(2 * time.Millisecond)
		if said := heardOf[protocol.Participant](bob); len(said) != 1 || said[0].Connected {
			t.Errorf("Bob heard %+v", said)
		}
		joined := ada.resume(ada.session).(protocol.Joined)
		if !joined.Resumed || joined.Self != ada.self || !joined.Participants[1].Connected {
			t.Errorf("got %+v", joined)
		}
		if said := heardOf[protocol.Participant](bob); len(said) != 1 || !said[0].Connected {
			t.Errorf("Bob heard %+v", said)
		}
	})
}

func TestAQuickResumeIsSeenByNobody(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		bob, ada := w.join("kitchen", with("Bob", viewer())), w.join("kitchen", with("Ada", camera()))
		synctest.Wait()
		bob.reply(0)
		bob.events = nil
		ada.link.lose()
		time.Sleep(announceAfter - time.Millisecond)
		ada.resume(ada.session)
		time.Sleep(2 * seatWithMedia)
		synctest.Wait()
		if bob.reply(0); len(bob.events) != 0 {
			t.Errorf("Bob heard %+v", bob.events)
		}
	})
}

func TestTheSeatIsGivenUp(t *testing.T) {
	// A connection is called disconnected when it has been silent for a while already; that while counts.
	const later = 20 * time.Second
	const silent = transport.DisconnectedAfter
	for name, c := range map[string]struct {
		offers []protocol.Offer
		media  func(conn *fakeConn) // what happens some time after the socket is lost
		after  time.Duration
		want   time.Duration
	}{
		"without media":       {want: seatWithoutMedia},
		"with media":          {offers: []protocol.Offer{camera()}, want: seatWithMedia},
		"media lost with it":  {[]protocol.Offer{camera()}, status(transport.Disconnected), silent, seatWithoutMedia},
		"media lost before":   {[]protocol.Offer{camera()}, status(transport.Disconnected), time.Second, seatWithoutMedia},
		"media lost later":    {[]protocol.Offer{camera()}, status(transport.Disconnected), later, later - silent + seatWithoutMedia},
		"media failed later":  {[]protocol.Offer{camera()}, status(transport.Failed), later, later + seatWithoutMedia},
		"media came and went": {[]protocol.Offer{camera()}, func(c *fakeConn) { status(transport.Disconnected)(c); status(transport.Connected)(c) }, later, seatWithMedia},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, Options{}, func(t *testing.T, w *world) {
				bob, ada := w.join("kitchen", with("Bob")), w.join("kitchen", with("Ada", c.offers...))
				lost := time.Now()
				ada.link.lose()
				time.Sleep(c.after)
				if c.media != nil {
					c.media(w.dialer.conn(0))
				}
				time.Sleep(c.want - time.Since(lost) - time.Millisecond)
				if gone := heardOf[protocol.Gone](bob); len(gone) != 0 {
					t.Fatalf("too early: %+v", gone)
				}
				time.Sleep(2 * time.Millisecond)
				if gone := heardOf[protocol.Gone](bob); len(gone) != 1 || gone[0].Reason != "lost" {
					t.Errorf("Bob heard %+v", gone)
				}
				if e, ok := ada.resume(ada.session).(protocol.Error); !ok || e.Code != protocol.ResumeInvalid {
					t.Errorf("got %#v", e)
				}
			})
		})
	}
}

// Whoever has not got joined, because the socket went with it, has no secret and comes as somebody new: their first seat must not stand
// for them for long.
func TestTheSeatOfWhoNeverGotIt(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		bob, ada := w.join("kitchen", with("Bob")), w.joinUnheard("kitchen", with("Ada"))
		ada.link.lose()
		time.Sleep(seatUnheard - time.Millisecond)
		if gone := heardOf[protocol.Gone](bob); len(gone) != 0 {
			t.Fatalf("too early for who has got it and comes back: %+v", gone)
		}
		time.Sleep(2 * time.Millisecond)
		if gone := heardOf[protocol.Gone](bob); len(gone) != 1 || gone[0].Reason != "lost" {
			t.Errorf("Bob heard %+v", gone)
		}
	})
}

func status(s transport.State) func(*fakeConn) {
	return func(c *fakeConn) { c.handler.StatusChanged(transport.Status{State: s}) }
}

func TestResumeTakesOverFromAnOpenSocket(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		bob, ada := w.join("kitchen", with("Bob")), w.join("kitchen", with("Ada"))
		heardOf[protocol.Participant](bob)
		old := ada.link
		ada.resume(ada.session)
		if end := old.ending(); end.code != 4009 || end.why != "replaced" {
			t.Errorf("closed with %+v", end)
		}
		frames := old.take()
		if last := string(frames[len(frames)-1]); !strings.Contains(last, `"code":"replaced"`) {
			t.Errorf("the last words were %s", last)
		}
		ada.mustOK(protocol.Ping{})
		time.Sleep(2 * seatWithMedia)
		if said := heardOf[protocol.Participant](bob); len(said) != 0 {
			t.Errorf("Bob heard %+v", said)
		}
	})
}

func TestSecretsRotate(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada := w.join("kitchen", with("Ada"))
		first := ada.session
		ada.resume(first)
		second := ada.session
		if second == first {
			t.Fatal("the secret did not change")
		}
		// joined was lost together with its socket, twice: the client knows the first secret only.
		ada.link.lose()
		ada.resume(first)
		ada.link.lose()
		if _, ok := ada.resume(first).(protocol.Joined); !ok {
			t.Fatal("a client that never received the new secret is locked out")
		}
		third := ada.session
		if e := ada.try(second); e.Code != protocol.ResumeInvalid {
			t.Errorf("a secret in between got %s", e.Code)
		}
		ada.sess.inbox.post(heardBy{ada.link})
		synctest.Wait()
		if e := ada.try(first); e.Code != protocol.ResumeInvalid {
			t.Errorf("the old secret got %s", e.Code)
		}
		ada.mustOK(protocol.Ping{})
		if _, ok := ada.resume(third).(protocol.Joined); !ok {
			t.Error("the last secret does not work")
		}
	})
}

// try resumes with another secret on a socket of its own; c's own goes on.
func (c *client) try(session string) protocol.Error {
	c.t.Helper()
	stranger := &client{t: c.t, w: c.w, room: c.room}
	m := stranger.resume(session)
	e, ok := m.(protocol.Error)
	if !ok {
		c.t.Fatalf("resume was answered with %#v", m)
	}
	return e
}

func TestM43_ResumeWithASecretThatIsWrongOldOrForeign(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada, bob := w.join("kitchen", with("Ada")), w.join("kitchen", with("Bob"))
		eve := w.join("cellar", with("Eve"))
		id, secret, _ := strings.Cut(ada.session, ".")
		_, foreign, _ := strings.Cut(bob.session, ".")
		for name, session := range map[string]string{
			"wrong":            id + "." + strings.Repeat("A", len(secret)),
			"foreign":          id + "." + foreign,
			"empty":            id + ".",
			"id only":          id,
			"unknown":          strings.Repeat("A", len(id)) + "." + secret,
			"secret only":      secret,
			"too long":         ada.session + "A",
			"rubbish":          "\x00.💥",
			"of another room":  eve.session,
			"a hundred kbytes": strings.Repeat("x", 100_000),
		} {
			if e := ada.try(session); e.Code != protocol.ResumeInvalid {
				t.Errorf("%s: %s", name, e.Code)
			}
		}
		ada.mustOK(protocol.Ping{})
		bob.mustOK(protocol.Ping{})
		s := w.server.Stats()
		if s.AuthFailures["resume_invalid"] != 2 { // wrong and foreign; the others name no session of this room
			t.Errorf("auth failures %v", s.AuthFailures)
		}
		if s.Resumes["resume_invalid"] != 10 {
			t.Errorf("resumes %v", s.Resumes)
		}
	})
}

func TestM43_ResumeFlood(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada := w.join("kitchen", with("Ada"))
		id, secret, _ := strings.Cut(ada.session, ".")
		limited := 0
		for range 1000 {
			if ada.try(id+"."+strings.Repeat("A", len(secret))).Code == protocol.RateLimited {
				limited++
			}
		}
		if limited < 850 {
			t.Errorf("only %d of 1000 were limited", limited)
		}
		if w.server.addresses.blocked(memoryVisitor("").from, time.Now()) == 0 {
			t.Error("the address is not blocked")
		}
		ada.mustOK(protocol.Ping{})
	})
}

func TestResumeBringsAnswersThatWereMissed(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada := w.join("kitchen", with("Ada", camera()))
		heardOf[protocol.Media](ada)
		second := protocol.Offer{PC: "main", N: 2, SDP: "hang\n" + camera().SDP}
		ada.send(second)
		synctest.Wait()
		ada.link.lose()
		synctest.Wait()
		joined := ada.resume(ada.session).(protocol.Joined)
		if a := joined.Answers; len(a) != 1 || a[0].N != 1 || a[0].Published["1"] != "t2" {
			t.Errorf("answers %+v", a)
		}
		if m := heardOf[protocol.Media](ada); len(m) != 1 || m[0].State != "connected" {
			t.Errorf("media %+v", m)
		}
		close(w.dialer.conn(0).release)
		if late := heardOf[protocol.Answer](ada); len(late) != 1 || late[0].N != 2 {
			t.Errorf("the answer that was under way: %+v", late)
		}
		// The same offer again is answered again, and does not reach the connection.
		if m, ok := ada.ask(second).(protocol.Answer); !ok || m.N != 2 || m.SDP != "answer 2" {
			t.Errorf("got %#v", m)
		}
	})
}

func TestAnOfferThatIsSentAgainAfterAResumeGetsTheAnswerUnderWay(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada := w.join("kitchen", with("Ada", camera()))
		second := protocol.Offer{PC: "main", N: 2, SDP: "hang"}
		ada.send(second)
		synctest.Wait()
		ada.resume(ada.session)
		if m := ada.ask(second); m != nil {
			t.Fatalf("got %#v", m)
		}
		re := ada.id
		close(w.dialer.conn(0).release)
		synctest.Wait()
		if m, ok := ada.reply(re).(protocol.Answer); !ok || m.N != 2 {
			t.Errorf("got %#v", m)
		}
	})
}

func TestChatIsNeitherLostNorDoubledByAResume(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada, bob := w.join("kitchen", with("Ada")), w.join("kitchen", with("Bob"))
		bob.mustOK(protocol.Say{Body: "before"})
		heardOf[protocol.Message](ada)
		ada.link.lose()
		synctest.Wait()
		bob.mustOK(protocol.Say{Body: "meanwhile"})
		// This one waits in the inbox behind the resume, and is in its snapshot.
		ada.link = newMemoryLink()
		reply := make(chan error, 1)
		_, secret, _ := strings.Cut(ada.session, ".")
		box := ada.sess.inbox
		box.mu.Lock()
		box.items = append(box.items, attach{link: ada.link, secret: secret, re: 99, reply: reply},
			room.MessageReceived{Message: room.Message{ID: 2, Body: "meanwhile"}})
		box.mu.Unlock()
		bob.mustOK(protocol.Say{Body: "after"})
		synctest.Wait()
		joined := ada.reply(99).(protocol.Joined)
		said := make([]string, 0, 3)
		for _, m := range joined.Messages {
			said = append(said, m.Body)
		}
		for _, m := range heardOf[protocol.Message](ada) {
			said = append(said, m.Body)
		}
		if got := strings.Join(said, " "); got != "before meanwhile after" {
			t.Errorf("Ada read %q", got)
		}
	})
}

func TestChatThatIsSaidWhileTheSnapshotIsTakenIsNotDoubled(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada := w.join("kitchen", with("Ada"))
		w.join("kitchen", with("Bob"))
		bob := w.rooms.named("kitchen", "Bob")
		w.rooms.named("kitchen", "Ada").glimpse = func() {
			if err := bob.Send("now", ""); err != nil {
				t.Error(err)
			}
		}
		joined := ada.resume(ada.session).(protocol.Joined)
		if late := heardOf[protocol.Message](ada); len(joined.Messages) != 1 || len(late) != 0 {
			t.Errorf("snapshot %+v, then %+v", joined.Messages, late)
		}
	})
}

func TestADrainThatBeginsDuringAJoinRefusesIt(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		w.tokens.onRedeem = func() { w.server.announceDrain(time.Now().Add(time.Minute)) }
		if _, m := w.tryJoin("kitchen", with("Ada")); m.(protocol.Error).Code != protocol.Draining {
			t.Errorf("got %+v", m)
		}
		if n := w.rooms.Participants("kitchen"); n != 0 {
			t.Errorf("%d are in the room", n)
		}
	})
}

func TestALostSocketEndsAJoinUnderWay(t *testing.T) {
	inBubble(t, Options{Joins: 1}, func(t *testing.T, w *world) {
		c, _ := w.tryJoin("kitchen", with("Ada", protocol.Offer{PC: "main", N: 1, SDP: "hang"}))
		c.link.lose()
		synctest.Wait()
		if n := w.rooms.Participants("kitchen"); n != 0 {
			t.Errorf("%d are in the room", n)
		}
		if joins := w.server.Stats().Joins; joins["lost"] != 1 {
			t.Errorf("joins %v", joins)
		}
		w.join("kitchen", with("Bob")) // the place among the joins is free again
	})
}

// A page that crashed has lost its secret. Its participant holds the seat for as long as others are told that it is there.
func TestAnIdentityReplacesItsGhost(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada, bob := w.join("kitchen", protocol.Join{Token: "kitchen:ada"}), w.join("kitchen", with("Bob"))
		tryAgain := func() protocol.Code {
			c, m := w.tryJoin("kitchen", protocol.Join{Token: "kitchen:ada"})
			if e, refused := m.(protocol.Error); refused {
				return e.Code
			}
			c.ask(protocol.Leave{})
			return ""
		}
		ada.link.lose()
		synctest.Wait()
		if code := tryAgain(); code != protocol.IdentityInUse {
			t.Errorf("at once: %q", code)
		}
		time.Sleep(announceAfter + time.Second)
		if _, ok := ada.resume(ada.session).(protocol.Joined); !ok {
			t.Error("a ghost cannot come back")
		}
		if code := tryAgain(); code != protocol.IdentityInUse {
			t.Errorf("after the return: %q", code)
		}
		ada.link.lose()
		time.Sleep(announceAfter + time.Second)
		heardOf[protocol.Gone](bob)
		if code := tryAgain(); code != "" {
			t.Errorf("refused with %q because of a ghost", code)
		}
		if gone := heardOf[protocol.Gone](bob); len(gone) != 2 || gone[0] != (protocol.Gone{Participant: ada.self, Reason: "replaced"}) {
			t.Errorf("Bob heard %+v", gone)
		}
		if m, ok := ada.resume(ada.session).(protocol.Error); !ok || m.Code != protocol.ResumeInvalid {
			t.Errorf("the ghost that was replaced got %#v", m)
		}
	})
}

func TestDrain(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada, bob := w.join("kitchen", with("Ada", camera())), w.join("kitchen", with("Bob", viewer()))
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		drained := make(chan error, 1)
		go func() { drained <- w.server.Drain(ctx) }()
		time.Sleep(time.Second)
		for _, c := range []*client{ada, bob} {
			if said := heardOf[protocol.Drain](c); len(said) != 1 || said[0].Deadline != 30_000 {
				t.Errorf("heard %+v", said)
			}
		}
		if _, m := w.tryJoin("kitchen", with("Eve")); m.(protocol.Error).Code != protocol.Draining || m.(protocol.Error).RetryAfter < 1000 {
			t.Errorf("a join got %#v", m)
		}
		bob.resume(bob.session)
		if said := heardOf[protocol.Drain](bob); len(said) != 1 || said[0].Deadline != 29_000 {
			t.Errorf("after resume Bob heard %+v", said)
		}
		ada.ask(protocol.Leave{})
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if left := heardOf[protocol.Left](bob); len(left) != 1 || left[0].Reason != "shutdown" || left[0].Code != protocol.Shutdown {
			t.Errorf("Bob heard %+v", left)
		}
		if end := bob.link.ending(); end.code != 1001 {
			t.Errorf("closed with %+v", end)
		}
		if err := <-drained; err != nil {
			t.Error(err)
		}
	})
}

func TestDrainEndsEarlyWhenEverybodyHasLeft(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada := w.join("kitchen", with("Ada", camera()))
		began := time.Now()
		drained := make(chan error, 2)
		for range 2 {
			go func() { drained <- w.server.Drain(context.Background()) }()
		}
		time.Sleep(time.Second)
		ada.ask(protocol.Leave{})
		for range 2 {
			if err := <-drained; err != nil {
				t.Error(err)
			}
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestDrainIsBoundedWhenAConnectionDoesNotEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		stuck := make(chan struct{})
		dial := w.dialer.dial
		w.server.env.dial = func(g *forwarder.Group, h transport.Handler) (transport.Connection, error) {
			c, err := dial(g, h)
			return stuckConn{c, stuck}, err
		}
		ada := w.join("kitchen", with("Ada", camera()))
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		began := time.Now()
		if err := w.server.Drain(ctx); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > 20*time.Second {
			t.Errorf("took %v", took)
		}
		if end := ada.link.ending(); end.code != 1001 {
			t.Errorf("closed with %+v", end)
		}
		if n := w.server.Stats().Abandoned; n != 1 {
			t.Errorf("%d abandoned", n)
		}
		close(stuck)
	})
}

// stuckConn does not close before it is told to.
type stuckConn struct {
	transport.Connection
	until chan struct{}
}

func (c stuckConn) Close() {
	<-c.until
	c.Connection.Close()
}
