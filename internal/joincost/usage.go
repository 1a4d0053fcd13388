package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sfu/pkg/load"
)

// A usage is what the server has used so far and holds now. Memory is in bytes.
type usage struct {
	at         time.Time
	cpu        time.Duration
	rss        uint64
	heap       uint64 // objects, with those that the collector has not found to be garbage yet
	stacks     uint64
	goroutines uint64
}

// usage reads the process's figures. The RSS is read first: what the questions themselves cost is in the others only.
func (s *server) usage(ctx context.Context) (usage, error) {
	at := time.Now()
	used, err := load.PID(s.process.Process.Pid).Usage(ctx)
	if err != nil {
		return usage{}, err
	}
	u := usage{at: at, cpu: used.CPU, rss: uint64(used.RSS)}
	var metrics bytes.Buffer
	if err := s.get(ctx, "/metrics", &metrics); err != nil {
		return usage{}, err
	}
	fields := map[string]*uint64{
		"go_memstats_heap_alloc_bytes": &u.heap, "go_memstats_stack_inuse_bytes": &u.stacks, "go_goroutines": &u.goroutines,
	}
	for lines := bufio.NewScanner(&metrics); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), " ")
		into, wanted := fields[name]
		if !wanted {
			continue
		}
		number, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return usage{}, fmt.Errorf("read the server's metrics: %w", err)
		}
		*into = uint64(number)
		delete(fields, name)
	}
	if len(fields) > 0 {
		return usage{}, fmt.Errorf("read the server's metrics: %d figures are missing", len(fields))
	}
	return u, nil
}

// liveHeap is what the heap holds after a collection, which it asks for, in bytes. It is the last figure to read.
func (s *server) liveHeap(ctx context.Context) (uint64, error) {
	var profile bytes.Buffer
	if err := s.get(ctx, "/debug/pprof/heap?gc=1&debug=1", &profile); err != nil {
		return 0, err
	}
	_, after, found := strings.Cut(profile.String(), "\n# HeapAlloc = ")
	number, _, _ := strings.Cut(after, "\n")
	live, err := strconv.ParseUint(number, 10, 64)
	if !found || err != nil {
		return 0, errors.New("read the server's heap profile: it does not say how large the heap is")
	}
	return live, nil
}
