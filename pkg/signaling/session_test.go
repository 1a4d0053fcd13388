package signaling

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
	"sfu/pkg/room"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/transport"
)

func TestJoinCarriesAnswersAndTheWholeRoom(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada := w.join("kitchen", with("Ada", camera()))
		ada.mustOK(protocol.Say{Body: "I am early."})
		_, m := w.tryJoin("kitchen", with("Bob", viewer()))
		joined := m.(protocol.Joined)
		if joined.Room != "kitchen" || joined.Self != "p2" || joined.Resumed || len(joined.Session) < 43 {
			t.Errorf("got %+v", joined)
		}
		if a := joined.Answers; len(a) != 1 || a[0].PC != "main" || a[0].N != 1 || a[0].Slots[0] != (protocol.Slot{Audio: "0", Video: "1"}) {
			t.Errorf("answers %+v", a)
		}
		if len(joined.Participants) != 2 || len(joined.Participants[0].Tracks) != 2 || joined.Participants[1].Tracks == nil {
			t.Errorf("participants %+v", joined.Participants)
		}
		want := []protocol.Binding{{PC: "main", Mid: "0", Track: "t1"}, {PC: "main", Mid: "1", Track: "t2"}}
		if !slices.Equal(joined.Bound, want) {
			t.Errorf("bound %+v", joined.Bound)
		}
		if len(joined.Messages) != 1 || joined.Messages[0].Body != "I am early." {
			t.Errorf("messages %+v", joined.Messages)
		}
		if joined.ServerTime != time.Now().UnixMilli() {
			t.Errorf("server time %d", joined.ServerTime)
		}
		if said := heardOf[protocol.Participant](ada); len(said) != 1 || said[0].Name != "Bob" || !said[0].Connected {
			t.Errorf("Ada heard %+v", said)
		}
	})
}

func TestJoinWithTwoConnectionsWaitsForBothAnswers(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		slow := viewer()
		slow.PC, slow.SDP = "recv", "hang\n"+slow.SDP
		c, m := w.tryJoin("kitchen", with("Ada", camera(), slow))
		if m != nil {
			t.Fatalf("joined came before the second answer: %#v", m)
		}
		i := slices.IndexFunc(w.dialer.conns, func(c *fakeConn) bool { return c.answers == 0 })
		close(w.dialer.conn(i).release)
		synctest.Wait()
		joined := c.reply(c.id).(protocol.Joined)
		if a := joined.Answers; len(a) != 2 || a[0].PC != "main" || a[1].PC != "recv" {
			t.Errorf("answers %+v", a)
		}
	})
}

func TestRefusedJoinLeavesTheRoom(t *testing.T) {
	for sdp, want := range map[string]protocol.Code{
		"fail sdp":                      protocol.BadSDP,
		"fail candidates":               protocol.TooManyCandidates,
		"fail overloaded":               protocol.Overloaded,
		"fail bug":                      protocol.Internal,
		"panic":                         protocol.Internal,
		"hang":                          protocol.Overloaded,
		strings.Repeat("send\n", 8001):  protocol.BadSDP,
		strings.Repeat("a=b\r\n", 8002): protocol.BadSDP,
	} {
		inBubble(t, Options{}, func(t *testing.T, w *world) {
			w.join("kitchen", with("Bob"))
			c, m := w.tryJoin("kitchen", with("Ada", protocol.Offer{PC: "main", N: 1, SDP: sdp}))
			if m == nil { // only a time-out ends this one
				time.Sleep(defaultTiming.negotiation + time.Second)
				synctest.Wait()
				m = c.reply(c.id)
			}
			e, ok := m.(protocol.Error)
			if !ok || e.Code != want || e.PC != "main" || e.N != 1 {
				t.Errorf("%.20q was answered with %#v", sdp, m)
			}
			if strings.Contains(e.Message, "192.0.2.1") {
				t.Errorf("an internal error was shown: %q", e.Message)
			}
			if end := c.link.ending(); end.code != want.CloseAfterRefusal() {
				t.Errorf("closed with %+v", end)
			}
			if n := w.rooms.Participants("kitchen"); n != 1 {
				t.Errorf("%d are in the room", n)
			}
			if n := w.server.Stats().Joins[string(want)]; n != 1 {
				t.Errorf("joins %v", w.server.Stats().Joins)
			}
		})
	}
}

