package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sfu/pkg/load"
)

const (
	// soakShare is how much of what saturates the server it carries for long.
	soakShare = 0.7
	// soakLoss is the share that may be lost.
	soakLoss = 0.00001
	// soakGrowth is how much larger the server may be in the last quarter than in the second.
	soakGrowth = 1.05
	// memoryInterval is how often memory is read.
	memoryInterval = 5 * time.Second
	// kills is how often clients are killed, killed is how long they live.
	kills  = 10
	killed = 4 * time.Second
)

// explaining are the counters of the server of which each step is a packet that it lost or saw lost: those that count packets on their way
// to one viewer, and those that count packets before they are sent to all.
var (
	explainingOne = []string{`sfu_rtp_withheld_total`, `sfu_queue_dropped_total{queue="connection"}`, `sfu_send_errors_total`}
	explainingAll = []string{`sfu_queue_dropped_total{queue="worker"}`, `sfu_udp_receive_buffer_drops_total`, `sfu_rtp_dropped_total{reason=`}
)

// soaking looks for saturation, then runs at a share of it for long, then kills clients at that load.
func (s *settings) soaking(ctx context.Context) error {
	if s.bitrate == 0 {
		one := shape{name: "saturation", load: crowded + " --bitrate 1000000 --saturate"}
		r, err := s.measure(ctx, &one, false, 2)
		if err != nil {
			return err
		}
		if r.Result.Saturation == nil {
			return errors.New("the server carries not even the first step of the search for saturation")
		}
		s.bitrate = r.Result.Saturation.Bitrate
		fmt.Printf("saturation: %.0f packets/s at %.2f Mbit/s\n", r.Result.Saturation.PacketsPerSecond, float64(s.bitrate)/1e6)
	}
	steady := s.scene(ctx, s.long, nil)
	if steady != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	killing := s.scene(ctx, kills*killed+5*time.Second, s.kill)
	return errors.Join(steady, killing)
}

// scene runs at the share for a time, and meanwhile does something, and says what was lost and why, and how much memory the server took.
func (s *settings) scene(ctx context.Context, long time.Duration, meanwhile func(ctx context.Context, url string) error) error {
	p, err := s.start(ctx, false)
	if err != nil {
		return err
	}
	defer p.stop()
	args := append(strings.Fields(crowded), "--url", p.url, "--pid", strconv.Itoa(p.cmd.Process.Pid), "--json", "--duration", long.String(),
		"--settle", "5s", "--bitrate", strconv.Itoa(int(soakShare*float64(s.bitrate))))
	watching, stop := context.WithCancel(ctx)
	defer stop()
	sizes := make(chan []int64, 1)
	done := make(chan error, 1)
	var before, after map[string]float64
	var failed error
	var result load.Result
	err = s.generate(ctx, args, &result, func(second int) {
		// The last one counts: when the generator has ended, its clients are gone, which the server's counters tell as well.
		var scraped error
		if after, scraped = scrape(p.url); scraped != nil {
			failed = scraped
		}
		if second > 0 {
			return
		}
		before = after
		go func() { sizes <- watchMemory(watching, p.cmd.Process.Pid) }()
		go func() {
			if meanwhile == nil {
				done <- nil
				return
			}
			done <- meanwhile(watching, p.url)
		}()
	})
	stop()
	if before == nil {
		return errors.Join(err, failed, errors.New("nothing was measured"))
	}
	if err := errors.Join(err, failed, <-done); err != nil {
		return err
	}
	name := "steady"
	if meanwhile != nil {
		name = fmt.Sprintf("%d clients killed", 2*kills)
	}
	memory := <-sizes
	var alive error
	if meanwhile != nil {
		memory = nil // those who were killed keep their seats for a while
		const joins = `sfu_joins_total{result="ok"}`
		if n := after[joins] - before[joins]; n < 2*kills {
			alive = fmt.Errorf("%s: only %.0f of them had joined", name, n)
		}
	}
	return errors.Join(alive, judge(os.Stdout, name, &result, before, after, memory))
}

