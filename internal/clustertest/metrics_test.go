//go:build linux

package clustertest

import (
	"fmt"
	"testing"
	"time"
)

// What a node of a cluster tells, and how much of it.
func TestMetricsOfACluster(t *testing.T) {
	besideOthers(t)
	c := Start(t, Options{})
	rooms := Sized(10, 100)
	for i := range rooms {
		c.JoinAll(t, fmt.Sprintf("room%d", i), "p", 3, Silent)
	}
	for _, n := range c.Nodes {
		m := n.Metrics(t)
		for _, name := range []string{
			"sfu_engine_up", "sfu_engine_mode_info", "sfu_engine_rtt_seconds", "sfu_engine_reconnects_total", "sfu_engine_op_seconds_count",
			"sfu_engine_errors_total", "sfu_engine_slow_consumer_total", "sfu_cluster_nodes", "sfu_cluster_heartbeat_age_seconds", "sfu_node_state",
			"sfu_node_info", "sfu_load_ratio", "sfu_rooms_owned", "sfu_room_claims_total", "sfu_room_takeovers_total",
			"sfu_room_fenced_total", "sfu_room_reasserted_total", "sfu_room_handovers_total", "sfu_room_moved_participants_total",
			"sfu_placement_refused_total", "sfu_signal_proxy_connections", "sfu_signal_proxy_errors_total", "sfu_drain_remaining_participants",
			"sfu_drain_deadline_timestamp_seconds",
		} {
			if !m.Has(name) {
				t.Errorf("%s has no %s", n.Name, name)
			}
		}
		owned := int(m.Sum("sfu_rooms_owned"))
		// The bound of the documents: 1,500 and 16 for each room that has a label of its own.
		if limit := 1500 + 16*owned; len(m) > limit {
			t.Errorf("%s has %d series with %d rooms, at most %d are wanted", n.Name, len(m), owned, limit)
		}
		for _, tt := range []struct {
			name, label string
			want        float64
		}{
			{"sfu_engine_up", "", 1}, {"sfu_engine_mode_info", `mode="external"`, 1}, {"sfu_cluster_nodes", `state="active"`, 3},
			{"sfu_node_state", `state="active"`, 1}, {"sfu_node_state", `state="draining"`, 0}, {"sfu_node_info", fmt.Sprintf("node=%q", n.Name), 1},
			{"sfu_drain_deadline_timestamp_seconds", "", 0}, {"sfu_room_takeovers_total", "", 0},
		} {
			labels := []string{tt.label}
			if tt.label == "" {
				labels = nil
			}
			if got := m.Sum(tt.name, labels...); got != tt.want {
				t.Errorf("%s: %s{%s} is %v, want %v", n.Name, tt.name, tt.label, got, tt.want)
			}
		}
	}
	if n := c.Sum(t, "sfu_rooms_owned"); int(n) != rooms {
		t.Errorf("%v rooms are owned, %d are open", n, rooms)
	}
	if n := c.Sum(t, "sfu_room_claims_total", `result="ok"`); int(n) != rooms {
		t.Errorf("%v rooms were claimed, %d are open", n, rooms)
	}
	edge, owner := c.Sum(t, "sfu_signal_proxy_connections", `role="edge"`), c.Sum(t, "sfu_signal_proxy_connections", `role="owner"`)
	if edge != owner || edge == 0 {
		t.Errorf("%v connections are passed on, %v come in", edge, owner)
	}
	until(freshness, c.Nodes[0].Ended) // so that it has to be gathered
	began := time.Now()
	if _, err := c.Nodes[0].ReadMetrics(); err != nil {
		t.Fatal(err)
	}
	Report(t, "metrics answered", []time.Duration{time.Since(began)}, Bound{Max: 50 * time.Millisecond})
}
