//go:build linux

package clustertest

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
)

// canBeApart says why this machine cannot put a process into a network of its own, nil if it can.
func canBeApart() error {
	if os.Geteuid() != 0 {
		return fmt.Errorf("only root can make networks")
	}
	for _, program := range []string{"ip", "nft", "nsenter"} {
		if _, err := exec.LookPath(program); err != nil {
			return err
		}
	}
	return nil
}

// join ties the network that the server has for itself to the one of this machine. What is made goes away with the process.
func (s *NATS) join(t testing.TB) {
	t.Helper()
	b, pid := s.cluster.block, strconv.Itoa(s.PID())
	near, far := "ct"+pid, "far"
	run(t, "", "ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", pid)
	run(t, "", "ip", "addr", "add", b.here()+"/30", "dev", near)
	run(t, "", "ip", "link", "set", near, "up")
	s.inside(t, "", "ip", "link", "set", "lo", "up")
	s.inside(t, "", "ip", "addr", "add", s.host+"/30", "dev", far)
	s.inside(t, "", "ip", "link", "set", far, "up")
}

// Lose has the kernel drop this many of 100 packets, in each direction. The server must be apart.
func (s *NATS) Lose(t testing.TB, percent int) {
	t.Helper()
	s.inside(t, fmt.Sprintf(`table inet loss {
	chain in { type filter hook input priority 0; iifname "far" numgen random mod 100 < %[1]d counter drop; }
	chain out { type filter hook output priority 0; oifname "far" numgen random mod 100 < %[1]d counter drop; }
}
`, percent), "nft", "-f", "-")
}

// Lost is how many packets were dropped.
func (s *NATS) Lost(t testing.TB) int {
	t.Helper()
	lost := 0
	fields := strings.Fields(s.inside(t, "", "nft", "list", "ruleset"))
	for i, f := range fields[:max(0, len(fields)-1)] {
		if f == "packets" {
			n, err := strconv.Atoi(fields[i+1])
			if err != nil {
				t.Fatal(err)
			}
			lost += n
		}
	}
	return lost
}

// inside runs a program in the server's network.
func (s *NATS) inside(t testing.TB, input string, command ...string) string {
	t.Helper()
	return run(t, input, "nsenter", append([]string{"--target", strconv.Itoa(s.PID()), "--net"}, command...)...)
}

func run(t testing.TB, input, program string, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stdin = strings.NewReader(input)
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %v: %v: %s", program, args, err, output)
	}
	return string(output)
}
