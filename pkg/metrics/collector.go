package metrics

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// A collector makes the series of a scrape from one snapshot.
type collector struct {
	metrics  *Metrics
	families []described
}

type described struct {
	family
	desc *prometheus.Desc
}

func newCollector(m *Metrics) *collector {
	c := &collector{metrics: m}
	for _, g := range groups() {
		for _, f := range g.families {
			if f.read != nil {
				c.families = append(c.families, described{f, newDesc(f)})
			}
		}
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range c.families {
		ch <- f.desc
	}
	for _, h := range c.metrics.histograms.all() {
		h.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	c.metrics.mu.Lock()
	defer c.metrics.mu.Unlock()
	s := c.metrics.snapshot()
	for _, f := range c.families {
		for _, sample := range f.read(s) {
			ch <- f.metric(sample, s.process.started)
		}
	}
	c.metrics.histograms.sampleSizes(s.rooms.Rooms)
	for _, h := range c.metrics.histograms.all() {
		h.Collect(ch)
	}
}

// snapshot asks all sources. The caller holds mu.
func (m *Metrics) snapshot() *snapshot {
	s := &snapshot{
		now:       time.Now(),
		rooms:     m.rooms(context.Background()),
		pool:      m.sources.Forwarder(),
		transport: m.sources.Transport(),
		signaling: m.sources.Signaling(),
		ports:     m.sources.Ports(),
		cluster:   m.sources.Cluster(),
		requests:  m.requests.samples(),
		process:   m.process,
	}
	s.labelled = m.labels.update(s.rooms.Rooms, s.now)
	return s
}

// metric makes a series of s. One that cannot be made becomes an error of the scrape and leaves the others alone.
func (f described) metric(s sample, started time.Time) prometheus.Metric {
	var made prometheus.Metric
	var err error
	switch {
	case f.kind == histogram:
		made, err = prometheus.NewConstHistogramWithCreatedTimestamp(f.desc, uint64(s.value), s.sum, s.below, started, s.labels...)
	case f.kind == gauge:
		made, err = prometheus.NewConstMetric(f.desc, prometheus.GaugeValue, s.value, s.labels...)
	case s.created.IsZero():
		made, err = prometheus.NewConstMetricWithCreatedTimestamp(f.desc, prometheus.CounterValue, s.value, started, s.labels...)
	default:
		made, err = prometheus.NewConstMetricWithCreatedTimestamp(f.desc, prometheus.CounterValue, s.value, s.created, s.labels...)
	}
	if err != nil {
		return prometheus.NewInvalidMetric(f.desc, fmt.Errorf("make a series of %s: %w", f.name, err))
	}
	return made
}
