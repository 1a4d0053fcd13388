//go:build linux

package clustertest

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"
)

// A node without NATS needs nothing and opens nothing but its own port.
func TestNodeAlone(t *testing.T) {
	besideOthers(t)
	n := &Node{cluster: &Cluster{programs: need(t), block: reserve(t)}, Name: "alone", log: newJournal(t, "alone")}
	listen := "--listen=" + at(n.cluster.block.node(0), portHTTP)
	n.Process = start(t, program{name: n.Name, path: n.cluster.programs.server, args: []string{listen}, log: n.log})
	began := time.Now()
	Await(t, "the node is ready", func() bool { return Status(n.URL()+"/readyz") == http.StatusOK })
	Report(t, "one binary: start to /readyz", []time.Duration{time.Since(began)}, Bound{Max: 300 * time.Millisecond})

	ports, err := n.Listening()
	if err != nil {
		t.Fatal(err)
	}
	own := []string{fmt.Sprint("tcp ", portHTTP), fmt.Sprint("udp ", portHTTP)}
	for _, p := range ports {
		if !slices.Contains(own, p) {
			t.Errorf("it listens on %s", p)
		}
	}
	if !slices.Contains(ports, own[0]) {
		t.Errorf("it listens on %v only", ports)
	}

	before, err := n.CPU()
	if err != nil {
		t.Fatal(err)
	}
	watched := Sized(2*time.Second, 20*time.Second)
	Hold(t, "the node idles", watched, func() bool { return !n.Ended() })
	after, err := n.CPU()
	if err != nil {
		t.Fatal(err)
	}
	idle := float64(after-before) / float64(watched)
	resident, err := n.Resident()
	if err != nil {
		t.Fatal(err)
	}
	Note("one binary, idle", "%.2f %% of a processor, %d MiB resident; targets 1 %%, 40 MiB", 100*idle, resident>>20)
	if idle > Sized(0.1, 0.01) {
		t.Errorf("%.1f %% of a processor idle", 100*idle)
	}
	if resident > 40<<20 {
		t.Errorf("%d MiB are resident", resident>>20)
	}
}
