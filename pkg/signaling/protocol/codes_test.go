package protocol_test

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"sfu/pkg/signaling/protocol"
)

var codeRow = regexp.MustCompile("(?m)^\\| `([a-z_]+)` \\| (\\d*) ?\\| (\\d*) ?\\| .*\\|$")

func TestTheTableOfTheProtocolIsTheTableOfTheCode(t *testing.T) {
	page, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(page), "\n## Codes\n")
	if !ok {
		t.Fatal("PROTOCOL.md has no section Codes")
	}
	rows := codeRow.FindAllStringSubmatch(section, -1)
	codes := protocol.Codes()
	if len(rows) != len(codes) {
		t.Fatalf("the page has %d codes, the code %d", len(rows), len(codes))
	}
	for i, row := range rows {
		closes, _ := strconv.Atoi(row[2])
		status, _ := strconv.Atoi(row[3])
		if got := codes[i]; string(got.Code) != row[1] || got.Close != closes || got.HTTP != status {
			t.Errorf("row %d is %v on the page and %+v in the code", i+1, row[1:], got)
		}
		if s := codes[i].Sentence; !strings.HasSuffix(s, ".") || s[0] < 'A' || s[0] > 'Z' {
			t.Errorf("%s: %q is no sentence", codes[i].Code, s)
		}
	}
}

func TestLimitsOfTheProtocolAreThoseOfTheCode(t *testing.T) {
	page, err := os.ReadFile("../PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "a frame over 262 144 bytes") || protocol.MaxMessageBytes != 262_144 {
		t.Error("the size of a frame differs")
	}
}

func TestCodesThatAreNotInTheTableAreInternal(t *testing.T) {
	c := protocol.Code("made_up")
	if c.Info().Code != protocol.Internal || c.Status() != 500 || c.CloseAfterRefusal() != 1011 {
		t.Errorf("got %+v", c.Info())
	}
	if protocol.NoMatch.CloseAfterRefusal() != 4400 || protocol.NoMatch.Status() != 400 {
		t.Error("a code without numbers has no defaults")
	}
}
