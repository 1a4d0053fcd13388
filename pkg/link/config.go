package link

import (
	"fmt"
	"time"
)

// Config describes one direction of a path. The zero Config is perfect.
type Config struct {
	// Rate is the bottleneck in bits per second; 0 is unlimited.
	Rate int64
	// Delay is how long every packet takes, Jitter how much longer one may take at most.
	Delay, Jitter time.Duration
	// Loss is the share of packets, 0 to 1, that are lost independently of each other.
	Loss float64
	// Burst loses packets in runs, beside Loss.
	Burst Burst
	// Reorder is the share of packets that are held back, by up to twice the Jitter and at least 10 ms, and may be overtaken.
	Reorder float64
	// Duplicate is the share of packets that arrive twice.
	Duplicate float64
	// Queue is what may wait at the bottleneck, in bytes; what finds it full is dropped. 0 stands for 200 ms at Rate.
	Queue int
}

// Burst is loss as in Gilbert's model: a link that is either good or loses everything.
type Burst struct {
	// Loss is the share of packets, 0 to below 1, that are lost in the long run.
	Loss float64
	// Length is how many packets in a row are lost on average, at least 1.
	Length float64
}

// defaultQueue is how long the queue of a Config without one is, and minQueue how small it may get, in bytes: two full packets.
const (
	defaultQueue = 200 * time.Millisecond
	minQueue     = 3000
)

// Validate returns an error that names the first field out of range.
func (c Config) Validate() error {
	for _, share := range []struct {
		name  string
		value float64
	}{{"loss", c.Loss}, {"burst", c.Burst.Loss}, {"reorder", c.Reorder}, {"duplicate", c.Duplicate}} {
		if !(share.value >= 0 && share.value <= 1) {
			return fmt.Errorf("%s is %g, not from 0 to 1", share.name, share.value)
		}
	}
	switch {
	case c.Rate < 0 || c.Queue < 0:
		return fmt.Errorf("rate and queue cannot be negative")
	case c.Delay < 0 || c.Jitter < 0:
		return fmt.Errorf("delay and jitter cannot be negative")
	case c.Burst.Loss == 1:
		return fmt.Errorf("burst is 1: the link would never recover")
	case c.Burst.Loss > 0 && !(c.Burst.Length >= 1):
		return fmt.Errorf("burst length is %g, not 1 or more", c.Burst.Length)
	}
	return nil
}

// queueBytes is what the queue holds.
func (c Config) queueBytes() int {
	if c.Queue > 0 {
		return c.Queue
	}
	return max(minQueue, int(float64(c.Rate)/8*defaultQueue.Seconds()))
}
