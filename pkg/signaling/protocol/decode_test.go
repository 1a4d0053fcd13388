package protocol_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"sfu/pkg/signaling/protocol"
)

// codeOf returns the code of a refusal.
func codeOf(t testing.TB, err error) protocol.Code {
	t.Helper()
	var e *protocol.Error
	if !errors.As(err, &e) {
		t.Fatalf("not a refusal: %v", err)
	}
	if e.Message == "" {
		t.Errorf("%s without a sentence", e.Code)
	}
	return e.Code
}

func TestDecodeIgnoresUnknownFields(t *testing.T) {
	req, err := protocol.Decode([]byte(`{"future":{"a":[1,{"b":null}],"n":1e400},"type":"ping","id":3}`))
	if err != nil || req != (protocol.Request{ID: 3, Body: protocol.Ping{}}) {
		t.Errorf("got %+v, %v", req, err)
	}
}

func TestDecodeKeepsTheIDOfWhatItRefuses(t *testing.T) {
	req, err := protocol.Decode([]byte(`{"type":"mute","id":9,"track":"t"}`))
	if req.ID != 9 || req.Body != nil || codeOf(t, err) != protocol.BadRequest {
		t.Errorf("got %+v, %v", req, err)
	}
	if !strings.Contains(err.Error(), `"muted" must be true or false`) {
		t.Errorf("got %v", err)
	}
	req, err = protocol.Decode([]byte(`{"type":"dance","id":10}`))
	if req.ID != 10 || codeOf(t, err) != protocol.Unsupported {
		t.Errorf("got %+v, %v", req, err)
	}
}

func TestDecodeNamesTheFieldThatIsWrong(t *testing.T) {
	for frame, field := range map[string]string{
		`{"type":"ping"}`:                              `"id" must be a positive integer`,
		`{"type":"ping","id":0}`:                       `"id"`,
		`{"type":"ping","id":-1}`:                      `"id"`,
		`{"type":"ping","id":1.5}`:                     `"id"`,
		`{"type":"ping","id":"1"}`:                     `"id"`,
		`{"type":"ping","id":1e400}`:                   `"id"`,
		`{"type":"ping","id":9007199254740992}`:        `"id"`,
		`{"id":1}`:                                     `"type"`,
		`{"type":7,"id":1}`:                            `"type"`,
		`{"type":"Ping","id":1,"Type":"ping"}`:         "",
		`{"type":"join","id":1,"name":null}`:           `"name" must be a string`,
		`{"type":"join","id":1,"offers":{}}`:           `"offers" must be an array`,
		`{"type":"join","id":1,"offers":[7]}`:          `"offers[0]" must be an object`,
		`{"type":"join","id":1,"offers":[{"pc":"a"}]}`: `"offers[0].n" must be a positive integer`,
		`{"type":"join","id":1,"subscribe":"all"}`:     `"subscribe" must be one of auto, manual`,
		`{"type":"join","id":1,"client":[]}`:           `"client" must be an object`,
		`{"type":"join","id":1,"client":{"name":1}}`:   `"client.name" must be a string`,
		`{"type":"resume","id":1,"session":""}`:        `"session"`,
		`{"type":"offer","id":1,"pc":"a b"}`:           `"pc" must be 1 to 16 of A-Z a-z 0-9 _ -`,
		`{"type":"offer","id":1,"pc":"` + strings.Repeat("a", 17) + `","n":1,"sdp":"x"}`:                       `"pc"`,
		`{"type":"offer","id":1,"pc":"a","n":1,"sdp":""}`:                                                      `"sdp"`,
		`{"type":"offer","id":1,"pc":"a","n":1,"sdp":"x","tracks":[]}`:                                         `"tracks" must be an object`,
		`{"type":"offer","id":1,"pc":"a","n":1,"sdp":"x","tracks":{"0":1}}`:                                    `"tracks.0" must be an object`,
		`{"type":"offer","id":1,"pc":"a","n":1,"sdp":"x","tracks":{"0":{"source":"tuba"}}}`:                    `"tracks.0.source" must be one of`,
		`{"type":"offer","id":1,"pc":"a","n":1,"sdp":"x","tracks":{"0":{"source":"camera","muted":0}}}`:        `"tracks.0.muted" must be true or false`,
		`{"type":"offer","id":1,"pc":"a","n":1,"sdp":"x","tracks":{"` + strings.Repeat("m", 10_000) + `":{}}}`: `at most 32 characters`,
		`{"type":"publish","id":1,"pc":"a","mid":"","source":"camera"}`:                                        `"mid"`,
		`{"type":"mute","id":1,"track":"t","muted":"yes"}`:                                                     `"muted"`,
		`{"type":"subscribe","id":1,"tracks":"t"}`:                                                             `"tracks" must be an array`,
		`{"type":"subscribe","id":1,"tracks":["a",1]}`:                                                         `"tracks[1]" must be a string`,
		`{"type":"view","id":1,"tracks":[{"track":"t","width":-1,"height":1}]}`:                                `"tracks[0].width" must be an integer from 0`,
		`{"type":"view","id":1,"tracks":[{"track":"t","width":1,"height":1.5}]}`:                               `"tracks[0].height"`,
		`{"type":"view","id":1,"tracks":[{"track":"t","width":1,"height":99999}]}`:                             `"tracks[0].height"`,
		`{"type":"view","id":1,"tracks":[{"track":"t","width":1,"height":1,"priority":11}]}`:                   `"tracks[0].priority"`,
		`{"type":"message","id":1,"body":""}`:                                                                  `"body"`,
		`{"type":"message","id":1,"body":{}}`:                                                                  `"body"`,
		`{"type":"remove","id":1}`:                                                                             `"participant"`,
	} {
		_, err := protocol.Decode([]byte(frame))
		if err == nil {
			t.Errorf("%.80s passed", frame)
			continue
		}
		if code := codeOf(t, err); field != "" && (code != protocol.BadRequest || !strings.Contains(err.Error(), field)) {
			t.Errorf("%.80s: %v", frame, err)
		}
		if len(err.Error()) > 200 {
			t.Errorf("%.80s: the refusal has %d bytes", frame, len(err.Error()))
		}
	}
}

