package doctor

import (
	"encoding/json"
	"errors"
	"net/netip"
	"testing"
	"time"

	"sfu/pkg/client"
	"sfu/pkg/signaling/protocol"
)

func TestJudgeInfo(t *testing.T) {
	for name, tt := range map[string]struct {
		status     int
		body, want string
	}{
		"sfu":             {200, `{"protocol":"sfu.v1","auth":"open"}`, "ok api"},
		"another version": {200, `{"protocol":"sfu.v9","auth":"open"}`, "fail api-missing"},
		"a page":          {200, `<html>`, "fail api-missing"},
		"other JSON":      {200, `{"name":"x"}`, "fail api-missing"},
		"not found":       {404, `not found`, "fail api-missing"},
		"redirected":      {307, ``, "fail api-missing"},
		"no token":        {401, `{"code":"token_required","message":"This server wants a token."}`, "fail join-refused"},
		"draining":        {503, `{"code":"draining","message":"The server is about to end."}`, "fail server-refuses"},
	} {
		t.Run(name, func(t *testing.T) {
			a := answer{status: tt.status, body: []byte(tt.body)}
			var refusal protocol.Refusal
			if json.Unmarshal(a.body, &refusal) == nil && refusal.Code != "" {
				a.refusal = &refusal
			}
			info := &protocol.RoomInfo{}
			check(t, judgeInfo(a, json.Unmarshal(a.body, info), info), "", tt.want)
		})
	}
}

func TestJudgePage(t *testing.T) {
	own := []byte(`<script src="static/boot.js">`)
	check(t, judgePage(answer{status: 200, body: own}, own), "", "ok page")
	check(t, judgePage(answer{status: 200, body: append([]byte("<!-- -->"), own...)}, own), "", "info page-version")
	check(t, judgePage(answer{status: 200, body: []byte("Welcome to nginx!")}, own), "", "fail page-missing")
	check(t, judgePage(answer{status: 502}, own), "502", "fail page-missing")
}

func TestJudgeOrigin(t *testing.T) {
	refused := &protocol.Refusal{Code: protocol.OriginNotAllowed}
	check(t, judgeOrigin(answer{status: 200}, "https://a"), "https://a", "ok origin")
	check(t, judgeOrigin(answer{status: 403, refusal: refused}, "https://a"), "https://a", "fail origin-refused")
	check(t, judgeOrigin(answer{status: 401, refusal: &protocol.Refusal{Code: protocol.TokenRequired}}, "https://a"), "", "ok origin")
	check(t, judgeOrigin(answer{status: 502}, "https://a"), "502", "warn api-missing")
}

func TestJudgeSocket(t *testing.T) {
	open := socketState{opened: true, joined: true, subprotocol: protocol.Version, wanted: 75 * time.Second, quiet: 75 * time.Second, status: 101}
	with := func(change func(*socketState)) socketState {
		st := open
		change(&st)
		return st
	}
	refusal := func(code protocol.Code) *protocol.Error { return &protocol.Error{Code: code, Message: "No."} }
	for name, tt := range map[string]struct {
		state socketState
		text  string
		want  []string
	}{
		"good":         {open, "", []string{"ok websocket", "ok websocket-idle"}},
		"not waited":   {with(func(s *socketState) { s.wanted = 0 }), "", []string{"ok websocket"}},
		"cut":          {with(func(s *socketState) { s.err, s.quiet = errors.New("EOF"), time.Minute }), "", []string{"ok websocket", "fail websocket-idle-cut"}},
		"refused":      {socketState{err: errors.New("connection refused")}, "connection refused", []string{"fail websocket-blocked"}},
		"502":          {socketState{status: 502}, "502", []string{"fail websocket-blocked"}},
		"no upgrade":   {socketState{status: 400, refusal: refusal(protocol.BadRequest)}, "takes the upgrade out", []string{"fail websocket-blocked"}},
		"not asked":    {socketState{status: 400, refusal: refusal(protocol.UnsupportedVersion)}, "sfu.v1", []string{"fail websocket-subprotocol"}},
		"not answered": {with(func(s *socketState) { s.subprotocol = "" }), "sfu.v1", []string{"fail websocket-subprotocol"}},
		"origin":       {socketState{status: 403, refusal: refusal(protocol.OriginNotAllowed)}, "", []string{"fail origin-refused"}},
		"no token":     {with(func(s *socketState) { s.joined, s.refusal = false, refusal(protocol.TokenRequired) }), "--token", []string{"fail join-refused"}},
		"mute":         {with(func(s *socketState) { s.joined, s.err = false, errors.New("timeout") }), "timeout", []string{"fail websocket-blocked"}},
	} {
		t.Run(name, func(t *testing.T) { check(t, judgeSocket(tt.state), tt.text, tt.want...) })
	}
}

