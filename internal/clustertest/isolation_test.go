//go:build linux

package clustertest

import (
	"net/http"
	"slices"
	"testing"
	"time"
)

// A node that reaches neither the engine nor the other one goes on with its call and lets nobody in. Who comes elsewhere opens the room anew, and
// when the network is whole again all are together.
func TestNodeIsCutFromAll(t *testing.T) {
	besideOthers(t)
	c := Start(t, Options{Nodes: 2})
	c.Watch(t)
	cut, other := c.Nodes[0], c.Nodes[1]
	room := c.RoomAt(t, cut)
	var inside, outside []*Person
	for _, name := range []string{"ada", "bob"} {
		inside = append(inside, c.JoinAt(t, cut.URL(), room, name, Among(4)))
	}
	AwaitCalls(t, inside)

	wires := append(slices.Clone(c.ToEngine(cut)), c.ToNode(cut), c.ToNode(other))
	for _, r := range wires {
		r.Cut()
	}
	Await(t, "the node says that it is isolated", func() bool {
		v, err := cut.View()
		return err == nil && v.State() == "isolated" && Status(cut.Admin()+"/readyz") == http.StatusServiceUnavailable
	})
	if status := Status(cut.Admin() + "/livez"); status != http.StatusOK {
		t.Errorf("livez of a node that is cut off: %d", status)
	}
	if m := cut.Metrics(t); m.Sum("sfu_node_state", `state="isolated"`) != 1 || m.Sum("sfu_engine_up") != 0 || m.Sum("sfu_cluster_nodes") != 1 {
		t.Error("the metrics do not say that it is isolated")
	}
	for _, name := range []string{"eve", "fay"} {
		p, _ := c.persistAt(t, other.URL(), room, name, Among(4))
		outside = append(outside, p)
	}
	AwaitRoster(t, outside)
	CheckUnhurt(t, "the node is cut off", inside)
	if n := other.Metrics(t).Sum("sfu_room_takeovers_total", `reason="dead"`); n != 1 {
		t.Errorf("%v rooms were taken over", n)
	}

	for _, r := range wires {
		r.Mend()
	}
	began := time.Now()
	AwaitRoster(t, append(inside, outside...))
	Report(t, "node was cut off: all together after", []time.Duration{time.Since(began)}, Bound{Max: 5 * time.Second})
	AwaitMedia(t, append(inside, outside...), MarkAll(append(inside, outside...)...))
	if owners := c.Owners(room); len(owners) != 1 || owners[other] == "" {
		t.Error("the room is not where it was taken over")
	}
	if n := cut.Metrics(t).Sum("sfu_room_fenced_total"); n != 1 {
		t.Errorf("%v rooms were fenced", n)
	}
}
