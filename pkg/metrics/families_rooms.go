package metrics

import (
	"slices"

	"sfu/pkg/forwarder"
	"sfu/pkg/room"
)

// maxRoomSeries is how many series one room may have.
const maxRoomSeries = 16

func peopleFamilies() []family {
	return []family{
		{
			name: "sfu_rooms", kind: gauge, help: "Rooms that somebody is in.",
			advice: "Near --max-rooms new rooms are refused: add a node or raise the limit.",
			read:   one(func(s *snapshot) int { return len(s.rooms.Rooms) }),
		}, {
			name: "sfu_rooms_without_series", kind: gauge, help: "Rooms that are counted in room=\"_other\" because all labels are taken.",
			advice: "Above 0, raise --metrics-rooms if you want to see each room; `GET /rooms` of the admin port shows all of them.",
			read:   one(func(s *snapshot) int { return len(s.rooms.Rooms) - len(s.labelled) }),
		}, {
			name: "sfu_rooms_started_total", kind: counter, help: "Rooms that began with their first participant.",
			advice: "Shows how busy the node is. Many short rooms: somebody cannot get in and tries again.",
			read:   one(func(s *snapshot) uint64 { return s.rooms.RoomsStarted }),
		}, {
			name: "sfu_rooms_ended_total", kind: counter, help: "Rooms that ended with their last participant.",
			advice: "A jump means that many rooms ended at once: look for a restart, a drain or a cut network.",
			read:   one(func(s *snapshot) uint64 { return s.rooms.RoomsEnded }),
		}, {
			name: "sfu_participants", kind: gauge, labels: []string{"role"},
			help:   "Participants in all rooms: role=\"publisher\" has at least one track, role=\"viewer\" has none.",
			advice: "Sum it for the load of the node; scale by it.",
			read:   readParticipants,
		}, {
			name: "sfu_tracks", kind: gauge, labels: []string{labelDir, labelKind},
			help:   "Tracks that participants publish (in), and m-lines towards viewers that carry one (out).",
			advice: "out grows with the square of a room's size and costs the most; see `sfu_room_participants` for the room.",
			read:   readTracks,
		}, {
			name: "sfu_room_size", kind: histogram,
			help: "Participants per room. Every scrape adds one observation for each room that is there.",
			advice: "`histogram_quantile(0.9, rate(sfu_room_size_bucket[1h]))` tells how big rooms are over time. Several Prometheus servers make it " +
				"grow faster, but do not change quantiles.",
		},
	}
}

func readParticipants(s *snapshot) []sample {
	var all, publishers int
	for i := range s.rooms.Rooms {
		all += s.rooms.Rooms[i].Participants
		publishers += s.rooms.Rooms[i].Publishers
	}
	return []sample{{value: float64(publishers), labels: []string{"publisher"}}, {value: float64(all - publishers), labels: []string{"viewer"}}}
}

func readTracks(s *snapshot) []sample {
	var tracks, bound [2]int
	for i := range s.rooms.Rooms {
		for k := range kinds {
			tracks[k] += s.rooms.Rooms[i].Tracks[k]
			bound[k] += s.rooms.Rooms[i].Bound[k]
		}
	}
	var samples []sample
	for k, kind := range kinds {
		samples = append(samples, sample{value: float64(tracks[k]), labels: []string{in, kind}}, sample{value: float64(bound[k]), labels: []string{out, kind}})
	}
	return samples
}

