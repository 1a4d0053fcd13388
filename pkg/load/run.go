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
	for _, wave := range []struct {
		count   int
		publish bool
	}{{r.cfg.Publishers, true}, {r.cfg.Viewers, false}} {
		joined := make(chan struct{})
		go func() {
			defer close(joined)
			r.crowd.join(ctx, wave.count, wave.publish)
		}()
		err := r.tick(ctx, joined, false)
		<-joined
		if err != nil {
			return err
		}
		if err := r.connected(ctx); err != nil {
			return err
		}
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
		Since: now.Sub(r.began), Wanted: r.cfg.Rooms * (r.cfg.Publishers + r.cfg.Viewers),
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

// measure watches for the time that is to be measured.
func (r *run) measure(ctx context.Context) (Result, error) {
	if _, err := r.read(ctx); err != nil {
		return Result{}, err
	}
	at, before, usage, own, dropped := r.at, r.tally, r.usage, self(), r.crowd.sockets.dropped()
	err := r.watch(ctx, r.cfg.Duration, true)
	if err != nil && !errors.Is(err, ctx.Err()) {
		return Result{}, err
	}
	// The end is read also after an interruption.
	if _, err := r.read(context.WithoutCancel(ctx)); err != nil {
		return Result{}, err
	}
	result := Result{Seconds: r.at.Sub(at).Seconds()}
	result.media(r.tally.since(&before))
	result.joins(r.crowd)
	if r.cfg.Process != nil {
		result.server(Usage{CPU: r.usage.CPU - usage.CPU, RSS: r.usage.RSS})
	}
	result.GeneratorCores = (self() - own).Seconds() / result.Seconds
	result.GeneratorDrops = r.crowd.sockets.dropped() - dropped
	return result, nil
}
