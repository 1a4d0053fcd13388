package cluster

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sfu/pkg/cluster/engine"
	"sfu/pkg/cluster/mesh"
	"sfu/pkg/cluster/ownership"
)

// A Node is this node of the cluster.
type Node struct {
	cfg    Config
	self   ownership.Member
	rooms  Rooms
	serve  Requests
	log    *slog.Logger
	engine *engine.Engine
	mesh   *mesh.Mesh // nil in a cluster of one

	life   context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	*loop  // post, query and done

	records  *records
	messages *messages
	peers    *peers
	waiting  waiting // for where a room is
	owed     tickets
	moved    atomic.Uint64 // participants that were told to join anew elsewhere

	mu    sync.Mutex
	drain drainState
}

// New returns a running Node. It does not wait for an external engine.
func New(cfg Config, rooms Rooms, serve Requests) (*Node, error) {
	cfg = cfg.withDefaults()
	n := &Node{
		cfg: cfg, rooms: rooms, serve: serve, log: cfg.Log, loop: newLoop(),
		self: ownership.Member{Incarnation: newIncarnation(), Node: cfg.Name, Addr: cfg.Address, URL: cfg.URL},
	}
	n.life, n.cancel = context.WithCancel(context.Background())
	if err := n.open(); err != nil {
		n.cancel()
		return nil, err
	}
	core := ownership.NewNode(n.self, cfg.Rules, mathrand.IntN, time.Now())
	interval := tickInterval
	if n.mesh == nil {
		interval = tickAlone
	}
	go n.run(n.life, core, interval, n.peers.watch, n.carryOut)
	n.work.Go(n.beat)
	if n.mesh != nil {
		n.work.Go(n.listen)
	}
	return n, nil
}

// newIncarnation returns 96 random bits as base32.
func newIncarnation() ownership.Incarnation {
	b := make([]byte, 12)
	rand.Read(b)
	return ownership.Incarnation(strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b)))
}

// open begins to speak with others. Nothing is handled before the loop runs.
func (n *Node) open() error {
	if n.cfg.External != nil {
		m, err := mesh.New(mesh.Config{Secrets: n.cfg.Secrets, Incarnation: string(n.self.Incarnation), Log: n.log}, service{n}, n.serve.Serve)
		if err != nil {
			return fmt.Errorf("set up the way between nodes: %w", err)
		}
		n.mesh = m
	}
	n.peers = &peers{mesh: n.mesh, loop: n.loop, life: n.life, work: &n.work, log: n.log, probing: map[ownership.Incarnation]bool{}}
	n.records = &records{loop: n.loop, life: n.life, log: n.log}
	e, err := engine.Open(engine.Config{Node: n.cfg.Name, Incarnation: string(n.self.Incarnation), External: n.cfg.External, Log: n.log}, observer{n.records, n.young})
	if err == nil {
		n.engine, n.records.engine = e, e
		n.messages = &messages{engine: e, loop: n.loop, owed: &n.owed, life: n.life, log: n.log}
		err = n.messages.subscribe(n.self.Incarnation)
	}
	if err != nil {
		if e != nil {
			e.Close()
		}
		if n.mesh != nil {
			n.mesh.Close()
		}
		return fmt.Errorf("open the engine: %w", err)
	}
	return nil
}

// young reports whether a store is so new that nodes which own rooms may not have written them into it yet. Nobody else can have owned rooms in
// a store of this process.
func (n *Node) young(gen int64) bool {
	return n.cfg.External != nil && time.Since(time.Unix(0, gen)) < n.cfg.Rules.Hold
}

func (n *Node) listen() {
	if err := n.mesh.Serve(n.cfg.Listener); err != nil && n.life.Err() == nil {
		n.log.Error("listen for other nodes", "error", err)
	}
}

// carryOut begins what the core wants done. It runs on the loop and does not block.
func (n *Node) carryOut(e ownership.Effect) {
	switch e := e.(type) {
	case ownership.Get:
		n.work.Go(func() { n.records.get(e) })
	case ownership.Create:
		n.work.Go(func() { n.records.create(e) })
	case ownership.Update:
		n.work.Go(func() { n.records.update(e) })
	case ownership.Delete:
		n.work.Go(func() { n.records.delete(e) })
	case ownership.Open:
		n.work.Go(func() { n.messages.askToOpen(e) })
	case ownership.TellFenced:
		n.messages.fence(e)
	case ownership.Reply:
		n.owed.answer(e.Ticket, e.Answer)
	case ownership.Resolved:
		n.waiting.wake(e.RID, e.Outcome)
	case ownership.Probe:
		n.peers.probe(e.Peer)
	case ownership.Ask:
		n.work.Go(func() { n.peers.ask(e) })
	case ownership.HandOver:
		n.work.Go(func() { n.handOver(e) })
	case ownership.Evict:
		n.work.Go(func() { n.evict(e) })
	default:
		panic(fmt.Sprintf("cluster: unknown effect %T", e))
	}
}

// evict tells everybody in a room that it belongs to another node.
func (n *Node) evict(e ownership.Evict) {
	people := n.rooms.Participants(e.Room)
	over := min(time.Duration(people)*time.Second/time.Duration(n.cfg.MoveRate), moveLimit)
	if !e.Planned { // whoever is still here is alone already
		over = min(over, time.Second/2)
	}
	n.log.Info("a room goes to another node", "room", e.Room, "node", e.Owner.Node, "planned", e.Planned, "participants", people)
	moved := n.rooms.Move(e.Room, over)
	n.moved.Add(uint64(moved))
}

// beat publishes heartbeats.
func (n *Node) beat() {
	for {
		n.sayAlive()
		// Nodes that were started together must not speak together.
		pause := heartbeatInterval*9/10 + mathrand.N(heartbeatInterval/5)
		select {
		case <-time.After(pause):
		case <-n.life.Done():
			return
		}
	}
}

func (n *Node) sayAlive() {
	load, people := n.rooms.Load(), n.rooms.People()
	n.query(func(core *ownership.Node, now time.Time) {
		core.Measured(load, people, n.cfg.Version)
		n.messages.heartbeat(core.Heartbeat(now))
	})
}

// Close gives up the rooms of this node and ends everything. Sessions must have ended before.
func (n *Node) Close() {
	var owned []ownership.Delete
	n.query(func(core *ownership.Node, _ time.Time) { owned = core.Abandon() })
	n.records.release(owned)
	n.cancel()
	<-n.done
	if n.mesh != nil {
		n.mesh.Close()
	}
	n.engine.Close()
	n.work.Wait()
	n.waiting.wakeAll(ownership.Outcome{Refused: ownership.Draining, RetryAfter: time.Second})
}