func TestM39_DecodeRefusesRubbish(t *testing.T) {
	deep := func(n int) string {
		return `{"type":"ping","id":1,"x":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
	}
	list := func(n int) string {
		return `{"type":"ping","id":1,"x":[` + strings.TrimSuffix(strings.Repeat("0,", n), ",") + `]}`
	}
	object := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `"k%d":0,`, i)
		}
		return `{"type":"ping","id":1,"x":{` + strings.TrimSuffix(b.String(), ",") + `}}`
	}
	lists := strings.TrimSuffix(strings.Repeat(`[`+strings.TrimSuffix(strings.Repeat("0,", 500), ",")+`],`, 20), ",")
	for name, c := range map[string]struct {
		frame string
		want  protocol.Code // "" for none
	}{
		"nothing":                {"", protocol.BadRequest},
		"a number":               {"7", protocol.BadRequest},
		"an array":               {`[{"type":"ping","id":1}]`, protocol.BadRequest},
		"two objects":            {`{"type":"ping","id":1}{}`, protocol.BadRequest},
		"a rest":                 {`{"type":"ping","id":1}x`, protocol.BadRequest},
		"half an object":         {`{"type":"ping","id":1`, protocol.BadRequest},
		"a comma too many":       {`{"type":"ping","id":1,}`, protocol.BadRequest},
		"a key that is none":     {`{"type":"ping",1:1}`, protocol.BadRequest},
		"binary rubbish":         {"\x00\x01\x02", protocol.BadRequest},
		"invalid UTF-8":          {"{\"type\":\"ping\",\"id\":1,\"x\":\"\xff\"}", protocol.BadMessage},
		"a surrogate in UTF-8":   {"{\"type\":\"ping\",\"id\":1,\"x\":\"\xed\xa0\x80\"}", protocol.BadMessage},
		"a repeated key":         {`{"type":"ping","id":1,"id":1}`, protocol.BadRequest},
		"a key repeated escaped": {`{"type":"ping","id":1,"\u0069d":2}`, protocol.BadRequest},
		"a repeat further in":    {`{"type":"ping","id":1,"x":[{"a":1,"a":2}]}`, protocol.BadRequest},
		"keys in another case":   {`{"TYPE":"leave","type":"ping","id":1}`, ""},
		"15 levels inside":       {deep(15), ""},
		"16 levels inside":       {deep(16), protocol.BadRequest},
		"10 000 levels":          {deep(10_000), protocol.BadRequest},
		"512 elements":           {list(512), ""},
		"513 elements":           {list(513), protocol.BadRequest},
		"512 members":            {object(512), ""},
		"513 members":            {object(513), protocol.BadRequest},
		"more than 10 000":       {`{"type":"ping","id":1,"x":[` + lists + `]}`, protocol.BadRequest},
		"a prototype":            {`{"type":"ping","id":1,"__proto__":{"id":2}}`, ""},
	} {
		_, err := protocol.Decode([]byte(c.frame))
		if c.want == "" && err != nil || c.want != "" && (err == nil || codeOf(t, err) != c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestM42_RoomNames(t *testing.T) {
	for name, want := range map[string]bool{
		"kitchen": true, "A-z_09": true, strings.Repeat("a", 64): true,
		"": false, strings.Repeat("a", 65): false, "../../etc": false, "%2e%2e": false, "a b": false, "💥": false,
		"kitchen.": false, "kitchen ": false, "kitchen\x00": false, "kіtchen": false, // with a Cyrillic letter
	} {
		if got := protocol.IsRoomName(name); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

// FuzzDecode checks what must hold for every frame: a refusal has a code of the table, what passes is encoded and decoded as the same
// message, and nothing passes that encoding/json does not take for JSON.
func FuzzDecode(f *testing.F) {
	for _, frame := range golden(f, "client-") {
		f.Add(frame)
	}
	f.Add([]byte(`{"type":"ping","id":1,"x":[[[[]]],{"a":{"a":1}},1e9,"\ud800",null,true]}`))
	f.Fuzz(func(t *testing.T, frame []byte) {
		req, err := protocol.Decode(frame)
		if err != nil {
			if code := codeOf(t, err); code.Info().Code != code {
				t.Errorf("%q is not in the table", code)
			}
			return
		}
		if !json.Valid(frame) {
			t.Fatalf("%q passed", frame)
		}
		again, err := protocol.Decode(protocol.EncodeRequest(req.ID, req.Body))
		if err != nil || !reflect.DeepEqual(again, req) {
			t.Errorf("%q became %+v and then %+v, %v", frame, req, again, err)
		}
	})
}
