//go:build linux

package clustertest

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Options say what a Cluster is made of.
type Options struct {
	// Nodes and NATS servers, 3 and 1 where they are 0. Without is for nodes that are alone.
	Nodes, NATS int
	Without     bool
	// Apart has the one NATS server in a network of its own, see NATS.Lose.
	Apart bool
	// Args are further arguments of node i.
	Args func(i int) []string
}

// A Cluster is what runs: nodes that share NATS servers, behind a balancer.
type Cluster struct {
	Nodes    []*Node
	NATS     []*NATS
	Balancer *Balancer

	programs programs
	block    block
	engine   [][]*Relay // from node to NATS server
	mesh     []*Relay   // to node
	people   atomic.Int64
	rooms    int
}

// Start starts a cluster that is ready and knows itself: every node sees every other. It ends with the test.
func Start(t testing.TB, o Options) *Cluster {
	t.Helper()
	if o.Nodes == 0 {
		o.Nodes = 3
	}
	if o.NATS == 0 && !o.Without {
		o.NATS = 1
	}
	c := &Cluster{programs: need(t), block: reserve(t)}
	for i := range o.NATS {
		c.NATS = append(c.NATS, newNATS(t, c, i, o))
	}
	for _, s := range c.NATS {
		s.Start(t)
	}
	for i := range o.Nodes {
		c.newNode(t, i, o)
	}
	for _, n := range c.Nodes {
		n.Start(t)
	}
	for _, n := range c.Nodes {
		n.AwaitReady(t)
	}
	if !o.Without {
		c.AwaitWhole(t)
	}
	c.Balancer = newBalancer(t, c)
	c.Balancer.Start(t)
	return c
}

// newNode makes a node with its relays; it does not run yet.
func (c *Cluster) newNode(t testing.TB, i int, o Options) {
	n := &Node{cluster: c, index: i, Name: fmt.Sprintf("n%d", i+1)}
	n.log = newJournal(t, n.Name)
	if o.Args != nil {
		n.args = o.Args(i)
	}
	var relays []*Relay
	for j := range c.NATS {
		relays = append(relays, NewRelay(t, at(c.block.engine(i, j), portNATS), at(c.NATS[j].host, portNATS)))
	}
	c.engine = append(c.engine, relays)
	if len(c.NATS) > 0 {
		c.mesh = append(c.mesh, NewRelay(t, at(c.block.mesh(i), portMesh), at(c.block.node(i), portMesh)))
	}
	c.Nodes = append(c.Nodes, n)
}

// ToEngine are the relays from a node to all NATS servers.
func (c *Cluster) ToEngine(n *Node) []*Relay { return c.engine[n.index] }

// ToNode is the relay to a node from the others.
func (c *Cluster) ToNode(n *Node) *Relay { return c.mesh[n.index] }

// AllToEngine are the relays from all nodes to all NATS servers.
func (c *Cluster) AllToEngine() []*Relay { return slices.Concat(c.engine...) }

// Running are the nodes that can answer: their process is there and is not frozen.
func (c *Cluster) Running() []*Node {
	return slices.DeleteFunc(slices.Clone(c.Nodes), func(n *Node) bool { return n.Process == nil || n.Ended() || n.frozen.Load() })
}

// settled is how long a node must have been connected before it judges others.
const settled = 3 * time.Second

// AwaitWhole waits until every node that runs has an engine that is up, sees all others, and has been there long enough to replace them.
func (c *Cluster) AwaitWhole(t testing.TB) {
	t.Helper()
	running := c.Running()
	Await(t, "every node sees every other", func() bool {
		for _, n := range running {
			v, err := n.View()
			if err != nil || !v.Engine.Up || v.Alive() != len(running) || time.Since(n.began) < settled+time.Second {
				return false
			}
		}
		return true
	})
}

// Owners are the nodes that say that they own a room, with the epochs.
func (c *Cluster) Owners(room string) map[*Node]string {
	owners := map[*Node]string{}
	for _, n := range c.Running() {
		v, err := n.View()
		if err != nil {
			continue // it does not answer, so it serves nobody
		}
		if r, owns := v.Owns(room); owns {
			owners[n] = r.Epoch
		}
	}
	return owners
}

// Owner waits until exactly one node owns a room, and returns it.
func (c *Cluster) Owner(t testing.TB, room string) *Node {
	t.Helper()
	var owner *Node
	Await(t, "one node owns "+room, func() bool {
		owners := c.Owners(room)
		for owner = range owners {
		}
		return len(owners) == 1
	})
	return owner
}

// RoomAt returns the name of a new room that a node owns. It is empty and stays for a while.
func (c *Cluster) RoomAt(t testing.TB, n *Node) string {
	t.Helper()
	for range 50 {
		c.rooms++
		room := fmt.Sprintf("room%d", c.rooms)
		host := c.JoinAt(t, n.URL(), room, "host", Silent)
		owner := c.Owner(t, room)
		host.Leave()
		if owner == n {
			return room
		}
	}
	t.Fatalf("no room comes to %s", n.Name)
	return ""
}

// Others are the nodes but one.
func (c *Cluster) Others(than *Node) []*Node {
	return slices.DeleteFunc(slices.Clone(c.Nodes), func(n *Node) bool { return n == than })
}

// Sum adds a metric up over the nodes that answer, as it is now; labels are as in Samples.Sum.
func (c *Cluster) Sum(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	return SumOf(t, c.Running(), name, labels...)
}

// SumOf is Sum over some nodes. One that was started again counts from the beginning.
func SumOf(t testing.TB, nodes []*Node, name string, labels ...string) float64 {
	t.Helper()
	sums := make([]float64, len(nodes))
	var asking sync.WaitGroup
	for i, n := range nodes {
		asking.Go(func() {
			until(freshness, n.Ended)
			m, err := n.ReadMetrics()
			if err != nil {
				t.Error(err)
			}
			sums[i] = m.Sum(name, labels...)
		})
	}
	asking.Wait()
	sum := 0.0
	for _, s := range sums {
		sum += s
	}
	return sum
}
