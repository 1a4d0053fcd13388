package signaling

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/gorilla/websocket"

	"sfu/pkg/auth"
	"sfu/pkg/room"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/transport"
)

func TestBucket(t *testing.T) {
	now := time.Unix(0, 0)
	b := newBucket(5, 20, now)
	passed := 0
	for range 100 {
		if b.take(now) {
			passed++
		}
	}
	if passed != 20 {
		t.Errorf("%d at once", passed)
	}
	for i := range 1000 { // 10 s in steps of 10 ms
		if b.take(now.Add(time.Duration(i) * 10 * time.Millisecond)) {
			passed++
		}
	}
	if passed < 69 || passed > 70 {
		t.Errorf("%d in 10 s", passed)
	}
	if b.take(now) {
		t.Error("going back in time fills the bucket")
	}
}

func TestSendQueueIsBounded(t *testing.T) {
	q := newSendQueue()
	if !q.push(make([]byte, 3*maxQueuedBytes)) {
		t.Error("one big frame does not fit an empty queue")
	}
	if q.push([]byte("x")) {
		t.Error("more than a megabyte waits")
	}
	q.pop()
	for i := range maxQueuedFrames {
		if !q.push([]byte("x")) {
			t.Fatalf("frame %d does not fit", i)
		}
	}
	if q.push([]byte("x")) {
		t.Error("257 frames wait")
	}
}

func TestSendQueueEndsOnce(t *testing.T) {
	q := newSendQueue()
	q.push([]byte("1"))
	if !q.close(ending{1000, "left"}, false, []byte("2")) || q.close(ending{4008, "slow_consumer"}, true) {
		t.Error("not the first close counted")
	}
	q.push([]byte("3"))
	var got []byte
	for {
		d := q.pop()
		if d.end != nil {
			if *d.end != (ending{1000, "left"}) {
				t.Errorf("ended with %+v", d.end)
			}
			break
		}
		got = append(got, d.frame...)
	}
	if string(got) != "12" {
		t.Errorf("sent %q", got)
	}
	q = newSendQueue()
	q.push([]byte("1"))
	q.close(ending{}, true)
	if d := q.pop(); d.frame != nil || d.end == nil {
		t.Error("a dropped queue still sends")
	}
}

func TestSendQueueHasOneWriter(t *testing.T) {
	q := newSendQueue()
	q.push([]byte("1"))
	if !q.begin() || q.begin() {
		t.Error("not the first one began")
	}
	q.askPong("a")
	q.askPong("b")
	q.askPing()
	if d := q.pop(); d.pong == nil || *d.pong != "b" {
		t.Errorf("first %+v", d)
	}
	if d := q.pop(); !d.ping {
		t.Errorf("second %+v", d)
	}
	if d := q.pop(); string(d.frame) != "1" || q.begin() {
		t.Errorf("third %+v", d)
	}
	if d := q.pop(); d.frame != nil || d.end != nil || d.ping || d.pong != nil || !q.begin() {
		t.Error("the writer did not end when nothing was left")
	}
	q.close(ending{1000, "left"}, false)
	if d := q.pop(); d.end == nil || q.begin() {
		t.Error("someone writes after the end")
	}
}

func TestTheWriterLeavesItToTheReaderToSayWhyGorillaClosed(t *testing.T) {
	c := &socket{queue: newSendQueue()}
	c.writeFailed(websocket.ErrCloseSent)
	if e := c.queue.ended(); e != nil {
		t.Errorf("ended with %+v", e)
	}
}

func TestOriginsOfAllowedPages(t *testing.T) {
	p, err := newOriginPolicy([]string{"https://good.example", "http://dev.example:8080"})
	if err != nil {
		t.Fatal(err)
	}
	const host = "sfu.example"
	for header, want := range map[string]string{
		"":                                "own",
		"https://sfu.example":             "own",
		"http://sfu.example":              "own", // the Host header says port 80 for it
		"HTTPS://SFU.example:443":         "own",
		"https://good.example":            "cross",
		"https://good.example:443":        "cross",
		"http://dev.example:8080":         "cross",
		"https://evil.example":            "",
		"null":                            "",
		"https://good.example.evil":       "",
		"https://notgood.example":         "",
		"https://good.example@evil":       "",
		"https://sfu.example@evil":        "",
		"https://user@sfu.example":        "",
		"http://good.example":             "", // another scheme
		"https://good.example:8443":       "", // another port
		"https://sfu.example:8443":        "",
		"http://dev.example":              "",
		"https://good.example/":           "",
		"https://good.example?":           "",
		"https://good.example#x":          "",
		"https://good.example, https://x": "",
		"file://sfu.example":              "",
		"sfu.example":                     "",
		"https://":                        "",
		"://":                             "",
	} {
		ok, cross := p.check(header, host)
		got := map[bool]string{true: "own"}[ok]
		if ok && cross {
			got = "cross"
		}
		if got != want {
			t.Errorf("%q: %q, want %q", header, got, want)
		}
	}
	for _, c := range []struct{ origin, host string }{{"http://127.0.0.1:8080", "127.0.0.1:8080"}, {"http://[::1]:8080", "[::1]:8080"}, {"http://[::1]", "[::1]"}} {
		if ok, cross := p.check(c.origin, c.host); !ok || cross {
			t.Errorf("%+v refused", c)
		}
	}
	for _, bad := range []string{"good.example", "*", "null", "https://*.example/", "https://a/b"} {
		if _, err := newOriginPolicy([]string{bad}); err == nil {
			t.Errorf("%q can be configured", bad)
		}
	}
}

