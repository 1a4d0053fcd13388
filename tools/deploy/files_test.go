package deploy

import (
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
