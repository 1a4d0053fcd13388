package deploy

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const root = "../../"

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// pending returns the lines of a list of what the server's documentation does not have yet; no list is an empty one.
func pending(t *testing.T, name string) [][]string {
	t.Helper()
	content, err := os.ReadFile(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	var lines [][]string
	for line := range strings.Lines(string(content)) {
		if fields := strings.Fields(line); len(fields) > 0 && fields[0] != "#" {
			lines = append(lines, fields)
		}
	}
	return lines
}

// A setting is a row of the tables in docs/configuration.md. The flag is empty where there is none.
type setting struct{ flag, variable, preset string }

// allSettings are those of the server, as its own tests keep them in the documentation.
func allSettings(t *testing.T) []setting {
	t.Helper()
	var all []setting
	row := regexp.MustCompile("(?m)^\\| (?:`(--[a-z0-9-]+)[^`]*`|none) \\| `(SFU_[A-Z_]+)` \\| `?([^|`]*)`? \\|")
	for _, m := range row.FindAllStringSubmatch(read(t, "docs/configuration.md"), -1) {
		all = append(all, setting{m[1], m[2], strings.TrimSpace(m[3])})
	}
	if len(all) < 10 {
		t.Fatalf("the tables of settings were not understood: %v", all)
	}
	for _, fields := range pending(t, "settings_pending.txt") {
		s := setting{flag: strings.TrimPrefix(fields[0], "none"), variable: fields[1]}
		if len(fields) > 2 {
			s.preset = fields[2]
		}
		all = append(all, s)
	}
	return all
}

// settings returns the presets by environment variable.
func settings(t *testing.T) map[string]string {
	t.Helper()
	presets := map[string]string{}
	for _, s := range allSettings(t) {
		presets[s.variable] = s.preset
	}
	return presets
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}
