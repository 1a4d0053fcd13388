package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"

	"sfu/pkg/load"
)

// A run is one measurement.
type run struct {
	Result load.Result `json:"result"`
	// SendCalls are system calls that send, for each packet that arrived; 0 where they were not counted.
	SendCalls float64 `json:"sendCalls,omitempty"`
}

// tracing is how long system calls are counted.
const tracing = 3 * time.Second

// measure runs one shape against one server.
func (b *bench) measure(ctx context.Context, s *shape, plain bool, seconds int) (*run, error) {
	var args []string
	if plain {
		args = strings.Fields(s.plain)
	}
	p, err := b.start(ctx, plain, args...)
	if err != nil {
		return nil, err
	}
	defer p.stop()
	line := append(strings.Fields(s.load), "--url", p.url, "--pid", strconv.Itoa(p.cmd.Process.Pid), "--json", "--duration", fmt.Sprintf("%ds", seconds))
	var calls uint64
	var traced error
	r := &run{}
	err = b.generate(ctx, line, &r.Result, func(second int) {
		if s.traced && second == 0 {
			calls, traced = countSends(ctx, p.cmd.Process.Pid)
		}
	})
	if err != nil {
		return nil, err
	}
	if traced != nil {
		return nil, traced
	}
	if s.traced && r.Result.PacketsPerSecond > 0 {
		r.SendCalls = float64(calls) / tracing.Seconds() / r.Result.PacketsPerSecond
	}
	return r, nil
}

// generate runs sfu load and reads its result. measuring is called each second while it measures, with their number from 0.
func (b *bench) generate(ctx context.Context, args []string, result *load.Result, measuring func(second int)) error {
	c := b.pinned(ctx, generatorCore, b.generator, append([]string{"load"}, args...)...)
	var out bytes.Buffer
	c.Stdout = &out
	progress, err := c.StderrPipe()
	if err != nil {
		return fmt.Errorf("run sfu load: %w", err)
	}
	if err := c.Start(); err != nil {
		return fmt.Errorf("run sfu load: %w", err)
	}
	last, second := "", 0
	for lines := bufio.NewScanner(progress); lines.Scan(); {
		last = lines.Text()
		if strings.Contains(last, "measuring") {
			measuring(second)
			second++
		}
	}
	failed := c.Wait()
	if err := json.Unmarshal(out.Bytes(), result); err != nil {
		return fmt.Errorf("run sfu load: %v: %s", failed, last)
	}
	if failed != nil {
		return fmt.Errorf("run sfu load: %d could not join, the first because of: %s", result.Failed, result.FirstError)
	}
	return nil
}

// countSends counts for a while the system calls of a process that send.
func countSends(ctx context.Context, pid int) (uint64, error) {
	report, err := os.CreateTemp("", "bench-strace")
	if err != nil {
		return 0, err
	}
	defer os.Remove(report.Name())
	defer report.Close()
	c := exec.CommandContext(ctx, "strace", "-f", "-c", "-e", "trace=sendto,sendmsg,sendmmsg", "-o", report.Name(), "-p", strconv.Itoa(pid))
	if err := c.Start(); err != nil {
		return 0, fmt.Errorf("count system calls: %w", err)
	}
	select {
	case <-time.After(tracing):
	case <-ctx.Done():
	}
	_ = c.Process.Signal(syscall.SIGINT)
	_ = c.Wait() // it ends by the signal
	content, err := os.ReadFile(report.Name())
	if err != nil {
		return 0, fmt.Errorf("count system calls: %w", err)
	}
	calls, ok := parseCalls(string(content))
	if !ok {
		return 0, fmt.Errorf("count system calls: strace says %q", content)
	}
	return calls, nil
}

// parseCalls reads the total of a table of strace -c: share, seconds, microseconds each, calls, perhaps errors, name.
func parseCalls(table string) (calls uint64, ok bool) {
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 5 || fields[len(fields)-1] == "total" {
			continue
		}
		if n, err := strconv.ParseUint(fields[3], 10, 64); err == nil {
			calls += n
			ok = true
		}
	}
	return calls, ok
}
