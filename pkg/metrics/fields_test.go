package metrics_test

import (
	"fmt"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"

	"sfu/pkg/forwarder"
	"sfu/pkg/metrics"
	"sfu/pkg/room"
)

// A leaf is one number of a Stats type.
type leaf struct {
	path string
	add  func(n int)
}

// leaves returns all numbers of the struct at v. A map stands for one number, under a key of its own.
func leaves(path string, v reflect.Value) []leaf {
	var all []leaf
	switch v.Kind() {
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				all = append(all, leaves(path+"."+f.Name, v.Field(i))...)
			}
		}
	case reflect.Array:
		for i := range v.Len() {
			all = append(all, leaves(fmt.Sprintf("%s[%d]", path, i), v.Index(i))...)
		}
	case reflect.Uint64:
		all = []leaf{{path, func(n int) { v.SetUint(uint64(int(v.Uint()) + n)) }}}
	case reflect.Int:
		all = []leaf{{path, func(n int) { v.SetInt(v.Int() + int64(n)) }}}
	case reflect.Map:
		all = []leaf{{path, func(n int) {
			m := reflect.MakeMap(v.Type())
			if n > 0 {
				m.SetMapIndex(reflect.ValueOf("key"), reflect.ValueOf(uint64(n)))
			}
			v.Set(m)
		}}}
	}
	return all
}

// fields are all numbers that metrics are given.
func (s *server) fields() []leaf {
	all := leaves("forwarder.PoolStats", reflect.ValueOf(&s.pool).Elem())
	all = append(all, leaves("transport.Stats", reflect.ValueOf(&s.transport).Elem())...)
	all = append(all, leaves("signaling.Stats", reflect.ValueOf(&s.signaling).Elem())...)
	all = append(all, leaves("portmux.Stats", reflect.ValueOf(&s.ports).Elem())...)
	for _, f := range leaves("cluster.Stats", reflect.ValueOf(&s.cluster).Elem()) {
		if !strings.Contains(f.path, ".Operations[5].Seconds.") { // to publish takes no time
			all = append(all, f)
		}
	}
	all = append(all, leaves("room.Stats", reflect.ValueOf(&s.rooms).Elem())...)
	return append(all, leaves("room.RoomStats", reflect.ValueOf(&s.rooms.Rooms[0]).Elem())...)
}

// changes returns the series that differ, by how much. Time passes between scrapes, and every one samples the sizes of rooms.
func changes(before, after scrape) scrape {
	diff := scrape{}
	for name, v := range after {
		if d := v - before[name]; d != 0 && !strings.HasPrefix(name, "sfu_uptime_seconds") && !strings.HasPrefix(name, "sfu_room_size") {
			diff[name] = d
		}
	}
	return diff
}

// inJSONOnly are fields that are no series.
var inJSONOnly = map[string]string{
	"room.RoomStats.Since.wall": "", "room.RoomStats.Since.ext": "",
	"room.RoomStats.Messages": "counted as sfu_signal_messages_total; a room's own count ends with the room",
}

// Every number that another package counts is one series of the node, changed by as much, and at most one of rooms.
func TestEveryFieldReachesOneSeries(t *testing.T) {
	s := &server{}
	s.open("kitchen")
	own := metrics.New(s.sources(), metrics.Options{RoomNames: true}).Own()
	for _, f := range s.fields() {
		before := gather(t, own)
		f.add(7)
		diff := changes(before, gather(t, own))
		f.add(-7)
		node, ofRooms := 0, 0
		for name, d := range diff {
			switch {
			case label(name, "room") != "":
				ofRooms++
			case name == `sfu_participants{role="viewer"}` && d == -7 && strings.HasSuffix(f.path, ".Publishers"):
				continue // they are no viewers any more
			default:
				node++
			}
			if d != 7 {
				t.Errorf("%s changes %s by %v", f.path, name, d)
			}
		}
		if _, hidden := inJSONOnly[f.path]; hidden {
			if len(diff) > 0 {
				t.Errorf("%s should be no series, but changes %v", f.path, diff)
			}
			continue
		}
		if node != 1 || ofRooms > 1 {
			t.Errorf("%s changes %v, want one series of the node and at most one with the label room", f.path, diff)
		}
	}
}

// No two numbers are the same series.
func TestNoFieldsShareASeries(t *testing.T) {
	s := &server{}
	s.open("kitchen")
	own := metrics.New(s.sources(), metrics.Options{RoomNames: true}).Own()
	from := map[string]string{}
	for _, f := range s.fields() {
		if strings.HasPrefix(f.path, "room.Stats.Ended.") {
			continue // the same as those of live rooms
		}
		if strings.Contains(f.path, ".Seconds.Counts[") && !strings.HasSuffix(f.path, ".Counts[0]") {
			continue // buckets of one histogram
		}
		before := gather(t, own)
		f.add(7)
		for name, d := range changes(before, gather(t, own)) {
			if label(name, "room") == "" && d > 0 {
				if other, taken := from[name]; taken {
					t.Errorf("%s and %s are both %s", f.path, other, name)
				}
				from[name] = f.path
			}
		}
		f.add(-7)
	}
	if len(from) < 50 {
		t.Errorf("only %d series were found", len(from))
	}
}

// What media has counted is in the JSON view of the room and in the totals, once each.
func TestEveryCounterIsInTheJSONView(t *testing.T) {
	s := &server{}
	s.open("kitchen")
	rooms := metrics.New(s.sources(), metrics.Options{}).RoomsHandler()
	count := func(path, number string) int {
		w := httptest.NewRecorder()
		rooms.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		return strings.Count(w.Body.String(), ": "+number)
	}
	var none forwarder.Counters
	eachCounter(&none, func(i int, _ *uint64) {
		eachCounter(&s.at("kitchen").Counters, func(at int, c *uint64) {
			if *c = 0; at == i {
				*c = 987654321
			}
		})
		if one, all := count("/rooms/kitchen", "987654321"), count("/rooms", "987654321"); one != 1 || all != 2 {
			t.Errorf("counter %d is %d times in the room and %d times in the list with totals, want 1 and 2", i, one, all)
		}
	})
	s.rooms.Rooms = []room.RoomStats{}
	eachCounter(&s.rooms.Ended, func(i int, c *uint64) {
		*c = 123456789
		if n := count("/rooms", "123456789"); n != 1 {
			t.Errorf("counter %d of ended rooms is %d times in the totals", i, n)
		}
		*c = 0
	})
}
