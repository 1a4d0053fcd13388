package main

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"sfu/pkg/load"
)

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   spread
		text   string
	}{
		{[]float64{3}, spread{3, 3, 3}, "3.0"},
		{[]float64{9, 1, 5}, spread{5, 1, 9}, "5.0 (1.0 to 9.0)"},
		{[]float64{4, 1, 2, 8}, spread{3, 1, 8}, "3.0 (1.0 to 8.0)"},
	} {
		if got := spreadOf(c.values); got != c.want || got.text("%.1f") != c.text {
			t.Errorf("%v: %v, %q", c.values, got, got.text("%.1f"))
		}
	}
	if s := spreadOf(nil); !math.IsNaN(s.median) || s.text("%.1f") != "-" {
		t.Errorf("of nothing: %v", s)
	}
}

// costing is a run at a cost, in microseconds per packet.
func costing(micros float64) *run {
	return &run{Result: load.Result{PacketsPerSecond: 100, Server: &load.ServerUse{MicrosPerPacket: micros}}}
}

func TestRatiosAreOfNeighbours(t *testing.T) {
	// The machine became half as fast in the second run, and one run failed.
	o := outcome{ours: []*run{costing(4), costing(8), nil, costing(5)}, plain: []*run{costing(20), costing(40), costing(20), costing(20)}}
	if got := o.ratios(cost); got != (spread{0.2, 0.2, 0.25}) {
		t.Errorf("%v", got)
	}
}

func TestVerdicts(t *testing.T) {
	one := shape{name: "x", about: "y", compared: true, metrics: []metric{cost, packets}, targets: []target{
		{cost, false, 7, 4}, {cost, true, 0.2, 0}, {packets, false, 101, 0}, {packets, false, 100, 0},
	}}
	o := outcome{shape: &one, ours: []*run{costing(6)}, plain: []*run{costing(20)}, failed: []string{"run 2"}}
	var met []bool
	all := o.verdicts()
	for _, v := range all {
		met = append(met, v.Met)
	}
	if want := []bool{true, false, false, true}; len(met) != 4 || met[0] != want[0] || met[1] != want[1] || met[2] != want[2] || met[3] != want[3] {
		t.Errorf("%v, want %v", met, want)
	}
	var out bytes.Buffer
	o.write(&out)
	writeVerdicts(&out, all)
	for _, want := range []string{"failed: run 2", "plain pion", "0.30", "at most 7.00", "at least 101", "MISSED", "met"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in:\n%s", want, out.String())
		}
	}
	o.ours = []*run{nil}
	if got := o.verdicts(); len(got) != 0 {
		t.Errorf("verdicts about nothing: %v", got)
	}
}

func TestScaling(t *testing.T) {
	at := func(name string, micros float64) *outcome {
		return &outcome{shape: &shape{name: name}, ours: []*run{costing(micros)}}
	}
	flat := scaling([]*outcome{at("view50", 100), at("scale10", 4), at("scale50", 5), at("scale500", 6)})
	if len(flat) != 1 || !flat[0].Met || math.Abs(flat[0].Median-0.2) > 1e-9 {
		t.Errorf("%+v", flat)
	}
	if steep := scaling([]*outcome{at("scale10", 4), at("scale500", 8)}); len(steep) != 1 || steep[0].Met {
		t.Errorf("%+v", steep)
	}
	if none := scaling([]*outcome{at("scale10", 4)}); none != nil {
		t.Errorf("%+v", none)
	}
}

// TestShapes looks at the table itself.
func TestShapes(t *testing.T) {
	names := map[string]bool{}
	for _, s := range shapes {
		if names[s.name] || s.about == "" || s.seconds < 1 || len(s.metrics) == 0 {
			t.Errorf("%+v", s)
		}
		names[s.name] = true
		for _, target := range s.targets {
			if target.ratio && !s.compared {
				t.Errorf("%s has a ratio to what it is not compared with", s.name)
			}
		}
	}
	if all, unknown := choose(""); len(all) != len(shapes) || unknown != "" {
		t.Errorf("%d shapes, %q", len(all), unknown)
	}
	if some, unknown := choose("most, view50"); len(some) != 2 || some[0].name != "view50" || unknown != "" {
		t.Errorf("%v, %q", some, unknown)
	}
	if _, unknown := choose("view50,nothing"); unknown != "nothing" {
		t.Errorf("%q", unknown)
	}
}

// TestShapesAreDescribed keeps docs/performance.md and the table together.
func TestShapesAreDescribed(t *testing.T) {
	page, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range shapes {
		name := s.name
		if strings.HasPrefix(name, "scale") {
			name = "scale10 to scale500"
		}
		row := ""
		for line := range strings.Lines(string(page)) {
			if cells := strings.Split(line, "|"); len(cells) == 5 && strings.Contains(cells[1], name) {
				row = line
			}
		}
		if row == "" {
			t.Errorf("no row for %s", s.name)
		}
		for _, target := range s.targets {
			limit := fmt.Sprintf(target.metric.format, target.limit)
			if target.ratio {
				limit = fmt.Sprintf("%.2f", target.limit)
			}
			if strings.Contains(limit, ".") && !target.ratio {
				limit = strings.TrimSuffix(strings.TrimRight(limit, "0"), ".")
			}
			if !strings.Contains(strings.ReplaceAll(row, ",", ""), limit) {
				t.Errorf("the row for %s does not name its target %s", s.name, limit)
			}
		}
	}
}

func TestParseCalls(t *testing.T) {
	const table = `% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 97.31    0.369887          42      8773           sendto
  2.69    0.010225          51       200        12 sendmmsg
------ ----------- ----------- --------- --------- ----------------
100.00    0.380112          42      8973        12 total
`
	if n, ok := parseCalls(table); n != 8973 || !ok {
		t.Errorf("%d, %v", n, ok)
	}
	if _, ok := parseCalls("strace: attach: Operation not permitted\n"); ok {
		t.Error("calls in an error message")
	}
}

func TestJudge(t *testing.T) {
	before := map[string]float64{`sfu_rtp_withheld_total`: 5, `sfu_queue_dropped_total{queue="worker"}`: 1, `sfu_nacks_total{dir="in"}`: 0}
	after := map[string]float64{`sfu_rtp_withheld_total`: 8, `sfu_queue_dropped_total{queue="worker"}`: 2, `sfu_nacks_total{dir="in"}`: 9}
	result := func(lost uint64) *load.Result {
		return &load.Result{
			Seconds: 60, DeliveredPackets: 100_000_000, LostPackets: lost, LossByStamps: float64(lost) / 1e8, Server: &load.ServerUse{}, GeneratorDrops: 2,
		}
	}
	flat, growing := []int64{50, 100, 100, 101}, []int64{100, 100, 100, 120}
	for _, c := range []struct {
		lost  uint64
		sizes []int64
		want  string // in the error, "" without
	}{
		{97, flat, ""}, // 2 + 3 + 92
		{98, flat, "counters explain 97"},
		{1001, flat, "more than 0.0010 % lost"},
		{0, growing, "memory grows"},
	} {
		var out bytes.Buffer
		err := judge(&out, "scene", result(c.lost), before, after, c.sizes)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%d lost, %v: %v", c.lost, c.sizes, err)
		}
		if !strings.Contains(out.String(), "3  sfu_rtp_withheld_total") || strings.Contains(out.String(), "nacks") {
			t.Errorf("%s", out.String())
		}
	}
}
