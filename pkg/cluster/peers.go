package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"sfu/pkg/cluster/mesh"
	"sfu/pkg/cluster/ownership"
)

// peers are the other nodes, as far as they are asked directly.
type peers struct {
	mesh *mesh.Mesh // nil in a cluster of one
	loop *loop
	life context.Context
	work *sync.WaitGroup
	log  *slog.Logger

	mu      sync.Mutex
	probing map[ownership.Incarnation]bool
}

func peerOf(m ownership.Member) mesh.Peer {
	return mesh.Peer{Incarnation: string(m.Incarnation), Addr: m.Addr}
}

// probe begins to ask a node whether it lives, once at a time for each.
func (p *peers) probe(m ownership.Member) {
	p.mu.Lock()
	under := p.probing[m.Incarnation]
	p.probing[m.Incarnation] = true
	p.mu.Unlock()
	if under {
		return
	}
	p.work.Go(func() {
		result := p.probed(m)
		p.mu.Lock()
		delete(p.probing, m.Incarnation)
		p.mu.Unlock()
		p.loop.post(func(core *ownership.Node, now time.Time) {
			core.Probed(m.Incarnation, result, now)
			if core.Dead(m.Incarnation, result, now) {
				p.cut(m)
			}
		})
	})
}

func (p *peers) probed(m ownership.Member) ownership.ProbeResult {
	if p.mesh == nil {
		return ownership.WrongNode // in a store of this process only former processes can be others, and there are none
	}
	ctx, cancel := context.WithTimeout(p.life, probeLimit)
	defer cancel()
	_, err := p.mesh.Probe(ctx, peerOf(m))
	switch {
	case err == nil:
		return ownership.Reached
	case errors.Is(err, mesh.ErrWrongNode):
		return ownership.WrongNode
	case errors.Is(err, mesh.ErrRefused):
		return ownership.RefusedProbe
	}
	return ownership.NoReply
}

// cut ends the connections that are passed on to a node that is gone, so that their clients come back at once.
func (p *peers) cut(m ownership.Member) {
	if p.mesh == nil {
		return
	}
	if count := p.mesh.Shared()[string(m.Incarnation)]; count > 0 {
		p.log.Warn("a node is gone; its clients reconnect", "node", m.Node, "connections", count)
		p.mesh.Cut(string(m.Incarnation))
	}
}

// watch probes nodes that connections are passed on to and that have fallen silent.
func (p *peers) watch(core *ownership.Node, now time.Time) {
	if p.mesh == nil {
		return
	}
	for inc := range p.mesh.Shared() {
		if m, known := core.Member(ownership.Incarnation(inc)); known && core.Doubtful(m.Incarnation, now) {
			p.probe(m)
		}
	}
}

// An ownRecord is what a node says of a room that it owns.
type ownRecord struct {
	Record ownership.Record `json:"record"`
	Epoch  ownership.Epoch  `json:"epoch"`
}

// ask asks nodes directly who owns a room, because the engine does not answer.
func (p *peers) ask(e ownership.Ask) {
	ctx, cancel := context.WithTimeout(p.life, askLimit)
	defer cancel()
	answers := make(chan *ownRecord, len(e.Peers))
	for _, m := range e.Peers {
		p.work.Go(func() {
			var own ownRecord
			text, is, err := p.mesh.Record(ctx, peerOf(m), e.RID)
			if err != nil || !is || json.Unmarshal(text, &own) != nil {
				answers <- nil
				return
			}
			answers <- &own
		})
	}
	result, best := ownership.NotFound, ownRecord{}
	for range e.Peers {
		if own := <-answers; own != nil && (result == ownership.NotFound || own.Epoch.Compare(best.Epoch) > 0) {
			result, best = ownership.OK, *own
		}
	}
	p.loop.post(func(core *ownership.Node, now time.Time) { core.Read(e.Op, result, best.Record, best.Epoch, now) })
}
