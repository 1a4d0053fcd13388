package signaling

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"sfu/pkg/room"
	"sfu/pkg/signaling/protocol"
)

// The tests of this file are the items of the list of malicious clients that signalling answers for. Each expects a named error, that
// nobody else is affected, and a count.

// bystander is in the room meanwhile and must not notice.
func bystander(t *testing.T, n *network) (stillFine func()) {
	t.Helper()
	bob := n.join(t, "kitchen", with("Bob", viewer()))
	return func() {
		t.Helper()
		if m := bob.ask(protocol.Ping{}); m != (protocol.OK{}) {
			t.Errorf("a bystander was answered with %#v", m)
		}
	}
}

// expectClosed waits for the count of why.
func (n *network) expectClosed(t *testing.T, why string) {
	t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); <-time.After(time.Millisecond) {
		if n.server.Stats().Closed[why] > 0 {
			return
		}
	}
	t.Errorf("closed %v, want %s", n.server.Stats().Closed, why)
}

func TestM02_SilenceAfterTheUpgrade(t *testing.T) {
	n := newNetwork(t, Options{}, quick(func(x *timing) { x.hello = 50 * time.Millisecond }))
	c := n.dial(t, "kitchen")
	c.expectEnd(protocol.HelloTimeout)
	n.expectClosed(t, "hello_timeout")
}

func TestM02_AHelloInTricklesIsASilence(t *testing.T) {
	n := newNetwork(t, Options{}, quick(func(x *timing) { x.hello = 100 * time.Millisecond }))
	c := n.dial(t, "kitchen")
	raw := c.ws.NetConn()
	raw.Write(frameHeader(websocket.TextMessage, false, 1))
	raw.Write([]byte("{"))
	for range 5 {
		raw.Write(append(frameHeader(0, false, 1), ' ')) // a fragment each, never the last
	}
	c.expectEnd(protocol.HelloTimeout)
}

func TestM03_M04_MessagesThatAreTooBig(t *testing.T) {
	for name, joined := range map[string]bool{"before join": false, "after join": true} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t, Options{}, defaultTiming)
			fine := bystander(t, n)
			c := n.dial(t, "kitchen")
			if joined {
				c.ask(with("Ada"))
			}
			frame := protocol.EncodeRequest(2, protocol.Say{Body: strings.Repeat("x", protocol.MaxMessageBytes)})
			go c.ws.WriteMessage(websocket.TextMessage, frame) // the server may stop reading half-way
			if _, code, _ := c.closed(); code != 1009 {
				t.Errorf("ended with %d", code)
			}
			n.expectClosed(t, "message_too_big")
			fine()
		})
	}
}

func TestM04_AFrameThatClaimsAGigabyte(t *testing.T) {
	n := newNetwork(t, Options{}, defaultTiming)
	c := n.dial(t, "kitchen")
	c.ask(with("Ada"))
	c.ws.NetConn().Write(frameHeader(websocket.TextMessage, true, 1<<30))
	if _, code, _ := c.closed(); code != 1009 {
		t.Errorf("ended with %d", code)
	}
	n.expectClosed(t, "message_too_big")
}

func TestMessagesOfTheLargestSizePass(t *testing.T) {
	n := newNetwork(t, Options{}, defaultTiming)
	c := n.dial(t, "kitchen")
	offer := viewer()
	frame := protocol.EncodeRequest(1, with("Ada", offer))
	offer.SDP += "\n" + strings.Repeat("x", protocol.MaxMessageBytes-len(frame)-2)
	frame = protocol.EncodeRequest(1, with("Ada", offer))
	if len(frame) != protocol.MaxMessageBytes {
		t.Fatalf("%d bytes", len(frame))
	}
	c.sendRaw(frame)
	if _, ok := c.answer(1).(protocol.Joined); !ok {
		t.Error("refused")
	}
}

