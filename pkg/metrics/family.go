package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sfu/pkg/cluster"
	"sfu/pkg/forwarder"
	"sfu/pkg/portmux"
	"sfu/pkg/room"
	"sfu/pkg/signaling"
	"sfu/pkg/transport"
)

// Label names. Their values come from fixed sets, but for room, which roomLabels bounds.
const (
	labelRoom   = "room"
	labelDir    = "dir"
	labelKind   = "kind"
	labelReason = "reason"
	labelResult = "result"
	labelPath   = "path"
)

// in comes from clients, out goes to them.
const (
	in  = "in"
	out = "out"
)

// kinds are in the order of forwarder.KindIndex.
var kinds = [2]string{forwarder.Audio.String(), forwarder.Video.String()}

// A family is all series of one name.
type family struct {
	name   string
	kind   familyKind
	labels []string
	// help says what is counted, advice what an operator does when it moves; the latter stands in docs/metrics.md only.
	help, advice string
	// read picks the series out of a snapshot; a histogram that is observed has none.
	read func(*snapshot) []sample
}

// A familyKind is the type of a family.
type familyKind string

const (
	counter   familyKind = "counter"
	gauge     familyKind = "gauge"
	histogram familyKind = "histogram"
)

// A sample is one series at one moment.
type sample struct {
	value  float64
	labels []string // values of family.labels
	// created is when a counter began at 0; zero means that it began with the process.
	created time.Time
	// sum and below make a histogram: the sum of what was observed, and how often it was at most the key. value counts all.
	sum   float64
	below map[float64]uint64
}

// A snapshot is everything that one scrape shows.
type snapshot struct {
	now       time.Time
	rooms     room.Stats
	labelled  []labelledRoom
	pool      forwarder.PoolStats
	transport transport.Stats
	signaling signaling.Stats
	ports     portmux.Stats
	cluster   cluster.Stats
	requests  []sample
	process   process
}

// A group is a chapter of docs/metrics.md.
type group struct {
	title    string
	families []family
}

// groups are all families of this package.
func groups() []group {
	return []group{
		{"Rooms and participants", peopleFamilies()},
		{"Media of the node", mediaFamilies()},
		{"Rooms one by one", roomFamilies()},
		{"Connections", transportFamilies()},
		{"Signalling", signalingFamilies()},
		{"The TCP port", portFamilies()},
		{"HTTP", httpFamilies()},
		{"Cluster", clusterFamilies()},
		{"Process", processFamilies()},
	}
}

func newDesc(f family) *prometheus.Desc { return prometheus.NewDesc(f.name, f.help, f.labels, nil) }

// one is a family without labels.
func one[N int | uint64 | float64](value func(*snapshot) N) func(*snapshot) []sample {
	return func(s *snapshot) []sample { return []sample{{value: float64(value(s))}} }
}

// byLabel is a family with one label whose values are counted by a source. Those in always are there before they count.
func byLabel(counts func(*snapshot) map[string]uint64, always ...string) func(*snapshot) []sample {
	return func(s *snapshot) []sample {
		m := counts(s)
		samples := make([]sample, 0, len(m)+len(always))
		for _, label := range always {
			if _, counted := m[label]; !counted {
				samples = append(samples, sample{labels: []string{label}})
			}
		}
		for label, n := range m {
			samples = append(samples, sample{value: float64(n), labels: []string{label}})
		}
		return samples
	}
}
