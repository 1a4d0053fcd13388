package metrics_test

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sfu/pkg/metrics"
)

var update = flag.Bool("update", false, "write what docs/metrics.md should say")

const (
	documentation = "../../docs/metrics.md"
	begin, end    = "<!-- families -->\n", "<!-- /families -->\n"
)

// TestDocumentedFamilies keeps docs/metrics.md equal to the tables; go test ./pkg/metrics -run Documented -update writes it.
func TestDocumentedFamilies(t *testing.T) {
	content, err := os.ReadFile(documentation)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(content), begin)
	_, tail, foundEnd := strings.Cut(rest, end)
	if !found || !foundEnd {
		t.Fatalf("%s lacks %q or %q", documentation, begin, end)
	}
	var tables strings.Builder
	metrics.WriteTables(&tables)
	want := head + begin + tables.String() + "\n" + end + tail
	if *update {
		if err := os.WriteFile(documentation, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(content) != want {
		t.Errorf("%s is not what the tables say; run: go test ./pkg/metrics -run Documented -update", documentation)
	}
}

// Families that the text or an advice names exist.
func TestDocumentedNamesExist(t *testing.T) {
	content, err := os.ReadFile(documentation)
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, f := range metrics.Families() {
		known[f.Name] = true
	}
	for _, name := range regexp.MustCompile(`\bsfu_[a-z_]+`).FindAllString(string(content), -1) {
		family := name
		for _, suffix := range []string{"_bucket", "_count", "_sum"} {
			family = strings.TrimSuffix(family, suffix)
		}
		if !known[family] {
			t.Errorf("%s names %s, which is no family", documentation, name)
		}
	}
}

// Every family of the answer is in the tables and the other way round, with the type and the help text that stand there.
func TestFamiliesAreAsDocumented(t *testing.T) {
	s := &server{}
	s.fill(2, 1)
	m := metrics.New(s.sources(), metrics.Options{})
	use(m)
	families, err := m.Own().Gather()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, f := range families {
		seen[f.GetName()] = true
		at := slices.IndexFunc(metrics.Families(), func(i metrics.FamilyInfo) bool { return i.Name == f.GetName() })
		if at < 0 {
			t.Errorf("%s is in no table", f.GetName())
			continue
		}
		info := metrics.Families()[at]
		if got := strings.ToLower(f.GetType().String()); got != info.Kind || f.GetHelp() != info.Help {
			t.Errorf("%s is a %s: %q", f.GetName(), got, f.GetHelp())
		}
		for _, l := range f.GetMetric()[0].GetLabel() {
			if !slices.Contains(info.Labels, l.GetName()) {
				t.Errorf("%s has the label %s", f.GetName(), l.GetName())
			}
		}
	}
	for _, info := range metrics.Families() {
		if !seen[info.Name] {
			t.Errorf("%s has no series", info.Name)
		}
		if info.Help == "" || info.Advice == "" || strings.ContainsAny(info.Help+info.Advice, "|\n") {
			t.Errorf("%s has no text, or one that a table cannot hold", info.Name)
		}
	}
}

// Prometheus understands the queries that the text gives.
func TestDocumentedQueries(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	content, err := os.ReadFile(documentation)
	if err != nil {
		t.Fatal(err)
	}
	rules := "groups:\n- name: questions\n  rules:\n"
	queries := regexp.MustCompile("(?m)^\\| [^`|]+ \\| `([^`]+)` \\|$").FindAllStringSubmatch(string(content), -1)
	for i, q := range queries {
		rules += fmt.Sprintf("  - record: question:%d\n    expr: %q\n", i, q[1])
	}
	file := filepath.Join(t.TempDir(), "rules.yml")
	if err := os.WriteFile(file, []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	if output, err := exec.Command(promtool, "check", "rules", file).CombinedOutput(); err != nil || len(queries) < 5 {
		t.Errorf("promtool on %d queries: %v\n%s", len(queries), err, output)
	}
}
