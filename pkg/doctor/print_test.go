package doctor

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

var shown = []Finding{
	{ID: "udp", Message: "Media comes back."},
	{ID: "x", Level: Fail, Message: "This is a message that does not fit into one line.", Remedy: "Do what is to be done about it soon."},
}

func TestPrinter(t *testing.T) {
	var b strings.Builder
	p := &Printer{W: &b, Width: 40}
	for _, f := range shown {
		p.Print(f)
	}
	if err := p.Close(); err != nil {
		t.Fatal(err)
	}
	const want = `ok    Media comes back. [udp]
fail  This is a message that does not
      fit into one line. [x]
      -> Do what is to be done about it
         soon.

good: 1, to know: 0, warnings: 0, failures: 1
`
	if b.String() != want {
		t.Errorf("got\n%s", b.String())
	}
}

func TestPrinterColours(t *testing.T) {
	var b strings.Builder
	p := &Printer{W: &b, Colours: true}
	p.Print(shown[1])
	if !strings.HasPrefix(b.String(), "\x1b[31;1mfail\x1b[0m  This") {
		t.Errorf("got %q", b.String())
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("full") }

func TestPrinterKeepsTheError(t *testing.T) {
	p := &Printer{W: brokenWriter{}}
	p.Print(shown[0])
	if err := p.Close(); err == nil || !strings.Contains(err.Error(), "full") {
		t.Errorf("got %v", err)
	}
}

func TestWriteJSON(t *testing.T) {
	var b strings.Builder
	if err := WriteJSON(&b, shown); err != nil {
		t.Fatal(err)
	}
	var got []map[string]string
	if err := json.Unmarshal([]byte(b.String()), &got); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0]["level"] != "ok" || got[1]["id"] != "x" || got[1]["remedy"] == "" || got[0]["message"] == "" {
		t.Errorf("got %v", got)
	}
	if _, there := got[0]["remedy"]; there {
		t.Error("a remedy for what is good")
	}
	b.Reset()
	if err := WriteJSON(&b, nil); err != nil || b.String() != "[]\n" {
		t.Errorf("nothing is %q, %v", b.String(), err)
	}
}
