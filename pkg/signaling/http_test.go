package signaling

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sfu/pkg/signaling/protocol"
	"sfu/pkg/turn"
)

func turnOptions(t *testing.T) Options {
	t.Helper()
	issuer, err := turn.NewIssuer([]string{"turn:turn.example:3478"}, "north", 0)
	if err != nil {
		t.Fatal(err)
	}
	return Options{
		TURN: issuer,
		ICEServers: []protocol.ICEServer{
			{URLs: []string{"stun:stun.example"}},
			{URLs: []string{"turn:static.example"}, Username: "u", Credential: "c"},
		},
	}
}

func TestInfoOfAnOpenRoom(t *testing.T) {
	n := newNetwork(t, turnOptions(t), defaultTiming)
	n.join(t, "kitchen", with("Ada"))
	status, header, body := n.get(t, "/v1/rooms/kitchen", nil)
	var info protocol.RoomInfo
	if err := json.Unmarshal(body, &info); err != nil || status != 200 {
		t.Fatalf("%d %s: %v", status, body, err)
	}
	if info.Room != "kitchen" || info.Protocol != "sfu.v1" || info.Auth != "open" || *info.Participants != 1 || len(info.ICEServers) != 3 {
		t.Errorf("got %s", body)
	}
	if info.ICEServers[2].Username == "" || info.ICEServers[2].Credential == "" {
		t.Error("no TURN credentials")
	}
	want := protocol.Limits{MessageBytes: 262144, SDPLines: 8000, Slots: 32, SlotsFirst: 4, SlotsGrow: 4, NameLength: 64, ChatBytes: 4096}
	if info.Limits != want || info.Codecs.Audio[0] != "opus" || info.Codecs.Video[0] != "VP8" {
		t.Errorf("got %s", body)
	}
	if header.Get("Cache-Control") != "no-store" || header.Get("Content-Type") != "application/json" {
		t.Errorf("headers %v", header)
	}
}

func TestInfoWithTokens(t *testing.T) {
	n := newNetwork(t, turnOptions(t), defaultTiming)
	n.tokens.open = false
	var info protocol.RoomInfo
	_, _, body := n.get(t, "/v1/rooms/kitchen", nil)
	if err := json.Unmarshal(body, &info); err != nil {
		t.Fatal(err)
	}
	if info.Auth != "token" || info.Participants != nil || len(info.ICEServers) != 1 || strings.Contains(string(body), "credential") {
		t.Errorf("a stranger was told %s", body)
	}
	_, _, body = n.get(t, "/v1/rooms/kitchen", http.Header{"Authorization": {"Bearer kitchen:ada"}})
	if err := json.Unmarshal(body, &info); err != nil || info.Participants == nil || len(info.ICEServers) != 3 {
		t.Errorf("a holder of a token was told %s", body)
	}
	for token, want := range map[string]protocol.Code{
		"Bearer rubbish":    protocol.TokenInvalid,
		"Bearer expired":    protocol.TokenExpired,
		"Bearer early":      protocol.TokenNotYetValid,
		"Bearer cellar:ada": protocol.RoomNotAllowed,
		"Bearer ":           protocol.TokenInvalid,
		"Basic YTpi":        protocol.TokenInvalid,
		"Bearer bug":        protocol.Internal,
	} {
		status, header, body := n.get(t, "/v1/rooms/kitchen", http.Header{"Authorization": {token}})
		refusal := refusalIn(t, body)
		if token == "Bearer " { // HTTP trims it
			want = refusal.Code
		}
		if refusal.Code != want || status != want.Status() || (status == 401) != (header.Get("WWW-Authenticate") != "") {
			t.Errorf("%q: %d %s", token, status, body)
		}
	}
	if strings.Contains(n.log.String(), "cellar:ada") {
		t.Error("a token was logged")
	}
}

func TestATokenInTheAddressIsNotLookedAt(t *testing.T) {
	n := newNetwork(t, Options{}, defaultTiming)
	n.tokens.open = false
	_, _, body := n.get(t, "/v1/rooms/kitchen?token=kitchen:ada&access_token=kitchen:ada", nil)
	if strings.Contains(string(body), "participants") {
		t.Errorf("got %s", body)
	}
	c, _, err := n.tryDial(t, "kitchen", http.Header{"Authorization": {"Bearer kitchen:ada"}})
	if err != nil {
		t.Fatal(err)
	}
	c.send(protocol.Join{})
	c.expectEnd(protocol.TokenRequired)
}

