package metrics

import (
	"sfu/pkg/cluster/engine"
	"sfu/pkg/cluster/ownership"
)

// states of a node, in the order in which they are shown.
var states = []string{string(ownership.StateActive), string(ownership.StateDraining), string(ownership.StateIsolated)}

// clusterFamilies are about this node among others, and about the engine that they share.
func clusterFamilies() []family {
	return append(nodeFamilies(), append(ownershipFamilies(), engineFamilies()...)...)
}

func nodeFamilies() []family {
	return []family{
		{
			name: "sfu_node_info", kind: gauge, labels: []string{"node"}, help: "Always 1, labelled with the name of the node.",
			advice: "Joins the names of nodes to the addresses that are scraped.",
			read: func(s *snapshot) []sample {
				return []sample{{value: 1, labels: []string{s.cluster.Node}}}
			},
		}, {
			name: "sfu_node_state", kind: gauge, labels: []string{"state"}, help: "1 for the state that the node is in: active, draining or isolated.",
			advice: "isolated: it reaches neither the engine nor any other node. draining without a rollout: somebody forgot sfu undrain.",
			read: func(s *snapshot) []sample {
				var all []sample
				for _, state := range states {
					all = append(all, sample{value: truth(string(s.cluster.State) == state), labels: []string{state}})
				}
				return all
			},
		}, {
			name: "sfu_cluster_nodes", kind: gauge, labels: []string{"state"}, help: "Nodes that this one hears of, itself included, by their state.",
			advice: "Fewer than there should be: a node is gone, or cut off. Nodes that disagree about it see different parts of a broken network.",
			read:   byLabel(func(s *snapshot) map[string]uint64 { return s.cluster.Nodes }, states...),
		}, {
			name: "sfu_cluster_heartbeat_age_seconds", kind: gauge, help: "How long ago the oldest last heartbeat of those nodes came.",
			advice: "Below 0.6 in good times. Above 1.5: the engine or a node is so slow that nodes may be taken for dead.",
			read:   one(func(s *snapshot) float64 { return s.cluster.HeartbeatAge.Seconds() }),
		}, {
			name: "sfu_load_ratio", kind: gauge, labels: []string{"resource"},
			help:   "How loaded the node is, 0 idle and 1 full: its processors (cpu), its number of rooms (rooms), and the greater of both (score), by which rooms are placed.",
			advice: "New rooms go to nodes with a lower score. Above 0.85 for long: add nodes.",
			read: func(s *snapshot) []sample {
				return []sample{
					{value: s.cluster.ProcessorLoad, labels: []string{"cpu"}}, {value: s.cluster.RoomsLoad, labels: []string{"rooms"}},
					{value: s.cluster.Load, labels: []string{"score"}},
				}
			},
		}, {
			name: "sfu_drain_deadline_timestamp_seconds", kind: gauge, help: "When the present drain ends, in seconds since 1970; 0 while there is none.",
			advice: "Compare with time(), and with sfu_drain_remaining_participants.",
			read: one(func(s *snapshot) float64 {
				if s.cluster.DrainDeadline.IsZero() {
					return 0
				}
				return float64(s.cluster.DrainDeadline.UnixMilli()) / 1000
			}),
		}, {
			name: "sfu_drain_remaining_participants", kind: gauge, help: "Participants still here while the node drains.",
			advice: "Must reach 0 before the deadline; who is left then is put out.",
			read:   one(func(s *snapshot) int { return s.cluster.DrainRemaining }),
		}, {
			name: "sfu_signal_proxy_connections", kind: gauge, labels: []string{"role"},
			help:   "WebSockets that are passed on between nodes: edge for those of clients here whose room is elsewhere, owner for those that others pass on to this node.",
			advice: "With n nodes behind a balancer about (n-1)/n of all sockets.",
			read: func(s *snapshot) []sample {
				return []sample{
					{value: float64(s.cluster.Mesh.EdgeConnections), labels: []string{"edge"}},
					{value: float64(s.cluster.Mesh.OwnerConnections), labels: []string{"owner"}},
				}
			},
		}, {
			name: "sfu_signal_proxy_errors_total", kind: counter, labels: []string{labelReason},
			help:   "Requests that could not be passed on, or sockets that were cut, by why: the node was not reached (dial), it does not own the room any more (not_owner), it was found dead (cut), other.",
			advice: "not_owner now and then is normal: the request is passed on again. dial without a node that is gone: --cluster-listen is not reachable.",
			read: func(s *snapshot) []sample {
				m := s.cluster.Mesh
				return reasons("dial", m.DialErrors, "not_owner", m.NotOwnerErrors, "cut", m.CutErrors, "other", m.OtherErrors)
			},
		},
	}
}