// S11: an answer that nothing waits for is a named error, and the connection goes on.
func TestOffersOfOneConnection(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		c := w.join("kitchen", with("Ada", camera()))
		heardOf[protocol.Media](c)
		again := camera()
		if m, ok := c.ask(again).(protocol.Answer); !ok || m.N != 1 || m.SDP != "answer 1" {
			t.Errorf("a repeated offer got %#v", m)
		}
		again.SDP += "\nslot 4 5"
		if code := c.refused(again); code != protocol.NoMatch {
			t.Errorf("a used number got %s", code)
		}
		slow := again
		slow.N, slow.SDP = 2, "hang\n"+again.SDP
		if m := c.ask(slow); m != nil {
			t.Fatalf("got %#v", m)
		}
		first := c.id
		third := again
		third.N = 3
		if code := c.refused(third); code != protocol.BadState {
			t.Errorf("an offer while one is open got %s", code)
		}
		if m := c.ask(protocol.Ping{}); m != (protocol.OK{}) {
			t.Errorf("a slow answer held up a ping: %#v", m)
		}
		close(w.dialer.conn(0).release)
		synctest.Wait()
		m, ok := c.reply(first).(protocol.Answer)
		if !ok || m.N != 2 || len(m.Slots) != 1 || m.Slots[0] != (protocol.Slot{Audio: "4", Video: "5"}) {
			t.Errorf("got %#v", m)
		}
	})
}

func TestBadOfferLeavesTheConnectionAsItWas(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		c := w.join("kitchen", with("Ada", camera()))
		e := c.ask(protocol.Offer{PC: "main", N: 2, SDP: "fail sdp"}).(protocol.Error)
		if e.Code != protocol.BadSDP || e.PC != "main" || e.N != 2 || !strings.Contains(e.Message, "fingerprint") {
			t.Errorf("got %+v", e)
		}
		if w.dialer.conn(0).closed() {
			t.Error("the connection was closed")
		}
		if m, ok := c.ask(protocol.Offer{PC: "main", N: 3, SDP: camera().SDP}).(protocol.Answer); !ok || m.N != 3 {
			t.Errorf("got %#v", m)
		}
	})
}

func TestFatalOfferEndsTheConnectionOnly(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		c := w.join("kitchen", with("Ada", camera()))
		if code := c.refused(protocol.Offer{PC: "main", N: 2, SDP: "fail bug"}); code != protocol.Internal {
			t.Errorf("got %s", code)
		}
		synctest.Wait()
		if !w.dialer.conn(0).closed() {
			t.Error("the connection lives on")
		}
		if n := w.rooms.named("kitchen", "Ada").forgotten; n != 1 {
			t.Errorf("the room was told %d times to forget", n)
		}
		if code := c.refused(protocol.Offer{PC: "main", N: 3, SDP: "slot 0 1"}); code != protocol.NoMatch {
			t.Errorf("the burned name got %s", code)
		}
		if _, ok := c.ask(protocol.Offer{PC: "next", N: 1, SDP: "slot 0 1"}).(protocol.Answer); !ok {
			t.Error("a new name does not work")
		}
		if !strings.Contains(w.log.String(), "disk is on fire") {
			t.Error("the reason was not logged")
		}
	})
}

func TestFirstOfferOfAConnectionMayBeTriedAgain(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		c := w.join("kitchen", with("Ada"))
		if code := c.refused(protocol.Offer{PC: "main", N: 1, SDP: "fail sdp"}); code != protocol.BadSDP {
			t.Fatalf("got %s", code)
		}
		if _, ok := c.ask(protocol.Offer{PC: "main", N: 2, SDP: "slot 0 1"}).(protocol.Answer); !ok {
			t.Error("refused")
		}
	})
}

