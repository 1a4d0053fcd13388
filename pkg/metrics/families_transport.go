package metrics

import "sfu/pkg/transport"

// connections reads one number of transport.Stats.
func connections[N int | uint64](value func(transport.Stats) N) func(*snapshot) []sample {
	return one(func(s *snapshot) N { return value(s.transport) })
}

func transportFamilies() []family {
	return []family{
		{
			name: "sfu_peer_connections", kind: gauge, help: "Open PeerConnections, those whose handshake is under way included.",
			advice: "About one per participant. Above that for long: clients come back again and again.",
			read:   connections(func(t transport.Stats) int { return t.Open }),
		}, {
			name: "sfu_peer_connections_connecting", kind: gauge, help: "PeerConnections whose handshake (ICE and DTLS) is under way.",
			advice: "At the limit, joins wait: many people come at once, or their media packets do not get through.",
			read:   connections(func(t transport.Stats) int { return t.Connecting }),
		}, {
			name: "sfu_peer_connections_connecting_limit", kind: gauge, help: "How many handshakes may be under way at a time.",
			advice: "Constant; for comparison.",
			read:   connections(func(t transport.Stats) int { return t.Limit }),
		}, {
			name: "sfu_peer_connections_established_total", kind: counter, labels: []string{labelPath}, help: "PeerConnections that came about, by the path that media takes.",
			advice: "A growing share of tcp: UDP is blocked, by a firewall here or in people's networks. Media over TCP is worse under loss.",
			read: func(s *snapshot) []sample {
				return []sample{
					{value: float64(s.transport.EstablishedUDP), labels: []string{pathUDP}}, {value: float64(s.transport.EstablishedTCP), labels: []string{pathTCP}},
				}
			},
		}, {
			name: "sfu_peer_connections_failed_total", kind: counter, labels: []string{"step"}, help: "PeerConnections that did not come about, by the step they failed at.",
			advice: "ice: no packets reach the server; check the firewall, --public-ip and the media port from outside. dtls: packets arrive, the handshake " +
				"fails; rare, look at the client.",
			read: func(s *snapshot) []sample {
				return []sample{
					{value: float64(s.transport.FailedICE), labels: []string{"ice"}}, {value: float64(s.transport.FailedDTLS), labels: []string{"dtls"}},
				}
			},
		}, {
			name: "sfu_ice_disconnects_total", kind: counter, help: "How often an established PeerConnection fell silent. It may have come back.",
			advice: "Single ones are people who change networks. Many at once: the node's network.",
			read:   connections(func(t transport.Stats) uint64 { return t.Disconnects }),
		}, {
			name: "sfu_peer_connections_too_many_streams_total", kind: counter, help: "PeerConnections that were closed because they sent on too many SSRCs.",
			advice: "No browser does this: a broken or hostile client.",
			read:   connections(func(t transport.Stats) uint64 { return t.TooManyStreams }),
		}, {
			name: "sfu_packets_policed_total", kind: counter, help: "Packets that a client sent beyond its rate, thrown away unread.",
			advice: "A client floods the server. If calls suffer as well, the rate is too low for what people send.",
			read:   connections(func(t transport.Stats) uint64 { return t.Policed }),
		}, {
			name: "sfu_packets_unreadable_total", kind: counter, help: "Packets from clients that could not be decrypted, were sent twice, are too large, are nothing that a call carries, or came faster than the server decrypts.",
			advice: "Networks damage and repeat a few. Many: somebody sends rubbish or replays packets, and calls do not suffer; or the processor is overloaded, and they do.",
			read:   connections(func(t transport.Stats) uint64 { return t.Unreadable }),
		}, {
			name: "sfu_send_errors_total", kind: counter, help: "Packets that the operating system would not send.",
			advice: "The route to clients is gone or a firewall of this machine refuses them.",
			read:   connections(func(t transport.Stats) uint64 { return t.SendFailed }),
		}, {
			name: "sfu_media_packets_total", kind: counter, labels: []string{labelDir, labelPath},
			help:   "Packets of media and its control that were decrypted (in) and sent (out) by the server itself (path=\"direct\"), or with the WebRTC library or over TCP (path=\"plain\").",
			advice: "plain costs several times as much. A large share: clients on TCP, or without AES-GCM, or --direct-media=false.",
			read: func(s *snapshot) []sample {
				t := s.transport
				return []sample{
					{value: float64(t.DirectIn), labels: []string{"in", "direct"}}, {value: float64(t.DirectOut), labels: []string{"out", "direct"}},
					{value: float64(t.PlainIn), labels: []string{"in", "plain"}}, {value: float64(t.PlainOut), labels: []string{"out", "plain"}},
				}
			},
		}, {
			name: "sfu_udp_datagrams_total", kind: counter, labels: []string{labelDir}, help: "Datagrams that were read from the media sockets (in), and those of media that were written to them (out).",
			advice: "Divide by the calls: the more per call, the less each costs.",
			read: func(s *snapshot) []sample {
				u := s.transport.Sockets
				return []sample{{value: float64(u.DatagramsIn), labels: []string{"in"}}, {value: float64(u.DatagramsOut), labels: []string{"out"}}}
			},
		}, {
			name: "sfu_udp_receive_buffer_drops_total", kind: counter, help: "Datagrams that the kernel dropped at the media sockets, mostly because their buffers were full. Linux only.",
			advice: "Everyone's uplink suffers. The node is overloaded, or net.core.rmem_max is too small: set it to at least 8388608.",
			read:   connections(func(t transport.Stats) uint64 { return t.Sockets.Overflowed }),
		}, {
			name: "sfu_udp_calls_total", kind: counter, labels: []string{labelDir}, help: "System calls that read (in) and wrote (out) them.",
			advice: "As many as datagrams on a busy node: the kernel does not batch; see the log of the start.",
			read: func(s *snapshot) []sample {
				u := s.transport.Sockets
				return []sample{{value: float64(u.CallsIn), labels: []string{"in"}}, {value: float64(u.CallsOut), labels: []string{"out"}}}
			},
		}, {
			name: "sfu_udp_runs_total", kind: counter, help: "Runs of datagrams to one client that were handed to the kernel in one piece (GSO).",
			advice: "0 on a busy node: the kernel or the network card does not do it, which costs up to twice as much.",
			read:   connections(func(t transport.Stats) uint64 { return t.Sockets.Runs }),
		}, {
			name: "sfu_udp_segments_total", kind: counter, help: "Datagrams that the kernel cut from such runs.",
			advice: "Divide by the runs. 1.5 to 3 is what browsers' pacing makes.",
			read:   connections(func(t transport.Stats) uint64 { return t.Sockets.Segments }),
		}, {
			name: "sfu_udp_receive_errors_total", kind: counter, labels: []string{labelReason},
			help:   "Datagrams that arrived larger than any that a call has (truncated), and errors that the network reported of datagrams sent before (icmp).",
			advice: "icmp: people who have gone. truncated: somebody sends rubbish.",
			read: func(s *snapshot) []sample {
				u := s.transport.Sockets
				return []sample{{value: float64(u.Truncated), labels: []string{"truncated"}}, {value: float64(u.ReadErrors), labels: []string{"icmp"}}}
			},
		}, {
			name: "sfu_udp_send_drops_total", kind: counter, labels: []string{labelReason},
			help:   "Datagrams of media that were not sent: the socket's buffer was full, they are too large for the path, or their destination is unreachable.",
			advice: "full: the link is too slow, or net.core.wmem_max too small. unreachable: people who have gone; many at once: the route is gone.",
			read: func(s *snapshot) []sample {
				u := s.transport.Sockets
				return []sample{
					{value: float64(u.DroppedFull), labels: []string{"full"}}, {value: float64(u.DroppedTooLarge), labels: []string{"too_large"}},
					{value: float64(u.DroppedUnreachable), labels: []string{"unreachable"}}, {value: float64(u.DroppedOther), labels: []string{"other"}},
				}
			},
		}, {
			name: "sfu_connect_seconds", kind: histogram, labels: []string{labelPath},
			help:   "How long PeerConnections took to come about, from the first answer, by the path that media takes.",
			advice: "p95 above 2 s: packets get lost on the way, or candidates that cannot work are tried first; check --public-ip.",
		},
	}
}
