package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sfu/pkg/cluster/engine"
	"sfu/pkg/cluster/mesh"
	"sfu/pkg/cluster/ownership"
)

// carryOut begins what the core wants done. It runs on the loop and does not block.
func (n *Node) carryOut(e ownership.Effect) {
	switch e := e.(type) {
	case ownership.Get:
		n.work.Go(func() { n.get(e) })
	case ownership.Create:
		n.work.Go(func() {
			n.wrote(e.Op, "create", func() (uint64, error) { return n.engine.Create(n.life, e.RID, e.Record.Encode()) })
		})
	case ownership.Update:
		n.work.Go(func() {
			n.wrote(e.Op, "update", func() (uint64, error) { return n.engine.Update(n.life, e.RID, e.Record.Encode(), e.Rev) })
		})
	case ownership.Delete:
		n.work.Go(func() {
			n.wrote(e.Op, "delete", func() (uint64, error) { return 0, n.engine.Delete(n.life, e.RID, e.Rev) })
		})
	case ownership.Open:
		n.work.Go(func() { n.askToOpen(e) })
	case ownership.Reply:
		n.replied(e)
	case ownership.Probe:
		n.probe(e.Peer)
	case ownership.Ask:
		n.work.Go(func() { n.askPeers(e) })
	case ownership.HandOver:
		n.work.Go(func() { n.handOver(e) })
	case ownership.TellFenced:
		n.publish(subjectNode+string(e.To)+subjectFence, e.Notice)
	case ownership.Resolved:
		n.resolved(e)
	case ownership.Evict:
		n.work.Go(func() { n.evict(e) })
	default:
		panic(fmt.Sprintf("cluster: unknown effect %T", e))
	}
}

// resultOf says for the core how an operation ended.
func resultOf(err error) ownership.Result {
	switch {
	case err == nil:
		return ownership.OK
	case errors.Is(err, engine.ErrNotFound):
		return ownership.NotFound
	case errors.Is(err, engine.ErrConflict):
		return ownership.Conflict
	case errors.Is(err, engine.ErrUnavailable):
		return ownership.Unavailable
	}
	return ownership.Unknown
}

func (n *Node) get(e ownership.Get) {
	gen := n.generation()
	entry, err := n.engine.Get(n.life, e.RID)
	var record ownership.Record
	if err == nil {
		if record, err = ownership.ParseRecord(entry.Value); err != nil {
			n.log.Error("read who owns a room", "error", err)
		}
	}
	result := resultOf(err)
	n.post(func(core *ownership.Node, now time.Time) {
		if n.generation() != gen {
			result = ownership.Unknown
		}
		core.Read(e.Op, result, record, ownership.Epoch{Gen: gen, Rev: entry.Revision}, now)
	})
}

// wrote makes a change and reports it. An answer that comes after the store was lost says nothing.
func (n *Node) wrote(op uint64, what string, write func() (uint64, error)) {
	gen := n.generation()
	rev, err := write()
	result := resultOf(err)
	if result == ownership.Unavailable || result == ownership.Unknown {
		n.log.Debug("write who owns a room", "operation", what, "error", err)
	}
	n.post(func(core *ownership.Node, now time.Time) {
		if n.generation() != gen && result != ownership.Unavailable {
			result = ownership.Unknown
		}
		core.Wrote(op, result, ownership.Epoch{Gen: gen, Rev: rev}, now)
	})
}

// generation returns which store the engine had when it was last found up.
func (n *Node) generation() int64 { return n.gen.Load() }

func (n *Node) publish(subject string, message any) {
	text, err := json.Marshal(message)
	if err == nil {
		err = n.engine.Publish(subject, text)
	}
	if err != nil {
		n.log.Debug("publish", "subject", subject, "error", err)
	}
}

func (n *Node) heardHeartbeat(m engine.Message) {
	var h ownership.Heartbeat
	if json.Unmarshal(m.Data, &h) != nil || h.Incarnation == "" {
		return
	}
	n.post(func(core *ownership.Node, now time.Time) { core.Heard(h, now) })
}

func (n *Node) heardFence(m engine.Message) {
	var notice ownership.FenceNotice
	if json.Unmarshal(m.Data, &notice) != nil {
		return
	}
	n.post(func(core *ownership.Node, now time.Time) { core.Fenced(notice, now) })
}

// askToOpen asks another node to open a room.
func (n *Node) askToOpen(e ownership.Open) {
	ctx, cancel := context.WithTimeout(n.life, openLimit)
	defer cancel()
	answer := ownership.OpenAnswer{}
	request, err := json.Marshal(e.Request)
	if err == nil {
		var reply []byte
		reply, err = n.engine.Request(ctx, subjectNode+string(e.To.Incarnation)+subjectOpen, request)
		if err == nil {
			err = json.Unmarshal(reply, &answer)
		}
	}
	switch {
	case errors.Is(err, engine.ErrNoResponders), errors.Is(err, engine.ErrUnavailable):
		answer = ownership.OpenAnswer{Refused: ownership.Unreachable}
	case err != nil:
		answer = ownership.OpenAnswer{Refused: ownership.NoAnswer}
	}
	n.post(func(core *ownership.Node, now time.Time) { core.Answered(e.Op, answer, now) })
}

