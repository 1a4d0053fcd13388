//go:build linux

package clustertest

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A Balancer is a HAProxy in front of all nodes, in turns and without stickiness.
type Balancer struct {
	*Process
	cluster *Cluster
	config  string
	log     *journal
}

func newBalancer(t testing.TB, c *Cluster) *Balancer {
	t.Helper()
	b := &Balancer{cluster: c, config: filepath.Join(t.TempDir(), "haproxy.cfg"), log: newJournal(t, "haproxy")}
	if err := os.WriteFile(b.config, []byte(b.configuration()), 0o600); err != nil {
		t.Fatal(err)
	}
	return b
}

func (b *Balancer) configuration() string {
	var text strings.Builder
	fmt.Fprintf(&text, `global
  maxconn 4000
defaults
  mode http
  option forwardfor
  option redispatch 1
  retries 3
  timeout connect 1s
  timeout client 30s
  timeout server 30s
  timeout tunnel 1h
frontend clients
  bind %s
  default_backend nodes
backend nodes
  balance roundrobin
  source %s
  option httpchk GET /readyz
  http-check expect status 200
  default-server check inter 250ms fastinter 100ms fall 2 rise 1 on-error fastinter
`, at(b.cluster.block.balancer(), portHTTP), b.cluster.block.balancerSource())
	for i, n := range b.cluster.Nodes {
		fmt.Fprintf(&text, "  server %s %s\n", n.Name, at(b.cluster.block.node(i), portHTTP))
	}
	return text.String()
}

// Start starts it and waits until it passes something on.
func (b *Balancer) Start(t testing.TB) {
	t.Helper()
	b.Process = start(t, program{name: "haproxy", path: b.cluster.programs.haproxy, args: []string{"-db", "-f", b.config}, log: b.log})
	Await(t, "the balancer passes requests on", func() bool {
		if b.Ended() {
			t.Fatalf("haproxy has ended: %v", b.cmd.ProcessState)
		}
		return Status(b.URL()+"/livez") == http.StatusOK
	})
}

// Restart ends all its connections, and starts it again.
func (b *Balancer) Restart(t testing.TB) {
	t.Helper()
	b.Terminate()
	if _, err := b.Exit(patience); err != nil {
		t.Fatal(err)
	}
	b.Start(t)
}

// URL is the cluster's one address.
func (b *Balancer) URL() string { return "http://" + at(b.cluster.block.balancer(), portHTTP) }
