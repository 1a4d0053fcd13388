//go:build linux

package clustertest

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"
)

// A mishap happens to one node, or to NATS, and is over later.
type mishap struct {
	name       string
	begin, end func(t *testing.T, c *Cluster, n *Node)
	// splits: while it lasts, people at both sides of it are apart.
	splits bool
}

func mishaps() []mishap {
	revive := func(t *testing.T, c *Cluster, n *Node) {
		n.Start(t)
		n.AwaitReady(t)
	}
	cut := func(_ *testing.T, c *Cluster, n *Node) {
		for _, r := range c.ToEngine(n) {
			r.Cut()
		}
	}
	mend := func(_ *testing.T, c *Cluster, n *Node) {
		for _, r := range c.ToEngine(n) {
			r.Mend()
		}
		c.ToNode(n).Mend()
	}
	return []mishap{
		{name: "kill", begin: func(_ *testing.T, _ *Cluster, n *Node) { n.Kill() }, end: revive},
		{name: "freeze", begin: func(_ *testing.T, _ *Cluster, n *Node) { n.Freeze() }, end: func(_ *testing.T, _ *Cluster, n *Node) { n.Continue() }},
		{name: "drain", begin: func(t *testing.T, _ *Cluster, n *Node) { n.Command(t, "drain") },
			end: func(t *testing.T, _ *Cluster, n *Node) { n.Command(t, "undrain") }},
		{name: "end", begin: func(t *testing.T, _ *Cluster, n *Node) { end(t, n) }, end: revive},
		{name: "cut from NATS", begin: cut, end: mend},
		{name: "cut from all nodes", splits: true, end: mend, begin: func(t *testing.T, c *Cluster, n *Node) {
			cut(t, c, n)
			c.ToNode(n).Cut()
		}},
		{name: "NATS ends", begin: func(_ *testing.T, c *Cluster, _ *Node) { c.NATS[0].Kill() }, end: func(t *testing.T, c *Cluster, _ *Node) {
			c.NATS[0].Start(t)
			c.NATS[0].AwaitReady(t)
		}},
	}
}

// chaosVariable is how long the mishaps go on, seedVariable in which order; onlyVariable names one that happens again and again.
const (
	chaosVariable = "CHAOS"
	seedVariable  = "CHAOS_SEED"
	onlyVariable  = "CHAOS_ONLY"
)

func chaosOf(t *testing.T) (lasts time.Duration, seed uint64) {
	t.Helper()
	lasts, seed = Sized(25*time.Second, 5*time.Minute), 1
	var err error
	if text := os.Getenv(chaosVariable); text != "" {
		if lasts, err = time.ParseDuration(text); err != nil {
			t.Fatalf("%s: %v", chaosVariable, err)
		}
	}
	if text := os.Getenv(seedVariable); text != "" {
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
	}
	return lasts, seed
}

// One mishap after the other, and after each of them everyone sees everyone, as the owner says. At the end nothing is left.
func TestChaos(t *testing.T) {
	besideOthers(t)
	lasts, seed := chaosOf(t)
	only := os.Getenv(onlyVariable)
	random := rand.New(rand.NewPCG(seed, 0))
	c := Start(t, Options{Args: func(int) []string { return []string{"--drain-timeout=15s"} }})
	idle := map[*Node]Samples{}
	for _, n := range c.Nodes {
		idle[n] = n.Metrics(t)
	}
	c.Watch(t)
	rooms := map[string][]*Person{}
	for i := range Sized(3, 6) {
		room := fmt.Sprintf("chaos%d", i)
		rooms[room] = c.JoinAll(t, room, "p", 3, Among(3))
	}
	var calm []time.Duration
	for began := time.Now(); time.Since(began) < lasts && !t.Failed(); {
		all := slices.DeleteFunc(mishaps(), func(m mishap) bool { return only != "" && m.name != only })
		if len(all) == 0 {
			t.Fatalf("%s: there is no mishap %q", onlyVariable, only)
		}
		m, n := all[random.IntN(len(all))], c.Nodes[random.IntN(len(c.Nodes))]
		step := time.Now()
		n.log.note("mishap: %s", m.name)
		m.begin(t, c, n)
		if !m.splits {
			calm = append(calm, c.awaitCalm(t, m.name, rooms))
		}
		Hold(t, "NATS or the nodes are in trouble", time.Until(step.Add(Sized(3*time.Second, 10*time.Second))), func() bool { return true })
		m.end(t, c, n)
		calm = append(calm, c.awaitCalm(t, m.name+", over", rooms))
		c.AwaitWhole(t)
		Hold(t, "there is peace", time.Until(step.Add(Sized(0, 20*time.Second))), func() bool { return true })
	}
	Report(t, fmt.Sprintf("chaos of %v, seed %d: rosters equal after a mishap", lasts, seed), calm, Bound{P95: 5 * time.Second, Max: 10 * time.Second})

	for _, people := range rooms {
		LeaveAll(people)
	}
	// Nodes keep connections to each other for a minute, which a small test does not wait for.
	keep := Sized(50.0, 5.0)
	for _, n := range c.Nodes {
		for _, what := range []string{"go_goroutines", "process_open_fds"} {
			before, now := idle[n].Sum(what), 0.0
			if !until(2*patience, func() bool {
				m, err := n.ReadMetrics()
				now = m.Sum(what)
				return err == nil && now <= before*1.05+keep
			}) {
				t.Errorf("%s: %s was %v and is %v", n.Name, what, before, now)
			}
		}
	}
}

// slow is how long calm may take without a word about it.
const slow = 4 * time.Second

// awaitCalm waits until everyone in every room sees everyone, and the owner says the same, and returns how long that took.
func (c *Cluster) awaitCalm(t *testing.T, after string, rooms map[string][]*Person) time.Duration {
	t.Helper()
	began := time.Now()
	trouble := ""
	if !until(patience, func() bool {
		trouble = ""
		for room, people := range rooms {
			if trouble = c.disagreement(room, people); trouble != "" {
				return false
			}
		}
		return true
	}) {
		t.Fatalf("after %s: %s", after, trouble)
	}
	took := time.Since(began)
	if took > slow {
		t.Logf("%s: %v after %s", began.Format(time.TimeOnly), took, after)
	}
	return took
}

// disagreement says what is not equal in a room, "" if all is.
func (c *Cluster) disagreement(room string, people []*Person) string {
	want := Names(people)
	for _, p := range people {
		if got := p.Roster(); !slices.Equal(got, want) || !p.State().Online {
			return fmt.Sprintf("%s in %s sees %v, online %t, want %v", p.Name, room, got, p.State().Online, want)
		}
	}
	owners := c.Owners(room)
	if len(owners) != 1 {
		return fmt.Sprintf("%d nodes own %s", len(owners), room)
	}
	for n := range owners {
		names, connected, err := n.Members(room)
		if slices.Sort(names); err != nil || !slices.Equal(names, want) || connected != len(want) {
			return fmt.Sprintf("%s says that %v are in %s, %d with a socket: %v", n.Name, names, room, connected, err)
		}
	}
	return ""
}
