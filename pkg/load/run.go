package load

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A Moment is how things stand in one second.
type Moment struct {
	// Since is the time since Run began. Measuring is false while participants join and things settle.
	Since     time.Duration
	Measuring bool
	// Joined participants of Wanted, and those who could not.
	Joined, Wanted, Failed int
	// PacketsPerSecond and BitsPerSecond are what all viewers got in the last second, Loss its share that is missing by sequence
	// numbers, P50 and P99 its latency.
	PacketsPerSecond, BitsPerSecond float64
	Loss                            float64
	P50, P99                        time.Duration
	// Cores and RSS are what the server used in the last second, 0 where they are not measured.
	Cores float64
	RSS   int64
}

// establishing is how long participants have to connect.
const establishing = 20 * time.Second

// A run is a measurement under way.
type run struct {
	cfg      Config
	crowd    *crowd
	progress func(Moment)
	began    time.Time

	// The last reading, for what changes in a second.
	at    time.Time
	tally tally
	usage Usage

	empty   Usage // before anyone joined
	joining Usage // by those who do not publish, or by those who do if there are no others; of CPU alone
	joiners int
}

// Run measures a server and tells progress how things stand each second. When ctx ends it returns what was measured so far, if it had
// begun to measure. progress may be nil.
func Run(ctx context.Context, cfg Config, progress func(Moment)) (Result, error) {
	if err := cfg.validate(); err != nil {
		return Result{}, err
	}
	if progress == nil {
		progress = func(Moment) {}
	}
	sockets, err := openSockets()
	if err != nil {
		return Result{}, err
	}
	defer sockets.close()
	r := &run{cfg: cfg, crowd: newCrowd(cfg, sockets), progress: progress, began: time.Now()}
	r.at = r.began
	if err := r.crowd.ask(ctx); err != nil {
		return Result{}, err
	}
	if _, err := r.read(ctx); err != nil { // a wrong --pid shows before anyone joins
		return Result{}, err
	}
	r.empty = r.usage
	defer r.crowd.close()
	if err := r.fill(ctx); err != nil {
		return Result{}, err
	}
	if err := r.watch(ctx, cfg.Settle, false); err != nil {
		return Result{}, err
	}
	return r.measure(ctx)
}

// fill lets everyone in.
func (r *run) fill(ctx context.Context) error {
	for _, role := range []role{publisher, viewer, silent} {
		_, count := r.crowd.places(role)
		if count == 0 {
			continue
		}
		if err := r.enter(ctx, role); err != nil {
			return err
		}
	}
	return nil
}

// enter lets those in who have a role, and takes note of what that costs the server.
func (r *run) enter(ctx context.Context, role role) error {
	if _, err := r.read(ctx); err != nil {
		return err
	}
	before := r.usage
	joined := make(chan struct{})
	go func() {
		defer close(joined)
		r.crowd.join(ctx, role)
	}()
	err := r.tick(ctx, joined, false)
	<-joined
	if err != nil {
		return err
	}
	if err := r.connected(ctx); err != nil {
		return err
	}
	if _, err := r.read(ctx); err != nil {
		return err
	}
	if role == viewer || r.joiners == 0 || r.crowd.cfg.Viewers == 0 {
		_, count := r.crowd.places(role)
		r.joining.CPU, r.joiners = r.usage.CPU-before.CPU, r.cfg.Rooms*count
	}
	return nil
}

// connected waits until all who have joined can send and receive.
func (r *run) connected(ctx context.Context) error {
	deadline := time.Now().Add(establishing)
	for {
		joined, failed, err := r.crowd.joined()
		switch ready := r.crowd.ready(); {
		case joined == 0 && failed > 0:
			return fmt.Errorf("nobody can join: %w", err)
		case ready == joined:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("%d of %d participants have no media connection after %v", joined-ready, joined, establishing)
		}
		if err := r.watch(ctx, 50*time.Millisecond, false); err != nil {
			return err
		}
	}
}

