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

// settings returns the environment variables of the server, as its own tests keep them in the documentation.
func settings(t *testing.T) map[string]string {
	t.Helper()
	row := regexp.MustCompile("(?m)^\\| [^|]* \\| `(SFU_[A-Z_]+)` \\| `?([^|`]*)`? \\|")
	defaults := map[string]string{}
	for _, m := range row.FindAllStringSubmatch(read(t, "docs/configuration.md"), -1) {
		defaults[m[1]] = strings.TrimSpace(m[2])
	}
	if len(defaults) < 10 || defaults["SFU_LISTEN"] != ":8080" {
		t.Fatalf("the table of settings was not understood: %v", defaults)
	}
	return defaults
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestMentionedSettingsExist also reads comments.
func TestMentionedSettingsExist(t *testing.T) {
	known := settings(t)
	name := regexp.MustCompile(`SFU_[A-Z_]*[A-Z]`)
	for _, file := range []string{"deploy/compose.yaml", "deploy/sfu.service", "deploy/Dockerfile", "README.md"} {
		for _, mentioned := range name.FindAllString(read(t, file), -1) {
			if _, there := known[mentioned]; !there {
				t.Errorf("%s names %s, which is no setting", file, mentioned)
			}
		}
	}
}