func TestM05_Compression(t *testing.T) {
	n := newNetwork(t, Options{}, defaultTiming)
	fine := bystander(t, n)
	h := http.Header{}
	dialer := websocket.Dialer{EnableCompression: true, Subprotocols: []string{protocol.Version}}
	ws, resp, err := dialer.Dial("ws"+strings.TrimPrefix(n.http.URL, "http")+"/v1/rooms/kitchen/signal", h)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	if got := resp.Header.Get("Sec-WebSocket-Extensions"); got != "" {
		t.Errorf("negotiated %q", got)
	}
	header := frameHeader(websocket.TextMessage, true, 2)
	header[0] |= 0x40 // RSV1: compressed
	ws.NetConn().Write(append(header, 0, 0))
	c := &wsClient{t: t, ws: ws}
	if _, code, _ := c.closed(); code != 1002 {
		t.Errorf("ended with %d", code)
	}
	fine()
}

func TestM06_FragmentsWithoutEnd(t *testing.T) {
	for name, c := range map[string]struct {
		times    timing
		fragment []byte
		count    int
		want     int
		why      string
	}{
		"whose sum is too big": {defaultTiming, append(frameHeader(0, false, 1000), make([]byte, 1000)...), 300, 1009, "message_too_big"},
		"that are empty":       {quick(func(x *timing) { x.message = 200 * time.Millisecond }), frameHeader(0, false, 0), 10_000, 1008, "message_timeout"},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t, Options{}, c.times)
			fine := bystander(t, n)
			ada := n.dial(t, "kitchen")
			ada.ask(with("Ada"))
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				raw := ada.ws.NetConn()
				raw.Write(append(frameHeader(websocket.TextMessage, false, 1), '{'))
				for range c.count {
					if _, err := raw.Write(c.fragment); err != nil {
						return
					}
				}
				<-stop
			}()
			if _, code, _ := ada.closed(); code != c.want {
				t.Errorf("ended with %d", code)
			}
			close(stop)
			<-stopped
			n.expectClosed(t, c.why)
			fine()
		})
	}
}

func TestM07_ControlFrameFloods(t *testing.T) {
	for name, kind := range map[string]int{"pings": websocket.PingMessage, "pongs": websocket.PongMessage} {
		t.Run(name, func(t *testing.T) {
			n := newNetwork(t, Options{}, defaultTiming)
			fine := bystander(t, n)
			c := n.dial(t, "kitchen")
			c.ask(with("Ada"))
			flood := bytes.Repeat(append(frameHeader(kind, true, 4), "ping"...), 10_000)
			go c.ws.NetConn().Write(flood)
			c.expectEnd(protocol.RateLimited)
			if limited := n.server.Stats().RateLimited["control"]; limited != 1 {
				t.Errorf("limited %d", limited)
			}
			fine()
		})
	}
}

func TestM08_SlowConsumer(t *testing.T) {
	n := newNetwork(t, Options{}, quick(func(x *timing) { x.write = 500 * time.Millisecond }))
	ada, bob := n.join(t, "kitchen", with("Ada")), n.join(t, "kitchen", with("Bob"))
	slow := n.join(t, "kitchen", with("Eve"))
	// Eve stops reading. Ada says more than what the kernel and the queue hold.
	member := n.rooms.named("kitchen", "Ada")
	body := strings.Repeat("x", 64<<10)
	worst := time.Duration(0)
	for i := 0; n.server.Stats().Closed["slow_consumer"]+n.server.Stats().Closed["lost"] == 0; i++ {
		if i == 2000 {
			t.Fatal("Eve is still there after 128 MB")
		}
		began := time.Now()
		if err := member.Send(fmt.Sprint(i, " ", body), ""); err != nil {
			t.Fatal(err)
		}
		want := fmt.Sprint(i, " ")
		for _, c := range []*wsClient{bob, ada} {
			if m := next[protocol.Message](c); !strings.HasPrefix(m.Body, want) {
				t.Fatalf("got %.10q, want %q", m.Body, want)
			}
		}
		worst = max(worst, time.Since(began))
	}
	if worst > 2*time.Second {
		t.Errorf("a message took %v to the others", worst)
	}
	if s := n.server.Stats(); s.Closed["slow_consumer"] != 1 || s.Sessions != 3 {
		t.Errorf("stats %+v", s)
	}
	again := n.dial(t, "kitchen")
	if joined, ok := again.ask(protocol.Resume{Session: slow.session}).(protocol.Joined); !ok || !joined.Resumed {
		t.Error("the session cannot be resumed")
	}
}

