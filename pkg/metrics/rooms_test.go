package metrics_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"

	"sfu/pkg/auth"
	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
	"sfu/pkg/metrics"
	"sfu/pkg/room"
)

// kitchen has one room with one member that publishes two tracks, and one without a label.
func kitchen() *server {
	s := &server{}
	s.open("kitchen")
	s.open("garden")
	k := s.at("kitchen")
	k.Publishers, k.Tracks, k.Bound, k.Messages = 1, [2]int{1, 1}, [2]int{2, 3}, 4
	k.Counters.PacketsIn[1], k.Counters.Dropped[forwarder.DropLate] = 10, 2
	k.Members = []room.MemberStats{{ID: "p1", Name: "Ada", Connected: true, Since: k.Since, Slots: 4, Tracks: []room.Track{
		{ID: "t1", Participant: "p1", Source: auth.Camera, Kind: forwarder.Video, Codec: codec.VP8},
		{ID: "t2", Participant: "p1", Source: auth.Microphone, Kind: forwarder.Audio, Muted: true},
	}}}
	s.rooms.Ended.PacketsIn[1] = 100
	return s
}

// One room is shown as it is written here, and nothing else is.
func TestRoomView(t *testing.T) {
	const want = `{"room":"kitchen","metricsRoom":"kitchen","since":"2026-01-01T00:00:01Z","participants":1,"publishers":1,
		"tracks":{"audio":1,"video":1},"sending":{"audio":2,"video":3},"messages":4,
		"counters":{
			"packets":{"in":{"audio":0,"video":10},"out":{"audio":0,"video":0}},
			"bytes":{"in":{"audio":0,"video":0},"out":{"audio":0,"video":0}},
			"lost":{"in":{"audio":0,"video":0},"out":{"audio":0,"video":0}},
			"retransmitted":{"in":{"audio":0,"video":0},"out":{"audio":0,"video":0}},
			"nacks":{"in":0,"out":0},"nacksUnanswered":0,
			"keyframeRequests":{"in":0,"out":0},"keyframes":0,"layerSwitches":0,
			"dropped":{"duplicate":0,"late":2,"malformed":0,"policed":0,"unknown":0,"unpublished":0},
			"withheld":0},
		"members":[{"id":"p1","name":"Ada","connected":true,"since":"2026-01-01T00:00:01Z","slots":4,"tracks":[
			{"id":"t1","source":"camera","kind":"video","muted":false,"codec":"VP8"},
			{"id":"t2","source":"microphone","kind":"audio","muted":true}]}]}`
	m := metrics.New(kitchen().sources(), metrics.Options{Rooms: 1, RoomNames: true})
	gather(t, m.Own())
	w := get(m.RoomsHandler(), "/rooms/kitchen")
	if got, want := compact(t, w.Body.String()), compact(t, want); w.Code != 200 || got != want {
		t.Errorf("%d\n%s\nwant\n%s", w.Code, got, want)
	}
	if h := w.Header(); h.Get("Cache-Control") != "no-store" || !strings.HasPrefix(h.Get("Content-Type"), "application/json") {
		t.Errorf("headers %v", h)
	}
}

