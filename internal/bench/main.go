package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// settings come from flags, whose defaults are variables of make.
type settings struct {
	bench
	runs         int
	shapes, file string
	quick, soak  bool
	long         time.Duration
	bitrate      int
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := execute(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

// variable returns an environment variable, or what stands for it.
func variable(name, otherwise string) string {
	if v := os.Getenv(name); v != "" {
		return v
	}
	return otherwise
}

func read() (settings, error) {
	s := settings{}
	runs, err := strconv.Atoi(variable("RUNS", "5"))
	if err != nil || runs < 1 {
		return s, errors.New("RUNS is not a number of runs")
	}
	long, err := time.ParseDuration(variable("DURATION", "10m"))
	if err != nil {
		return s, fmt.Errorf("DURATION: %w", err)
	}
	flag.IntVar(&s.runs, "runs", runs, "runs of each shape (RUNS)")
	flag.StringVar(&s.shapes, "shapes", variable("SHAPES", ""), "which shapes, separated by commas; all without (SHAPES)")
	flag.BoolVar(&s.realtime, "realtime", variable("REALTIME", "0") == "1", "real-time priority for both sides, which needs root (REALTIME=1)")
	flag.BoolVar(&s.quick, "quick", variable("QUICK", "0") == "1", "one short run of each, to see that everything works (QUICK=1)")
	flag.StringVar(&s.file, "json", variable("JSON", "bench.json"), "the file for all results (JSON)")
	flag.StringVar(&s.sfu, "sfu", "", "the server, built from this tree without")
	flag.StringVar(&s.plain, "plain", "", "plain pion, built from this tree without")
	flag.StringVar(&s.generator, "generator", "", "an sfu whose load is used, the server's without")
	flag.BoolVar(&s.soak, "soak", false, "the long run instead of the table")
	flag.DurationVar(&s.long, "duration", long, "how long the long run is (DURATION)")
	flag.IntVar(&s.bitrate, "bitrate", 0, "the bitrate at saturation in bits per second, which the long run otherwise looks for")
	flag.Parse()
	if s.quick {
		s.runs = 1
	}
	return s, nil
}

func execute(ctx context.Context) error {
	s, err := read()
	if err != nil {
		return err
	}
	chosen, unknown := choose(s.shapes)
	if unknown != "" {
		return fmt.Errorf("there is no shape %q", unknown)
	}
	needed := []string{"taskset"}
	if s.realtime {
		needed = append(needed, "chrt")
	}
	for _, one := range chosen {
		if one.traced && !s.soak {
			needed = append(needed, "strace")
		}
	}
	if err := tools(needed...); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := s.build(ctx, dir); err != nil {
		return err
	}
	if s.soak {
		return s.soaking(ctx)
	}
	return s.table(ctx, chosen)
}

// table runs the shapes, the servers in turns.
func (s *settings) table(ctx context.Context, chosen []shape) error {
	var outcomes []*outcome
	for i := range chosen {
		o, err := s.outcome(ctx, &chosen[i])
		if err != nil {
			return err
		}
		o.write(os.Stdout)
		outcomes = append(outcomes, o)
	}
	verdicts := scaling(outcomes)
	failed := 0
	for i := len(outcomes) - 1; i >= 0; i-- {
		verdicts = append(outcomes[i].verdicts(), verdicts...)
		failed += len(outcomes[i].failed)
	}
	writeVerdicts(os.Stdout, verdicts)
	if err := s.save(outcomes, verdicts); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d runs failed", failed)
	}
	return nil
}

// outcome runs one shape as often as it is to be.
func (s *settings) outcome(ctx context.Context, one *shape) (*outcome, error) {
	o := &outcome{shape: one}
	seconds := one.seconds
	if s.quick {
		seconds = min(seconds, 3)
	}
	for i := range s.runs {
		for _, plain := range []bool{true, false} {
			if plain && !one.compared {
				continue
			}
			side, list := "sfu", &o.ours
			if plain {
				side, list = "plain pion", &o.plain
			}
			fmt.Fprintf(os.Stderr, "%s %d/%d %s\n", one.name, i+1, s.runs, side)
			r, err := s.measure(ctx, one, plain, seconds)
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			if err != nil {
				o.failed = append(o.failed, fmt.Sprintf("run %d of %s: %v", i+1, side, err))
			}
			*list = append(*list, r)
		}
	}
	return o, nil
}

// save writes everything to the file.
func (s *settings) save(outcomes []*outcome, verdicts []verdict) error {
	type saved struct {
		Shape  string   `json:"shape"`
		Load   string   `json:"load"`
		Ours   []*run   `json:"sfu"`
		Plain  []*run   `json:"plain,omitempty"`
		Failed []string `json:"failed,omitempty"`
	}
	all := struct {
		Realtime bool      `json:"realtime"`
		Shapes   []saved   `json:"shapes"`
		Verdicts []verdict `json:"verdicts"`
	}{Realtime: s.realtime, Verdicts: verdicts}
	for _, o := range outcomes {
		all.Shapes = append(all.Shapes, saved{o.shape.name, o.shape.load, o.ours, o.plain, o.failed})
	}
	content, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.file, append(content, '\n'), 0o644); err != nil {
		return fmt.Errorf("save the results: %w", err)
	}
	return nil
}