func TestM14_TokensForOtherRooms(t *testing.T) {
	n := newNetwork(t, Options{}, defaultTiming)
	n.tokens.open = false
	for token, want := range map[string]protocol.Code{
		"cellar:eve":   protocol.RoomNotAllowed,
		"Kitchen:eve":  protocol.RoomNotAllowed,
		"kitchen.:eve": protocol.RoomNotAllowed,
		"kіtchen:eve":  protocol.RoomNotAllowed,
		"eve":          protocol.TokenInvalid,
		"expired":      protocol.TokenExpired,
		"":             protocol.TokenRequired,
	} {
		c := n.dial(t, "kitchen")
		c.send(protocol.Join{Token: token})
		c.expectEnd(want)
		if n.server.Stats().AuthFailures[string(want)] == 0 {
			t.Errorf("%q was not counted", token)
		}
	}
	if n.rooms.Participants("kitchen") != 0 {
		t.Error("somebody is in the room")
	}
}

func TestM16_OnceOnlyToken(t *testing.T) {
	n := newNetwork(t, Options{}, defaultTiming)
	ada := n.join(t, "kitchen", protocol.Join{Token: "kitchen:once"})
	n.get(t, "/v1/rooms/kitchen", http.Header{"Authorization": {"Bearer kitchen:once"}}) // asking redeems nothing
	ada.ask(protocol.Leave{})
	c := n.dial(t, "kitchen")
	c.send(protocol.Join{Token: "kitchen:once"})
	c.expectEnd(protocol.TokenUsed)
	if n.rooms.Participants("kitchen") != 0 {
		t.Error("somebody is in the room")
	}
}

func TestM17_JoinTwiceAndAfterLeave(t *testing.T) {
	n := newNetwork(t, Options{}, defaultTiming)
	fine := bystander(t, n)
	c := n.join(t, "kitchen", with("Ada"))
	for _, m := range []protocol.ClientMessage{with("Ada"), protocol.Resume{Session: c.session}} {
		if e, ok := c.ask(m).(protocol.Error); !ok || e.Code != protocol.BadState {
			t.Errorf("got %+v", e)
		}
	}
	c.ask(protocol.Leave{})
	c.id++
	c.ws.WriteMessage(websocket.TextMessage, protocol.EncodeRequest(c.id, with("Ada"))) // may meet a closed socket
	if _, code, why := c.closed(); code != 1000 || why != "left" {
		t.Errorf("ended with %d %q", code, why)
	}
	if got := n.rooms.Participants("kitchen"); got != 1 {
		t.Errorf("%d are in the room", got)
	}
	fine()
}

func TestM17_SomethingElseFirst(t *testing.T) {
	n := newNetwork(t, Options{}, defaultTiming)
	for frame, want := range map[string]protocol.Code{
		`{"type":"ping","id":1}`:               protocol.BadState,
		`{"type":"leave","id":1}`:              protocol.BadState,
		`{"type":"dance","id":1}`:              protocol.Unsupported,
		`{"type":"join","id":1,"name":7}`:      protocol.BadRequest,
		`{"type":"join"}`:                      protocol.BadRequest,
		`hello`:                                protocol.BadRequest,
		"{\"type\":\"join\",\"id\":1,\"\xff\"": protocol.BadMessage,
	} {
		c := n.dial(t, "kitchen")
		c.sendRaw([]byte(frame))
		c.expectEnd(want)
	}
	c := n.dial(t, "kitchen")
	c.ws.WriteMessage(websocket.BinaryMessage, []byte(`{"type":"join","id":1}`))
	c.expectEnd(protocol.BadMessage)
}

func TestM18_PublishWithoutPermission(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		w.tokens.limited = true
		offer := protocol.Offer{PC: "main", N: 1, SDP: "send 0 audio\nsend 1 video\nboth 2"}
		c := w.join("kitchen", protocol.Join{Token: "kitchen:eve", Offers: []protocol.Offer{offer}})
		for code, m := range map[protocol.Code]protocol.Publish{
			protocol.NotAllowed: {PC: "main", Mid: "0", Source: protocol.ScreenAudio},
			protocol.NotFound:   {PC: "main", Mid: "1", Source: protocol.Camera},
		} {
			if got := c.refused(m); got != code {
				t.Errorf("%+v: %s", m, got)
			}
		}
		if n := len(w.rooms.rooms["kitchen"].members[0].member.Tracks); n != 0 {
			t.Errorf("%d tracks", n)
		}
	})
}