// judge prints what came out of a scene and returns an error if it is not what it should be.
func judge(w io.Writer, name string, r *load.Result, before, after map[string]float64, sizes []int64) error {
	var wrong []error
	expected := float64(r.DeliveredPackets + r.LostPackets)
	fmt.Fprintf(w, "\n%s, %.0f s at %.0f packets/s: %d of %.0f packets lost (%.6f %%), latency p50 %.2f, p99 %.2f, at most %.1f ms, server %.2f cores\n",
		name, r.Seconds, r.PacketsPerSecond, r.LostPackets, expected, 100*r.LossByStamps, r.Latency.P50, r.Latency.P99, r.Latency.Max, r.Server.Cores)
	if float64(r.LostPackets) > soakLoss*expected {
		wrong = append(wrong, fmt.Errorf("%s: more than %.4f %% lost", name, 100*soakLoss))
	}
	explained := float64(r.GeneratorDrops)
	fmt.Fprintf(w, "  %8d  dropped by the generator's sockets\n", r.GeneratorDrops)
	for _, c := range changes(before, after, explainingOne) {
		fmt.Fprintf(w, "  %8.0f  %s\n", c.by, c.series)
		explained += c.by
	}
	for _, c := range changes(before, after, explainingAll) {
		fmt.Fprintf(w, "  %8.0f  %s, each of them %d times\n", c.by, c.series, crowd)
		explained += c.by * crowd
	}
	if float64(r.LostPackets) > explained {
		wrong = append(wrong, fmt.Errorf("%s: %d packets lost, of which counters explain %.0f", name, r.LostPackets, explained))
	}
	if len(sizes) >= 4 {
		settled, end := slices.Max(sizes[len(sizes)/4:len(sizes)/2]), slices.Max(sizes[len(sizes)*3/4:])
		fmt.Fprintf(w, "  memory: at most %.1f MiB in the second quarter, %.1f MiB in the last\n", float64(settled)/(1<<20), float64(end)/(1<<20))
		if float64(end) > soakGrowth*float64(settled) {
			wrong = append(wrong, fmt.Errorf("%s: memory grows", name))
		}
	}
	return errors.Join(wrong...)
}

// kill lets clients join the room and kills them, so that neither their sockets nor anything else is closed by them.
func (s *settings) kill(ctx context.Context, url string) error {
	for i := range kills {
		for _, args := range [][]string{
			{"--publishers", "0", "--viewers", "1"}, {"--publishers", "1", "--viewers", "0", "--bitrate", "500000"},
		} {
			args = append([]string{"load", "--url", url, "--duration", "1h", "--settle", "0s"}, args...)
			c := s.pinned(ctx, generatorCore, s.generator, args...)
			if err := c.Start(); err != nil {
				return fmt.Errorf("start a client to kill: %w", err)
			}
			select {
			case <-time.After(killed / 2):
			case <-ctx.Done():
			}
			_ = c.Process.Signal(syscall.SIGKILL)
			_ = c.Wait() // killed
			if ctx.Err() != nil {
				return fmt.Errorf("only %d clients were killed while it was measured", 2*i)
			}
		}
	}
	return nil
}

// watchMemory reads the memory of a process until ctx ends.
func watchMemory(ctx context.Context, pid int) []int64 {
	tick := time.NewTicker(memoryInterval)
	defer tick.Stop()
	var all []int64
	for {
		if u, err := load.PID(pid).Usage(ctx); err == nil {
			all = append(all, u.RSS)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return all
		}
	}
}

// scrape returns the server's metrics by their series.
func scrape(url string) (map[string]float64, error) {
	answer, err := http.Get(url + "/metrics")
	if err != nil {
		return nil, fmt.Errorf("read the metrics: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("read the metrics: %s", answer.Status)
	}
	all := map[string]float64{}
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		series, value, _ := cutLast(lines.Text())
		if f, err := strconv.ParseFloat(value, 64); err == nil {
			all[series] = f
		}
	}
	return all, nil
}

// cutLast cuts a line at its last space.
func cutLast(line string) (before, after string, found bool) {
	i := strings.LastIndexByte(line, ' ')
	if i < 0 {
		return line, "", false
	}
	return line[:i], line[i+1:], true
}

// A change is how much a counter rose.
type change struct {
	series string
	by     float64
}

// changes returns what rose among the series that begin with one of prefixes, by name.
func changes(before, after map[string]float64, prefixes []string) []change {
	var all []change
	for series, value := range after {
		if by := value - before[series]; by > 0 && slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(series, p) }) {
			all = append(all, change{series, by})
		}
	}
	slices.SortFunc(all, func(a, b change) int { return strings.Compare(a.series, b.series) })
	return all
}
