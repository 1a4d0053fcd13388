package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are what the command line says.
type options struct {
	server       string
	arguments    string
	core         int
	port         int
	participants int
	room         int
	rate         float64
	shape        string
	settle       time.Duration
	profiles     string
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "joincost:", err)
		os.Exit(1)
	}
}

func run() error {
	var o options
	flag.StringVar(&o.server, "server", "bin/sfu", "the server's binary")
	flag.StringVar(&o.arguments, "args", "", "more arguments for the server, separated by blanks")
	flag.IntVar(&o.core, "core", 0, "the core that the server has to itself, -1 for any")
	flag.IntVar(&o.port, "port", 18081, "the server's port; the operator's is the next one")
	flag.IntVar(&o.participants, "participants", 200, "how many join")
	flag.IntVar(&o.room, "room", 10, "how many share a room")
	flag.Float64Var(&o.rate, "rate", 50, "joins per second")
	flag.StringVar(&o.shape, "shape", "line", "line or page: what a participant offers")
	flag.DurationVar(&o.settle, "settle", 10*time.Second, "how long to wait after the last join")
	flag.StringVar(&o.profiles, "profiles", "", "a directory for the server's profiles of heap, goroutines and the CPU time of the joins")
	flag.Parse()
	if o.participants < 1 || o.room < 1 || !(o.rate > 0) || (o.shape != shapeLine && o.shape != shapePage) {
		return errors.New("--participants, --room and --rate must be positive, --shape line or page")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	return measure(ctx, o)
}

// measure runs the server once and prints one line of figures.
func measure(ctx context.Context, o options) (err error) {
	s, err := startServer(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	before, err := s.usage(ctx)
	if err != nil {
		return err
	}
	c := newCrowd(o, s.url)
	defer c.close()
	cpu := s.profileCPU(ctx, time.Duration(float64(o.participants)/o.rate*float64(time.Second)))
	if err := c.join(ctx); err != nil {
		return err
	}
	if err := c.connected(ctx); err != nil {
		return err
	}
	joined, err := s.usage(ctx)
	if err != nil {
		return err
	}
	if err := <-cpu; err != nil {
		return err
	}
	settled := time.NewTimer(o.settle)
	defer settled.Stop()
	select {
	case <-settled.C:
	case <-ctx.Done():
		return ctx.Err()
	}
	after, err := s.usage(ctx)
	if err != nil {
		return err
	}
	live, err := s.liveHeap(ctx)
	if err != nil {
		return err
	}
	for _, name := range []string{"heap", "goroutine"} {
		if err := s.keepProfile(ctx, name, name); err != nil {
			return err
		}
	}
	report(o, c, before, joined, after, live)
	return nil
}

// report prints the figures per participant.
func report(o options, c *crowd, before, joined, after usage, live uint64) {
	n := float64(o.participants)
	kib := func(from, to uint64) float64 { return (float64(to) - float64(from)) / n / 1024 }
	p50, p99 := c.took(0.5), c.took(0.99)
	idle := float64(after.cpu-joined.cpu) / float64(after.at.Sub(joined.at)) // cores, with all of them there
	// While they join, half of them are there on the average.
	joining := float64(joined.cpu-before.cpu) - idle*float64(joined.at.Sub(before.at))/2
	fmt.Printf("%-4s %4d  RSS %6.1f KiB  heap %6.1f, live %6.1f KiB  stacks %5.1f KiB  goroutines %5.2f  CPU per join %5.2f ms  "+
		"joined p50 %6.1f p99 %6.1f ms  idle %.4f cores per 100\n",
		o.shape, o.participants, kib(before.rss, after.rss), kib(before.heap, after.heap), kib(before.heap, live), kib(before.stacks, after.stacks),
		(float64(after.goroutines)-float64(before.goroutines))/n, joining/float64(time.Millisecond)/n, p50, p99, idle*100/n)
}
