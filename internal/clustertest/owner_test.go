//go:build linux

package clustertest

import (
	"fmt"
	"testing"
	"time"
)

// recovery is when people must hear each other again whose node was lost.
var recovery = Bound{P50: 3 * time.Second, P95: 5 * time.Second}

// A room whose node is killed goes on at another, and the other rooms do not notice.
func TestOwnerIsKilled(t *testing.T) {
	besideOthers(t)
	c := Start(t, Options{})
	c.Watch(t)
	var times []time.Duration
	for round := range Sized(1, 3) {
		owner := c.Nodes[round]
		count := Sized(4, 20)
		people := c.JoinAll(t, c.RoomAt(t, owner), "p", count, Among(count))
		var bystanders [][]*Person
		for _, n := range c.Others(owner) {
			bystanders = append(bystanders, c.JoinAll(t, c.RoomAt(t, n), "b", 3, Among(3)))
		}
		AwaitCalls(t, append(bystanders, people)...)
		before := SumOf(t, c.Others(owner), "sfu_room_takeovers_total", `reason="dead"`)

		began := time.Now()
		owner.Kill()
		MarkAll(people...)
		times = append(times, AwaitMedia(t, people, began)...)
		AwaitRoster(t, people)
		for _, b := range bystanders {
			CheckUnhurt(t, "a room elsewhere", b)
		}
		if n := SumOf(t, c.Others(owner), "sfu_room_takeovers_total", `reason="dead"`) - before; n != 1 {
			t.Errorf("%v rooms were taken over from a node that had one", n)
		}
		for _, n := range c.Running() {
			if m := n.Metrics(t); m.Sum("sfu_cluster_nodes") != 2 || m.Sum("sfu_cluster_heartbeat_age_seconds") >= silence {
				t.Errorf("%s counts %v nodes, the oldest heard %v s ago", n.Name, m.Sum("sfu_cluster_nodes"), m.Sum("sfu_cluster_heartbeat_age_seconds"))
			}
		}
		owner.Start(t)
		owner.AwaitReady(t)
		c.AwaitWhole(t)
		LeaveAll(people)
		for _, b := range bystanders {
			LeaveAll(b)
		}
	}
	Report(t, fmt.Sprintf("kill -9 of the owner, %d people: media from all again", Sized(4, 20)), times, recovery)
}

// A node that stands still is replaced, and when it goes on it finds that out and lets go.
func TestOwnerIsFrozen(t *testing.T) {
	besideOthers(t)
	c := Start(t, Options{})
	c.Watch(t)
	owner, count := c.Nodes[0], Sized(4, 20)
	room := c.RoomAt(t, owner)
	people := c.JoinAll(t, room, "p", count, Among(count))
	AwaitCalls(t, people)

	began := time.Now()
	owner.Freeze()
	MarkAll(people...)
	times := AwaitMedia(t, people, began)
	AwaitRoster(t, people)
	Report(t, fmt.Sprintf("owner frozen, %d people: media from all again", count), times, Bound{P95: 5 * time.Second, Max: 8 * time.Second})
	until(time.Until(began.Add(Sized(6*time.Second, 20*time.Second))), owner.Ended) // it stays so for a while

	owner.Continue()
	continued := time.Now()
	Await(t, "the old owner lets go", func() bool {
		v, err := owner.View()
		if err != nil {
			return false
		}
		_, owns := v.Owns(room)
		return !owns
	})
	Report(t, "owner continued: fenced after", []time.Duration{time.Since(continued)}, Bound{Max: 2 * time.Second})
	Await(t, "nobody is left at the old owner", func() bool {
		names, _, err := owner.Members(room)
		return err != nil || len(names) == 0
	})
	AwaitRoster(t, people)
	if n := owner.Metrics(t).Sum("sfu_room_fenced_total"); n != 1 {
		t.Errorf("%v rooms were fenced", n)
	}
	AwaitMedia(t, people, MarkAll(people...))
}