func TestAtMostFourConnections(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		c := w.join("kitchen", with("Ada"))
		for _, pc := range []string{"a", "b", "c", "d"} {
			if _, ok := c.ask(protocol.Offer{PC: pc, N: 1, SDP: "slot 0 1"}).(protocol.Answer); !ok {
				t.Fatalf("%s refused", pc)
			}
		}
		if code := c.refused(protocol.Offer{PC: "e", N: 1, SDP: "slot 0 1"}); code != protocol.LimitReached {
			t.Errorf("got %s", code)
		}
		c.mustOK(protocol.Close{PC: "a"})
		if _, ok := c.ask(protocol.Offer{PC: "e", N: 1, SDP: "slot 0 1"}).(protocol.Answer); !ok {
			t.Error("closing one makes no room")
		}
		if !w.dialer.conn(0).closed() {
			t.Error("close did not close")
		}
		if code := c.refused(protocol.Close{PC: "a"}); code != protocol.NoMatch {
			t.Errorf("closing twice got %s", code)
		}
	})
}

func TestSlotsAreCountedOverAllConnections(t *testing.T) {
	inBubble(t, Options{Slots: 3}, func(t *testing.T, w *world) {
		c := w.join("kitchen", with("Ada", protocol.Offer{PC: "a", N: 1, SDP: "slot 0 1\nslot 2 3"}))
		m := c.ask(protocol.Offer{PC: "b", N: 1, SDP: "slot 0 1\nslot 2 3"}).(protocol.Answer)
		if len(m.Slots) != 1 || m.Rejected["2"].Code != protocol.LimitReached {
			t.Errorf("got %+v", m)
		}
	})
}

func TestRejectedMLinesSayWhy(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		w.tokens.limited = true
		offer := protocol.Offer{
			PC: "main", N: 1, SDP: "send 0 audio\nsend 1 video\nsend 2 video\nboth 3\ndata 4\ncodec 5\nsend 6 audio",
			Tracks: map[string]protocol.Publication{
				"0": {Source: protocol.Microphone}, "1": {Source: protocol.Camera}, "2": {Source: protocol.Microphone}, "9": {Source: protocol.Microphone},
			},
		}
		_, m := w.tryJoin("kitchen", protocol.Join{Token: "kitchen:ada", Offers: []protocol.Offer{offer}})
		a := m.(protocol.Joined).Answers[0]
		want := map[string]protocol.Code{
			"1": protocol.NotAllowed, "2": protocol.BadRequest, "3": protocol.BadSDP,
			"4": protocol.DataChannelsUnsupported, "5": protocol.CodecUnsupported, "9": protocol.NotFound,
		}
		for mid, code := range want {
			if r := a.Rejected[mid]; r.Code != code || r.Message == "" {
				t.Errorf("mid %s: %+v, want %s", mid, r, code)
			}
		}
		if len(a.Rejected) != len(want) || len(a.Published) != 1 || a.Published["0"] == "" {
			t.Errorf("rejected %v, published %v", a.Rejected, a.Published)
		}
	})
}

