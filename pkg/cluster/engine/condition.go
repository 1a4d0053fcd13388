package engine

import (
	"errors"
	"time"
)

const (
	// checkInterval is how often the bucket is looked at while it is up.
	checkInterval = 3 * time.Second
	// retryInterval is how often while it is not.
	retryInterval = 500 * time.Millisecond
	// doubtInterval is how soon after a check calls that failed may bring the next.
	doubtInterval = 250 * time.Millisecond
	// unreachableInterval is how often the reason why there is no connection is looked at. One refused attempt is no news.
	unreachableInterval = time.Second
	// maxFailures is how many checks in a row must fail, checkInterval apart, before the bucket counts as gone: an election, in which nothing
	// answers for 4 to 5 seconds, is over by then.
	maxFailures = 3
)

var (
	errNoAnswer = errors.New("the bucket does not answer")
	errReplaced = errors.New("the bucket was created anew")
)

// A verdict is what a check has found.
type verdict struct {
	generation int64 // when the bucket was created, ns since 1970
	err        error // nil: the bucket is there and has a leader
	unusable   bool  // err is about the bucket itself, which must not be used
}

// A change is what the Observer must be told: Up with the generation, or Down with the reason.
type change struct {
	generation int64
	reason     error // nil: Up
}

// condition is whether the bucket can be used. It says when to check, and what the Observer must be told.
type condition struct {
	connected  bool
	up         bool
	generation int64 // the last one that was up

	told     string    // the reason of the last Down; "" when there was an Up after it, or none yet
	failures int       // checks that failed in a row
	counted  time.Time // when the last of failures began
	begun    time.Time // when the last check began
	due      time.Time // when the next one shall begin or, without a connection, the reason for that be looked at
}

func (c *condition) connect(now time.Time) {
	c.connected, c.failures, c.due = true, 0, now
}

func (c *condition) disconnect(now time.Time, reason error) []change {
	c.connected, c.due = false, now.Add(unreachableInterval)
	return c.down(reason)
}

// unreachable is for when due has come without a connection; reason is the last failure to get one.
func (c *condition) unreachable(now time.Time, reason error) []change {
	c.due = now.Add(unreachableInterval)
	return c.down(reason)
}

// doubt is a call's hint that the bucket may be gone.
func (c *condition) doubt() {
	if !c.connected {
		return
	}
	if soon := c.begun.Add(doubtInterval); soon.Before(c.due) {
		c.due = soon
	}
}

// begin must be called when a check begins.
func (c *condition) begin(now time.Time) { c.begun, c.due = now, now.Add(checkInterval) }

// checked takes the verdict of the check that began last, in the connection there is.
func (c *condition) checked(now time.Time, v verdict) []change {
	switch {
	case v.err == nil:
		return c.found(v.generation)
	case v.unusable, !c.up:
		c.due = now.Add(retryInterval)
		return c.down(v.err)
	}
	if c.failures > 0 && c.begun.Sub(c.counted) < checkInterval {
		return nil
	}
	c.failures, c.counted = c.failures+1, c.begun
	if c.failures < maxFailures {
		return nil
	}
	c.due = now.Add(retryInterval)
	return c.down(errors.Join(errNoAnswer, v.err))
}

func (c *condition) found(generation int64) []change {
	c.failures = 0
	if c.up && generation == c.generation {
		return nil
	}
	var changes []change
	if c.up {
		changes = c.down(errReplaced)
	}
	c.up, c.generation, c.told = true, generation, ""
	return append(changes, change{generation: generation})
}

// down reports the end of an up, and every other reason after that once.
func (c *condition) down(reason error) []change {
	if !c.up && c.told == reason.Error() {
		return nil
	}
	c.up, c.told = false, reason.Error()
	return []change{{reason: reason}}
}