// askedToOpen takes such a request of another node.
func (n *Node) askedToOpen(m engine.Message) {
	var request ownership.OpenRequest
	if json.Unmarshal(m.Data, &request) != nil || request.RID != ownership.RID(request.Room) || request.Handover {
		return // handovers come over the mesh, with what belongs to the room
	}
	n.ask(request, func(a ownership.OpenAnswer) {
		text, err := json.Marshal(a)
		if err == nil {
			err = m.Respond(text)
		}
		if err != nil {
			n.log.Debug("answer a node", "error", err)
		}
	})
}

// ask gives the core a request of another node; reply is called once, or never where the node ends.
func (n *Node) ask(request ownership.OpenRequest, reply func(ownership.OpenAnswer)) {
	n.mu.Lock()
	n.ticket++
	ticket := n.ticket
	n.tickets[ticket] = reply
	n.mu.Unlock()
	n.post(func(core *ownership.Node, now time.Time) { core.Asked(request, ticket, now) })
}

func (n *Node) replied(e ownership.Reply) {
	n.mu.Lock()
	reply := n.tickets[e.Ticket]
	delete(n.tickets, e.Ticket)
	n.mu.Unlock()
	if reply != nil {
		reply(e.Answer)
	}
}

// probe asks a node directly whether it lives, once at a time for each.
func (n *Node) probe(m ownership.Member) {
	n.mu.Lock()
	under := n.probing[m.Incarnation]
	n.probing[m.Incarnation] = true
	n.mu.Unlock()
	if under {
		return
	}
	n.work.Go(func() {
		result := n.probed(m)
		n.mu.Lock()
		delete(n.probing, m.Incarnation)
		n.mu.Unlock()
		n.post(func(core *ownership.Node, now time.Time) {
			core.Probed(m.Incarnation, result, now)
			if core.Dead(m.Incarnation, result, now) {
				n.cut(m)
			}
		})
	})
}

func (n *Node) probed(m ownership.Member) ownership.ProbeResult {
	if n.mesh == nil {
		return ownership.WrongNode // in a store of this process only former processes can be others, and there are none
	}
	ctx, cancel := context.WithTimeout(n.life, probeLimit)
	defer cancel()
	_, err := n.mesh.Probe(ctx, peerOf(m))
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
func (n *Node) cut(m ownership.Member) {
	if n.mesh == nil {
		return
	}
	if count := n.mesh.Shared()[string(m.Incarnation)]; count > 0 {
		n.log.Warn("a node is gone; its clients reconnect", "node", m.Node, "connections", count)
		n.mesh.Cut(string(m.Incarnation))
	}
}

// watchEdges probes nodes that connections are passed on to and that have fallen silent.
func (n *Node) watchEdges(core *ownership.Node, now time.Time) {
	if n.mesh == nil {
		return
	}
	for inc := range n.mesh.Shared() {
		if m, known := core.Member(ownership.Incarnation(inc)); known && core.Doubtful(m.Incarnation, now) {
			n.probe(m)
		}
	}
}

// askPeers asks all nodes directly who owns a room, because the engine does not answer.
func (n *Node) askPeers(e ownership.Ask) {
	type found struct {
		record ownership.Record
		epoch  ownership.Epoch
	}
	ctx, cancel := context.WithTimeout(n.life, askLimit)
	defer cancel()
	answers := make(chan *found, len(e.Peers))
	for _, m := range e.Peers {
		n.work.Go(func() {
			var f found
			text, is, err := n.mesh.Record(ctx, peerOf(m), e.RID)
			if err != nil || !is {
				answers <- nil
				return
			}
			var own ownRecord
			if err := json.Unmarshal(text, &own); err != nil {
				answers <- nil
				return
			}
			f.record, f.epoch = own.Record, own.Epoch
			answers <- &f
		})
	}
	result, best := ownership.NotFound, found{}
	for range e.Peers {
		if f := <-answers; f != nil && (result == ownership.NotFound || f.epoch.Compare(best.epoch) > 0) {
			result, best = ownership.OK, *f
		}
	}
	n.post(func(core *ownership.Node, now time.Time) { core.Read(e.Op, result, best.record, best.epoch, now) })
}

// An ownRecord is what a node says of a room that it owns.
type ownRecord struct {
	Record ownership.Record `json:"record"`
	Epoch  ownership.Epoch  `json:"epoch"`
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
	n.tally.moved.Add(uint64(moved))
}

func peerOf(m ownership.Member) mesh.Peer {
	return mesh.Peer{Incarnation: string(m.Incarnation), Addr: m.Addr}
}