func TestPublishLater(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		bob := w.join("kitchen", with("Bob", viewer()))
		ada := w.join("kitchen", with("Ada", protocol.Offer{PC: "main", N: 1, SDP: "send 0 audio\nsend 1 video"}))
		if n := len(heardOf[protocol.Track](bob)); n != 0 {
			t.Errorf("%d tracks of m-lines that nobody named", n)
		}
		id := ada.ask(protocol.Publish{PC: "main", Mid: "1", Source: protocol.Screen}).(protocol.Published).Track
		if same := ada.ask(protocol.Publish{PC: "main", Mid: "1", Source: protocol.Screen}).(protocol.Published).Track; same != id {
			t.Errorf("saying it again made %s of %s", same, id)
		}
		if got := heardOf[protocol.Track](bob); len(got) == 0 || got[0].Source != protocol.Screen || got[0].Kind != "video" {
			t.Errorf("Bob heard %+v", got)
		}
		other := ada.ask(protocol.Publish{PC: "main", Mid: "1", Source: protocol.Camera}).(protocol.Published).Track
		if gone := heardOf[protocol.Untrack](bob); len(gone) != 1 || gone[0].Track != id || other == id {
			t.Errorf("another source on the m-line: %v, now %s", gone, other)
		}
		for code, body := range map[protocol.Code]protocol.ClientMessage{
			protocol.BadRequest: protocol.Publish{PC: "main", Mid: "1", Source: protocol.Microphone},
			protocol.NotFound:   protocol.Publish{PC: "main", Mid: "7", Source: protocol.Camera},
			protocol.NoMatch:    protocol.Publish{PC: "none", Mid: "1", Source: protocol.Camera},
		} {
			if got := ada.refused(body); got != code {
				t.Errorf("%+v: got %s, want %s", body, got, code)
			}
		}
		ada.mustOK(protocol.Mute{Track: other, Muted: true})
		if heard := heardOf[protocol.Track](bob); !heard[len(heard)-1].Muted {
			t.Errorf("Bob heard %+v", heard)
		}
		ada.mustOK(protocol.Unpublish{Track: other})
		if code := ada.refused(protocol.Unpublish{Track: other}); code != protocol.NotFound {
			t.Errorf("twice: %s", code)
		}
	})
}

func TestAnMLineThatStopsSendingEndsItsTrack(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		bob := w.join("kitchen", with("Bob", viewer()))
		ada := w.join("kitchen", with("Ada", camera()))
		heardOf[protocol.Slots](bob)
		ada.ask(protocol.Offer{PC: "main", N: 2, SDP: "send 0 audio\nslot 2 3"})
		gone := heardOf[protocol.Untrack](bob)
		if len(gone) != 1 || gone[0].Track != "t2" {
			t.Errorf("Bob heard %v", gone)
		}
		slots := heardOf[protocol.Slots](bob)
		if len(slots) != 1 || slots[0].Bound[0] != (protocol.Binding{PC: "main", Mid: "1"}) {
			t.Errorf("Bob heard %+v", slots)
		}
	})
}

func TestNeedForSlotsIsSaidAgainAfterJoinedAndResume(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		w.join("kitchen", with("Ada", camera()))
		bob := w.join("kitchen", with("Bob", viewer()))
		w.join("kitchen", with("Eve", camera()))
		slots := heardOf[protocol.Slots](bob)
		if len(slots) == 0 || slots[len(slots)-1].Need == 0 || len(slots[len(slots)-1].Unavailable) == 0 {
			t.Fatalf("Bob heard %+v", slots)
		}
		bob.link.lose()
		joined := bob.resume(bob.session).(protocol.Joined)
		if len(joined.Unavailable) != 2 {
			t.Errorf("unavailable %+v", joined.Unavailable)
		}
		if again := heardOf[protocol.Slots](bob); len(again) != 1 || again[0].Need == 0 || again[0].Unavailable != nil {
			t.Errorf("after resume Bob heard %+v", again)
		}
		bob.ask(protocol.Offer{PC: "main", N: 2, SDP: "slot 0 1\nslot 2 3"})
		if early := heardOf[protocol.Slots](bob); len(early) != 0 {
			t.Errorf("before it has applied the answer Bob heard %+v", early)
		}
		if code := bob.refused(protocol.Applied{PC: "main", N: 3}); code != protocol.NoMatch {
			t.Errorf("an answer that there is not: %s", code)
		}
		bob.ask(protocol.Applied{PC: "main", N: 1}) // stale
		kim := w.join("kitchen", with("Kim", camera()))
		kim.ask(protocol.Leave{})
		for _, early := range heardOf[protocol.Slots](bob) {
			if len(early.Bound) > 0 || early.Need > 0 {
				t.Errorf("before it has applied the answer Bob heard %+v", early)
			}
		}
		bob.ask(protocol.Applied{PC: "main", N: 2})
		if seated := heardOf[protocol.Slots](bob); len(seated) != 1 || len(seated[0].Bound) != 2 || seated[0].Need != 0 ||
			seated[0].Unavailable == nil || len(seated[0].Unavailable) != 0 {
			t.Errorf("after the new slots Bob heard %+v", seated)
		}
		bob.link.lose()
		bob.resume(bob.session)
		if again := heardOf[protocol.Slots](bob); len(again) != 0 {
			t.Errorf("Bob was asked for slots that are there: %+v", again)
		}
	})
}

