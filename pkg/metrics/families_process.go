package metrics

import (
	"regexp"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// A process is what is known of this one.
type process struct {
	version string
	started time.Time
}

func processFamilies() []family {
	return []family{
		{
			name: "sfu_build_info", kind: gauge, labels: []string{"version", "go_version"}, help: "Always 1, labelled with the version of the server and of Go.",
			advice: "Tells which nodes run which version.",
			read: func(s *snapshot) []sample {
				return []sample{{value: 1, labels: []string{s.process.version, runtime.Version()}}}
			},
		}, {
			name: "sfu_uptime_seconds", kind: gauge, help: "How long the server has been running.",
			advice: "Falls to 0 with a restart.",
			read:   one(func(s *snapshot) float64 { return s.now.Sub(s.process.started).Seconds() }),
		},
	}
}

// newGoCollector adds how long goroutines wait for a processor, which is the first sign of an overloaded node.
func newGoCollector() prometheus.Collector {
	return collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(
		collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile(`^/sched/latencies:seconds$`)},
	))
}

func newProcessCollector() prometheus.Collector {
	return collectors.NewProcessCollector(collectors.ProcessCollectorOpts{})
}
