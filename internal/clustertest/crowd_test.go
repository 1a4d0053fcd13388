//go:build linux

package clustertest

import (
	"fmt"
	"testing"
	"time"
)

// Many who come at once into a room that is not there yet, through all nodes, are in one room on one node.
func TestManyAtOnceIntoANewRoom(t *testing.T) {
	besideOthers(t)
	c := Start(t, Options{})
	c.Watch(t)
	var took []time.Duration
	for round := range Sized(4, 50) {
		room := fmt.Sprintf("new%d", round)
		people := c.JoinAll(t, room, "p", Sized(20, 200), Silent)
		AwaitRoster(t, people)
		if owners := c.Owners(room); len(owners) != 1 {
			t.Errorf("round %d: %d nodes own the room", round, len(owners))
		}
		for _, p := range people {
			took = append(took, p.Took)
			if s := p.State(); s.Rejoins > 0 || s.Resumed > 0 || len(s.Errors) > 0 {
				t.Errorf("round %d: %s joined anew %d times, resumed %d times: %v", round, p.Name, s.Rejoins, s.Resumed, s.Errors)
			}
		}
		LeaveAll(people)
	}
	if n := c.Sum(t, "sfu_room_takeovers_total"); n != 0 {
		t.Errorf("%v rooms were taken over", n)
	}
	Report(t, fmt.Sprintf("%d join a new room at once", Sized(20, 200)), took, Bound{})
}

// The way over another node costs little.
func TestJoinThroughAnotherNode(t *testing.T) {
	besideOthers(t)
	c := Start(t, Options{})
	owner := c.Nodes[0]
	room := c.RoomAt(t, owner)
	c.JoinAt(t, owner.URL(), room, "host", Silent) // so that the room stays
	var direct, over []time.Duration
	for i := range Sized(60, 150) { // so many that the 95th percentile is not the slowest
		other := c.Others(owner)[i%2]
		for _, way := range []struct {
			url   string
			times *[]time.Duration
		}{{owner.URL(), &direct}, {other.URL(), &over}} {
			p := c.JoinAt(t, way.url, room, "guest", Manner{Hears: 1})
			*way.times = append(*way.times, p.Took)
			p.Leave()
		}
	}
	Report(t, "join at the owner", direct, Bound{})
	Report(t, "join through another node", over, Bound{})
	added := Quantile(over, 0.95) - Quantile(direct, 0.95)
	Note("join through another node adds", "p50 %v, p95 %v; target <= 20ms", Quantile(over, 0.5)-Quantile(direct, 0.5), added)
	if limit := within(20 * time.Millisecond); added > limit {
		t.Errorf("another node adds %v to the p95 of joins, at most %v are wanted", added, limit)
	}
	if n := c.Sum(t, "sfu_signal_proxy_errors_total"); n != 0 {
		t.Errorf("%v requests could not be passed on", n)
	}
}