func ownershipFamilies() []family {
	return []family{
		{
			name: "sfu_rooms_owned", kind: gauge, help: "Rooms that this node owns, also those that are empty or about to begin.",
			advice: "Sum over all nodes: the rooms of the cluster.",
			read:   one(func(s *snapshot) int { return s.cluster.Owned }),
		}, {
			name: "sfu_room_claims_total", kind: counter, labels: []string{labelResult},
			help:   "Attempts to own a room: ok, exists (another node was faster), error (the engine did not answer).",
			advice: "exists is normal where many come at once. error: see sfu_engine_errors_total.",
			read: func(s *snapshot) []sample {
				c := s.cluster.Ownership
				return reasons("ok", c.ClaimedOK, "exists", c.ClaimedConflict, "error", c.ClaimedError)
			},
		}, {
			name: "sfu_room_takeovers_total", kind: counter, labels: []string{labelReason},
			help:   "Rooms taken from an owner that was dead: it did not answer, or another process had its address (wrong_node).",
			advice: "One for each room of a node that was killed. Without one that was killed: the network between nodes.",
			read: func(s *snapshot) []sample {
				return reasons("dead", s.cluster.Ownership.TakenOverDead, "wrong_node", s.cluster.Ownership.TakenOverGone)
			},
		}, {
			name: "sfu_room_fenced_total", kind: counter, help: "Rooms that this node owned and that another one had taken over meanwhile; its participants were told to move.",
			advice: "This node was frozen or cut off for seconds. Look at its host.",
			read:   one(func(s *snapshot) uint64 { return s.cluster.Ownership.Fenced }),
		}, {
			name: "sfu_room_reasserted_total", kind: counter, help: "Rooms whose record was written again after the engine had lost it.",
			advice: "The engine came back empty: it has no disk, or lost it.",
			read:   one(func(s *snapshot) uint64 { return s.cluster.Ownership.Reasserted }),
		}, {
			name: "sfu_room_handovers_total", kind: counter, labels: []string{labelResult}, help: "Rooms given to another node: ok, refused by it, failed on the way.",
			advice: "refused or failed while a node drains: the others are full, or not reachable.",
			read: func(s *snapshot) []sample {
				c := s.cluster.Ownership
				return reasons("ok", c.HandedOver, "refused", c.HandoverRefused, "failed", c.HandoverFailed)
			},
		}, {
			name: "sfu_room_moved_participants_total", kind: counter, help: "Participants that were told to join anew because their room went to another node.",
			advice: "Each of them saw a gap of about a second.",
			read:   one(func(s *snapshot) uint64 { return s.cluster.Moved }),
		}, {
			name: "sfu_placement_refused_total", kind: counter, labels: []string{labelReason},
			help:   "Times that a room was refused: no node with room (full), draining, isolated, held (just after the engine lost its records), alive (its owner was not known to be dead yet), engine, no_answer, unreachable.",
			advice: "full: add nodes. engine: it is down. alive and held pass by themselves within seconds.",
			read:   byLabel(func(s *snapshot) map[string]uint64 { return s.cluster.Ownership.Refused }, "full", "draining", "isolated", "held", "alive", "engine", "no_answer", "unreachable"),
		},
	}
}

