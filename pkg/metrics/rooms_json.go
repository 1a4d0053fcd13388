package metrics

import (
	"time"

	"sfu/pkg/auth"
	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
	"sfu/pkg/room"
)

// roomsJSON is the answer of GET /rooms.
type roomsJSON struct {
	Rooms  []roomJSON `json:"rooms"`
	Totals totalsJSON `json:"totals"`
}

// totalsJSON sums up. Its counters are those since the start, ended rooms included; all else is of now.
type totalsJSON struct {
	Rooms        int          `json:"rooms"`
	RoomsStarted uint64       `json:"roomsStarted"`
	RoomsEnded   uint64       `json:"roomsEnded"`
	Participants int          `json:"participants"`
	Publishers   int          `json:"publishers"`
	Tracks       kindsJSON    `json:"tracks"`
	Sending      kindsJSON    `json:"sending"`
	Counters     countersJSON `json:"counters"`
}

// roomJSON is one room. Members are in the answer of GET /rooms/{room} only.
type roomJSON struct {
	Room string `json:"room"`
	// MetricsRoom is the label room of its series.
	MetricsRoom  string       `json:"metricsRoom"`
	Since        time.Time    `json:"since"`
	Participants int          `json:"participants"`
	Publishers   int          `json:"publishers"`
	Tracks       kindsJSON    `json:"tracks"`
	Sending      kindsJSON    `json:"sending"` // m-lines towards viewers that carry a track
	Messages     uint64       `json:"messages"`
	Counters     countersJSON `json:"counters"`
	Members      []memberJSON `json:"members,omitempty"`
}

type memberJSON struct {
	ID        room.ParticipantID `json:"id"`
	Name      string             `json:"name"`
	Connected bool               `json:"connected"`
	Since     time.Time          `json:"since"`
	Slots     int                `json:"slots"`
	Tracks    []trackJSON        `json:"tracks"`
}

type trackJSON struct {
	ID     room.TrackID `json:"id"`
	Source auth.Source  `json:"source"`
	Kind   string       `json:"kind"`
	Muted  bool         `json:"muted"`
	// Codec is left out until the first packet has arrived.
	Codec string `json:"codec,omitempty"`
}

// countersJSON are forwarder.Counters.
type countersJSON struct {
	Packets         directionsJSON    `json:"packets"`
	Bytes           directionsJSON    `json:"bytes"`
	Lost            directionsJSON    `json:"lost"`
	Retransmitted   directionsJSON    `json:"retransmitted"`
	NACKs           inOutJSON         `json:"nacks"`
	NACKsUnanswered uint64            `json:"nacksUnanswered"`
	KeyframeRequest inOutJSON         `json:"keyframeRequests"`
	Keyframes       uint64            `json:"keyframes"`
	LayerSwitches   uint64            `json:"layerSwitches"`
	Dropped         map[string]uint64 `json:"dropped"`
	Withheld        uint64            `json:"withheld"`
}

type directionsJSON struct {
	In  kindsJSON `json:"in"`
	Out kindsJSON `json:"out"`
}

type inOutJSON struct {
	In  uint64 `json:"in"`
	Out uint64 `json:"out"`
}

type kindsJSON struct {
	Audio uint64 `json:"audio"`
	Video uint64 `json:"video"`
}

func viewRooms(s *room.Stats, labelOf func(*room.RoomStats) string) roomsJSON {
	view := roomsJSON{Rooms: make([]roomJSON, 0, len(s.Rooms))}
	t := &view.Totals
	t.Rooms, t.RoomsStarted, t.RoomsEnded = len(s.Rooms), s.RoomsStarted, s.RoomsEnded
	for i := range s.Rooms {
		r := viewRoom(&s.Rooms[i], labelOf)
		r.Members = nil
		t.Participants += r.Participants
		t.Publishers += r.Publishers
		t.Tracks.add(r.Tracks)
		t.Sending.add(r.Sending)
		view.Rooms = append(view.Rooms, r)
	}
	total := snapshot{rooms: *s}
	t.Counters = viewCounters(total.total)
	return view
}

func viewRoom(r *room.RoomStats, labelOf func(*room.RoomStats) string) roomJSON {
	view := roomJSON{
		Room: r.Name, MetricsRoom: labelOf(r), Since: r.Since.UTC(), Participants: r.Participants, Publishers: r.Publishers,
		Tracks: viewKinds(r.Tracks), Sending: viewKinds(r.Bound), Messages: r.Messages,
		Counters: viewCounters(func(of func(*counters) uint64) uint64 { return of(&r.Counters) }),
		Members:  make([]memberJSON, 0, len(r.Members)),
	}
	for _, m := range r.Members {
		member := memberJSON{
			ID: m.ID, Name: m.Name, Connected: m.Connected, Since: m.Since.UTC(), Slots: m.Slots, Tracks: make([]trackJSON, 0, len(m.Tracks)),
		}
		for _, t := range m.Tracks {
			track := trackJSON{ID: t.ID, Source: t.Source, Kind: t.Kind.String(), Muted: t.Muted}
			if t.Codec != codec.Unknown {
				track.Codec = t.Codec.String()
			}
			member.Tracks = append(member.Tracks, track)
		}
		view.Members = append(view.Members, member)
	}
	return view
}

// viewCounters reads every counter by sum, of one room or of all.
func viewCounters(sum func(of func(*counters) uint64) uint64) countersJSON {
	byKind := func(pair func(*counters) [2]uint64) kindsJSON {
		return kindsJSON{
			Audio: sum(func(c *counters) uint64 { return pair(c)[0] }), Video: sum(func(c *counters) uint64 { return pair(c)[1] }),
		}
	}
	view := countersJSON{
		Packets:       directionsJSON{byKind(packetsIn), byKind(packetsOut)},
		Bytes:         directionsJSON{byKind(bytesIn), byKind(bytesOut)},
		Lost:          directionsJSON{byKind(lostIn), byKind(lostOut)},
		Retransmitted: directionsJSON{byKind(retransmittedIn), byKind(retransmittedOut)},
		NACKs: inOutJSON{
			In: sum(func(c *counters) uint64 { return c.NACKsIn }), Out: sum(func(c *counters) uint64 { return c.NACKsOut }),
		},
		NACKsUnanswered: sum(func(c *counters) uint64 { return c.NACKsUnanswered }),
		KeyframeRequest: inOutJSON{
			In: sum(func(c *counters) uint64 { return c.KeyframeRequestsIn }), Out: sum(func(c *counters) uint64 { return c.KeyframeRequestsOut }),
		},
		Keyframes:     sum(func(c *counters) uint64 { return c.Keyframes }),
		LayerSwitches: sum(func(c *counters) uint64 { return c.LayerSwitches }),
		Dropped:       map[string]uint64{},
		Withheld:      sum(func(c *counters) uint64 { return c.Withheld }),
	}
	for _, r := range forwarder.DropReasons() {
		view.Dropped[r.String()] = sum(func(c *counters) uint64 { return c.Dropped[r] })
	}
	return view
}

func viewKinds(pair [2]int) kindsJSON {
	return kindsJSON{Audio: uint64(pair[0]), Video: uint64(pair[1])}
}

func (k *kindsJSON) add(more kindsJSON) {
	k.Audio += more.Audio
	k.Video += more.Video
}