func TestAddressLimits(t *testing.T) {
	now := time.Unix(1000, 0)
	a := newAddresses(AddressLimits{Sockets: 3, Unauthenticated: 2})
	from, other := netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8:0:1::1")
	same := netip.MustParseAddr("2001:db8::ffff:2") // of the same /64
	expect := func(at netip.Addr, want string) {
		t.Helper()
		if limit, ok := a.open(at, now); limit != want || ok != (want == "") {
			t.Errorf("got %q, want %q", limit, want)
		}
	}
	expect(from, "")
	expect(same, "")
	expect(from, limitUnauthenticated)
	expect(other, "")
	a.authenticated(from, now)
	expect(from, "")
	expect(same, limitSockets)
	a.close(from, true, now)
	expect(same, limitUnauthenticated)
	a.close(from, false, now)
	expect(same, "")
}

func TestAddressJoinsAndFailures(t *testing.T) {
	now := time.Unix(1000, 0)
	a := newAddresses(AddressLimits{})
	from := netip.MustParseAddr("192.0.2.1")
	joins := 0
	for range 500 {
		if a.join(from, now) {
			joins++
		}
	}
	if joins != 100 || !a.join(netip.MustParseAddr("192.0.2.2"), now) {
		t.Errorf("%d joins at once", joins)
	}
	for range 20 {
		a.failed(from, now)
	}
	if a.blocked(from, now) != 0 {
		t.Error("blocked after 20")
	}
	a.failed(from, now)
	if a.blocked(from, now) != time.Minute {
		t.Error("not blocked after 21")
	}
	if limit, _ := a.open(from, now); limit != limitAuth {
		t.Errorf("got %q", limit)
	}
	if now = now.Add(time.Minute); a.blocked(from, now) != 0 {
		t.Error("blocked for ever")
	}
}

func TestAddressesAreForgotten(t *testing.T) {
	now := time.Unix(1000, 0)
	a := newAddresses(AddressLimits{Addresses: 100})
	busy := netip.MustParseAddr("192.0.2.1")
	a.open(busy, now)
	for i := range 10_000 {
		from := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		a.failed(from, now)
		if i%2 == 0 {
			a.open(from, now)
			a.close(from, false, now)
		}
	}
	if n := len(a.entries); n > 100 {
		t.Errorf("%d addresses are remembered", n)
	}
	if e := a.entries[key(busy)]; e == nil || e.sockets != 1 {
		t.Error("an address with a socket was forgotten")
	}
}

func TestAdmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a := newAdmission(2, 3, 3*time.Second)
		results := make(chan error, 10)
		for range 10 {
			go func() { results <- a.enter(context.Background()) }()
		}
		synctest.Wait()
		if n := len(results); n != 7 { // two are in, three wait, five are sent away
			t.Fatalf("%d know by now", n)
		}
		a.leave()
		synctest.Wait()
		if n := len(results); n != 8 {
			t.Errorf("%d know after one has left", n)
		}
		time.Sleep(3 * time.Second)
		synctest.Wait()
		ok := 0
		for range 10 {
			if err := <-results; err == nil {
				ok++
			} else if !errors.Is(err, room.ErrOverloaded) {
				t.Error(err)
			}
		}
		if ok != 3 {
			t.Errorf("%d were let in", ok)
		}
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if err := a.enter(ctx); !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

func TestRefusalsOfOtherPackages(t *testing.T) {
	now := time.Unix(1_790_000_000, 0)
	for err, want := range map[error]protocol.Code{
		room.ErrFull: protocol.RoomFull, room.ErrIdentityInUse: protocol.IdentityInUse, room.ErrLeft: protocol.BadState,
		room.ErrTooBig: protocol.MessageTooBig, room.ErrLimit: protocol.LimitReached, room.ErrDraining: protocol.Draining,
		auth.ErrTokenUsed: protocol.TokenUsed, transport.ErrClosed: protocol.NoMatch, transport.ErrOverloaded: protocol.Overloaded,
	} {
		refusal, known := refusalOf(fmt.Errorf("do something: %w", err), now)
		if !known || refusal.Code != want || !strings.HasSuffix(refusal.Message, ".") {
			t.Errorf("%v: %+v", err, refusal)
		}
	}
	if refusal, known := refusalOf(errors.New("secret path"), now); known || refusal.Code != protocol.Internal || strings.Contains(refusal.Message, "secret") {
		t.Errorf("got %+v", refusal)
	}
	if refusal, _ := refusalOf(auth.ErrTokenExpired, now); !strings.Contains(refusal.Message, "2026-09-21T14:13:20Z") {
		t.Errorf("M48: the server's time is missing in %q", refusal.Message)
	}
	long, _ := refusalOf(fmt.Errorf("%w: %s", transport.ErrBadSDP, strings.Repeat("ä", 5000)), now)
	if len(long.Message) > maxSentence+10 || !bytes.HasPrefix([]byte(long.Message), []byte("The offer cannot be used: ä")) {
		t.Errorf("got %q", long.Message)
	}
	if refusal, _ := refusalOf(room.ErrOverloaded, now); refusal.RetryAfter < 1000 || refusal.RetryAfter >= 3000 {
		t.Errorf("retry after %d", refusal.RetryAfter)
	}
}

// Every code that is answered over HTTP or closes a socket is in the fixed sets of the counters, so that nothing ends as "other".
func TestCountersKnowEveryCode(t *testing.T) {
	c := newTally(nil)
	for _, code := range protocol.Codes() {
		c.closed.inc(string(code.Code))
		c.joins.inc(string(code.Code))
	}
	c.closed.inc("made up by a client")
	if got := c.stats(); got.Closed[other] != 1 || got.Joins[other] != 0 || len(got.Closed) != len(protocol.Codes())+1 {
		t.Errorf("got %+v", got)
	}
}
