package load

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"time"
)

// When a step is too much: the share that is missing, and the latency's p99.
const (
	mostLoss    = 0.001
	mostLatency = 300 * time.Millisecond
)

const (
	// stepFactor is how much more a step is than the one before, until one is too much; then the gap is halved so many times.
	stepFactor = 1.25
	halvings   = 2
	// tries is how often a step is measured that is too much: a disturbance from elsewhere shall not end the search.
	tries = 2
	// settling is how long a new bitrate is left alone, recovering how long the server has after one that was too much.
	settling   = time.Second
	recovering = 2 * time.Second
	// busy is the share of its cores at which the generator is at its own end.
	busy = 0.97
	// lowest and highest are what a publisher sends at least and at most, in bits per second.
	lowest, highest = 100_000, 100_000_000
)

// A Step is what one bitrate of Config.Saturate gave.
type Step struct {
	// Bitrate is that of one publisher's video in bits per second.
	Bitrate          int     `json:"bitrate"`
	PacketsPerSecond float64 `json:"packetsPerSecond"`
	// Loss is the greater of those by sequence numbers and by stamps.
	Loss            float64   `json:"loss"`
	Latency         Quantiles `json:"latency"`
	ServerCores     float64   `json:"serverCores"`
	MicrosPerPacket float64   `json:"microsPerPacket"`
	GeneratorCores  float64   `json:"generatorCores"`
	// TooMuch says why the server does not carry this, "" when it does.
	TooMuch string `json:"tooMuch,omitempty"`
}

// saturate looks for the highest bitrate that arrives.
func (r *run) saturate(ctx context.Context) (steps []Step, err error) {
	low, high := 0, 0 // the highest that arrived, the lowest that did not
	next := r.cfg.Bitrate
	for left := halvings; left > 0 && next >= lowest && next <= highest; {
		step, err := r.attempt(ctx, next)
		if err != nil {
			return steps, err
		}
		steps = append(steps, step)
		if step.TooMuch == "" {
			low = next
		} else {
			high = next
		}
		switch {
		case high == 0:
			next = int(float64(next) * stepFactor)
		case low == 0:
			next = int(float64(next) / stepFactor / stepFactor)
		default:
			next = int(math.Sqrt(float64(low) * float64(high)))
			left--
		}
	}
	return steps, nil
}

// attempt measures one bitrate, and again if it is too much.
func (r *run) attempt(ctx context.Context, bitrate int) (step Step, err error) {
	for range tries {
		if step, err = r.step(ctx, bitrate); err != nil || step.TooMuch == "" {
			return step, err
		}
		// What piled up runs out.
		r.crowd.setBitrate(lowest)
		if err := r.watch(ctx, recovering, false); err != nil {
			return Step{}, err
		}
	}
	return step, nil
}

// step measures one bitrate.
func (r *run) step(ctx context.Context, bitrate int) (Step, error) {
	r.crowd.setBitrate(bitrate)
	if err := r.watch(ctx, settling, false); err != nil {
		return Step{}, err
	}
	before, err := r.take(ctx)
	if err != nil {
		return Step{}, err
	}
	if err := r.watch(ctx, r.cfg.Duration, true); err != nil {
		return Step{}, err
	}
	after, err := r.take(ctx)
	if err != nil {
		return Step{}, err
	}
	return stepOf(bitrate, r.result(before, after)), nil
}

func stepOf(bitrate int, r Result) Step {
	s := Step{
		Bitrate: bitrate, PacketsPerSecond: r.PacketsPerSecond, Loss: max(r.LossBySequence, r.LossByStamps), Latency: r.Latency,
		GeneratorCores: r.GeneratorCores,
	}
	if r.Server != nil {
		s.ServerCores, s.MicrosPerPacket = r.Server.Cores, r.Server.MicrosPerPacket
	}
	switch {
	case r.DeliveredPackets == 0:
		s.TooMuch = "nothing arrives"
	case r.GeneratorDrops > 0:
		s.TooMuch = fmt.Sprintf("the generator dropped %d packets", r.GeneratorDrops)
	case s.GeneratorCores > busy*float64(runtime.GOMAXPROCS(0)):
		s.TooMuch = "the generator has no time left"
	case s.Loss > mostLoss:
		s.TooMuch = fmt.Sprintf("%.2f %% lost", 100*s.Loss)
	case s.Latency.P99 > milliseconds(mostLatency):
		s.TooMuch = fmt.Sprintf("latency p99 %.0f ms", s.Latency.P99)
	}
	return s
}

// best is the step with the most packets that arrived, nil without.
func best(steps []Step) *Step {
	var most *Step
	for i := range steps {
		if s := &steps[i]; s.TooMuch == "" && (most == nil || s.PacketsPerSecond > most.PacketsPerSecond) {
			most = s
		}
	}
	return most
}
