package metrics

// portFamilies are about the TCP port that HTTP, WebSockets and media over TCP share.
func portFamilies() []family {
	return []family{
		{
			name: "sfu_tcp_connections", kind: gauge, help: "Open TCP connections of the main port.",
			advice: "About one per participant, and those of the balancer. Far more: somebody opens connections and leaves them.",
			read:   one(func(s *snapshot) int { return s.ports.Open }),
		}, {
			name: "sfu_tcp_connections_accepted_total", kind: counter, help: "TCP connections of the main port, whatever became of them.",
			advice: "Follows the number of people who come. A jump without them: a scanner, or a health check that runs too often.",
			read:   one(func(s *snapshot) uint64 { return s.ports.Accepted }),
		}, {
			name: "sfu_tcp_connections_by_protocol_total", kind: counter, labels: []string{"protocol"},
			help:   "TCP connections of the main port by what their first bytes were: plain HTTP, TLS, media (ICE-TCP) or nothing known.",
			advice: "unknown: scanners. ice: people whose network lets no UDP through.",
			read: func(s *snapshot) []sample {
				return []sample{
					{value: float64(s.ports.PlainHTTP), labels: []string{"http"}}, {value: float64(s.ports.TLS), labels: []string{"tls"}},
					{value: float64(s.ports.ICE), labels: []string{"ice"}}, {value: float64(s.ports.Unknown), labels: []string{"unknown"}},
				}
			},
		}, {
			name: "sfu_tcp_connections_closed_total", kind: counter, labels: []string{labelReason},
			help:   "TCP connections of the main port that were closed undecided: over the limit, displaced by newer ones, or silent.",
			advice: "limit: more connections than the node takes, people are turned away. displaced or silent in numbers: an attack that sends nothing.",
			read: func(s *snapshot) []sample {
				return []sample{
					{value: float64(s.ports.OverLimit), labels: []string{"limit"}}, {value: float64(s.ports.Displaced), labels: []string{"displaced"}},
					{value: float64(s.ports.Silent), labels: []string{"silent"}},
				}
			},
		},
	}
}
