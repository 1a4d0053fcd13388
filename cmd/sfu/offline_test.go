package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// alone runs in a network of its own that has no way out. A second signal ends the server at once.
const alone = `
ip link set lo up
sfu >server.log 2>&1 &
server=$!
until sfu healthcheck 2>/dev/null; do sleep 0.05; done
sfu load --json --sample=1 --viewers=2 --settle=0s --duration=2s --fps=10 --bitrate=200000
kill $server
while kill $server 2>/dev/null; do sleep 0.05; done
`

// S22, S25: a call needs no Internet: no STUN server, nobody's cloud. The server has no flag here, as S6 has it.
func TestBinaryWithoutInternet(t *testing.T) {
	if output, err := exec.Command("unshare", "--net", "ip", "link").CombinedOutput(); err != nil {
		t.Skipf("no network namespaces here: %v, %s", err, output)
	}
	sfu, err := filepath.Abs(binary(t))
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command("timeout", "60", "unshare", "--net", "sh", "-eu", "-c", alone)
	c.Dir = t.TempDir()
	c.Env = []string{"PATH=" + filepath.Dir(sfu) + ":" + os.Getenv("PATH")}
	output, err := c.Output()
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(c.Dir, "server.log"))
		t.Fatalf("%v\n%s\n%s", err, output, log)
	}
	var got struct{ Joined, Failed, CheckedPackets, BadPackets int }
	if err := json.Unmarshal(output, &got); err != nil {
		t.Fatalf("%v in %s", err, output)
	}
	if got.Joined != 3 || got.Failed != 0 || got.CheckedPackets < 20 || got.BadPackets != 0 {
		t.Errorf("%+v", got)
	}
}