func TestM42_RoomNamesInAddresses(t *testing.T) {
	n := newNetwork(t, Options{}, defaultTiming)
	for _, name := range []string{"%2e%2e", "a%20b", "%F0%9F%92%A5", strings.Repeat("a", 65), "..%2f..%2fetc", "a%00b", "kitchen."} {
		status, _, body := n.get(t, "/v1/rooms/"+name, nil)
		if refusal := refusalIn(t, body); status != 400 || refusal.Code != protocol.BadRoomName {
			t.Errorf("%s: %d %s", name, status, body)
		}
		if _, resp, err := n.tryDial(t, name, http.Header{}); err == nil || resp.StatusCode != 400 {
			t.Errorf("%s: %v %v", name, err, resp)
		}
	}
	for _, path := range []string{"/v1/rooms/", "/v1/rooms/a/b/c", "/v1/rooms/kitchen/"} {
		if status, _, body := n.get(t, path, nil); status != 404 || refusalIn(t, body).Code != protocol.NotFound {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
}

func TestM09_Origins(t *testing.T) {
	n := newNetwork(t, Options{AllowedOrigins: []string{"https://good.example"}}, defaultTiming)
	for header, allowed := range map[string]bool{
		"":                           true,
		n.http.URL:                   true,
		"https://good.example":       true,
		"https://evil.example":       false,
		"null":                       false,
		"https://good.example.evil":  false,
		"https://good.example@evil":  false,
		"https://good.example:8443":  false,
		n.http.URL + "0":             false,
		"http://localhost.localhost": false,
	} {
		h := http.Header{}
		if header != "" {
			h.Set("Origin", header)
		}
		status, got, body := n.get(t, "/v1/rooms/kitchen", h.Clone())
		if allowed != (status == 200) || !allowed && refusalIn(t, body).Code != protocol.OriginNotAllowed {
			t.Errorf("%q: %d %s", header, status, body)
		}
		readers := map[bool]string{false: "*"}[allowed] // anyone may read a refusal
		if header == "https://good.example" {
			readers = header
		}
		if cross := got.Get("Access-Control-Allow-Origin"); cross != readers {
			t.Errorf("%q: CORS %q, not %q", header, cross, readers)
		}
		_, resp, err := n.tryDial(t, "kitchen", h)
		if allowed != (err == nil) || !allowed && resp.StatusCode != 403 {
			t.Errorf("%q: %v", header, err)
		}
	}
	if n.server.Stats().Refused["origin_not_allowed"] != 14 {
		t.Errorf("refused %v", n.server.Stats().Refused)
	}
}

func TestPreflightOfAnAllowedPage(t *testing.T) {
	n := newNetwork(t, Options{AllowedOrigins: []string{"https://good.example"}}, defaultTiming)
	req, err := http.NewRequest("OPTIONS", n.http.URL+"/v1/rooms/kitchen", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Origin", "https://good.example")
	resp, err := n.http.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 204 || resp.Header.Get("Access-Control-Allow-Headers") != "Authorization" ||
		resp.Header.Get("Access-Control-Allow-Origin") != "https://good.example" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
}

func TestUpgradeNeedsTheSubprotocol(t *testing.T) {
	n := newNetwork(t, Options{}, defaultTiming)
	for _, offered := range []string{"sfu.v0", "chat, sfu.v2"} {
		h := http.Header{}
		h.Set("Sec-WebSocket-Protocol", offered)
		_, resp, err := n.tryDial(t, "kitchen", h)
		if err == nil || resp.StatusCode != 400 {
			t.Fatalf("%s: %v", offered, err)
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil || refusalIn(t, body).Code != protocol.UnsupportedVersion {
			t.Errorf("%s: %s %v", offered, body, err)
		}
	}
	h := http.Header{}
	h.Set("Sec-WebSocket-Protocol", "chat, sfu.v1")
	c, resp, err := n.tryDial(t, "kitchen", h)
	if err != nil || resp.Header.Get("Sec-WebSocket-Protocol") != "sfu.v1" || c.ws.Subprotocol() != "sfu.v1" {
		t.Errorf("%v %v", err, resp)
	}
	if status, _, body := n.get(t, "/v1/rooms/kitchen/signal", nil); status != 400 || refusalIn(t, body).Code != protocol.BadRequest {
		t.Errorf("%d %s", status, body)
	}
}

type locate func(ctx context.Context, room string) (Location, error)

func (f locate) Locate(ctx context.Context, room string) (Location, error) { return f(ctx, room) }
func (f locate) Find(ctx context.Context, room string) (Location, error)   { return f(ctx, room) }

func TestRoomsThatLiveElsewhere(t *testing.T) {
	upgraded := false
	elsewhere := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		upgraded = upgraded || r.Header.Get("Upgrade") != ""
		w.WriteHeader(http.StatusTeapot)
	})
	n := newNetwork(t, Options{Locator: locate(func(_ context.Context, room string) (Location, error) {
		switch room {
		case "far":
			return Location{Elsewhere: elsewhere}, nil
		case "lost":
			return Location{}, errors.New("no engine")
		case "held":
			return Location{}, fmt.Errorf("claim: %w", protocol.RoomUnavailable.Refuse())
		case "there":
			return Location{Signal: "wss://n2.example.org/v1/rooms/there/signal"}, nil
		}
		return Location{}, nil
	})}, defaultTiming)
	if _, resp, err := n.tryDial(t, "far", http.Header{}); err == nil || resp.StatusCode != http.StatusTeapot || !upgraded {
		t.Errorf("far: %v %v", err, resp)
	}
	_, resp, err := n.tryDial(t, "lost", http.Header{})
	if err == nil || resp.StatusCode != 503 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("lost: %v %v", err, resp)
	}
	if status, _, _ := n.get(t, "/v1/rooms/far", nil); status != http.StatusTeapot {
		t.Errorf("the information of far: %d", status)
	}
	for room, code := range map[string]protocol.Code{"lost": protocol.Overloaded, "held": protocol.RoomUnavailable} {
		status, header, body := n.get(t, "/v1/rooms/"+room, nil)
		if r := refusalIn(t, body); status != 503 || r.Code != code || r.RetryAfter == 0 || header.Get("Retry-After") == "" {
			t.Errorf("the information of %s: %d %s", room, status, body)
		}
	}
	_, resp, err = n.tryDial(t, "held", http.Header{})
	if err == nil || resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "2" {
		t.Errorf("held: %v %v", err, resp)
	}
	n.join(t, "here", with("Ada"))
	if n.server.Stats().Accepted != 1 {
		t.Error("a socket for another node was upgraded here")
	}
}

func TestClientsAreToldOfTheOtherServerAndNotLedThere(t *testing.T) {
	const there = "wss://n2.example.org/v1/rooms/kitchen/signal"
	n := newNetwork(t, Options{Locator: locate(func(context.Context, string) (Location, error) { return Location{Signal: there}, nil })}, defaultTiming)
	n.server.announceDrain(time.Now().Add(time.Hour)) // who drains still knows where rooms are
	status, _, body := n.get(t, "/v1/rooms/kitchen", nil)
	var info protocol.RoomInfo
	if err := json.Unmarshal(body, &info); err != nil || status != 200 || info.Signal != there || info.Participants != nil {
		t.Errorf("%d %s: %v", status, body, err)
	}
	_, resp, err := n.tryDial(t, "kitchen", http.Header{})
	if err == nil || resp.StatusCode != 503 {
		t.Fatalf("a socket here: %v %v", err, resp)
	}
	text, _ := io.ReadAll(resp.Body)
	if r := refusalIn(t, text); r.Code != protocol.RoomUnavailable || !strings.Contains(r.Message, "another server") {
		t.Errorf("a socket here: %s", text)
	}
}

// Each name that somebody asks for may become a room: one address must not fill the nodes with rooms before it has shown a token.
func TestRoomNamesAreLimited(t *testing.T) {
	var located atomic.Int32
	n := newNetwork(t, Options{
		Addresses: AddressLimits{JoinsPerSecond: 0.001, JoinBurst: 5},
		Locator: locate(func(context.Context, string) (Location, error) {
			located.Add(1)
			return Location{}, protocol.RoomUnavailable.Refuse()
		}),
	}, defaultTiming)
	for i := range 30 {
		_, resp, err := n.tryDial(t, fmt.Sprint("room", i), http.Header{testAddress: {"192.0.2.1"}})
		if err == nil || i == 29 && (resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "") {
			t.Errorf("number %d: %v %v", i, err, resp)
		}
	}
	if count := located.Load(); count != 10 {
		t.Errorf("%d rooms were located", count)
	}
	n.tryDial(t, "kitchen", http.Header{testAddress: {"192.0.2.2"}})
	if count := located.Load(); count != 11 {
		t.Error("another address is limited too")
	}
}

// Each name that somebody asks about may be asked of the store that all nodes share, and needs no token.
func TestQuestionsAboutRoomsAreLimited(t *testing.T) {
	var found atomic.Int32
	n := newNetwork(t, Options{
		Addresses: AddressLimits{JoinsPerSecond: 0.001, JoinBurst: 5},
		Locator:   locate(func(context.Context, string) (Location, error) { found.Add(1); return Location{}, nil }),
	}, defaultTiming)
	for i := range 30 {
		status, h, text := n.get(t, fmt.Sprint("/v1/rooms/room", i), http.Header{testAddress: {"192.0.2.1"}})
		if i < 10 && status != 200 || i == 29 && (refusalIn(t, text).Code != protocol.RateLimited || h.Get("Retry-After") == "") {
			t.Errorf("number %d: %d %s", i, status, text)
		}
	}
	if count := found.Load(); count != 10 {
		t.Errorf("%d rooms were looked for", count)
	}
	if _, _, err := n.tryDial(t, "kitchen", http.Header{testAddress: {"192.0.2.1"}}); err != nil {
		t.Errorf("whoever has asked may come in all the same: %v", err)
	}
}

func TestAddressesAreLimited(t *testing.T) {
	n := newNetwork(t, Options{
		Addresses: AddressLimits{Sockets: 3, Unauthenticated: 2},
	}, defaultTiming)
	from := func(a string) http.Header { return http.Header{testAddress: {a}} }
	var open []*wsClient
	for range 2 {
		c, _, err := n.tryDial(t, "kitchen", from("192.0.2.1"))
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	_, resp, err := n.tryDial(t, "kitchen", from("192.0.2.1"))
	if err == nil || resp.StatusCode != 429 || resp.Header.Get("Retry-After") == "" {
		t.Errorf("a third socket that has not joined: %v", err)
	}
	if _, _, err := n.tryDial(t, "kitchen", from("192.0.2.2")); err != nil {
		t.Errorf("another address: %v", err)
	}
	for _, c := range open {
		if _, ok := c.ask(with("Ada")).(protocol.Joined); !ok {
			t.Fatal("not joined")
		}
	}
	if _, _, err := n.tryDial(t, "kitchen", from("192.0.2.1")); err != nil {
		t.Errorf("the first two have joined: %v", err)
	}
	if _, resp, err := n.tryDial(t, "kitchen", from("192.0.2.1")); err == nil || resp.StatusCode != 429 {
		t.Errorf("a fourth: %v", err)
	}
	if s := n.server.Stats(); s.RateLimited["unauthenticated"] != 1 || s.RateLimited["sockets"] != 1 || s.Refused["rate_limited"] != 2 {
		t.Errorf("stats %+v", s)
	}
}

func TestGuessingTokensBlocksTheAddress(t *testing.T) {
	n := newNetwork(t, Options{}, defaultTiming)
	n.tokens.open = false
	blocked := 0
	for range 30 {
		if status, _, _ := n.get(t, "/v1/rooms/kitchen", http.Header{"Authorization": {"Bearer guess"}}); status == 429 {
			blocked++
		}
	}
	if blocked != 9 {
		t.Errorf("%d of 30 were blocked", blocked)
	}
	if _, resp, err := n.tryDial(t, "kitchen", http.Header{}); err == nil || resp.StatusCode != 429 {
		t.Errorf("a socket: %v", err)
	}
	if s := n.server.Stats(); s.AuthFailures["token_invalid"] != 21 {
		t.Errorf("stats %+v", s)
	}
}

func TestDrainingRefusesInfoAndThenSockets(t *testing.T) {
	n := newNetwork(t, Options{}, defaultTiming)
	undrained := n.server.announceDrain(n.server.deadline)
	status, header, body := n.get(t, "/v1/rooms/kitchen", nil)
	if r := refusalIn(t, body); status != 503 || r.Code != protocol.Draining || r.RetryAfter == 0 || header.Get("Retry-After") == "" {
		t.Errorf("%d %s", status, body)
	}
	c := n.dial(t, "kitchen") // who resumes must still get in
	c.send(protocol.Join{})
	c.expectEnd(protocol.Draining)
	n.server.shutdown(undrained)
	if _, resp, err := n.tryDial(t, "kitchen", http.Header{}); err == nil || resp.StatusCode != 503 {
		t.Errorf("after the end: %v", err)
	}
}