func TestMediaEventsAndTheEndOfAConnection(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada := w.join("kitchen", with("Ada", camera()))
		if m := heardOf[protocol.Media](ada); len(m) != 1 || m[0] != (protocol.Media{PC: "main", State: "connected", Path: "udp"}) {
			t.Errorf("heard %+v", m)
		}
		conn := w.dialer.conn(0)
		conn.handler.StatusChanged(transport.Status{State: transport.Disconnected})
		conn.handler.StatusChanged(transport.Status{State: transport.Closed, Err: transport.ErrTooManyStreams})
		m := heardOf[protocol.Media](ada)
		if len(m) != 2 || m[1].State != "closed" || m[1].Code != protocol.TooManyStreams || m[1].Message == "" {
			t.Errorf("heard %+v", m)
		}
		if !conn.closed() || w.rooms.named("kitchen", "Ada").forgotten != 1 {
			t.Error("the connection was not forgotten")
		}
		conn.handler.StatusChanged(transport.Status{State: transport.Connected})
		if m := heardOf[protocol.Media](ada); len(m) != 0 {
			t.Errorf("a dead connection still speaks: %+v", m)
		}
	})
}

func TestConnectionThatEndsWhileAnswering(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada := w.join("kitchen", with("Ada", camera()))
		if m := ada.ask(protocol.Offer{PC: "main", N: 2, SDP: "hang"}); m != nil {
			t.Fatalf("got %#v", m)
		}
		re := ada.id
		w.dialer.conn(0).handler.StatusChanged(transport.Status{State: transport.Failed, Step: "ice"})
		synctest.Wait()
		if e, ok := ada.reply(re).(protocol.Error); !ok || e.Code != protocol.NoMatch || e.N != 2 {
			t.Errorf("got %#v", e)
		}
	})
}

func TestLayersAreSpacedOutAndTheLastWins(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		w.join("kitchen", with("Ada", camera()))
		bob := w.join("kitchen", with("Bob", viewer()))
		time.Sleep(time.Second)
		heardOf[protocol.Layers](bob)
		down := w.rooms.named("kitchen", "Bob").places[1].down
		change := func(width int) {
			w.dialer.conn(1).handler.DownTrackChanged(down, forwarder.DownTrackState{Sending: true, Width: width, Height: 9, Temporal: 2, FirstTimestamp: 7})
		}
		for i := range 100 {
			change(16 + i)
			time.Sleep(10 * time.Millisecond)
		}
		time.Sleep(time.Second)
		said := heardOf[protocol.Layers](bob)
		if len(said) < 4 || len(said) > 6 {
			t.Errorf("100 changes in a second made %d events", len(said))
		}
		last := said[len(said)-1].Layers[0]
		if last.Width != 115 || *last.Temporal != 2 || *last.Timestamp != 7 || last.Mid != "1" || last.Track != "t2" {
			t.Errorf("the last was %+v", last)
		}
		bob.link.lose()
		bob.resume(bob.session)
		if again := heardOf[protocol.Layers](bob); len(again) != 1 || again[0].Layers[0].Width != 115 {
			t.Errorf("after resume Bob heard %+v", again)
		}
	})
}

func TestViewSetsWhatItCan(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		w.join("kitchen", with("Ada", camera()))
		bob := w.join("kitchen", with("Bob", viewer()))
		e := bob.ask(protocol.View{Tracks: []protocol.Tile{{Track: "gone", Width: 1, Height: 1}, {Track: "t2", Width: 320, Height: 180}}}).(protocol.Error)
		if e.Code != protocol.NotFound {
			t.Errorf("got %+v", e)
		}
		if v := w.rooms.named("kitchen", "Bob").views["t2"]; v != (forwarder.View{Width: 320, Height: 180}) {
			t.Errorf("view %+v", v)
		}
	})
}

