package doctor

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of mistakes into docs/deploy.md")

// The page for operators shows the mistakes as they stand here.
func TestMistakesAreDocumented(t *testing.T) {
	const path, begin, end = "../../docs/deploy.md", "<!-- mistakes: begin -->\n", "<!-- mistakes: end -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		t.Fatal("docs/deploy.md has no place for the mistakes")
	}
	var table strings.Builder
	table.WriteString("\n| what people see | what it is | `sfu doctor` says |\n|---|---|---|\n")
	for _, m := range Mistakes {
		ids := make([]string, len(m.IDs))
		for i, id := range m.IDs {
			ids[i] = "`" + id + "`"
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", m.Seen, m.Name, strings.Join(ids, ", "))
	}
	table.WriteString("\n")
	want := before + begin + table.String() + end + after
	switch {
	case *update:
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	case want != string(text):
		t.Error("the table is out of date: go test ./pkg/doctor -run Documented -update")
	}
}
