package cluster

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
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
	gen    atomic.Int64

	life   context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	inbox  chan func(core *ownership.Node, now time.Time)
	done   chan struct{}

	mu      sync.Mutex
	waiting map[string][]chan ownership.Outcome // by rid
	tickets map[uint64]func(ownership.OpenAnswer)
	ticket  uint64
	probing map[ownership.Incarnation]bool
	drain   drainState
	tally   tally
}

// New returns a running Node. It does not wait for an external engine.
func New(cfg Config, rooms Rooms, serve Requests) (*Node, error) {
	cfg = cfg.withDefaults()
	n := &Node{
		cfg: cfg, rooms: rooms, serve: serve, log: cfg.Log,
		self:    ownership.Member{Incarnation: newIncarnation(), Node: cfg.Name, Addr: cfg.Address, URL: cfg.URL},
		inbox:   make(chan func(*ownership.Node, time.Time), 256),
		done:    make(chan struct{}),
		waiting: map[string][]chan ownership.Outcome{},
		tickets: map[uint64]func(ownership.OpenAnswer){},
		probing: map[ownership.Incarnation]bool{},
	}
	n.life, n.cancel = context.WithCancel(context.Background())
	if err := n.open(); err != nil {
		n.cancel()
		return nil, err
	}
	core := ownership.NewNode(n.self, cfg.Rules, mathrand.IntN, time.Now())
	go n.loop(core)
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
	e, err := engine.Open(engine.Config{Node: n.cfg.Name, Incarnation: string(n.self.Incarnation), External: n.cfg.External, Log: n.log}, observer{n})
	if err == nil {
		n.engine = e
		err = n.subscribe()
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

func (n *Node) subscribe() error {
	for subject, f := range map[string]func(engine.Message){
		subjectHeartbeat: n.heardHeartbeat,
		subjectNode + string(n.self.Incarnation) + subjectOpen:  n.askedToOpen,
		subjectNode + string(n.self.Incarnation) + subjectFence: n.heardFence,
	} {
		if _, err := n.engine.Subscribe(subject, f); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) listen() {
	if err := n.mesh.Serve(n.cfg.Listener); err != nil && n.life.Err() == nil {
		n.log.Error("listen for other nodes", "error", err)
	}
}

// post gives the loop something to do. What comes after the end is lost.
func (n *Node) post(f func(core *ownership.Node, now time.Time)) {
	select {
	case n.inbox <- f:
	case <-n.done:
	}
}

// query runs f on the loop and waits for it; it returns false after the end.
func (n *Node) query(f func(core *ownership.Node, now time.Time)) bool {
	ran := make(chan struct{})
	n.post(func(core *ownership.Node, now time.Time) { f(core, now); close(ran) })
	select {
	case <-ran:
		return true
	case <-n.done:
		return false
	}
}

// loop is the one goroutine that touches the core.
func (n *Node) loop(core *ownership.Node) {
	defer close(n.done)
	interval := tickInterval
	if n.mesh == nil {
		interval = tickAlone
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		select {
		case f := <-n.inbox:
			f(core, time.Now())
		case <-tick.C:
			now := time.Now()
			core.Tick(now)
			n.watchEdges(core, now)
		case <-n.life.Done():
			return
		}
		for _, e := range core.Effects() {
			n.carryOut(e)
		}
	}
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
		n.publish(subjectHeartbeat, core.Heartbeat(now))
	})
}

// Close gives up the rooms of this node and ends everything. Sessions must have ended before.
func (n *Node) Close() {
	n.release()
	n.cancel()
	<-n.done
	if n.mesh != nil {
		n.mesh.Close()
	}
	n.engine.Close()
	n.work.Wait()
	n.endWaiting()
}

// release deletes the records of the rooms that are still owned, so that others need not find out that this node is gone.
func (n *Node) release() {
	ctx, cancel := context.WithTimeout(n.life, releaseLimit)
	defer cancel()
	var owned []ownership.Delete
	n.query(func(core *ownership.Node, now time.Time) { owned = core.Abandon() })
	var deleting sync.WaitGroup
	slots := make(chan struct{}, 32)
	for _, d := range owned {
		slots <- struct{}{}
		deleting.Go(func() {
			defer func() { <-slots }()
			if err := n.engine.Delete(ctx, d.RID, d.Rev); err != nil && !errors.Is(err, engine.ErrConflict) {
				n.log.Debug("give up a room at the end", "error", err)
			}
		})
	}
	deleting.Wait()
}

// endWaiting ends those who still wait.
func (n *Node) endWaiting() {
	n.mu.Lock()
	waiting := n.waiting
	n.waiting = map[string][]chan ownership.Outcome{}
	n.mu.Unlock()
	for _, all := range waiting {
		for _, w := range all {
			w <- ownership.Outcome{Refused: ownership.Draining, RetryAfter: time.Second}
		}
	}
}

// An observer passes on what the engine says of itself.
type observer struct{ n *Node }

// Up is told the store's time of creation.
func (o observer) Up(gen int64) {
	// Nobody else can have owned rooms in a store of this process.
	o.n.gen.Store(gen)
	young := o.n.cfg.External != nil && time.Since(time.Unix(0, gen)) < o.n.cfg.Rules.Hold
	o.n.post(func(core *ownership.Node, now time.Time) { core.Up(gen, young, now) })
}

// Down is told why.
func (o observer) Down(error) {
	o.n.post(func(core *ownership.Node, now time.Time) { core.Down(now) })
}
