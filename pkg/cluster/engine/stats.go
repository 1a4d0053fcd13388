package engine

import (
	"sync/atomic"
	"time"
)

// Mode is where the server is.
type Mode string

const (
	// ModeEmbedded is a server in the process.
	ModeEmbedded Mode = "embedded"
	// ModeExternal is a NATS cluster.
	ModeExternal Mode = "external"
)

// Stats is the state of an Engine, and what it has counted since Open.
type Stats struct {
	Mode Mode
	// Up is whether there are a connection and the bucket.
	Up bool
	// RTT is how long the server took to answer a ping at the last check of the bucket; 0 before the first.
	RTT time.Duration
	// Reconnects counts connections after the first one.
	Reconnects uint64
	// SlowConsumers counts how often a subscription began to lose messages because its handler was too slow.
	SlowConsumers uint64
	// Operations has one element for each kind of call, in a constant order.
	Operations [opCount]OperationStats
}

// OperationStats is what one kind of call has come to.
type OperationStats struct {
	// Name is "get", "create", "update", "delete", "request" or "publish".
	Name string
	// Count is the number of calls, failed ones included.
	Count uint64
	// Timeouts had no answer in time or lost the connection, Unavailable were not tried, Conflicts lost a compare-and-set, Others failed for
	// another reason. A key that is not found is no failure.
	Timeouts, Unavailable, Conflicts, Others uint64
	// Seconds is how long calls took, failed ones included; it stays empty for "publish", which does not wait.
	Seconds Histogram
}

// Bounds are the upper bounds of the buckets of a Histogram, in seconds.
func Bounds() []float64 { return append([]float64(nil), bounds[:]...) }

var bounds = [...]float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1}

// A Histogram counts durations.
type Histogram struct {
	// Counts has one element for each of Bounds, of durations up to it and above the one before, and one for longer ones.
	Counts [len(bounds) + 1]uint64
	// Sum is the total in seconds.
	Sum float64
}

// An op is a kind of call.
type op uint8

const (
	opGet op = iota
	opCreate
	opUpdate
	opDelete
	opRequest
	opPublish
	opCount
)

func (o op) String() string {
	return [opCount]string{"get", "create", "update", "delete", "request", "publish"}[o]
}

type counters struct {
	reconnects, slowConsumers atomic.Uint64
	ops                       [opCount]opCounters
}

type opCounters struct {
	count       atomic.Uint64
	reasons     [reasonOther + 1]atomic.Uint64
	buckets     [len(bounds) + 1]atomic.Uint64
	nanoseconds atomic.Int64
}

func (c *counters) count(o op, took time.Duration, r reason) {
	c.fail(o, r)
	i := 0
	for i < len(bounds) && took.Seconds() > bounds[i] {
		i++
	}
	c.ops[o].buckets[i].Add(1)
	c.ops[o].nanoseconds.Add(int64(took))
}

// fail counts a call without its duration.
func (c *counters) fail(o op, r reason) {
	c.ops[o].count.Add(1)
	if r != reasonNone {
		c.ops[o].reasons[r].Add(1)
	}
}

// Stats returns what has been counted. Calls that go on meanwhile may be in one number and not yet in another.
func (e *Engine) Stats() Stats {
	s := Stats{
		Mode: e.mode, RTT: time.Duration(e.roundTrip.Load()),
		Reconnects: e.counters.reconnects.Load(), SlowConsumers: e.counters.slowConsumers.Load(),
	}
	if session := e.session.Load(); session != nil {
		s.Up = session.up.Load()
	}
	for o := range opCount {
		s.Operations[o] = e.counters.ops[o].read(o)
	}
	return s
}

// Copies returns on how many servers the bucket is kept, 0 before the first check, and whether there are several that could keep it.
func (e *Engine) Copies() (replicas int, clustered bool) {
	return int(e.replicas.Load()), e.clustered.Load()
}

func (c *opCounters) read(o op) OperationStats {
	s := OperationStats{
		Name: o.String(), Count: c.count.Load(),
		Timeouts: c.reasons[reasonTimeout].Load(), Unavailable: c.reasons[reasonUnavailable].Load(),
		Conflicts: c.reasons[reasonConflict].Load(), Others: c.reasons[reasonOther].Load(),
		Seconds: Histogram{Sum: time.Duration(c.nanoseconds.Load()).Seconds()},
	}
	for i := range c.buckets {
		s.Seconds.Counts[i] = c.buckets[i].Load()
	}
	return s
}
