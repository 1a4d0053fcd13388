package metrics

import "sfu/pkg/signaling"

// clients reads one number of signaling.Stats.
func clients[N int | uint64](value func(signaling.Stats) N) func(*snapshot) []sample {
	return one(func(s *snapshot) N { return value(s.signaling) })
}

func signalingFamilies() []family {
	return []family{
		{
			name: "sfu_ws_connections", kind: gauge, help: "Open WebSockets.",
			advice: "About one per participant. A sudden fall without `sfu_rooms_ended_total`: the proxy or balancer was restarted.",
			read:   clients(func(t signaling.Stats) int { return t.Sockets }),
		}, {
			name: "sfu_sessions", kind: gauge, help: "Participants that the server keeps a seat for, with or without a WebSocket.",
			advice: "Well above `sfu_ws_connections`: many have lost their WebSockets and may still come back.",
			read:   clients(func(t signaling.Stats) int { return t.Sessions }),
		}, {
			name: "sfu_ws_accepted_total", kind: counter, help: "WebSockets that were accepted.",
			advice: "Far above the joins: clients reconnect often; look at `sfu_ws_closed_total`.",
			read:   clients(func(t signaling.Stats) uint64 { return t.Accepted }),
		}, {
			name: "sfu_ws_closed_total", kind: counter, labels: []string{labelReason},
			help: "WebSockets that ended: left, client (closed without leaving), lost (nothing came any more), or the code that the client was told.",
			advice: "lost: people's networks. client, in waves: a proxy or balancer that cuts connections. slow_consumer: clients that cannot keep up. internal: " +
				"a bug, see the logs.",
			read: byLabel(func(s *snapshot) map[string]uint64 { return s.signaling.Closed }, "left", "client", "lost"),
		}, {
			name: "sfu_joins_total", kind: counter, labels: []string{labelResult},
			help:   "Attempts to join a room: ok, lost (the client went away meanwhile), or the code of the refusal.",
			advice: "Alert when ok is less than 98 % of all. room_full, overloaded: limits. token_*: whoever makes tokens. internal: a bug, see the logs.",
			read:   byLabel(func(s *snapshot) map[string]uint64 { return s.signaling.Joins }, "ok"),
		}, {
			name: "sfu_join_seconds", kind: histogram, labels: []string{labelResult},
			help:   "How long attempts to join took, from the WebSocket's upgrade to the answer: ok, lost, or refused for whatever reason.",
			advice: "p95 of ok above 2 s: the node is overloaded, or many come at once (`sfu_peer_connections_connecting`).",
		}, {
			name: "sfu_resumes_total", kind: counter, labels: []string{labelResult},
			help:   "Attempts to take up a session again after its WebSocket was lost: ok, lost, or the code of the refusal.",
			advice: "resume_invalid: clients come back too late, or to a node that does not know them.",
			read:   byLabel(func(s *snapshot) map[string]uint64 { return s.signaling.Resumes }, "ok"),
		}, {
			name: "sfu_signal_messages_total", kind: counter, labels: []string{labelDir, "type"}, help: "Messages of the signalling protocol from (in) and to (out) clients, by type.",
			advice: "Many offers per join: clients renegotiate too often. Much of one type: a client in a loop.",
			read:   readMessages,
		}, {
			name: "sfu_rate_limited_total", kind: counter, labels: []string{"what"}, help: "Refusals because something was done too often, by what was done.",
			advice: "sockets, joins or auth behind a proxy: all clients may count as one address; declare the proxy with --trusted-proxies. Otherwise somebody floods.",
			read:   byLabel(func(s *snapshot) map[string]uint64 { return s.signaling.RateLimited }),
		}, {
			name: "sfu_auth_failures_total", kind: counter, labels: []string{labelReason}, help: "Tokens and secrets that were refused, by code.",
			advice: "token_expired, token_not_yet_valid: clocks differ. token_invalid: wrong key, or somebody guesses.",
			read:   byLabel(func(s *snapshot) map[string]uint64 { return s.signaling.AuthFailures }),
		}, {
			name: "sfu_http_refused_total", kind: counter, labels: []string{labelReason}, help: "HTTP requests of the signalling API that were refused, by code.",
			advice: "origin_not_allowed: a page of another site, see --allowed-origins. draining, overloaded: this node takes nobody; the balancer should know.",
			read:   byLabel(func(s *snapshot) map[string]uint64 { return s.signaling.Refused }),
		}, {
			name: "sfu_session_panics_total", kind: counter, help: "Sessions that were ended by a bug in the server.",
			advice: "Never moves in a good release. Report it with the log.",
			read:   clients(func(t signaling.Stats) uint64 { return t.Panics }),
		}, {
			name: "sfu_abandoned_goroutines_total", kind: counter, help: "Goroutines of sessions that did not end in time and were left behind.",
			advice: "Never moves in a good release; together with a growing `go_goroutines` it is a leak. Report it with the log.",
			read:   clients(func(t signaling.Stats) uint64 { return t.Abandoned }),
		},
	}
}

func readMessages(s *snapshot) []sample {
	var samples []sample
	for kind, n := range s.signaling.MessagesIn {
		samples = append(samples, sample{value: float64(n), labels: []string{in, kind}})
	}
	for kind, n := range s.signaling.MessagesOut {
		samples = append(samples, sample{value: float64(n), labels: []string{out, kind}})
	}
	return samples
}
