package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// A Usage is what a process has used so far.
type Usage struct {
	CPU time.Duration
	RSS int64 // bytes, now
}

// A Process tells what the server uses.
type Process interface {
	Usage(ctx context.Context) (Usage, error)
}

// A PID is a process on this machine, read from /proc.
type PID int

// clockTick is the unit of CPU times in /proc, the same on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// Usage implements Process.
func (p PID) Usage(context.Context) (Usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", int(p)))
	if err != nil {
		return Usage{}, fmt.Errorf("read the server's CPU time: %w", err)
	}
	// The name, in parentheses, may contain anything.
	_, after, ok := strings.Cut(string(stat[max(0, strings.LastIndexByte(string(stat), ')')):]), ") ")
	fields := strings.Fields(after)
	if !ok || len(fields) < 22 {
		return Usage{}, errors.New("read the server's CPU time: /proc has an unknown form")
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	pages, err3 := strconv.ParseInt(fields[21], 10, 64)
	if err := errors.Join(err1, err2, err3); err != nil {
		return Usage{}, fmt.Errorf("read the server's CPU time: %w", err)
	}
	return Usage{CPU: time.Duration(user+system) * clockTick, RSS: pages * int64(os.Getpagesize())}, nil
}

// A MetricsURL is where a server shows Prometheus metrics.
type MetricsURL string

// Usage implements Process.
func (u MetricsURL) Usage(ctx context.Context) (Usage, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, string(u), nil)
	if err != nil {
		return Usage{}, fmt.Errorf("read the server's metrics: %w", err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(request)
	if err != nil {
		return Usage{}, fmt.Errorf("read the server's metrics: %w", err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return Usage{}, fmt.Errorf("read the server's metrics: %s", answer.Status)
	}
	var usage Usage
	found := 0
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		f, err := strconv.ParseFloat(value, 64)
		switch {
		case err != nil:
		case name == "process_cpu_seconds_total":
			usage.CPU = time.Duration(f * float64(time.Second))
			found++
		case name == "process_resident_memory_bytes":
			usage.RSS = int64(f)
			found++
		}
	}
	if found < 2 {
		return Usage{}, errors.New("read the server's metrics: no CPU time and memory of the process in them")
	}
	return usage, nil
}

// self is what this process uses.
func self() time.Duration {
	usage, err := PID(os.Getpid()).Usage(context.Background())
	if err != nil {
		return 0
	}
	return usage.CPU
}
