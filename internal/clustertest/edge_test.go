//go:build linux

package clustertest

import (
	"testing"
	"time"
)

// signalling is what must be kept when only the way of the sockets is lost.
var (
	signallingBack = Bound{P95: 2 * time.Second}
	mediaGoesOn    = Bound{Max: 100 * time.Millisecond}
)

// The node that passes sockets on is killed, and the balancer is restarted: sessions are resumed, media does not notice.
func TestEdgeAndBalancerAreLost(t *testing.T) {
	besideOthers(t)
	c := Start(t, Options{})
	c.Watch(t)
	owner, count := c.Nodes[0], Sized(6, 15)
	people := c.JoinAll(t, c.RoomAt(t, owner), "p", count, Among(count))
	AwaitCalls(t, people)
	if until(Sized(time.Second, 10*time.Second), owner.Ended) {
		t.Fatal("the owner has ended")
	}
	Report(t, "silence without a fault", Silences(people), Bound{})

	edge := c.Nodes[1]
	through := int(edge.Metrics(t).Sum("sfu_signal_proxy_connections", `role="edge"`))
	if through == 0 {
		t.Fatal("nobody came through the edge")
	}
	if n := owner.Metrics(t).Sum("sfu_signal_proxy_connections", `role="owner"`); int(n) < through {
		t.Errorf("the owner has %v connections that were passed on, at least %d are wanted", n, through)
	}
	Report(t, "kill -9 of the edge: signalling back", resumed(t, people, through, edge.Kill), signallingBack)
	Report(t, "kill -9 of the edge: silence", Silences(people), mediaGoesOn)
	CheckUnhurt(t, "the edge is killed", people)
	AwaitRoster(t, people)

	restart := func() { c.Balancer.Restart(t) }
	Report(t, "restart of HAProxy: signalling back", resumed(t, people, count, restart), signallingBack)
	Report(t, "restart of HAProxy: silence", Silences(people), mediaGoesOn)
	CheckUnhurt(t, "the balancer is restarted", people)
	AwaitRoster(t, people)
}

// resumed does what takes the sockets of some, and returns how long after that each of them had another.
func resumed(t *testing.T, people []*Person, some int, lose func()) []time.Duration {
	t.Helper()
	before := map[*Person]int{}
	for _, p := range people {
		before[p] = p.State().Resumed
	}
	began := MarkAll(people...)
	lose()
	times := map[*Person]time.Duration{}
	Await(t, "all are back", func() bool {
		for _, p := range people {
			if _, is := times[p]; !is && p.State().Resumed > before[p] && p.State().Online {
				times[p] = time.Since(began)
			}
		}
		return len(times) >= some
	})
	var all []time.Duration
	for _, d := range times {
		all = append(all, d)
	}
	return all
}