func TestChat(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada, bob, eve := w.join("kitchen", with("Ada")), w.join("kitchen", with("Bob")), w.join("kitchen", with("Eve"))
		bob.mustOK(protocol.Say{Body: "all"})
		bob.mustOK(protocol.Say{Body: "you", To: ada.self})
		if got := heardOf[protocol.Message](ada); len(got) != 2 || got[1].To != ada.self || got[1].From != bob.self || got[0].Name != "Bob" {
			t.Errorf("Ada heard %+v", got)
		}
		if got := heardOf[protocol.Message](eve); len(got) != 1 {
			t.Errorf("Eve heard %+v", got)
		}
		if code := bob.refused(protocol.Say{Body: strings.Repeat("x", 4097)}); code != protocol.MessageTooBig {
			t.Errorf("got %s", code)
		}
		if code := bob.refused(protocol.Say{Body: "?", To: "nobody"}); code != protocol.NotFound {
			t.Errorf("got %s", code)
		}
	})
}

func TestLeaveIsAnsweredAndCloses(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		bob := w.join("kitchen", with("Bob", viewer()))
		ada := w.join("kitchen", with("Ada", camera()))
		member := w.rooms.named("kitchen", "Ada")
		if left, ok := ada.ask(protocol.Leave{}).(protocol.Left); !ok || left.Reason != "left" || left.Code != "" {
			t.Errorf("got %#v", left)
		}
		if end := ada.link.ending(); end != (ending{1000, "left"}) {
			t.Errorf("closed with %+v", end)
		}
		if member.leftAs() != room.Left || !w.dialer.conn(1).closed() {
			t.Error("still there")
		}
		if gone := heardOf[protocol.Gone](bob); len(gone) != 1 || gone[0] != (protocol.Gone{Participant: ada.self, Reason: "left"}) {
			t.Errorf("Bob heard %+v", gone)
		}
		if n := w.server.Stats().Sessions; n != 1 {
			t.Errorf("%d sessions", n)
		}
	})
}

func TestRemoveByAModerator(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada := w.join("kitchen", protocol.Join{Name: "Ada", Token: "mod:kitchen:ada"})
		bob := w.join("kitchen", with("Bob"))
		if code := bob.refused(protocol.Remove{Participant: ada.self}); code != protocol.NotAllowed {
			t.Errorf("got %s", code)
		}
		ada.mustOK(protocol.Remove{Participant: bob.self})
		if left := heardOf[protocol.Left](bob); len(left) != 1 || left[0].Reason != "removed" || left[0].Code != protocol.Removed {
			t.Errorf("Bob heard %+v", left)
		}
		if end := bob.link.ending(); end.code != 4010 {
			t.Errorf("closed with %+v", end)
		}
	})
}

func TestRemoveDuringAJoin(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada := w.join("kitchen", protocol.Join{Name: "Ada", Token: "mod:kitchen:ada"})
		eve, _ := w.tryJoin("kitchen", with("Eve", protocol.Offer{PC: "main", N: 1, SDP: "hang"}))
		ada.mustOK(protocol.Remove{Participant: "p2"})
		if left := heardOf[protocol.Left](eve); len(left) != 1 || left[0].Code != protocol.Removed || eve.link.ending().code != 4010 {
			t.Errorf("Eve heard %+v", left)
		}
		if joins := w.server.Stats().Joins; joins["removed"] != 1 {
			t.Errorf("joins %v", joins)
		}
	})
}

