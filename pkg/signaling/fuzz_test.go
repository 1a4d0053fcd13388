package signaling

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"sfu/pkg/room"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/transport"
)

// FuzzSession plays one client that says anything, one frame per line, to a session with fakes. A line that begins with "!" is
// something that happens to it instead. What must hold: nothing of anybody else changes, every refusal has a code of the table and a
// sentence, and in the end the session is open and answers, or it has ended for a reason.
func FuzzSession(f *testing.F) {
	f.Add(goldenLines(f))
	f.Add([]byte(`{"type":"offer","id":2,"pc":"main","n":2,"sdp":"send 0 audio\nslot 4 5\nhang","tracks":{"0":{"source":"screen_audio"}}}
!resume
{"type":"offer","id":3,"pc":"main","n":2,"sdp":"send 0 audio\nslot 4 5\nhang","tracks":{"0":{"source":"screen_audio"}}}
!release
{"type":"publish","id":4,"pc":"main","mid":"1","source":"screen"}
{"type":"mute","id":5,"track":"t1","muted":true}
{"type":"close","id":6,"pc":"main"}
{"type":"offer","id":7,"pc":"b","n":1,"sdp":"fail bug"}
{"type":"offer","id":8,"pc":"c","n":1,"sdp":"panic"}
{"type":"join","id":9}`))
	f.Add([]byte(`{"type":"mute","id":1,"track":"t1","muted":true}
{"type":"unpublish","id":2,"track":"t2"}
{"type":"remove","id":3,"participant":"p1"}
{"type":"view","id":4,"tracks":[{"track":"t2","width":0,"height":0}]}
{"type":"unsubscribe","id":5,"tracks":["t1","t2"]}
{"type":"message","id":6,"body":"x","to":"p2"}
!failed
!lose
!wait
!resume
{"type":"leave","id":7}
{"type":"leave","id":8}`))
	f.Fuzz(func(t *testing.T, script []byte) {
		if bytes.Count(script, []byte("\n")) > 300 || len(script) > 1<<20 {
			return
		}
		synctest.Test(t, func(t *testing.T) { playScript(t, script) })
	})
}

// goldenLines returns the golden messages of a client, one per line.
func goldenLines(f *testing.F) []byte {
	paths, err := filepath.Glob("testdata/client-*.json")
	if err != nil {
		f.Fatal(err)
	}
	var lines bytes.Buffer
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		if err := json.Compact(&lines, data); err != nil {
			f.Fatal(err)
		}
		lines.WriteByte('\n')
	}
	return lines.Bytes()
}

// A scripted client speaks through the intake, as a socket would make it.
type scripted struct {
	*client
	intake intake
}

func playScript(t *testing.T, script []byte) {
	w := newWorld(t, Options{})
	ada, bob := w.join("kitchen", with("Ada", camera())), w.join("cellar", with("Bob", camera()))
	eve := &scripted{client: w.join("kitchen", with("Eve", camera())), intake: newIntake(w.server.tally, time.Now())}
	before := others(w)
	for line := range bytes.SplitSeq(script, []byte("\n")) {
		eve.play(line)
		synctest.Wait()
		eve.check()
	}
	if after := others(w); !reflect.DeepEqual(before, after) {
		t.Errorf("others were %+v and are %+v", before, after)
	}
	if w.server.Stats().Panics > 0 {
		t.Errorf("a session panicked: %s", w.log)
	}
	ada.mustOK(protocol.Ping{})
	bob.mustOK(protocol.Ping{})
	eve.finish()
	w.end()
}

// others is what no message of Eve may change.
func others(w *world) map[string]room.Member {
	w.rooms.mu.Lock()
	defer w.rooms.mu.Unlock()
	out := map[string]room.Member{}
	for name, at := range w.rooms.rooms {
		for _, m := range at.members {
			if m.member.ID != "p3" {
				public := m.member
				public.Tracks = append([]room.Track(nil), public.Tracks...)
				out[name+"/"+string(m.member.ID)] = public
			}
		}
	}
	return out
}

func (e *scripted) play(line []byte) {
	switch string(line) {
	case "!lose":
		e.link.lose()
	case "!resume":
		e.resume(e.session)
		e.intake = newIntake(e.w.server.tally, time.Now())
	case "!wait":
		time.Sleep(announceAfter)
	case "!release":
		for _, c := range e.w.dialer.conns {
			select {
			case <-c.release:
			default:
				close(c.release)
			}
		}
	case "!failed":
		for _, c := range e.w.dialer.conns[2:] {
			c.handler.StatusChanged(transport.Status{State: transport.Failed, Step: "dtls"})
		}
	default:
		req, refusal, closes := e.intake.read(line, time.Now())
		switch {
		case closes:
			e.link.shut(endingOf(refusal.Code), protocol.EncodeReply(req.ID, refusal))
		case refusal != nil:
			e.link.send(protocol.EncodeReply(req.ID, refusal))
		default:
			select {
			case e.link.in <- req:
			case <-e.link.gone:
			}
		}
	}
}

// check reads what came.
func (e *scripted) check() {
	for _, frame := range e.link.take() {
		_, m, err := protocol.DecodeServer(frame)
		if err != nil {
			e.t.Fatalf("%s: %v", frame, err)
		}
		if refusal, ok := m.(protocol.Error); ok && (refusal.Code.Info().Code != refusal.Code || refusal.Message == "") {
			e.t.Errorf("a refusal without code or sentence: %s", frame)
		}
	}
}

// finish checks that the session answers or has ended for a reason.
func (e *scripted) finish() {
	select {
	case <-e.link.gone:
		if end := e.link.ending(); end.code != 0 && end.why == "" {
			e.t.Errorf("ended with %+v", end)
		}
	default:
		e.id = 1 << 40
		if m := e.ask(protocol.Ping{}); m != (protocol.OK{}) {
			e.t.Errorf("the session is open and answers %#v", m)
		}
	}
}