func TestM19_ForeignIDs(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada := w.join("kitchen", with("Ada", camera()))
		other := w.join("cellar", with("Mallory", camera()))
		eve := w.join("kitchen", protocol.Join{Name: "Eve", Token: "mod:kitchen:eve"})
		for _, track := range []string{"t1", "t3", "t99", ada.self, "../t1"} {
			for _, m := range []protocol.ClientMessage{protocol.Mute{Track: track, Muted: true}, protocol.Unpublish{Track: track}} {
				if code := eve.refused(m); code != protocol.NotFound {
					t.Errorf("%+v: %s", m, code)
				}
			}
		}
		for _, m := range []protocol.ClientMessage{
			protocol.Subscribe{Tracks: []string{"t3"}}, protocol.Subscribe{Tracks: []string{"t99"}},
			protocol.View{Tracks: []protocol.Tile{{Track: "t3"}}},
			protocol.Remove{Participant: other.self}, protocol.Remove{Participant: "p99"},
			protocol.Say{Body: "x", To: other.self},
		} {
			if code := eve.refused(m); code != protocol.NotFound {
				t.Errorf("%+v: %s", m, code)
			}
		}
		for _, track := range w.rooms.named("kitchen", "Ada").member.Tracks {
			if track.Muted {
				t.Error("a foreign track was muted")
			}
		}
		ada.mustOK(protocol.Ping{})
		other.mustOK(protocol.Ping{})
	})
}

func TestM20_RemoveAsAViewer(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada, eve := w.join("kitchen", with("Ada")), w.join("kitchen", with("Eve"))
		if code := eve.refused(protocol.Remove{Participant: ada.self}); code != protocol.NotAllowed {
			t.Errorf("got %s", code)
		}
		w.tokens.limited = true
		mute := w.join("kitchen", protocol.Join{Token: "kitchen:mute"})
		if code := mute.refused(protocol.Say{Body: "x"}); code != protocol.NotAllowed {
			t.Errorf("got %s", code)
		}
		ada.mustOK(protocol.Ping{})
	})
}

func TestM21_OffersOverOffers(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		c := w.join("kitchen", with("Eve", camera()))
		got := map[protocol.Code]int{}
		for i := range 100 {
			switch m := c.ask(protocol.Offer{PC: "main", N: uint64(i + 2), SDP: "hang"}).(type) {
			case protocol.Error:
				got[m.Code]++
				if m.N != uint64(i+2) || m.PC != "main" {
					t.Errorf("the refusal does not say which offer it means: %+v", m)
				}
			case nil:
				got["pending"]++
			}
		}
		if got["pending"] != 1 || got[protocol.BadState] != offerBurst-1 || got[protocol.RateLimited] != 100-offerBurst {
			t.Errorf("got %v", got)
		}
		if n := w.server.Stats().RateLimited["offers"]; n != 100-offerBurst {
			t.Errorf("counted %d", n)
		}
	})
}

func TestM23_M25_OffersThatCannotBeUsed(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		c := w.join("kitchen", with("Eve"))
		for sdp, want := range map[string]protocol.Code{
			strings.Repeat("m=audio 9 X 0\r\n", 10_000): protocol.BadSDP,
			"fail sdp":        protocol.BadSDP,
			"fail candidates": protocol.TooManyCandidates,
		} {
			e := c.ask(protocol.Offer{PC: "main", N: 1, SDP: sdp}).(protocol.Error)
			if e.Code != want || len(e.Message) > 250 {
				t.Errorf("%.20q: %+v", sdp, e)
			}
			c.ask(protocol.Close{PC: "main"})
		}
		c.mustOK(protocol.Ping{})
	})
}

