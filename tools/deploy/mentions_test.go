package deploy

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// operatorFiles are all that tell people what to write: what lies in deploy, and the pages about it.
func operatorFiles(t *testing.T) []string {
	t.Helper()
	files := []string{"README.md", "docs/deploy.md", "docs/runbook.md"}
	err := fs.WalkDir(os.DirFS(root), "deploy", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() && !strings.Contains(path, "/secrets/") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 30 {
		t.Fatalf("only %d files: %v", len(files), files)
	}
	return files
}

// notSettings begin with SFU_ and are something else: the names of our bucket and of the chart's fields are written so.
var notSettings = []string{"SFU_ROOMS"}

// TestMentionedSettingsExist also reads comments.
func TestMentionedSettingsExist(t *testing.T) {
	known := settings(t)
	name := regexp.MustCompile(`SFU_[A-Z_]*[A-Z]`)
	found := 0
	for _, file := range operatorFiles(t) {
		for _, mentioned := range name.FindAllString(read(t, file), -1) {
			found++
			if _, there := known[mentioned]; !there && !slices.Contains(notSettings, mentioned) {
				t.Errorf("%s names %s, which is no setting", file, mentioned)
			}
		}
	}
	if found < 40 {
		t.Errorf("only %d settings were found", found)
	}
}

// othersFlags are flags in our files that are not those of sfu serve, by whose they are.
var othersFlags = map[string][]string{
	"sfu's other commands": {"--remote", "--admin", "--json", "--help", "--room", "--identity", "--name", "--auth-keys-file"},
	"docker":               {"--build", "--detach", "--no-deps", "--platform", "--interval", "--timeout", "--start-period", "--retries", "--from", "--build-arg"},
	"helm":                 {"--namespace", "--create-namespace", "--set", "--values", "--install", "--set-string"},
	"kubectl":              {"--from-literal", "--raw", "--cert", "--key"},
	"nats-server":          {"--jetstream", "--addr", "--port", "--store_dir"},
	"systemctl":            {"--now"},
	"prometheus":           {"--config", "--storage"},
}

func TestMentionedFlagsExist(t *testing.T) {
	known := map[string]bool{}
	for _, s := range allSettings(t) {
		known[s.flag] = true
	}
	for _, flags := range othersFlags {
		for _, name := range flags {
			known[name] = true
		}
	}
	flag := regexp.MustCompile(`(?m)(?:^|[\s("'\x60\[])(--[a-z][a-z0-9_-]*)`)
	found := 0
	for _, file := range operatorFiles(t) {
		for _, m := range flag.FindAllStringSubmatch(read(t, file), -1) {
			found++
			if !known[m[1]] {
				t.Errorf("%s names %s, which is no flag", file, m[1])
			}
		}
	}
	if found < 60 {
		t.Errorf("only %d flags were found", found)
	}
}

// anchor is what a heading can be linked to as.
func anchor(heading string) string {
	heading = strings.ToLower(strings.TrimSpace(heading))
	heading = regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(heading, "")
	return strings.ReplaceAll(heading, " ", "-")
}

func anchors(page string) []string {
	var all []string
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(page, -1) {
		all = append(all, anchor(m[1]))
	}
	return all
}

func TestLinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	for _, page := range []string{"README.md", "docs/deploy.md", "docs/runbook.md"} {
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			target, fragment, _ := strings.Cut(m[1], "#")
			if strings.HasPrefix(target, "http") {
				continue
			}
			path := page
			if target != "" {
				path = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(filepath.Join(root, path)); err != nil {
				t.Errorf("%s: %v", page, err)
			} else if fragment != "" && !slices.Contains(anchors(read(t, path)), fragment) {
				t.Errorf("%s: %s has no heading %s", page, path, fragment)
			}
		}
	}
}
