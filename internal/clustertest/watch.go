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
	done    chan struct{}

	mu     sync.Mutex
	owners map[string]string // by room and epoch
	faults []string
	rounds int
}

// watchInterval is how often a Watch looks.
const watchInterval = 250 * time.Millisecond

// Watch begins to look; it ends with the test, before the nodes do.
func (c *Cluster) Watch(t testing.TB) *Watch {
	w := &Watch{cluster: c, quit: make(chan struct{}), done: make(chan struct{}), owners: map[string]string{}}
	nodes := c.Nodes
	go w.run(nodes)
	t.Cleanup(func() {
		close(w.quit)
		<-w.done
		for _, f := range w.faults {
			t.Error(f)
		}
		if w.rounds == 0 {
			t.Error("the watch saw nothing")
		}
	})
	return w
}

func (w *Watch) run(nodes []*Node) {
	defer close(w.done)
	tick := time.NewTicker(watchInterval)
	defer tick.Stop()
	for {
		var looking sync.WaitGroup
		for _, n := range nodes {
			looking.Go(func() { w.look(n) })
		}
		looking.Wait()
		w.mu.Lock()
		w.rounds++
		w.mu.Unlock()
		select {
		case <-tick.C:
		case <-w.quit:
			return
		}
	}
}

// look asks one node. One that is frozen or gone does not answer, which is no fault.
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