// roomFamilies have the label room. Together they have at most maxRoomSeries series per room.
func roomFamilies() []family {
	return []family{
		{
			name: "sfu_room_participants", kind: gauge, labels: []string{labelRoom}, help: "Participants in a room.",
			advice: "The room to look at when `sfu_tracks` or the bytes rise. A room that never gets empty may be a client that nobody ended.",
			read:   roomGauge(size{of: func(r *room.RoomStats) int { return r.Participants }}),
		}, {
			name: "sfu_room_tracks", kind: gauge, labels: []string{labelRoom, labelKind}, help: "Tracks that the participants of a room publish.",
			advice: "Participants without tracks for long: their browsers do not publish; see `GET /rooms/{room}`.",
			read: roomGauge(
				size{[]string{kinds[0]}, func(r *room.RoomStats) int { return r.Tracks[0] }},
				size{[]string{kinds[1]}, func(r *room.RoomStats) int { return r.Tracks[1] }},
			),
		},
		roomCounter("sfu_room_rtp_packets_total", "RTP packets of a room from publishers (in) and to viewers (out), as sfu_rtp_packets_total.",
			"in stands still while there are participants: no media arrives from them.",
			byDir(both(packetsIn), both(packetsOut))),
		roomCounter("sfu_room_rtp_bytes_total", "Bytes of RTP of a room from publishers (in) and to viewers (out), as sfu_rtp_bytes_total.",
			"`topk(5, rate(sfu_room_rtp_bytes_total{dir=\"out\"}[5m]))` are the rooms that use the link.",
			byDir(both(bytesIn), both(bytesOut))),
		roomCounter("sfu_room_rtp_lost_total", "Packets of a room that never arrived from publishers (in) or that viewers reported lost (out).",
			"Divide by the packets. High in one room: the networks of its people. High in all: this node or its link.",
			byDir(both(lostIn), both(lostOut))),
		roomCounter("sfu_room_rtp_retransmitted_total", "Repairs of a room that arrived from publishers (in) or were sent to viewers (out).",
			"As high as the loss is well: losses are repaired.",
			byDir(both(retransmittedIn), both(retransmittedOut))),
		roomCounter("sfu_room_nacks_total", "Packets of a room that viewers (in) or the server (out) asked for again.",
			"Far above the retransmissions: repairs come too late or not at all.",
			byDir(func(c *counters) uint64 { return c.NACKsIn }, func(c *counters) uint64 { return c.NACKsOut })),
		roomCounter("sfu_room_keyframe_requests_total", "Keyframes that the server asked of the publishers of a room.",
			"More than one per second and publisher costs quality: viewers come and go, switch layers, or lose too much to repair.",
			[]count{{of: func(c *counters) uint64 { return c.KeyframeRequestsOut }}}),
		roomCounter("sfu_room_rtp_withheld_total", "Packets of a room that one viewer did not get because its connection was full.",
			"Somebody's downlink is too slow for what is sent to it.",
			[]count{{of: func(c *counters) uint64 { return c.Withheld }}}),
	}
}

// A size is a number of a room that rises and falls.
type size struct {
	labels []string
	of     func(*room.RoomStats) int
}

// roomGauge reads sizes by room; _other is the sum of the rooms without a label.
func roomGauge(sizes ...size) func(*snapshot) []sample {
	return func(s *snapshot) []sample {
		var samples []sample
		for _, size := range sizes {
			rest := 0
			for i := range s.rooms.Rooms {
				rest += size.of(&s.rooms.Rooms[i])
			}
			for _, r := range s.labelled {
				n := size.of(r.stats)
				rest -= n
				samples = append(samples, sample{value: float64(n), labels: prepend(r.label, size.labels)})
			}
			samples = append(samples, sample{value: float64(rest), labels: prepend(otherRooms, size.labels)})
		}
		return samples
	}
}

// roomCounter counts by room. _other is what the whole node has counted without the rooms that have a label, so that the sum
// is exact whatever roomLabels does.
func roomCounter(name, help, advice string, counts []count) family {
	labels := []string{labelRoom}
	if counts[0].labels != nil {
		labels = append(labels, labelDir)
	}
	return family{name: name, kind: counter, labels: labels, help: help, advice: advice, read: func(s *snapshot) []sample {
		var samples []sample
		for _, c := range counts {
			rest := s.total(c.of)
			for _, r := range s.labelled {
				n := c.of(&r.stats.Counters) - min(c.of(&r.stats.Counters), c.of(&r.baseline))
				rest -= n
				samples = append(samples, sample{value: float64(n), labels: prepend(r.label, c.labels), created: r.created})
			}
			samples = append(samples, sample{value: float64(rest), labels: prepend(otherRooms, c.labels)})
		}
		return samples
	}}
}

// total is what all rooms have counted since the start.
func (s *snapshot) total(of func(*forwarder.Counters) uint64) uint64 {
	sum := of(&s.rooms.Ended)
	for i := range s.rooms.Rooms {
		sum += of(&s.rooms.Rooms[i].Counters)
	}
	return sum
}

func prepend(first string, rest []string) []string {
	return slices.Insert(slices.Clone(rest), 0, first)
}
