package deploy

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

// A family is one of docs/metrics.md.
type family struct {
	kind   string
	labels []string
}

// catalogue are all families, those of Go's runtime and of the process included that the page tells to look at.
func catalogue(t *testing.T) map[string]family {
	t.Helper()
	page := read(t, "docs/metrics.md")
	all := map[string]family{}
	row := regexp.MustCompile("(?m)^\\| `(sfu_[a-z_]+)` \\| (gauge|counter|histogram) \\| ([^|]*)\\|")
	for _, m := range row.FindAllStringSubmatch(page, -1) {
		all[m[1]] = family{m[2], strings.FieldsFunc(m[3], func(r rune) bool { return r == ',' || r == ' ' })}
	}
	if len(all) < 50 {
		t.Fatalf("the tables of families were not understood: %v", all)
	}
	for _, name := range regexp.MustCompile("`((?:go|process)_[a-z_]+)`").FindAllStringSubmatch(page, -1) {
		all[name[1]] = family{kind: "other"}
	}
	return all
}

// scraped are the labels that Prometheus adds itself, and those that it has of its own series.
var scraped = []string{"job", "instance", "le", "namespace", "pod", "__name__", "alertname", "alertstate"}

// queries checks expressions of Prometheus.
type queries struct {
	families map[string]family
	recorded map[string]bool // the names that recording rules make
	seen     map[string]bool // the families that were asked for
}

func newQueries(t *testing.T) *queries {
	return &queries{catalogue(t), map[string]bool{}, map[string]bool{}}
}

// check parses an expression and returns everything in it that does not exist.
func (q *queries) check(text string) error {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return fmt.Errorf("%w in %s", err, text)
	}
	var errs []error
	parser.Inspect(expr, func(node parser.Node, path []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			errs = append(errs, q.checkSelector(selector, path))
		}
		return nil
	})
	return errors.Join(errs...)
}

func (q *queries) checkSelector(selector *parser.VectorSelector, path []parser.Node) error {
	name := selector.Name
	if name == "up" || name == "ALERTS" || q.recorded[name] {
		return nil
	}
	f, there := q.families[name]
	for _, suffix := range []string{"_bucket", "_count", "_sum"} {
		if base, cut := strings.CutSuffix(name, suffix); cut && slices.Contains([]string{"histogram", "other"}, q.families[base].kind) {
			f, there, name = q.families[base], true, base
		}
	}
	q.seen[name] = true
	switch {
	case !there:
		return fmt.Errorf("there is no family %s", selector.Name)
	case f.kind == "histogram" && name == selector.Name:
		return fmt.Errorf("%s is a histogram; its classic series end in _bucket, _count and _sum", name)
	case f.kind == "counter" && !slices.ContainsFunc(path, isRange):
		return fmt.Errorf("%s is a counter, whose value means nothing by itself; take its rate", name)
	}
	for _, m := range selector.LabelMatchers {
		if f.kind != "other" && !slices.Contains(scraped, m.Name) && !slices.Contains(f.labels, m.Name) {
			return fmt.Errorf("%s has no label %s", name, m.Name)
		}
	}
	return nil
}

func isRange(node parser.Node) bool {
	_, ok := node.(*parser.MatrixSelector)
	return ok
}

// TestMetricsPageAsksForWhatExists checks the queries that the page gives as answers.
func TestMetricsPageAsksForWhatExists(t *testing.T) {
	q := newQueries(t)
	_, section, _ := strings.Cut(read(t, "docs/metrics.md"), "## Questions and their queries")
	section, _, _ = strings.Cut(section, "\n## ")
	rows := regexp.MustCompile("(?m)^\\| [^|]+ \\| `(.*)` \\|$").FindAllStringSubmatch(section, -1)
	if len(rows) < 8 {
		t.Fatalf("only %d queries", len(rows))
	}
	for _, row := range rows {
		if err := q.check(row[1]); err != nil {
			t.Error(err)
		}
	}
}

func TestTheCheckOfQueriesFindsMistakes(t *testing.T) {
	for text, wrong := range map[string]bool{
		`sum(rate(sfu_joins_total{result="ok"}[5m]))`:                false,
		`histogram_quantile(0.9, rate(sfu_join_seconds_bucket[5m]))`: false,
		`sum(rate(sfu_joins_total{reason="ok"}[5m]))`:                true,
		`sum(rate(sfu_joined_total[5m]))`:                            true,
		`sum(sfu_joins_total)`:                                       true,
		`sum(rate(sfu_joins_total_count[5m]))`:                       true,
		`histogram_quantile(0.9, sum by (le) (sfu_join_seconds`:      true,
		`histogram_quantile(0.9, sum by (le) (sfu_join_seconds{}))`:  true,
		`sfu_rooms{room="kitchen"}`:                                  true,
		`process_open_fds / process_max_fds`:                         false,
		`process_opened_fds`:                                         true,
	} {
		if err := newQueries(t).check(text); (err != nil) != wrong {
			t.Errorf("%s: %v", text, err)
		}
	}
}