func TestM39_ChatFlood(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		ada, eve := w.join("kitchen", with("Ada")), w.join("kitchen", with("Eve"))
		limited := 0
		for range 1000 {
			if e, ok := eve.ask(protocol.Say{Body: "spam"}).(protocol.Error); ok && e.Code == protocol.RateLimited {
				limited++
			}
		}
		if limited != 1000-chatBurst || len(heardOf[protocol.Message](ada)) != chatBurst {
			t.Errorf("%d of 1000 were limited", limited)
		}
		time.Sleep(time.Second)
		eve.mustOK(protocol.Say{Body: "sorry"})
	})
}

func TestM39_MessageFlood(t *testing.T) {
	n := newNetwork(t, Options{}, defaultTiming)
	fine := bystander(t, n)
	c := n.join(t, "kitchen", with("Eve"))
	var flood bytes.Buffer
	ping := protocol.EncodeRequest(7, protocol.Ping{})
	for range 10_000 {
		flood.Write(frameHeader(websocket.TextMessage, true, len(ping)))
		flood.Write(ping)
	}
	go c.ws.NetConn().Write(flood.Bytes())
	if last, code, _ := c.closed(); code == 4029 && last.Code != protocol.RateLimited || code != 4029 && code != 4008 {
		t.Errorf("ended with %d after %+v", code, last) // 4008 where the answers could not be sent as fast as the flood came
	}
	fine()
}

func TestM39_MessagesAreRefusedBeforeTheFloodCloses(t *testing.T) {
	now := time.Unix(0, 0)
	i := newIntake(newTally(nil), now)
	passed, refused := 0, 0
	for {
		req, refusal, closes := i.read([]byte(`{"type":"ping","id":7}`), now)
		if closes {
			if refusal.Code != protocol.RateLimited {
				t.Errorf("closed with %+v", refusal)
			}
			break
		}
		if req.ID != 7 {
			t.Fatal("the request is not named")
		}
		if refusal == nil {
			passed++
		} else {
			refused++
		}
	}
	if passed != messageBurst || refused != refusalBurst {
		t.Errorf("%d passed, %d were refused", passed, refused)
	}
	if _, refusal, _ := i.read([]byte(`{"type":"ping","id":8}`), now.Add(time.Second)); refusal != nil {
		t.Errorf("a second later: %+v", refusal)
	}
}

func TestM39_RubbishAfterJoinIsRefusedOneByOne(t *testing.T) {
	n := newNetwork(t, Options{}, defaultTiming)
	c := n.join(t, "kitchen", with("Eve"))
	for frame, want := range map[string]protocol.Code{
		`{`:                          protocol.BadRequest,
		`{"type":"mute","id":50}`:    protocol.BadRequest,
		`{"type":"dance","id":51}`:   protocol.Unsupported,
		`{"type":"ping","id":-7}`:    protocol.BadRequest,
		`{"type":"ping","id":1e400}`: protocol.BadRequest,
	} {
		c.sendRaw([]byte(frame))
		re, m, err := c.read()
		if e, ok := m.(protocol.Error); !ok || e.Code != want || err != nil || (re != 0) != (strings.Contains(frame, "5")) {
			t.Errorf("%s: %d %+v %v", frame, re, m, err)
		}
	}
	c.id = 60
	if m := c.ask(protocol.Ping{}); m != (protocol.OK{}) {
		t.Errorf("got %#v", m)
	}
	c.sendRaw([]byte("{\"type\":\"ping\",\"id\":1,\"x\":\"\xff\"}"))
	c.expectEnd(protocol.BadMessage)
}

func TestM40_NamesInTheLog(t *testing.T) {
	inBubble(t, Options{}, func(t *testing.T, w *world) {
		evil := "x\nlevel=ERROR msg=\"all is lost\""
		w.join("kitchen", protocol.Join{Name: evil, Client: &protocol.Client{Name: evil, Version: strings.Repeat("9", 10_000)}})
		for _, line := range strings.Split(w.log.String(), "\n") {
			if strings.HasPrefix(line, "level=ERROR") || len(line) > 500 {
				t.Errorf("logged %.600q", line)
			}
		}
	})
}