func engineFamilies() []family {
	return []family{
		{
			name: "sfu_engine_up", kind: gauge, help: "1 while the engine (NATS) answers.",
			advice: "0: calls go on, new rooms cannot be opened. Mend the engine; nodes find it again by themselves.",
			read:   one(func(s *snapshot) float64 { return truth(s.cluster.Engine.Up) }),
		}, {
			name: "sfu_engine_mode_info", kind: gauge, labels: []string{"mode"}, help: "Always 1, labelled with where the engine is: embedded or external.",
			advice: "embedded on one of several nodes: it lacks --nats-url and is a cluster of its own.",
			read: func(s *snapshot) []sample {
				return []sample{{value: 1, labels: []string{string(s.cluster.Engine.Mode)}}}
			},
		}, {
			name: "sfu_engine_rtt_seconds", kind: gauge, help: "How long the engine took to answer the last ping.",
			advice: "Above 0.1 for long: joins to new rooms are slow.",
			read:   one(func(s *snapshot) float64 { return s.cluster.Engine.RTT.Seconds() }),
		}, {
			name: "sfu_engine_reconnects_total", kind: counter, help: "Connections to the engine after the first one.",
			advice: "Rises with each restart of a server. Without those: the network, or a server that throws the node out.",
			read:   one(func(s *snapshot) uint64 { return s.cluster.Engine.Reconnects }),
		}, {
			name: "sfu_engine_slow_consumer_total", kind: counter, help: "Times that messages of the engine came faster than they were handled, and some were lost.",
			advice: "The node has no processor time left.",
			read:   one(func(s *snapshot) uint64 { return s.cluster.Engine.SlowConsumers }),
		}, {
			name: "sfu_engine_operations_total", kind: counter, labels: []string{"op"}, help: "Operations of the engine by what they were, failed ones included.",
			advice: "get, create and delete follow the rooms that begin and end; publish is two heartbeats a second.",
			read: func(s *snapshot) []sample {
				var all []sample
				for _, o := range operations(s) {
					all = append(all, sample{value: float64(o.Count), labels: []string{o.Name}})
				}
				return all
			},
		}, {
			name: "sfu_engine_op_seconds", kind: histogram, labels: []string{"op"}, help: "How long operations of the engine took, by what they were, failed ones included.",
			advice: "A few milliseconds with three servers. Seconds: they elect a leader, or their disks are slow.",
			read: func(s *snapshot) []sample {
				var all []sample
				bounds := engine.Bounds()
				for _, o := range operations(s) {
					if o.Name == "publish" {
						continue
					}
					h := sample{labels: []string{o.Name}, sum: o.Seconds.Sum, below: map[float64]uint64{}}
					count := uint64(0)
					for i, n := range o.Seconds.Counts {
						count += n
						if i < len(bounds) {
							h.below[bounds[i]] = count
						}
					}
					h.value = float64(count)
					all = append(all, h)
				}
				return all
			},
		}, {
			name: "sfu_engine_errors_total", kind: counter, labels: []string{"op", labelReason},
			help:   "Operations of the engine that failed: no answer (timeout), not connected (unavailable), somebody else was faster (conflict), other.",
			advice: "conflict is normal. timeout while a server is restarted is; otherwise look at the engine.",
			read: func(s *snapshot) []sample {
				var all []sample
				for _, o := range operations(s) {
					for _, r := range reasons("timeout", o.Timeouts, "unavailable", o.Unavailable, "conflict", o.Conflicts, "other", o.Others) {
						all = append(all, sample{value: r.value, labels: []string{o.Name, r.labels[0]}})
					}
				}
				return all
			},
		},
	}
}

// operations are those of the engine, none where there is no engine.
func operations(s *snapshot) []engine.OperationStats {
	all := s.cluster.Engine.Operations[:]
	if all[0].Name == "" {
		return nil
	}
	return all
}

// reasons makes samples of names and their counts.
func reasons(pairs ...any) []sample {
	all := make([]sample, 0, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		all = append(all, sample{value: float64(pairs[i+1].(uint64)), labels: []string{pairs[i].(string)}})
	}
	return all
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
