package doctor

import (
	"context"
	"time"
)

// A Check is a probe with its judge.
type Check struct {
	// Name says what is looked at, for people.
	Name string
	// Limit is how long it may take, 10 s where it is 0.
	Limit time.Duration
	// After starts it only when all checks before it in the list have ended.
	After bool
	// Look returns what was found. It returns soon after its context has ended.
	Look func(context.Context) []Finding
}

const (
	defaultLimit = 10 * time.Second
	// atOnce bounds the checks under way.
	atOnce = 8
)

// lateness is how long a check may go on after its limit before it is given up.
var lateness = 3 * time.Second

// Run carries out checks, independent ones at the same time, and shows each Finding as soon as all of the checks before have ended. It returns all
// of them. When ctx ends, so do the checks; what they had not found is then missing.
func Run(ctx context.Context, checks []Check, show func(Finding)) []Finding {
	results := make([]chan []Finding, len(checks))
	for i := range results {
		results[i] = make(chan []Finding, 1)
	}
	go start(ctx, checks, results)
	var all []Finding
	for _, result := range results {
		for _, f := range <-result {
			show(f)
			all = append(all, f)
		}
	}
	return all
}

// start begins the checks and ends when the last one has begun.
func start(ctx context.Context, checks []Check, results []chan []Finding) {
	slots := make(chan struct{}, atOnce)
	for i, c := range checks {
		if c.After {
			for range atOnce {
				slots <- struct{}{}
			}
			for range atOnce {
				<-slots
			}
		}
		slots <- struct{}{}
		go func() {
			defer func() { <-slots }()
			results[i] <- c.run(ctx)
		}()
	}
}

// run returns what the check found, or that it did not end in time.
func (c Check) run(ctx context.Context) []Finding {
	if ctx.Err() != nil {
		return nil
	}
	limit := c.Limit
	if limit == 0 {
		limit = defaultLimit
	}
	limited, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	looked := make(chan []Finding, 1)
	go func() { looked <- c.Look(limited) }()
	select {
	case f := <-looked:
		return f
	case <-limited.Done():
	}
	select {
	case f := <-looked:
		return f
	case <-time.After(lateness):
	}
	if ctx.Err() != nil { // whoever ended it does not wait for the rest
		return nil
	}
	return []Finding{found(Warn, "check-unfinished", "The check of %s did not end within %v.", c.Name, limit)}
}