func compact(t *testing.T, text string) string {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestRoomsView(t *testing.T) {
	m := metrics.New(kitchen().sources(), metrics.Options{Rooms: 1})
	gather(t, m.Own())
	var got struct {
		Rooms []struct {
			Room, MetricsRoom string
			Members           any
		}
		Totals struct {
			Rooms, RoomsStarted, Participants, Publishers int
			Tracks, Sending                               struct{ Audio, Video int }
			Counters                                      struct {
				Packets struct{ In struct{ Video int } }
			}
		}
	}
	if err := json.Unmarshal(get(m.RoomsHandler(), "/rooms").Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Rooms) != 2 || got.Rooms[0].Room != "kitchen" || got.Rooms[1].Room != "garden" || got.Rooms[0].Members != nil {
		t.Errorf("rooms %+v", got.Rooms)
	}
	if hash := got.Rooms[0].MetricsRoom; len(hash) != 16 || got.Rooms[1].MetricsRoom != metrics.OtherRooms {
		t.Errorf("labels of rooms are %+v, want a hash and %s", got.Rooms, metrics.OtherRooms)
	}
	s := got.Totals
	if s.Rooms != 2 || s.RoomsStarted != 2 || s.Participants != 2 || s.Publishers != 1 || s.Tracks.Video != 1 || s.Sending.Audio != 2 {
		t.Errorf("totals %+v", s)
	}
	if n := s.Counters.Packets.In.Video; n != 110 {
		t.Errorf("%d packets, want those of ended rooms as well: 110", n)
	}
}

func TestRoomsHandlerRefuses(t *testing.T) {
	h := metrics.New(kitchen().sources(), metrics.Options{}).RoomsHandler()
	for path, want := range map[string]int{"/rooms/cellar": 404, "/rooms/": 404, "/rooms/kitchen/x": 404, "/": 404, "/rooms": 200} {
		if w := get(h, path); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	if body := get(h, "/rooms/cellar").Body.String(); !strings.Contains(body, `"code": "not_found"`) {
		t.Errorf("the refusal is %s", body)
	}
	w := httptest.NewRecorder()
	if h.ServeHTTP(w, httptest.NewRequest("DELETE", "/rooms/kitchen", nil)); w.Code != 405 {
		t.Errorf("DELETE: %d", w.Code)
	}
	if body := compact(t, get(metrics.New((&server{}).sources(), metrics.Options{}).RoomsHandler(), "/rooms").Body.String()); !strings.Contains(body, `"rooms":[]`) {
		t.Errorf("no rooms are %s", body)
	}
}

type discard struct{}

func (discard) Flush(*forwarder.Batch) {}

type nobody struct{}

func (nobody) Deliver(room.Event) {}

// Real rooms are shown as those of the other tests are.
func TestRealRooms(t *testing.T) {
	pool := forwarder.NewPool(forwarder.Config{Workers: 1, NewEgress: func() forwarder.Egress { return discard{} }})
	defer pool.Close()
	rooms := room.NewRegistry(pool, room.Config{}, nil)
	defer rooms.Close()
	sources := (&server{}).sources()
	sources.Rooms, sources.Forwarder = rooms.Stats, pool.Stats
	m := metrics.New(sources, metrics.Options{RoomNames: true})
	p, _, err := rooms.Join(auth.Grant{Room: "kitchen"}, "Ada", nobody{})
	if err != nil {
		t.Fatal(err)
	}
	before := gather(t, m.Own())
	var view struct{ Members []struct{ Name string } }
	if err := json.Unmarshal(get(m.RoomsHandler(), "/rooms/kitchen").Body.Bytes(), &view); err != nil || view.Members[0].Name != "Ada" {
		t.Errorf("%v, view %+v", err, view)
	}
	p.Leave(room.Left)
	after := gather(t, m.Own())
	for name, want := range map[string][2]float64{
		"sfu_rooms{}": {1, 0}, `sfu_participants{role="viewer"}`: {1, 0}, `sfu_room_participants{room="kitchen"}`: {1, 0},
		"sfu_rooms_started_total{}": {1, 1}, "sfu_rooms_ended_total{}": {0, 1},
	} {
		if before[name] != want[0] || after[name] != want[1] {
			t.Errorf("%s is %v, then %v, want %v", name, before[name], after[name], want)
		}
	}
	if _, there := after[`sfu_room_participants{room="kitchen"}`]; there {
		t.Error("the room has series after its end")
	}
}

// Questions to the rooms are not waited for forever.
func TestRoomsAreAskedWithADeadline(t *testing.T) {
	sources := (&server{}).sources()
	deadlines := 0
	sources.Rooms = func(ctx context.Context) room.Stats {
		if _, limited := ctx.Deadline(); limited {
			deadlines++
		}
		return room.Stats{}
	}
	m := metrics.New(sources, metrics.Options{})
	gather(t, m.Own())
	get(m.RoomsHandler(), "/rooms")
	get(m.RoomsHandler(), "/rooms/kitchen")
	if deadlines != 3 {
		t.Errorf("%d of 3 questions had a deadline", deadlines)
	}
}
