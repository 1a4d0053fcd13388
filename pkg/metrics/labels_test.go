package metrics_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sfu/pkg/forwarder"
	"sfu/pkg/metrics"
	"sfu/pkg/room"
)

// eachCounter calls f with every number of c, in a fixed order.
func eachCounter(c *forwarder.Counters, f func(i int, c *uint64)) {
	i := 0
	var walk func(reflect.Value)
	walk = func(v reflect.Value) {
		switch v.Kind() {
		case reflect.Struct:
			for n := range v.NumField() {
				walk(v.Field(n))
			}
		case reflect.Array:
			for n := range v.Len() {
				walk(v.Index(n))
			}
		default:
			f(i, v.Addr().Interface().(*uint64))
			i++
		}
	}
	walk(reflect.ValueOf(c).Elem())
}

// numbers returns all numbers of c.
func numbers(c forwarder.Counters) []uint64 {
	var all []uint64
	eachCounter(&c, func(_ int, n *uint64) { all = append(all, *n) })
	return all
}

// step lets one random thing happen to rooms of few names, so that names come again.
func (s *server) step(random *rand.Rand) {
	name := fmt.Sprintf("room-%d", random.IntN(12))
	if random.IntN(20) == 0 {
		name = metrics.OtherRooms // a room may be called so
	}
	live := slices.ContainsFunc(s.rooms.Rooms, func(r room.RoomStats) bool { return r.Name == name })
	switch {
	case !live && random.IntN(3) > 0:
		s.open(name)
	case live && random.IntN(4) == 0:
		s.end(name)
	}
	for i := range s.rooms.Rooms {
		r := &s.rooms.Rooms[i]
		r.Participants = 1 + random.IntN(5)
		if random.IntN(2) == 0 {
			eachCounter(&r.Counters, func(_ int, c *uint64) { *c += random.Uint64N(1000) })
		}
	}
}

// The history of rooms is random, with fewer labels than rooms. Sums are exact and never fall, _other never falls, and a room
// that has a label keeps it until it ends.
func TestRoomSeriesOverRandomHistories(t *testing.T) {
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			s := &server{}
			limit := 1 + random.IntN(4)
			own := metrics.New(s.sources(), metrics.Options{Rooms: limit, RoomNames: true}).Own()
			before, holders := scrape{}, map[string]int64{} // holders: label to the room that has it
			for range 120 {
				for range 1 + random.IntN(3) { // several may happen between scrapes
					s.step(random)
				}
				now := gather(t, own)
				checkSums(t, s, before, now)
				holders = checkHolders(t, s, limit, holders, before, now)
				before = now
				if t.Failed() {
					return
				}
			}
		})
	}
}

// checkSums compares series that have the label room with those of the node, which have none.
func checkSums(t *testing.T, s *server, before, now scrape) {
	t.Helper()
	whole := map[string]float64{}
	for name, v := range now {
		if label(name, "room") == "" {
			whole[label(name, "dir")+strings.SplitN(name, "{", 2)[0]] += v // the sum over kinds
		}
	}
	sums, earlier := now.sums(), before.sums()
	for name, sum := range sums {
		family := strings.SplitN(name, "{", 2)[0]
		if !strings.HasSuffix(family, "_total") {
			continue
		}
		dir := label(name, "dir")
		if family == "sfu_room_keyframe_requests_total" {
			dir = "out"
		}
		if want := whole[dir+strings.Replace(family, "sfu_room_", "sfu_", 1)]; sum != want {
			t.Errorf("the sum of %s is %v, that of the node %v", name, sum, want)
		}
		if sum < earlier[name] {
			t.Errorf("the sum of %s fell from %v to %v", name, earlier[name], sum)
		}
	}
	participants := 0
	for _, r := range s.rooms.Rooms {
		participants += r.Participants
	}
	if got := sums["sfu_room_participants{}"]; got != float64(participants) {
		t.Errorf("%v participants, want %d", got, participants)
	}
}

