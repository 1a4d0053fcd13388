//go:build linux

package clustertest

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// A Watch looks at all nodes again and again, and fails its test if two of them ever own a room under one epoch, or one that runs is not alive.
type Watch struct {
	cluster *Cluster
	quit    chan struct{}
	looking sync.WaitGroup

	mu     sync.Mutex
	owners map[string]string // by room and epoch
	faults []string
	looks  int
}

// watchInterval is how often a Watch looks.
const watchInterval = 250 * time.Millisecond

// Watch begins to look; it ends with the test, before the nodes do.
func (c *Cluster) Watch(t testing.TB) *Watch {
	w := &Watch{cluster: c, quit: make(chan struct{}), owners: map[string]string{}}
	for _, n := range c.Nodes {
		w.looking.Go(func() { w.follow(n) })
	}
	t.Cleanup(func() {
		close(w.quit)
		w.looking.Wait()
		for _, f := range w.faults {
			t.Error(f)
		}
		if w.looks == 0 {
			t.Error("the watch saw nothing")
		}
	})
	return w
}

// follow looks at one node until the end. One that is frozen does not answer, and must not keep the others waiting.
func (w *Watch) follow(n *Node) {
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		w.look(n)
		select {
		case <-tick.C:
		case <-w.quit:
			return
		}
	}
}

// look asks the node. That it does not answer is no fault.
func (w *Watch) look(n *Node) {
	if status := Status(n.Admin() + "/livez"); status != 0 && status != http.StatusOK {
		w.fault("%s is not alive: %d", n.Name, status)
	}
	v, err := n.View()
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looks++
	for _, r := range v.Rooms {
		key, owner := r.Room+" "+r.Epoch, n.Name+" "+v.Incarnation()
		if other := w.owners[key]; other != "" && other != owner {
			w.faults = append(w.faults, fmt.Sprintf("%s is owned by %s and by %s", key, other, owner))
		}
		w.owners[key] = owner
	}
}

func (w *Watch) fault(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}
