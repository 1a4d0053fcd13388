package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"sfu/pkg/room"
)

// Values of the labels of histograms.
const (
	resultOK      = "ok"
	resultLost    = "lost"
	resultRefused = "refused"

	pathUDP   = "udp"
	pathTCP   = "tcp"
	pathOther = "other"
)

// histograms are the families that are observed rather than read. Each keeps native buckets, for Prometheus servers that want
// them, and few classic ones, for all others.
type histograms struct {
	join, connect *prometheus.HistogramVec
	size          prometheus.Histogram
}

func newHistograms() histograms {
	seconds := []float64{.05, .1, .25, .5, 1, 2, 5, 10}
	h := histograms{
		join:    prometheus.NewHistogramVec(histogramOpts("sfu_join_seconds", seconds), []string{labelResult}),
		connect: prometheus.NewHistogramVec(histogramOpts("sfu_connect_seconds", seconds), []string{labelPath}),
		size:    prometheus.NewHistogram(histogramOpts("sfu_room_size", []float64{1, 2, 3, 5, 10, 20, 50, 100, 200, 500})),
	}
	for _, result := range []string{resultOK, resultLost, resultRefused} {
		h.join.WithLabelValues(result)
	}
	for _, path := range []string{pathUDP, pathTCP} {
		h.connect.WithLabelValues(path)
	}
	return h
}

// histogramOpts takes the help text from the table of families.
func histogramOpts(name string, buckets []float64) prometheus.HistogramOpts {
	return prometheus.HistogramOpts{
		Name: name, Help: helpOf(name), Buckets: buckets,
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 160, NativeHistogramMinResetDuration: time.Hour,
	}
}

func helpOf(name string) string {
	for _, g := range groups() {
		for _, f := range g.families {
			if f.name == name {
				return f.help
			}
		}
	}
	return ""
}

func (h histograms) all() []prometheus.Collector {
	return []prometheus.Collector{h.join, h.connect, h.size}
}

// sampleSizes observes every room once.
func (h histograms) sampleSizes(rooms []room.RoomStats) {
	for i := range rooms {
		h.size.Observe(float64(rooms[i].Participants))
	}
}

// ObserveJoin is for signaling.Options.ObserveJoin. Codes of refusals become one result; sfu_joins_total tells them apart.
func (m *Metrics) ObserveJoin(took time.Duration, result string) {
	if result != resultOK && result != resultLost {
		result = resultRefused
	}
	m.histograms.join.WithLabelValues(result).Observe(took.Seconds())
}

// ObserveConnection is for transport.Config.Established.
func (m *Metrics) ObserveConnection(path string, took time.Duration) {
	if path != pathUDP && path != pathTCP {
		path = pathOther
	}
	m.histograms.connect.WithLabelValues(path).Observe(took.Seconds())
}
