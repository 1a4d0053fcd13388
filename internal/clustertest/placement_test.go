//go:build linux

package clustertest

import (
	"fmt"
	"testing"
	"time"
)

// New rooms spread over the nodes.
func TestPlacement(t *testing.T) {
	besideOthers(t)
	c := Start(t, Options{})
	c.Watch(t)
	count := Sized(30, 60)
	began := time.Now()
	for i := range count {
		until(time.Until(began.Add(time.Duration(i)*Sized(3*time.Second, 5*time.Second)/time.Duration(count))), c.Balancer.Ended)
		c.Join(t, fmt.Sprintf("placed%d", i), "ada", Silent)
	}
	most := 0
	var owned []int
	for _, n := range c.Nodes {
		v, err := n.View()
		if err != nil {
			t.Fatal(err)
		}
		owned = append(owned, len(v.Rooms))
		most = max(most, len(v.Rooms))
		if m := n.Metrics(t).Sum("sfu_rooms_owned"); int(m) != len(v.Rooms) {
			t.Errorf("%s owns %d rooms and counts %v", n.Name, len(v.Rooms), m)
		}
	}
	ratio := float64(most) * 3 / float64(count)
	Note(fmt.Sprintf("%d rooms on 3 nodes", count), "%v, max/mean %.2f; target <= 1.3", owned, ratio)
	if limit := Sized(1.5, 1.3); ratio > limit {
		t.Errorf("%v rooms: max/mean is %.2f, at most %.2f is wanted", owned, ratio, limit)
	}
}

// A node that is full gets no more.
func TestFullNodeGetsNoRoom(t *testing.T) {
	besideOthers(t)
	c := Start(t, Options{Args: func(i int) []string {
		if i == 0 {
			return []string{"--max-rooms=1"}
		}
		return nil
	}})
	full := c.Nodes[0]
	room := c.RoomAt(t, full)
	c.Join(t, room, "ada", Silent)
	for i := range Sized(10, 60) {
		c.JoinAt(t, c.Nodes[i%3].URL(), fmt.Sprintf("more%d", i), "ada", Silent)
	}
	v, err := full.View()
	if err != nil {
		t.Fatal(err)
	}
	if len(v.Rooms) != 1 {
		t.Errorf("a node for one room has %d", len(v.Rooms))
	}
	if n := full.Metrics(t).Sum("sfu_load_ratio", `resource="rooms"`); n != 1 {
		t.Errorf("a full node says that it is %v full", n)
	}
}
