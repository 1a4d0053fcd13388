//go:build linux

package clustertest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// A Node is one sfu. Its Process is another one after each Start.
type Node struct {
	*Process
	Name string

	cluster *Cluster
	index   int
	args    []string
	log     *journal
	began   time.Time
}

// secret is what the nodes share.
const secret = "SFU_CLUSTER_SECRET=the quick brown fox jumps over it"

// Start starts the node's process, at the addresses that it always has.
func (n *Node) Start(t testing.TB) {
	t.Helper()
	b := n.cluster.block
	host := b.node(n.index)
	args := []string{
		"--listen=" + at(host, portHTTP), "--admin-listen=" + at(host, portAdmin), "--trusted-proxies=" + b.balancerSource(),
		"--max-participants=500", "--node-name=" + n.Name,
	}
	var env []string
	if servers := len(n.cluster.NATS); servers > 0 {
		var urls []string
		for i := range servers {
			urls = append(urls, "nats://"+at(b.engine(n.index, i), portNATS))
		}
		args = append(args, "--nats-url="+strings.Join(urls, ","), "--cluster-listen="+at(host, portMesh), "--cluster-address="+at(b.mesh(n.index), portMesh))
		env = append(env, secret)
	}
	n.began = time.Now()
	n.Process = start(t, program{name: n.Name, path: n.cluster.programs.server, args: append(args, n.args...), env: env, log: n.log})
}

// URL is the node's own address for clients.
func (n *Node) URL() string { return "http://" + at(n.cluster.block.node(n.index), portHTTP) }

// Admin is where operators ask.
func (n *Node) Admin() string { return "http://" + at(n.cluster.block.node(n.index), portAdmin) }

// AwaitReady waits until the node takes people.
func (n *Node) AwaitReady(t testing.TB) {
	t.Helper()
	Await(t, n.Name+" is ready", func() bool {
		if n.Ended() {
			t.Fatalf("%s has ended: %v", n.Name, n.cmd.ProcessState)
		}
		return Status(n.Admin()+"/readyz") == http.StatusOK
	})
}

// asking is for questions that a frozen process does not answer.
var asking = &http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// Status asks for a page and returns the status, 0 where there is no answer.
func Status(url string) int {
	answer, err := asking.Get(url)
	if err != nil {
		return 0
	}
	_ = answer.Body.Close()
	return answer.StatusCode
}

func get(url string) ([]byte, error) {
	answer, err := asking.Get(url)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %s", url, answer.Status, body)
	}
	return body, err
}

// View asks the node how it sees the cluster.
func (n *Node) View() (View, error) {
	var v View
	body, err := get(n.Admin() + "/cluster")
	if err == nil {
		err = json.Unmarshal(body, &v)
	}
	if err != nil {
		return v, fmt.Errorf("ask %s for its view: %w", n.Name, err)
	}
	return v, nil
}

// Members asks the node who is in a room that it serves: the names, and how many have a socket.
func (n *Node) Members(room string) (names []string, connected int, err error) {
	var answer struct {
		Members []struct {
			Name      string `json:"name"`
			Connected bool   `json:"connected"`
		} `json:"members"`
	}
	body, err := get(n.Admin() + "/rooms/" + room)
	if err == nil {
		err = json.Unmarshal(body, &answer)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("ask %s who is in %s: %w", n.Name, room, err)
	}
	for _, m := range answer.Members {
		names = append(names, m.Name)
		if m.Connected {
			connected++
		}
	}
	return names, connected, nil
}

// freshness is how old what /metrics says may be.
const freshness = time.Second

// ReadMetrics asks the node for its metrics, which may be a second old.
func (n *Node) ReadMetrics() (Samples, error) {
	body, err := get(n.Admin() + "/metrics")
	if err != nil {
		return nil, fmt.Errorf("ask %s for its metrics: %w", n.Name, err)
	}
	return readSamples(string(body))
}

// Metrics are those of now, of a node that must answer.
func (n *Node) Metrics(t testing.TB) Samples {
	t.Helper()
	until(freshness, n.Ended)
	s, err := n.ReadMetrics()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Command runs a subcommand of the node's program about it, such as "drain".
func (n *Node) Command(t testing.TB, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	command := exec.CommandContext(ctx, n.cluster.programs.server, name, "--admin="+at(n.cluster.block.node(n.index), portAdmin))
	command.Env = []string{} // variables that begin with SFU_ would be settings
	output, err := command.CombinedOutput()
	n.log.note("sfu %s: %s", name, output)
	if err != nil {
		t.Fatalf("sfu %s: %v: %s", name, err, output)
	}
}