// watch lets d pass.
func (r *run) watch(ctx context.Context, d time.Duration, measuring bool) error {
	over := make(chan struct{})
	timer := time.AfterFunc(d, func() { close(over) })
	defer timer.Stop()
	return r.tick(ctx, over, measuring)
}

// tick tells how things stand each second, until over is closed.
func (r *run) tick(ctx context.Context, over <-chan struct{}, measuring bool) error {
	for {
		second := time.NewTimer(time.Until(r.at.Add(time.Second)))
		select {
		case <-second.C:
			m, err := r.read(ctx)
			if err != nil {
				second.Stop()
				return err
			}
			m.Measuring = measuring
			r.progress(m)
		case <-over:
			second.Stop()
			return nil
		case <-ctx.Done():
			second.Stop()
			return ctx.Err()
		}
	}
}

// read reads everything anew and returns what has changed since it was read the last time.
func (r *run) read(ctx context.Context) (Moment, error) {
	now := time.Now()
	t := count(r.crowd.receiving())
	var usage Usage
	if r.cfg.Process != nil {
		var err error
		if usage, err = r.cfg.Process.Usage(ctx); err != nil {
			return Moment{}, err
		}
	}
	elapsed := now.Sub(r.at).Seconds()
	change := t.since(&r.tally)
	m := Moment{
		Since: now.Sub(r.began), Wanted: r.cfg.participants(),
		P50: change.latency.Quantile(0.5), P99: change.latency.Quantile(0.99), RSS: usage.RSS,
		Loss: share(change.lost, change.packets+change.lost),
	}
	m.Joined, m.Failed, _ = r.crowd.joined()
	if elapsed > 0 {
		m.PacketsPerSecond, m.BitsPerSecond = float64(change.packets)/elapsed, float64(change.bytes)*8/elapsed
		m.Cores = (usage.CPU - r.usage.CPU).Seconds() / elapsed
	}
	r.at, r.tally, r.usage = now, t, usage
	return m, nil
}

// A reading is how things stood at one time, for what changes until a later one.
type reading struct {
	at      time.Time
	tally   tally
	usage   Usage
	own     time.Duration
	dropped uint64
}

func (r *run) take(ctx context.Context) (reading, error) {
	if _, err := r.read(ctx); err != nil {
		return reading{}, err
	}
	return reading{r.at, r.tally, r.usage, self(), r.crowd.sockets.dropped()}, nil
}

// result is what happened since an earlier reading.
func (r *run) result(earlier, now reading) Result {
	result := Result{Seconds: now.at.Sub(earlier.at).Seconds()}
	result.media(now.tally.since(&earlier.tally))
	if r.cfg.Process != nil {
		result.server(Usage{CPU: now.usage.CPU - earlier.usage.CPU, RSS: now.usage.RSS})
	}
	result.GeneratorCores = (now.own - earlier.own).Seconds() / result.Seconds
	result.GeneratorDrops = now.dropped - earlier.dropped
	return result
}

// measure watches for the time that is to be measured.
func (r *run) measure(ctx context.Context) (Result, error) {
	first, err := r.take(ctx)
	if err != nil {
		return Result{}, err
	}
	var steps []Step
	if r.cfg.Saturate {
		steps, err = r.saturate(ctx)
	} else {
		err = r.watch(ctx, r.cfg.Duration, true)
	}
	if err != nil && !errors.Is(err, ctx.Err()) {
		return Result{}, err
	}
	// The end is read also after an interruption.
	last, err := r.take(context.WithoutCancel(ctx))
	if err != nil {
		return Result{}, err
	}
	result := r.result(first, last)
	result.Steps, result.Saturation = steps, best(steps)
	result.joins(r.crowd)
	if s := result.Server; s != nil {
		s.RSSGrowthPerParticipant = (last.usage.RSS - r.empty.RSS) / int64(max(result.Joined, 1))
		s.MillisPerJoin = milliseconds(r.joining.CPU) / float64(max(r.joiners, 1))
	}
	return result, nil
}
