package metrics

import "sfu/pkg/forwarder"

type counters = forwarder.Counters

// A count is one series of a family that is read from the counters of media.
type count struct {
	labels []string
	of     func(*counters) uint64
}

func packetsIn(c *counters) [2]uint64        { return c.PacketsIn }
func packetsOut(c *counters) [2]uint64       { return c.PacketsOut }
func bytesIn(c *counters) [2]uint64          { return c.BytesIn }
func bytesOut(c *counters) [2]uint64         { return c.BytesOut }
func lostIn(c *counters) [2]uint64           { return c.LostIn }
func lostOut(c *counters) [2]uint64          { return c.LostOut }
func retransmittedIn(c *counters) [2]uint64  { return c.RetransmittedIn }
func retransmittedOut(c *counters) [2]uint64 { return c.RetransmittedOut }

// both is the sum of audio and video.
func both(pair func(*counters) [2]uint64) func(*counters) uint64 {
	return func(c *counters) uint64 { p := pair(c); return p[0] + p[1] }
}

// byDir are two series: from and to clients.
func byDir(from, to func(*counters) uint64) []count {
	return []count{{[]string{in}, from}, {[]string{out}, to}}
}

// byDirAndKind are four.
func byDirAndKind(from, to func(*counters) [2]uint64) []count {
	var counts []count
	for k, kind := range kinds {
		counts = append(counts,
			count{[]string{in, kind}, func(c *counters) uint64 { return from(c)[k] }},
			count{[]string{out, kind}, func(c *counters) uint64 { return to(c)[k] }})
	}
	return counts
}

func byReason() []count {
	var counts []count
	for _, r := range forwarder.DropReasons() {
		counts = append(counts, count{[]string{r.String()}, func(c *counters) uint64 { return c.Dropped[r] }})
	}
	return counts
}

// mediaCounter counts over all rooms.
func mediaCounter(name string, labels []string, help, advice string, counts ...count) family {
	return family{name: name, kind: counter, labels: labels, help: help, advice: advice, read: func(s *snapshot) []sample {
		samples := make([]sample, len(counts))
		for i, c := range counts {
			samples[i] = sample{value: float64(s.total(c.of)), labels: c.labels}
		}
		return samples
	}}
}

func mediaFamilies() []family {
	dir, dirKind := []string{labelDir}, []string{labelDir, labelKind}
	return []family{
		mediaCounter("sfu_rtp_packets_total", dirKind,
			"RTP packets from publishers (in) and to viewers (out), retransmissions and padding included.",
			"in falls to 0 while there are participants: media does not arrive; see `sfu_peer_connections_failed_total`. out rises and in does not: more viewers.",
			byDirAndKind(packetsIn, packetsOut)...),
		mediaCounter("sfu_rtp_bytes_total", dirKind,
			"Bytes of RTP header and payload from publishers (in) and to viewers (out), without SRTP, UDP and IP.",
			"Compare 8 times the rate of out, and a tenth more for headers, with the node's link.",
			byDirAndKind(bytesIn, bytesOut)...),
		mediaCounter("sfu_rtp_lost_total", dirKind,
			"Packets that never arrived from publishers (in), and packets that viewers reported lost (out).",
			"Divide by the packets. in: uplinks, or `sfu_udp_receive_buffer_drops_total`. out: downlinks, or this node's link. Above 2 % people notice.",
			byDirAndKind(lostIn, lostOut)...),
		mediaCounter("sfu_rtp_retransmitted_total", dirKind,
			"Repairs of lost packets that arrived from publishers (in) or were sent to viewers (out).",
			"Follows the loss. Well below `sfu_nacks_total`: repairs fail.",
			byDirAndKind(retransmittedIn, retransmittedOut)...),
		mediaCounter("sfu_nacks_total", dir,
			"Packets that viewers asked of the server (in) and the server of publishers (out) for another time.",
			"The first sign of loss, before it is seen. in alone: downlinks; out alone: uplinks.",
			byDir(func(c *counters) uint64 { return c.NACKsIn }, func(c *counters) uint64 { return c.NACKsOut })...),
		mediaCounter("sfu_nacks_unanswered_total", nil,
			"Packets that viewers asked for and that were not sent again: too old, asked for too often, or more than the connection could take.",
			"More than a tenth of `sfu_nacks_total{dir=\"in\"}`: round trips are too long for repairs, or viewers lose far too much.",
			count{of: func(c *counters) uint64 { return c.NACKsUnanswered }}),
		mediaCounter("sfu_keyframe_requests_total", dir,
			"Keyframes that viewers and switches asked for (in), and those that publishers were asked for (out). The difference was answered together.",
			"A steady high rate of out costs everyone quality. Look for the room by `sfu_room_keyframe_requests_total`.",
			byDir(func(c *counters) uint64 { return c.KeyframeRequestsIn }, func(c *counters) uint64 { return c.KeyframeRequestsOut })...),
		mediaCounter("sfu_keyframes_total", nil,
			"Keyframes that arrived from publishers.",
			"Below the requests sent: publishers do not answer, and pictures stay frozen.",
			count{of: func(c *counters) uint64 { return c.Keyframes }}),
		mediaCounter("sfu_layer_switches_total", nil,
			"Changes of the encoding or the source that a viewer receives.",
			"Rises with speaker changes and resized tiles. Many per viewer and minute: bandwidth goes up and down.",
			count{of: func(c *counters) uint64 { return c.LayerSwitches }}),
		mediaCounter("sfu_rtp_dropped_total", []string{labelReason},
			"Packets of publishers that went nowhere: malformed, of an unknown stream or payload type, unpublished, duplicate, late, or policed (over the track's limits).",
			"duplicate and late are the network. policed: somebody sends more than allowed. malformed, unknown: a broken or hostile client.",
			byReason()...),
		mediaCounter("sfu_rtp_withheld_total", nil,
			"Packets that one viewer did not get because its connection was full.",
			"Downlinks are too slow for what they are sent. Together with `sfu_queue_dropped_total`: the node itself is too slow.",
			count{of: func(c *counters) uint64 { return c.Withheld }}),
		{
			name: "sfu_queue_dropped_total", kind: counter, labels: []string{"queue"},
			help: "Packets that found a queue full: queue=\"worker\" on their way in, queue=\"connection\" on their way to one client.",
			advice: "worker: the node is overloaded, which everyone feels; take rooms away or add processors. connection: a client does not read, or " +
				"its TCP connection stalls.",
			read: func(s *snapshot) []sample {
				return []sample{
					{value: float64(s.pool.QueueDropped), labels: []string{"worker"}},
					{value: float64(s.transport.QueueDropped), labels: []string{"connection"}},
				}
			},
		},
	}
}
