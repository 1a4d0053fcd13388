package doctor

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func finds(ids ...string) func(context.Context) []Finding {
	return func(context.Context) []Finding {
		var all []Finding
		for _, id := range ids {
			all = append(all, Finding{ID: id})
		}
		return all
	}
}

func idsOf(findings []Finding) string {
	var all []string
	for _, f := range findings {
		all = append(all, f.ID)
	}
	return strings.Join(all, " ")
}

func TestRunKeepsTheOrder(t *testing.T) {
	release := make(chan struct{})
	checks := []Check{
		{Look: func(ctx context.Context) []Finding { <-release; return finds("a", "b")(ctx) }},
		{Look: func(ctx context.Context) []Finding { close(release); return finds("c")(ctx) }}, // runs at the same time, or both would wait
		{Look: finds()},
		{Look: finds("d")},
	}
	var shown []Finding
	all := Run(t.Context(), checks, func(f Finding) { shown = append(shown, f) })
	if idsOf(all) != "a b c d" || idsOf(shown) != "a b c d" {
		t.Errorf("returned %s, showed %s", idsOf(all), idsOf(shown))
	}
}

func TestAfterWaitsForThoseBefore(t *testing.T) {
	var before atomic.Int32
	slow := func(context.Context) []Finding { before.Add(1); return nil }
	checks := []Check{{Look: slow}, {Look: slow}, {Look: slow}, {After: true, Look: func(context.Context) []Finding {
		if n := before.Load(); n != 3 {
			t.Errorf("begins after %d of 3", n)
		}
		return finds("x")(nil)
	}}}
	if got := idsOf(Run(t.Context(), checks, func(Finding) {})); got != "x" {
		t.Errorf("found %q", got)
	}
}

func TestACheckThatNeverEndsIsGivenUp(t *testing.T) {
	defer func(d time.Duration) { lateness = d }(lateness)
	lateness = time.Millisecond
	release := make(chan struct{})
	defer close(release)
	checks := []Check{
		{Name: "nothing", Limit: time.Millisecond, Look: func(context.Context) []Finding { <-release; return nil }},
		{Look: finds("x")},
	}
	got := Run(t.Context(), checks, func(Finding) {})
	if idsOf(got) != "check-unfinished x" || !strings.Contains(got[0].Message, "nothing") {
		t.Errorf("found %+v", got)
	}
}

func TestACheckMayFinishLate(t *testing.T) {
	checks := []Check{{Limit: time.Millisecond, Look: func(ctx context.Context) []Finding { <-ctx.Done(); return finds("late")(ctx) }}}
	if got := idsOf(Run(t.Context(), checks, func(Finding) {})); got != "late" {
		t.Errorf("found %q", got)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	checks := []Check{
		{Limit: time.Hour, Look: func(ctx context.Context) []Finding { cancel(); <-ctx.Done(); return finds("some")(ctx) }},
		{After: true, Look: finds("never")},
	}
	if got := idsOf(Run(ctx, checks, func(Finding) {})); got != "some" {
		t.Errorf("found %q", got)
	}
}