func TestM45_SubscribeAndUnsubscribeAThousandTimes(t *testing.T) {
	n := newNetwork(t, Options{}, defaultTiming)
	n.join(t, "kitchen", with("Ada", camera()))
	c := n.join(t, "kitchen", with("Eve", viewer()))
	limited := 0
	for i := range 250 { // more would be a flood, which closes
		var m protocol.ClientMessage = protocol.Subscribe{Tracks: []string{"t2"}}
		if i%2 == 0 {
			m = protocol.Unsubscribe{Tracks: []string{"t2"}}
		}
		if e, ok := c.ask(m).(protocol.Error); ok && e.Code == protocol.RateLimited {
			limited++
		}
	}
	if limited == 0 && n.server.Stats().RateLimited["messages"] == 0 {
		t.Skip("the machine is too slow to send 250 messages faster than 50 per second")
	}
	if m := c.ask(protocol.Ping{}); m == nil {
		t.Error("no answer")
	}
}

func TestM47_IdentityInUse(t *testing.T) {
	n := newNetwork(t, Options{}, defaultTiming)
	ada := n.join(t, "kitchen", protocol.Join{Token: "kitchen:ada"})
	c := n.dial(t, "kitchen")
	c.send(protocol.Join{Token: "kitchen:ada"})
	c.expectEnd(protocol.IdentityInUse)
	if m := ada.ask(protocol.Ping{}); m != (protocol.OK{}) {
		t.Errorf("the owner was answered with %#v", m)
	}
}

// S13: a failed authentication of one touches nobody else.
func TestS13_FailedJoinsLeaveNoTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, Options{})
		ada := w.join("kitchen", protocol.Join{Token: "kitchen:ada"})
		synctest.Wait()
		ada.link.take()
		for _, token := range []string{"rubbish", "expired", "cellar:x", "kitchen:ada"} {
			w.tryJoin("kitchen", protocol.Join{Token: token})
		}
		w.rooms.joinErr = room.ErrFull
		if _, m := w.tryJoin("kitchen", protocol.Join{Token: "kitchen:bob"}); m.(protocol.Error).Code != protocol.RoomFull {
			t.Errorf("got %+v", m)
		}
		synctest.Wait()
		if frames := ada.link.take(); len(frames) != 0 {
			t.Errorf("Ada heard %s", bytes.Join(frames, nil))
		}
		w.end()
	})
}

// R13: what counts is what is received. A connection on which nothing comes is dead however much can be sent.
func TestR13_HalfOpenConnections(t *testing.T) {
	n := newNetwork(t, Options{}, quick(func(x *timing) { x.ping, x.silence = 200*time.Millisecond, 2*time.Second }))
	alive := n.join(t, "kitchen", with("Ada"))
	answered := make(chan protocol.ServerMessage, 1)
	go func() { answered <- alive.answer(99) }() // answers pings meanwhile
	dead := n.join(t, "kitchen", with("Eve"))
	dead.ws.SetPingHandler(func(string) error { return nil }) // reads, and answers nothing
	go func() {
		for {
			if _, _, err := dead.ws.ReadMessage(); err != nil {
				return
			}
		}
	}()
	began := time.Now()
	go func() {
		n.expectClosed(t, "lost")
		alive.ws.WriteMessage(websocket.TextMessage, protocol.EncodeRequest(99, protocol.Ping{}))
	}()
	if m := <-answered; m != (protocol.OK{}) {
		t.Errorf("got %#v", m)
	}
	if took := time.Since(began); took < 1500*time.Millisecond {
		t.Errorf("closed after %v", took)
	}
	if s := n.server.Stats(); s.Closed["lost"] != 1 || s.Sockets != 1 || s.Sessions != 2 {
		t.Errorf("stats %+v", s)
	}
}

// frameHeader returns the header of a masked frame whose mask is zero, so that the payload follows as it is.
func frameHeader(kind int, final bool, length int) []byte {
	h := []byte{byte(kind), 0x80}
	if final {
		h[0] |= 0x80
	}
	switch {
	case length < 126:
		h[1] |= byte(length)
	case length < 1<<16:
		h[1] |= 126
		h = binary.BigEndian.AppendUint16(h, uint16(length))
	default:
		h[1] |= 127
		h = binary.BigEndian.AppendUint64(h, uint64(length))
	}
	return append(h, 0, 0, 0, 0)
}
