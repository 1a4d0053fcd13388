package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// binaryVariable names the binary that these tests run. They are about the program as it is shipped, so they do not build one
// themselves: make test does. Its name does not begin with envPrefix, which belongs to the program.
const binaryVariable = "SERVER_BINARY"

// The targets, and by how much a busy machine may miss them.
const (
	startTarget  = 300 * time.Millisecond
	memoryTarget = 40 << 20 // resident bytes
	slack        = 10
)

func binary(t *testing.T) string {
	t.Helper()
	path := os.Getenv(binaryVariable)
	if path == "" {
		t.Skipf("%s does not name the binary; make test sets it", binaryVariable)
	}
	return path
}

// process is a server that runs.
type process struct {
	*exec.Cmd
	url    string
	stderr *bytes.Buffer
	ready  time.Duration // from the start until the banner
}

// launch starts the binary on a free port.
func launch(t *testing.T, args, env []string) *process {
	t.Helper()
	p := &process{Cmd: exec.Command(binary(t), append([]string{"--listen=127.0.0.1:0"}, args...)...), stderr: &bytes.Buffer{}}
	p.Env, p.Stderr = env, p.stderr
	stdout, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if p.ProcessState == nil {
			_ = p.Process.Kill()
			_ = p.Wait()
		}
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "Open    "); ok {
			p.url, p.ready = strings.Replace(rest, "localhost", "127.0.0.1", 1), time.Since(begin)
		}
		if lines.Text() == "" && p.url != "" {
			break
		}
	}
	if p.url == "" {
		_ = p.Wait()
		t.Fatalf("the server did not start: %s", p.stderr)
	}
	return p
}

func (p *process) exit(t *testing.T) int {
	t.Helper()
	timer := time.AfterFunc(patience, func() { _ = p.Process.Kill() })
	defer timer.Stop()
	_ = p.Wait()
	return p.ProcessState.ExitCode()
}

func TestBinaryStartsQuicklyAndIdlesSmall(t *testing.T) {
	p := launch(t, nil, nil)
	t.Logf("started in %v", p.ready)
	if p.ready > slack*startTarget {
		t.Errorf("started in %v, the target is %v", p.ready, startTarget)
	}
	response, err := http.Get(p.url + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if response.StatusCode != http.StatusOK {
		t.Errorf("ready: %s", response.Status)
	}
	resident, err := residentBytes(p.Process.Pid)
	if err != nil {
		t.Skip(err)
	}
	t.Logf("resident: %d KiB", resident>>10)
	if resident > memoryTarget {
		t.Errorf("%d MiB are resident, the target is %d", resident>>20, memoryTarget>>20)
	}
}

// residentBytes reads /proc, which only Linux has.
func residentBytes(pid int) (int, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(content)) {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			kib, err := strconv.Atoi(strings.Fields(rest)[0])
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("no VmRSS in /proc/%d/status", pid)
}

func TestBinaryEndsBySignal(t *testing.T) {
	for _, s := range []os.Signal{syscall.SIGTERM, syscall.SIGINT} {
		p := launch(t, nil, nil)
		if err := p.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		if code := p.exit(t); code != exitOK {
			t.Errorf("%v: exit code %d, %s", s, code, p.stderr)
		}
		if !strings.Contains(p.stderr.String(), "draining") {
			t.Errorf("%v: log %s", s, p.stderr)
		}
	}
}

// S17: an unknown key is an error that names it.
func TestBinaryRefusesWhatItDoesNotKnow(t *testing.T) {
	for _, tt := range []struct {
		args, env []string
		named     string
	}{
		{args: []string{"--nonsense"}, named: "--nonsense"},
		{env: []string{"SFU_NONSENSE=1"}, named: "SFU_NONSENSE"},
		{args: []string{"--max-rooms=x"}, named: "--max-rooms"},
	} {
		c := exec.Command(binary(t), tt.args...)
		c.Env = tt.env
		output, err := c.CombinedOutput()
		if err == nil || c.ProcessState.ExitCode() != exitUsage || !strings.Contains(string(output), tt.named) {
			t.Errorf("%v %v: %v, %s", tt.args, tt.env, err, output)
		}
	}
}

// S6: one static binary; make platforms builds it for the other systems.
func TestBinaryIsStatic(t *testing.T) {
	output, err := exec.Command("go", "version", "-m", binary(t)).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"CGO_ENABLED=0", "-trimpath=true"} {
		if !strings.Contains(string(output), want) {
			t.Errorf("it was not built with %s", want)
		}
	}
}

func TestBinaryHealthcheck(t *testing.T) {
	p := launch(t, []string{"--tls-self", "--state-dir=" + t.TempDir()}, nil)
	port := p.url[strings.LastIndex(p.url, ":"):]
	if output, err := exec.Command(binary(t), "healthcheck", "--listen="+port).CombinedOutput(); err != nil {
		t.Errorf("%v: %s", err, output)
	}
	_ = p.Process.Signal(syscall.SIGTERM)
	p.exit(t)
	if err := exec.Command(binary(t), "healthcheck", "--listen="+port).Run(); err == nil {
		t.Error("a server that is gone is healthy")
	}
}