func TestJudgeForwarded(t *testing.T) {
	for answer, want := range map[string]string{
		"direct; same": "ok forwarded", "forwarded; same": "ok forwarded", "forwarded": "ok forwarded", "nameless; other": "warn forwarded-missing",
		"untrusted; other": "warn forwarded-untrusted", "untrusted": "warn forwarded-untrusted", "direct; other": "warn forwarded-missing",
		"forwarded; other": "info forwarded-unknown", "direct": "info forwarded-unknown", "": "info forwarded-unknown", "?": "info forwarded-unknown",
	} {
		check(t, judgeForwarded(answer), "", want)
	}
}

var (
	place    = netip.MustParseAddrPort("203.0.113.7:7882")
	announce = []client.Candidate{{Address: place}, {Address: place, TCP: true}}
)

// good is media that comes back.
func good(w way) result {
	return result{
		way: w, joined: 100 * time.Millisecond, connected: 200 * time.Millisecond, first: 300 * time.Millisecond, announced: announce,
		path: client.Path{Remote: place, TCP: w == overTCP, RTT: 20 * time.Millisecond}, audio: flow{checked: 80}, video: flow{checked: 70},
	}
}

// unreachable joined, but media found no way.
func unreachable(w way) result {
	return result{way: w, joined: 100 * time.Millisecond, announced: announce, err: errNoPath}
}

func with(r result, change func(*result)) result {
	change(&r)
	return r
}

func TestJudgeMedia(t *testing.T) {
	loopback := []client.Candidate{{Address: netip.MustParseAddrPort("127.0.0.1:7882")}}
	for name, tt := range map[string]struct {
		results []result
		text    string
		want    []string
	}{
		"all":           {[]result{good(overUDP), good(overTCP), good(overTURN)}, "203.0.113.7:7882", []string{"ok udp", "ok tcp", "ok relay"}},
		"UDP blocked":   {[]result{unreachable(overUDP), good(overTCP)}, "Open port 7882 for UDP", []string{"warn udp-unreachable", "ok tcp"}},
		"TCP blocked":   {[]result{good(overUDP), unreachable(overTCP)}, "", []string{"ok udp", "warn tcp-unreachable"}},
		"both blocked":  {[]result{unreachable(overUDP), unreachable(overTCP)}, "Open port 7882 for UDP and TCP", []string{"fail media-unreachable"}},
		"relay blocked": {[]result{good(overUDP), good(overTCP), unreachable(overTURN)}, "", []string{"ok udp", "ok tcp", "warn relay-unreachable"}},
		"only relay": {[]result{unreachable(overUDP), unreachable(overTCP), good(overTURN)}, "",
			[]string{"fail media-unreachable", "ok relay"}},
		"announces loopback": {[]result{with(unreachable(overUDP), func(r *result) { r.announced = loopback }), unreachable(overTCP)}, "--public-ip",
			[]string{"fail media-loopback"}},
		"silent":    {[]result{with(good(overUDP), func(r *result) { r.video = flow{} }), good(overTCP)}, "", []string{"fail media-silent", "ok tcp"}},
		"damaged":   {[]result{with(good(overUDP), func(r *result) { r.video.damaged = 3 })}, "", []string{"ok udp", "fail media-damaged"}},
		"lossy":     {[]result{with(good(overUDP), func(r *result) { r.audio.lost = 9 })}, "", []string{"ok udp", "warn media-lossy"}},
		"2 of 152":  {[]result{with(good(overUDP), func(r *result) { r.audio.lost = 2 })}, "2 of 152", []string{"ok udp"}},
		"slow":      {[]result{with(good(overUDP), func(r *result) { r.joined = 3 * time.Second })}, "", []string{"ok udp", "warn join-slow"}},
		"elsewhere": {[]result{with(good(overUDP), func(r *result) { r.from = []netip.AddrPort{place, netip.MustParseAddrPort("203.0.113.7:1")} })}, "", []string{"ok udp", "warn media-elsewhere"}},
		"refused":   {[]result{{way: overUDP, err: &protocol.Error{Code: protocol.TokenRequired, Message: "This server wants a token."}}}, "token", []string{"fail join-refused"}},
		"no socket": {[]result{{way: overUDP, err: errors.New("bad handshake")}}, "bad handshake", []string{"fail join-refused"}},
	} {
		t.Run(name, func(t *testing.T) { check(t, judgeMedia(tt.results, false), tt.text, tt.want...) })
	}
	onLoopback := with(unreachable(overUDP), func(r *result) { r.announced = loopback })
	check(t, judgeMedia([]result{onLoopback, onLoopback}, true), "127.0.0.1", "fail media-unreachable")
}

func TestJudgeOthers(t *testing.T) {
	a := netip.MustParseAddr("10.0.0.7")
	check(t, judgeOthers([]netip.Addr{a, a}, []bool{true, false}), "10.0.0.7", "info announced-unreachable")
}

func TestJudgeSecond(t *testing.T) {
	check(t, judgeSecond(secondState{seen: true, listed: true}), "", "ok second")
	check(t, judgeSecond(secondState{listed: true}), "", "fail media-silent")
	check(t, judgeSecond(secondState{}), "", "fail second-blind")
	check(t, judgeSecond(secondState{err: errors.New("room_unavailable")}), "room_unavailable", "fail second-blind")
}
