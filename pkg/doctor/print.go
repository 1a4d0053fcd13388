package doctor

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// A Printer writes Findings for people.
type Printer struct {
	// W is where to. Errors of it are kept and returned by Close.
	W io.Writer
	// Colours marks levels with ANSI escapes, for terminals.
	Colours bool
	// Width is the length of a line in characters, 100 where it is 0.
	Width int

	err    error
	counts [len(levelNames)]int
}

var colours = [...]string{OK: "\x1b[32m", Info: "\x1b[36m", Warn: "\x1b[33m", Fail: "\x1b[31;1m"}

const (
	colourEnd = "\x1b[0m"
	// indent is where the text begins, behind the level.
	indent       = "      "
	defaultWidth = 100
)

// Print writes one Finding: its level and message, its id, and under it the remedy.
func (p *Printer) Print(f Finding) {
	p.counts[f.Level]++
	level := fmt.Sprintf("%-4s", f.Level)
	if p.Colours {
		level = colours[f.Level] + level + colourEnd
	}
	text := wrap(fmt.Sprintf("%s [%s]", f.Message, f.ID), p.width()-len(indent))
	for i, line := range text {
		if i == 0 {
			p.line("%s  %s", level, line)
			continue
		}
		p.line("%s%s", indent, line)
	}
	if f.Remedy == "" {
		return
	}
	for i, line := range wrap(f.Remedy, p.width()-len(indent)-3) {
		p.line("%s%s %s", indent, [...]string{"->", "  "}[min(i, 1)], line)
	}
}

// Close writes the count of each level and returns the first error of W.
func (p *Printer) Close() error {
	p.line("\ngood: %d, to know: %d, warnings: %d, failures: %d", p.counts[OK], p.counts[Info], p.counts[Warn], p.counts[Fail])
	if p.err != nil {
		return fmt.Errorf("write the findings: %w", p.err)
	}
	return nil
}

func (p *Printer) width() int {
	if p.Width == 0 {
		return defaultWidth
	}
	return p.Width
}

func (p *Printer) line(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.W, format+"\n", args...)
	}
}

// wrap breaks text into lines of at most width characters, where its words allow it.
func wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// WriteJSON writes findings as an array of objects with id, level, message and, where there is one, remedy.
func WriteJSON(w io.Writer, findings []Finding) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(append([]Finding{}, findings...)); err != nil {
		return fmt.Errorf("write the findings: %w", err)
	}
	return nil
}
