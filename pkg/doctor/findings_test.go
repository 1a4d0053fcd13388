package doctor

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// madeIDs lists the ids that the sources give to found.
func madeIDs(t *testing.T) map[string]bool {
	t.Helper()
	sources, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, source := range sources {
		if strings.HasSuffix(source, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), source, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok {
				return true
			}
			if name, ok := call.Fun.(*ast.Ident); !ok || name.Name != "found" {
				return true
			}
			if literal, ok := call.Args[1].(*ast.BasicLit); ok {
				id, err := strconv.Unquote(literal.Value)
				if err != nil {
					t.Fatal(err)
				}
				ids[id] = true
			}
			return true
		})
	}
	// Those that judgeWay puts together.
	for _, id := range []string{"udp", "tcp", "relay", "udp-unreachable", "tcp-unreachable"} {
		ids[id] = true
	}
	return ids
}

func TestEveryKindIsFoundAndEveryFindingIsAKind(t *testing.T) {
	made, listed := madeIDs(t), map[string]bool{}
	for _, k := range Kinds() {
		if listed[k.ID] {
			t.Errorf("%s is listed twice", k.ID)
		}
		listed[k.ID] = true
		if !made[k.ID] {
			t.Errorf("%s is listed but never found", k.ID)
		}
		for _, sentence := range []string{k.Meaning, k.Remedy} {
			if sentence != "" && !strings.HasSuffix(sentence, ".") {
				t.Errorf("%s: %q is not a sentence", k.ID, sentence)
			}
		}
	}
	for id := range made {
		if !listed[id] {
			t.Errorf("%s is found but not listed", id)
		}
	}
}

func TestEveryMistakeIsNamed(t *testing.T) {
	if len(Mistakes) != 10 {
		t.Errorf("%d mistakes", len(Mistakes))
	}
	for _, m := range Mistakes {
		if m.Name == "" || m.Seen == "" || len(m.IDs) == 0 {
			t.Errorf("%+v is incomplete", m)
		}
		for _, id := range m.IDs {
			if kindOf(id).Remedy == "" {
				t.Errorf("%q: %s is no kind with a remedy", m.Name, id)
			}
		}
	}
}

func TestFound(t *testing.T) {
	if f := found(OK, "udp", "It %s.", "works"); f.Message != "It works." || f.Remedy != "" {
		t.Errorf("got %+v", f)
	}
	if f := found(Warn, "turn-relay", "It does not."); f.Remedy != kindOf("turn-relay").Remedy || f.Remedy == "" {
		t.Errorf("got %+v", f)
	}
	if f := found(Warn, "turn-relay", "It does not.").do("Open %d.", 7); f.Remedy != "Open 7." {
		t.Errorf("got %+v", f)
	}
}

func TestExitCode(t *testing.T) {
	for _, tt := range []struct {
		levels []Level
		want   int
	}{
		{nil, 0}, {[]Level{OK, Info}, 0}, {[]Level{Info, Warn, OK}, ExitWarnings}, {[]Level{Fail, Warn}, ExitFailures},
	} {
		var findings []Finding
		for _, l := range tt.levels {
			findings = append(findings, Finding{Level: l})
		}
		if got := ExitCode(findings); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.levels, got, tt.want)
		}
	}
}

// check compares findings with "level id" in order, and wants text in the first one's message or remedy.
func check(t *testing.T, got []Finding, text string, want ...string) {
	t.Helper()
	var all []string
	for _, f := range got {
		all = append(all, f.Level.String()+" "+f.ID)
		if kindOf(f.ID).ID == "" {
			t.Errorf("%s is not listed", f.ID)
		}
		if f.Level != OK && f.Level != Info && f.Remedy == "" {
			t.Errorf("%s has no remedy", f.ID)
		}
		if !strings.HasSuffix(f.Message, ".") || strings.Contains(f.Message, "%!") || strings.Contains(f.Remedy, "%!") {
			t.Errorf("%s: %q, %q", f.ID, f.Message, f.Remedy)
		}
	}
	if strings.Join(all, ", ") != strings.Join(want, ", ") {
		t.Errorf("got %v, want %v", all, want)
	}
	if text != "" && (len(got) == 0 || !strings.Contains(got[0].Message+got[0].Remedy, text)) {
		t.Errorf("%+v does not say %q", got, text)
	}
}