func TestEventsInTheWordsOfTheProtocol(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada := w.join("kitchen", with("Ada", camera()))
		synctest.Wait()
		ada.link.take()
		down := w.rooms.named("kitchen", "Ada").places[1].down
		foreign := newFakeConn(nil).peer.Configure([]forwarder.Media{{Mid: "9", Kind: forwarder.Video, Send: true}})[0]
		for _, e := range []room.Event{
			room.Policed{Track: "t2"},
			room.MemberGone{ID: "p9", Reason: room.Lost},
			room.SlotsBound{Bound: []room.Binding{{Down: down, Track: "t8"}, {Down: foreign, Track: "t8"}}},
			room.SlotsBound{Unavailable: []room.Unavailable{{Track: "t8", Codec: codec.AV1}, {Track: "t9"}}},
			room.SlotsBound{Unavailable: []room.Unavailable{}},
			room.SlotsBound{},
			room.LayerChanged{Down: down, Track: "t8", State: forwarder.DownTrackState{Reason: forwarder.ReasonMuted, Temporal: -1}},
			room.LayerChanged{Down: foreign, Track: "t8"},
			room.LayerChanged{Down: down},
		} {
			ada.sess.inbox.Deliver(e)
			synctest.Wait()
		}
		want := []string{
			`{"type":"error","code":"bitrate_limited","message":"A track sends more than it may and is thinned out.","track":"t2"}`,
			`{"type":"gone","participant":"p9","reason":"lost"}`,
			`{"type":"slots","bound":[{"pc":"main","mid":"3","track":"t8"}]}`,
			`{"type":"slots","unavailable":[{"track":"t8","reason":"codec","codec":"AV1"},{"track":"t9","reason":"slots"}]}`,
			`{"type":"slots","unavailable":[]}`,
			`{"type":"layers","layers":[{"pc":"main","mid":"3","track":"t8","sending":false,"reason":"muted"}]}`,
		}
		frames := ada.link.take()
		for i := range max(len(frames), len(want)) {
			if i >= len(frames) || i >= len(want) || string(frames[i]) != want[i] {
				t.Fatalf("frame %d:\ngot  %s\nwant %s", i, frames, want)
			}
		}
	})
}

func TestABugEndsOneSessionOnly(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada, bob := w.join("kitchen", with("Ada", camera())), w.join("kitchen", with("Bob", viewer()))
		w.rooms.named("kitchen", "Bob").panics = true
		bob.send(protocol.View{Tracks: []protocol.Tile{{Track: "t1", Width: 1, Height: 1}}})
		synctest.Wait()
		if end := bob.link.ending(); end.code != 1011 {
			t.Errorf("closed with %+v", end)
		}
		ada.mustOK(protocol.Ping{})
		if s := w.server.Stats(); s.Panics != 1 || s.Sessions != 1 {
			t.Errorf("stats %+v", s)
		}
	})
}

func TestTheInboxHasAHighWaterMark(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada := w.join("kitchen", with("Ada", camera()))
		box := ada.sess.inbox
		box.mu.Lock() // the session must not take any before all are there
		for range highWater {
			box.items = append(box.items, room.MemberChanged{Member: room.Member{ID: "x"}})
		}
		box.mu.Unlock()
		box.post(room.MemberChanged{Member: room.Member{ID: "x"}})
		synctest.Wait()
		if end := ada.link.ending(); end.code != 4008 || end.why != "slow_consumer" {
			t.Errorf("closed with %+v", end)
		}
		if _, ok := ada.resume(ada.session).(protocol.Joined); !ok {
			t.Error("the session cannot be resumed")
		}
		ada.mustOK(protocol.Ping{})
	})
}

func TestAFatalOfferTakesItsLayersAlong(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		w.join("kitchen", with("Ada", camera()))
		bob := w.join("kitchen", with("Bob", viewer()))
		time.Sleep(time.Second)
		if said := heardOf[protocol.Layers](bob); len(said) != 1 {
			t.Fatalf("Bob heard %+v", said)
		}
		if code := bob.refused(protocol.Offer{PC: "main", N: 2, SDP: "fail bug"}); code != protocol.Internal {
			t.Errorf("got %s", code)
		}
		bob.link.lose()
		bob.resume(bob.session)
		if said := heardOf[protocol.Layers](bob); len(said) != 0 {
			t.Errorf("of a connection that is gone Bob heard %+v", said)
		}
	})
}
