package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// runnable finds the blocks of README.md that are marked to be run.
var runnable = regexp.MustCompile("(?s)<!-- run -->\n```sh\n(.*?)```")

// TestBinaryDoesWhatTheReadmeSays runs those blocks in an empty directory, with the binary in the path.
func TestBinaryDoesWhatTheReadmeSays(t *testing.T) {
	sfu, err := filepath.Abs(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := runnable.FindAllStringSubmatch(string(content), -1)
	if len(blocks) == 0 {
		t.Fatal("no block of README.md is marked to be run")
	}
	for _, block := range blocks {
		c := exec.Command("sh", "-eu", "-c", block[1])
		c.Dir = t.TempDir()
		c.Env = []string{"PATH=" + filepath.Dir(sfu) + ":" + os.Getenv("PATH")}
		if output, err := c.CombinedOutput(); err != nil {
			t.Errorf("%v:\n%s\n%s", err, block[1], output)
		}
	}
}
