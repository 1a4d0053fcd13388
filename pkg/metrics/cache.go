package metrics

import (
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// A cache gathers at most once per freshness, however many ask.
type cache struct {
	source prometheus.Gatherer

	mu       sync.Mutex
	at       time.Time
	families []*dto.MetricFamily
	err      error
}

// Gather implements prometheus.Gatherer. Callers share the families and must not change them.
func (c *cache) Gather() ([]*dto.MetricFamily, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.at.IsZero() || time.Since(c.at) >= freshness {
		c.families, c.err = c.source.Gather()
		c.at = time.Now()
	}
	return slices.Clone(c.families), c.err
}
