package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// runnable finds the blocks of a page that are marked to be run.
var runnable = regexp.MustCompile("(?s)<!-- run -->\n```sh\n(.*?)```")

// TestBinaryDoesWhatTheReadmeSays runs those blocks, each in an empty directory, with the binary in the path.
func TestBinaryDoesWhatTheReadmeSays(t *testing.T) {
	sfu, err := filepath.Abs(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range []string{"README.md", "docs/capacity.md"} {
		content, err := os.ReadFile("../../" + page)
		if err != nil {
			t.Fatal(err)
		}
		blocks := runnable.FindAllStringSubmatch(string(content), -1)
		if len(blocks) == 0 {
			t.Errorf("no block of %s is marked to be run", page)
		}
		for _, block := range blocks {
			c := exec.Command("sh", "-eu", "-c", block[1])
			c.Dir = t.TempDir()
			c.Env = []string{"PATH=" + filepath.Dir(sfu) + ":" + os.Getenv("PATH")}
			if output, err := c.CombinedOutput(); err != nil {
				t.Errorf("%s: %v:\n%s\n%s", page, err, block[1], output)
			}
		}
	}
}

// loads finds the lines of a page that call sfu load.
var loads = regexp.MustCompile("(?m)^sfu load (.*)$")

// TestBinaryKnowsTheLoadsOfTheDocs gives each of those command lines an address where nobody listens: the server is missing, but every flag
// is known and right.
func TestBinaryKnowsTheLoadsOfTheDocs(t *testing.T) {
	sfu := binary(t)
	content, err := os.ReadFile("../../docs/capacity.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := loads.FindAllStringSubmatch(string(content), -1)
	if len(commands) < 4 {
		t.Fatalf("%d calls of sfu load in docs/capacity.md", len(commands))
	}
	for _, command := range commands {
		c := exec.Command("sh", "-c", "server=1; "+sfu+" load "+command[1]+" --url=http://127.0.0.1:1")
		output, _ := c.CombinedOutput()
		if c.ProcessState.ExitCode() != 1 || !strings.Contains(string(output), "refused") {
			t.Errorf("sfu load %s: %s", command[1], output)
		}
	}
}

// servers finds the blocks that start a server in the source tree.
var servers = regexp.MustCompile("(?s)<!-- serve -->\n```sh\n(.*?)\n```")

// TestBinaryIsNotNeededToServe starts the server as README.md says, from the sources.
func TestBinaryIsNotNeededToServe(t *testing.T) {
	binary(t) // with the other tests of the whole program, since it is built once more
	content, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := servers.FindAllStringSubmatch(string(content), -1)
	if len(blocks) < 2 {
		t.Fatalf("%d blocks of README.md are marked to serve", len(blocks))
	}
	for _, block := range blocks {
		c := exec.Command("sh", "-c", block[1])
		c.Dir = "../.."
		c.Env = append(os.Environ(), "SFU_LISTEN=127.0.0.1:0", "SFU_STATE_DIR="+t.TempDir())
		c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		c.Stderr = os.Stderr
		stdout, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		giveUp := time.AfterFunc(5*time.Minute, func() { _ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) })
		opened := false
		for lines := bufio.NewScanner(stdout); !opened && lines.Scan(); {
			opened = strings.HasPrefix(lines.Text(), "Open ")
		}
		giveUp.Stop()
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		_ = c.Wait() // killed
		if !opened {
			t.Errorf("%q did not start", block[1])
		}
	}
}

// made finds what the pages have make do.
var made = regexp.MustCompile("(?m)(?:^|`)make ([a-z][a-z-]*)")

// TestDocsNameTargetsOfMake keeps the pages and the Makefile together.
func TestDocsNameTargetsOfMake(t *testing.T) {
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	pages, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(pages) < 5 {
		t.Fatalf("%d pages, %v", len(pages), err)
	}
	for _, page := range append(pages, "../../README.md") {
		content, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range made.FindAllStringSubmatch(string(content), -1) {
			if !strings.Contains(string(makefile), "\n"+name[1]+": ") {
				t.Errorf("%s speaks of make %s, which is no target", page, name[1])
			}
		}
	}
}
