package metrics_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"

	"sfu/pkg/cluster"
	"sfu/pkg/forwarder"
	"sfu/pkg/metrics"
	"sfu/pkg/portmux"
	"sfu/pkg/room"
	"sfu/pkg/signaling"
	"sfu/pkg/transport"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A server is what metrics see of one.
type server struct {
	rooms     room.Stats
	pool      forwarder.PoolStats
	transport transport.Stats
	ports     portmux.Stats
	signaling signaling.Stats
	cluster   cluster.Stats
	asked     int // for rooms
}

func (s *server) sources() metrics.Sources {
	return metrics.Sources{
		Rooms: func(context.Context) room.Stats {
			s.asked++
			stats := s.rooms
			stats.Rooms = slices.Clone(s.rooms.Rooms)
			return stats
		},
		Forwarder: func() forwarder.PoolStats { return s.pool },
		Transport: func() transport.Stats { return s.transport },
		Ports:     func() portmux.Stats { return s.ports },
		Signaling: func() signaling.Stats { return s.signaling },
		Cluster: func() cluster.Stats {
			stats := s.cluster
			for i, name := range []string{"get", "create", "update", "delete", "request", "publish"} {
				stats.Engine.Operations[i].Name = name
			}
			return stats
		},
	}
}

var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// open adds a room of one participant.
func (s *server) open(name string) {
	s.rooms.RoomsStarted++
	s.rooms.Rooms = append(s.rooms.Rooms, room.RoomStats{
		Name: name, Since: epoch.Add(time.Duration(s.rooms.RoomsStarted) * time.Second), Participants: 1,
	})
}

// at returns the room of this name.
func (s *server) at(name string) *room.RoomStats {
	i := slices.IndexFunc(s.rooms.Rooms, func(r room.RoomStats) bool { return r.Name == name })
	return &s.rooms.Rooms[i]
}

// end takes a room away and keeps what it has counted.
func (s *server) end(name string) {
	s.rooms.RoomsEnded++
	last := numbers(s.at(name).Counters)
	eachCounter(&s.rooms.Ended, func(i int, c *uint64) { *c += last[i] })
	s.rooms.Rooms = slices.DeleteFunc(s.rooms.Rooms, func(r room.RoomStats) bool { return r.Name == name })
}

// A scrape is the value of every series by its name and labels, as name{label="value",...}. Of histograms it has the count.
type scrape map[string]float64

func gather(t testing.TB, g prometheus.Gatherer) scrape {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	s := scrape{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			s[series(f.GetName(), m.GetLabel())] = value(m)
		}
	}
	return s
}

func series(name string, labels []*dto.LabelPair) string {
	var pairs []string
	for _, l := range labels {
		pairs = append(pairs, l.GetName()+`="`+l.GetValue()+`"`)
	}
	return name + "{" + strings.Join(pairs, ",") + "}"
}

func value(m *dto.Metric) float64 {
	switch {
	case m.Counter != nil:
		return m.GetCounter().GetValue()
	case m.Gauge != nil:
		return m.GetGauge().GetValue()
	}
	return float64(m.GetHistogram().GetSampleCount())
}

// label returns the value of a label of a series, "" if it has none.
func label(series, name string) string {
	_, rest, _ := strings.Cut(series, name+`="`)
	v, _, _ := strings.Cut(rest, `"`)
	return v
}

// rooms returns the values of the label room.
func (s scrape) rooms() []string {
	seen := map[string]bool{}
	for name := range s {
		if v := label(name, "room"); v != "" {
			seen[v] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// sums adds up series that differ in the label room only.
func (s scrape) sums() map[string]float64 {
	sums := map[string]float64{}
	for name, v := range s {
		if r := label(name, "room"); r != "" {
			sums[strings.Replace(name, `room="`+r+`"`, "", 1)] += v
		}
	}
	return sums
}