// checkHolders checks labels and the series of each.
func checkHolders(t *testing.T, s *server, limit int, held map[string]int64, before, now scrape) map[string]int64 {
	t.Helper()
	live := map[string]int64{}
	for _, r := range s.rooms.Rooms {
		if r.Name != metrics.OtherRooms {
			live[r.Name] = r.Since.UnixNano()
		}
	}
	holders := map[string]int64{}
	for _, name := range now.rooms() {
		if name == metrics.OtherRooms {
			continue
		}
		if holders[name] = live[name]; live[name] == 0 {
			t.Errorf("room %s has series after its end", name)
		}
	}
	if want := min(limit, len(live)); len(holders) != want {
		t.Errorf("%d rooms have a label, want %d of %d", len(holders), want, len(live))
	}
	for name, since := range held {
		if live[name] == since && holders[name] != since {
			t.Errorf("room %s has lost its label", name)
		}
	}
	for name, v := range before {
		r := label(name, "room")
		sameRoom := r == metrics.OtherRooms || held[r] != 0 && held[r] == holders[r]
		if sameRoom && strings.Contains(name, "_total{") && now[name] < v {
			t.Errorf("%s fell from %v to %v", name, v, now[name])
		}
	}
	return holders
}

// A room that gets a label when another has ended leaves what it had counted before in _other.
func TestLateLabelsStartAtZero(t *testing.T) {
	s := &server{}
	own := metrics.New(s.sources(), metrics.Options{Rooms: 1, RoomNames: true}).Own()
	const first, late, other = `sfu_room_rtp_withheld_total{room="first"}`, `sfu_room_rtp_withheld_total{room="late"}`, `sfu_room_rtp_withheld_total{room="_other"}`
	check := func(moment string, want scrape) {
		t.Helper()
		now := gather(t, own)
		for _, name := range []string{first, late, other} {
			got, there := now[name]
			if value, wanted := want[name]; got != value || there != wanted {
				t.Errorf("%s: %s is %v (there: %t), want %v (there: %t)", moment, name, got, there, value, wanted)
			}
		}
	}
	s.open("first")
	s.open("late")
	s.at("first").Counters.Withheld, s.at("late").Counters.Withheld = 10, 100
	check("both", scrape{first: 10, other: 100})
	s.end("first")
	s.at("late").Counters.Withheld = 150
	check("the first has ended", scrape{late: 0, other: 160})
	s.at("late").Counters.Withheld = 157
	check("the late one goes on", scrape{late: 7, other: 160})
	s.end("late")
	check("both have ended", scrape{other: 167})
	s.open("late")
	s.at("late").Counters.Withheld = 3
	check("the name is used again", scrape{late: 3, other: 167})
}

func TestHashedRoomNames(t *testing.T) {
	s := &server{}
	s.open("kitchen")
	hashed := func() string {
		rooms := gather(t, metrics.New(s.sources(), metrics.Options{}).Own()).rooms()
		rooms = slices.DeleteFunc(rooms, func(name string) bool { return name == metrics.OtherRooms })
		if len(rooms) != 1 || rooms[0] == "kitchen" || len(rooms[0]) != 16 {
			t.Fatalf("rooms are %q, want a hash", rooms)
		}
		return rooms[0]
	}
	if a, b := hashed(), hashed(); a == b {
		t.Errorf("two processes hash to %s: anyone can", a)
	}
}

func TestNoRoomHasALabel(t *testing.T) {
	s := &server{}
	s.open("kitchen")
	if rooms := gather(t, metrics.New(s.sources(), metrics.Options{Rooms: -1, RoomNames: true}).Own()).rooms(); len(rooms) != 1 {
		t.Errorf("rooms are %q", rooms)
	}
}

// A room that is called as no room may be, or twice, must not spoil the scrape.
func TestImpossibleNames(t *testing.T) {
	s := &server{}
	for _, name := range []string{"twice", "twice", "_other", "", "\xff", "a b", "a\"b\nc"} {
		s.open(name)
	}
	now := gather(t, metrics.New(s.sources(), metrics.Options{RoomNames: true}).Own())
	if rooms := now.rooms(); !slices.Equal(rooms, []string{"_other", "twice"}) {
		t.Errorf("rooms are %q", rooms)
	}
	if n := now[`sfu_room_participants{room="_other"}`]; n != 6 {
		t.Errorf("%v participants in other rooms, want 6", n)
	}
	if n := now[`sfu_rooms_without_series{}`]; n != 6 {
		t.Errorf("%v rooms without series, want 6", n)
	}
}
