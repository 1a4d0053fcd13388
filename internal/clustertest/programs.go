//go:build linux

package clustertest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// serverVariable names the server's binary, or is "build".
const serverVariable = "SERVER_BINARY"

// Full reports whether the tests have their full size and assert the targets.
func Full() bool { return os.Getenv("SFU_LONG") != "" }

// Sized returns what belongs to the size of the tests.
func Sized[T any](small, full T) T {
	if Full() {
		return full
	}
	return small
}

// programs are where the programs are.
type programs struct {
	server, nats, haproxy string
}

// built is where programs go that are built; Main makes and removes it.
var built string

// Main runs the tests of this package and prints the figures.
func Main(m *testing.M) int {
	var err error
	if built, err = os.MkdirTemp("", "clustertest"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(built)
	code := m.Run()
	fmt.Print(figures.table())
	return code
}

// need returns the programs, or skips where they were not asked for.
func need(t testing.TB) programs {
	t.Helper()
	if os.Getenv(serverVariable) == "" {
		t.Skipf("%s does not name the server; make test-cluster sets it", serverVariable)
	}
	p, err := findPrograms()
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var findPrograms = sync.OnceValues(func() (p programs, err error) {
	if p.server = os.Getenv(serverVariable); p.server == "build" {
		if p.server, err = build("sfu", "sfu/cmd/sfu"); err != nil {
			return p, err
		}
	}
	if p.nats, err = build("nats-server", "github.com/nats-io/nats-server/v2"); err != nil {
		return p, err
	}
	if p.haproxy, err = exec.LookPath("haproxy"); err != nil {
		p.haproxy, err = exec.LookPath("/usr/sbin/haproxy")
	}
	if err != nil {
		return p, fmt.Errorf("haproxy is needed, scripts/install.sh installs it: %w", err)
	}
	return p, nil
})

// build makes a program of the module or of those it requires.
func build(name, path string) (string, error) {
	target := filepath.Join(built, name)
	if output, err := exec.Command("go", "build", "-o", target, path).CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w: %s", name, err, output)
	}
	return target, nil
}
