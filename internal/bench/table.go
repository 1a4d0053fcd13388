package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
	"text/tabwriter"
)

// A spread is the median, the least and the greatest of some figures.
type spread struct{ median, least, greatest float64 }

func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{math.NaN(), math.NaN(), math.NaN()}
	}
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	return spread{(v[(n-1)/2] + v[n/2]) / 2, v[0], v[n-1]}
}

func (s spread) text(format string) string {
	if math.IsNaN(s.median) {
		return "-"
	}
	if s.least == s.greatest {
		return fmt.Sprintf(format, s.median)
	}
	return fmt.Sprintf(format+" ("+format+" to "+format+")", s.median, s.least, s.greatest)
}

// An outcome is all runs of one shape. A run that failed is nil.
type outcome struct {
	shape  *shape
	ours   []*run
	plain  []*run
	failed []string
}

// of returns a metric of all runs of one side.
func of(m metric, runs []*run) spread {
	var values []float64
	for _, r := range runs {
		if r != nil {
			values = append(values, m.of(r))
		}
	}
	return spreadOf(values)
}

// ratios returns our figure divided by plain pion's, of runs that were next to each other.
func (o *outcome) ratios(m metric) spread {
	var values []float64
	for i := range min(len(o.ours), len(o.plain)) {
		if o.ours[i] == nil || o.plain[i] == nil {
			continue
		}
		if plain := m.of(o.plain[i]); plain != 0 {
			values = append(values, m.of(o.ours[i])/plain)
		}
	}
	return spreadOf(values)
}

// A verdict is a target and what came out.
type verdict struct {
	Shape  string  `json:"shape"`
	What   string  `json:"what"`
	Limit  float64 `json:"limit"`
	Aim    float64 `json:"aim,omitempty"`
	Median float64 `json:"median"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
	Met    bool    `json:"met"`
	format string
	more   bool
}

func (o *outcome) verdicts() []verdict {
	var all []verdict
	for _, t := range o.shape.targets {
		s, what, format := of(t.metric, o.ours), t.metric.name, t.metric.format
		if t.ratio {
			s, what, format = o.ratios(t.metric), what+", ratio to plain pion", "%.2f"
		}
		if math.IsNaN(s.median) {
			continue
		}
		met := s.median <= t.limit
		if t.metric.more {
			met = s.median >= t.limit
		}
		all = append(all, verdict{o.shape.name, what, t.limit, t.aim, s.median, s.least, s.greatest, met, format, t.metric.more})
	}
	return all
}

// scaling judges whether a packet costs the same however many viewers there are.
func scaling(outcomes []*outcome) []verdict {
	var costs []float64
	for _, o := range outcomes {
		if s := of(cost, o.ours); strings.HasPrefix(o.shape.name, "scale") && !math.IsNaN(s.median) {
			costs = append(costs, s.median)
		}
	}
	if len(costs) < 2 {
		return nil
	}
	mean := 0.0
	for _, c := range costs {
		mean += c / float64(len(costs))
	}
	off := 0.0
	for _, c := range costs {
		off = max(off, math.Abs(c-mean)/mean)
	}
	return []verdict{{"scale*", "greatest distance of a cost from the mean of all", scaleSpread, 0, off, off, off, off <= scaleSpread, "%.2f", false}}
}

// write prints the runs of one shape.
func (o *outcome) write(w io.Writer) {
	fmt.Fprintf(w, "\n%s: %s\n", o.shape.name, o.shape.about)
	for _, f := range o.failed {
		fmt.Fprintf(w, "  failed: %s\n", f)
	}
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	if o.shape.compared {
		fmt.Fprintf(t, "  \tsfu\tplain pion\tratio\n")
	}
	for _, m := range o.shape.metrics {
		fmt.Fprintf(t, "  %s\t%s", m.name, of(m, o.ours).text(m.format))
		if o.shape.compared {
			fmt.Fprintf(t, "\t%s\t%s", of(m, o.plain).text(m.format), o.ratios(m).text("%.2f"))
		}
		fmt.Fprintln(t)
	}
	t.Flush()
}

// writeVerdicts prints what was reached.
func writeVerdicts(w io.Writer, all []verdict) {
	t := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintf(t, "\ntarget\t\tmedian (spread)\tlimit\taim\t\n")
	for _, v := range all {
		limit := "at most " + fmt.Sprintf(v.format, v.Limit)
		if v.more {
			limit = "at least " + fmt.Sprintf(v.format, v.Limit)
		}
		aim, word := "", "met"
		if v.Aim != 0 {
			aim = fmt.Sprintf(v.format, v.Aim)
		}
		if !v.Met {
			word = "MISSED"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", v.Shape, v.What, spread{v.Median, v.Least, v.Most}.text(v.format), limit, aim, word)
	}
	t.Flush()
}
