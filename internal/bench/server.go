package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The cores that the two sides run on.
const (
	serverCore    = 0
	generatorCore = 1
)

// most participants of a shape, and people in one of its rooms.
const roomLimit = 1000

// A bench is the programs that take part, and how they run.
type bench struct {
	sfu, plain, generator string
	realtime              bool
}

// build makes the programs that were not named, in the directory of the module.
func (b *bench) build(ctx context.Context, dir string) error {
	for _, p := range []struct {
		path   *string
		source string
	}{{&b.sfu, "./cmd/sfu"}, {&b.plain, "./internal/plainsfu"}} {
		if *p.path != "" {
			continue
		}
		*p.path = filepath.Join(dir, filepath.Base(p.source))
		c := exec.CommandContext(ctx, "go", "build", "-o", *p.path, p.source)
		c.Env = append(os.Environ(), "CGO_ENABLED=0")
		c.Stderr = os.Stderr
		if err := c.Run(); err != nil {
			return fmt.Errorf("build %s: %w", p.source, err)
		}
	}
	if b.generator == "" {
		b.generator = b.sfu
	}
	return nil
}

// pinned returns a command on one core.
func (b *bench) pinned(ctx context.Context, core int, program string, args ...string) *exec.Cmd {
	line := []string{"-c", strconv.Itoa(core)}
	if b.realtime {
		line = append(line, "chrt", "-f", "1")
	}
	c := exec.CommandContext(ctx, "taskset", append(append(line, program), args...)...)
	c.Env = ownEnvironment()
	c.Cancel = func() error { return c.Process.Signal(syscall.SIGTERM) }
	c.WaitDelay = 20 * time.Second
	return c
}

// ownEnvironment is the environment without settings of the server.
func ownEnvironment() []string {
	var all []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "SFU_") {
			all = append(all, v)
		}
	}
	return all
}

// A process is a server that runs.
type process struct {
	cmd  *exec.Cmd
	url  string
	said bytes.Buffer
}

// start starts our server, or plain pion, and waits until it answers.
func (b *bench) start(ctx context.Context, plain bool, args ...string) (*process, error) {
	address, err := free()
	if err != nil {
		return nil, err
	}
	args = append([]string{"--listen", address}, args...)
	program := b.sfu
	if plain {
		program = b.plain
	} else {
		args = append(args, "--log-level=warn", fmt.Sprintf("--max-participants=%d", roomLimit))
	}
	p := &process{cmd: b.pinned(ctx, serverCore, program, args...), url: "http://" + address}
	p.cmd.Stdout, p.cmd.Stderr = &p.said, &p.said
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", program, err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		answer, err := http.Get(p.url + "/v1/rooms/bench")
		if err == nil {
			answer.Body.Close()
			return p, nil
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			p.stop()
			return nil, fmt.Errorf("%s does not answer: %w\n%s", program, err, p.said.String())
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// stop ends the server, without a drain, and waits for it.
func (p *process) stop() {
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait() // killed
}

// free returns a port of this machine that nobody uses.
func free() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// tools reports which of the programs that are needed are missing.
func tools(names ...string) error {
	var missing []string
	for _, name := range names {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return errors.New("missing: " + strings.Join(missing, ", ") + " (Debian: apt-get install util-linux strace)")
	}
	return nil
}
