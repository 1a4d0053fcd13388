package metrics

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"sfu/pkg/cluster"
	"sfu/pkg/forwarder"
	"sfu/pkg/portmux"
	"sfu/pkg/room"
	"sfu/pkg/signaling"
	"sfu/pkg/transport"
)

const (
	// maxScrapes is how many answers are written at a time; more are refused with 503.
	maxScrapes = 2
	// freshness is how long an answer is given again.
	freshness = time.Second
	// sourceTimeout bounds the wait for the workers. Rooms of a worker that does not answer show what they last counted.
	sourceTimeout = 2 * time.Second
)

// Sources are where the numbers come from. All must be set, but none is called before the first scrape.
type Sources struct {
	Rooms     func(context.Context) room.Stats
	Forwarder func() forwarder.PoolStats
	Transport func() transport.Stats
	Signaling func() signaling.Stats
	Ports     func() portmux.Stats
	Cluster   func() cluster.Stats
}

// Options set up Metrics.
type Options struct {
	// Version of the server, for sfu_build_info.
	Version string
	// Rooms is how many rooms have series of their own. 0 means 100, less than 0 none.
	Rooms int
	// RoomNames shows rooms by their names. Without it they are hashed with a key that the process makes for itself; the JSON view
	// tells which is which.
	RoomNames bool
	// Log takes what went wrong with a scrape. It may be nil.
	Log *slog.Logger
}

// defaultRooms is Options.Rooms when it is 0.
const defaultRooms = 100

// Metrics turns Stats into series. All methods may be called at any time.
type Metrics struct {
	sources    Sources
	log        *slog.Logger
	registry   *prometheus.Registry
	handler    http.Handler
	requests   requests
	histograms histograms
	process    process

	mu     sync.Mutex
	labels *roomLabels
}

// New returns Metrics of sources.
func New(sources Sources, opts Options) *Metrics {
	if opts.Rooms == 0 {
		opts.Rooms = defaultRooms
	}
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	name := func(room string) string { return room }
	if !opts.RoomNames {
		name = newHash()
	}
	m := &Metrics{
		sources: sources, log: opts.Log, registry: prometheus.NewRegistry(), histograms: newHistograms(),
		process: process{version: opts.Version, started: time.Now()}, labels: newRoomLabels(opts.Rooms, name),
	}
	m.registry.MustRegister(newCollector(m), newGoCollector(), newProcessCollector())
	m.handler = m.newHandler(&cache{source: m.registry})
	return m
}

// Handler answers GET /metrics in the text format, OpenMetrics or, where Prometheus wants native histograms, protobuf. It is
// the same one at every call, so that its limits hold for all ports together.
func (m *Metrics) Handler() http.Handler { return m.handler }

func (m *Metrics) newHandler(g prometheus.Gatherer) http.Handler {
	return promhttp.HandlerFor(g, promhttp.HandlerOpts{
		MaxRequestsInFlight: maxScrapes,
		EnableOpenMetrics:   true,
		ErrorHandling:       promhttp.ContinueOnError, // what could be gathered is worth having
		ErrorLog:            slog.NewLogLogger(m.log.Handler(), slog.LevelWarn),
	})
}

// rooms asks for the rooms, without waiting long.
func (m *Metrics) rooms(ctx context.Context) room.Stats {
	ctx, cancel := context.WithTimeout(ctx, sourceTimeout)
	defer cancel()
	return m.sources.Rooms(ctx)
}
