package deploy

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// decode reads YAML into a value and knows every field.
func decode[T any](t *testing.T, path string) T {
	t.Helper()
	var value T
	d := yaml.NewDecoder(strings.NewReader(read(t, path)))
	d.KnownFields(true)
	if err := d.Decode(&value); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return value
}

// rule is an alert or a recording rule.
type rule struct {
	Alert, Record, Expr, For string
	Labels, Annotations      map[string]string
}

type ruleFile struct {
	Groups []struct {
		Name, Interval string
		Rules          []rule
	}
}

func (f ruleFile) rules() []rule {
	var all []rule
	for _, g := range f.Groups {
		all = append(all, g.Rules...)
	}
	return all
}

// knowingRules returns the queries of someone who has the recording rules.
func knowingRules(t *testing.T) *queries {
	q := newQueries(t)
	for _, r := range decode[ruleFile](t, "deploy/prometheus/rules.yml").rules() {
		q.recorded[r.Record] = true
	}
	return q
}

func TestRecordingRules(t *testing.T) {
	q := knowingRules(t)
	used := read(t, "deploy/prometheus/alerts.yml")
	for _, board := range boards(t) {
		used += read(t, board)
	}
	for _, r := range decode[ruleFile](t, "deploy/prometheus/rules.yml").rules() {
		if err := q.check(r.Expr); err != nil {
			t.Errorf("%s: %v", r.Record, err)
		}
		if !regexp.MustCompile(`^[a-z]+:[a-z_]+:[a-z0-9_]+$|^sfu:[a-z_]+:[a-z0-9_]+$`).MatchString(r.Record) {
			t.Errorf("%s is not level:what:how", r.Record)
		}
		if !strings.Contains(used, r.Record) {
			t.Errorf("nothing uses %s", r.Record)
		}
	}
}

// promtoolTests is what these tests look at in the files of promtool test rules.
type promtoolTests struct {
	RuleFiles          []string `yaml:"rule_files"`
	EvaluationInterval string   `yaml:"evaluation_interval"`
	Tests              []struct {
		Name, Interval string
		InputSeries    []struct{ Series, Values string } `yaml:"input_series"`
		AlertRuleTest  []struct {
			Alertname string
			EvalTime  string `yaml:"eval_time"`
			ExpAlerts []struct {
				Labels      map[string]string `yaml:"exp_labels"`
				Annotations map[string]string `yaml:"exp_annotations"`
			} `yaml:"exp_alerts"`
		} `yaml:"alert_rule_test"`
	}
}

// tested counts how often each alert is expected to fire and to be silent.
func tested(t *testing.T, q *queries) (fires, silent map[string]int) {
	t.Helper()
	fires, silent = map[string]int{}, map[string]int{}
	files, err := filepath.Glob(filepath.Join(root, "deploy/prometheus/tests/*.yml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests: %v", err)
	}
	for _, file := range files {
		for _, test := range decode[promtoolTests](t, strings.TrimPrefix(file, root)).Tests {
			for _, s := range test.InputSeries {
				// What is fed must be what a server has, or the test says nothing.
				if name := "last_over_time(" + s.Series + "[1m])"; !strings.HasPrefix(s.Series, "up{") {
					if err := q.check(name); err != nil {
						t.Errorf("%s: %v", test.Name, err)
					}
				}
			}
			for _, a := range test.AlertRuleTest {
				if len(a.ExpAlerts) > 0 {
					fires[a.Alertname]++
				} else {
					silent[a.Alertname]++
				}
			}
		}
	}
	return fires, silent
}

func TestAlerts(t *testing.T) {
	q := knowingRules(t)
	fires, silent := tested(t, q)
	sections := anchors(read(t, "docs/runbook.md"))
	var names []string
	for _, r := range decode[ruleFile](t, "deploy/prometheus/alerts.yml").rules() {
		names = append(names, strings.ToLower(r.Alert))
		if err := q.check(r.Expr); err != nil {
			t.Errorf("%s: %v", r.Alert, err)
		}
		if !slices.Contains([]string{"page", "warning", "info"}, r.Labels["severity"]) {
			t.Errorf("%s has the severity %q", r.Alert, r.Labels["severity"])
		}
		if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
			t.Errorf("%s does not say what happened", r.Alert)
		}
		if r.Annotations["runbook_url"] != "docs/runbook.md#"+strings.ToLower(r.Alert) || !slices.Contains(sections, strings.ToLower(r.Alert)) {
			t.Errorf("%s has no section in the runbook, or does not lead there", r.Alert)
		}
		if fires[r.Alert] == 0 || silent[r.Alert] == 0 {
			t.Errorf("%s is expected to fire %d times and to be silent %d times", r.Alert, fires[r.Alert], silent[r.Alert])
		}
	}
	if len(names) < 20 {
		t.Errorf("only %d alerts", len(names))
	}
	for _, section := range sections {
		if strings.HasPrefix(section, "sfu") && !slices.Contains(names, section) {
			t.Errorf("the runbook has a section %s, which is no alert", section)
		}
	}
}

// TestNewFamiliesAreUsed keeps every family of the cluster in a query: what nobody looks at need not be counted.
func TestFamiliesOfTheClusterAreUsed(t *testing.T) {
	q := knowingRules(t)
	for _, file := range []string{"deploy/prometheus/alerts.yml", "deploy/prometheus/rules.yml"} {
		for _, r := range decode[ruleFile](t, file).rules() {
			_ = q.check(r.Expr) // judged elsewhere
		}
	}
	for _, board := range boards(t) {
		for _, target := range expressions(t, board) {
			_ = q.check(target.expr)
		}
	}
	for name := range q.families {
		if regexp.MustCompile(`^sfu_(engine|cluster|node|load|placement|signal_proxy|drain)_`).MatchString(name) && !q.seen[name] {
			t.Errorf("nothing shows %s", name)
		}
	}
}

func TestPrometheusScrapesTheNodes(t *testing.T) {
	p := mustCluster(t)
	config := read(t, "deploy/prometheus/prometheus.yml")
	for _, name := range nodeNames {
		target := `"` + name + *p.Services[name].Environment["SFU_ADMIN_LISTEN"] + `"`
		if !strings.Contains(config, target) {
			t.Errorf("prometheus.yml lacks the target %s", target)
		}
	}
}
