//go:build linux

package clustertest

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// slack is by how much a small test may miss a target: it runs beside others, on machines of any kind.
const slack = 10

// within is the bound that a target makes for this size of the tests.
func within(target time.Duration) time.Duration { return Sized(slack*target, target) }

// figures are those of this run.
var figures = &book{}

// A book collects figures for the table at the end.
type book struct {
	mu   sync.Mutex
	rows []string
}

func (b *book) add(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows = append(b.rows, fmt.Sprintf(format, args...))
}

func (b *book) table() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.rows) == 0 {
		return ""
	}
	return fmt.Sprintf("%-62s %6s %9s %9s %9s   %s\n", "ms", "n", "p50", "p95", "max", "target") + strings.Join(b.rows, "\n") + "\n"
}

// A Bound is what a distribution must keep; zero is no bound.
type Bound struct{ P50, P95, Max time.Duration }

// Report notes a distribution, and fails where it does not keep the bound.
func Report(t testing.TB, what string, times []time.Duration, bound Bound) {
	t.Helper()
	if len(times) == 0 {
		t.Errorf("%s: nothing was measured", what)
		return
	}
	p50, p95, most := Quantile(times, 0.5), Quantile(times, 0.95), slices.Max(times)
	var targets []string
	for _, x := range []struct {
		name        string
		got, target time.Duration
	}{{"p50", p50, bound.P50}, {"p95", p95, bound.P95}, {"max", most, bound.Max}} {
		if x.target == 0 {
			continue
		}
		targets = append(targets, fmt.Sprintf("%s <= %v", x.name, x.target))
		if limit := within(x.target); x.got > limit {
			t.Errorf("%s: %s is %v, at most %v are wanted", what, x.name, x.got, limit)
		}
	}
	figures.add("%-62s %6d %9.1f %9.1f %9.1f   %s", what, len(times), milliseconds(p50), milliseconds(p95), milliseconds(most), strings.Join(targets, ", "))
}

// Note adds a line of another kind to the table.
func Note(what, format string, args ...any) {
	figures.add("%-62s %s", what, fmt.Sprintf(format, args...))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// Quantile returns the smallest of times that a share q of them does not exceed.
func Quantile(times []time.Duration, q float64) time.Duration {
	sorted := slices.Sorted(slices.Values(times))
	return sorted[min(len(sorted)-1, max(0, int(q*float64(len(sorted))+0.999999)-1))]
}
