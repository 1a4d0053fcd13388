package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"time"

	"sfu/pkg/cluster/mesh"
	"sfu/pkg/cluster/ownership"
)

// A drainState is how far the node is on its way out.
type drainState struct {
	under    bool
	deadline time.Time
}

// Drain makes the node take no new rooms and gives those that it has to other nodes, whose participants are told to move. It returns when no room is
// left that another node would take, or when ctx ends. Undrain takes it back, but not the rooms.
func (n *Node) Drain(ctx context.Context) {
	deadline, _ := ctx.Deadline()
	n.mu.Lock()
	n.drain = drainState{true, deadline}
	n.mu.Unlock()
	n.query(func(core *ownership.Node, _ time.Time) { core.Drain() })
	n.sayAlive() // others must not choose this node any more
	tick := time.NewTicker(tickInterval / 2)
	defer tick.Stop()
	began, fewest := time.Now(), math.MaxInt
	for {
		left, may := n.handOverSome()
		if left < fewest {
			began, fewest = time.Now(), left
		}
		if !may || time.Since(began) > handoverPatience {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		case <-n.done:
			return
		}
	}
}

// Undrain lets the node take rooms again.
func (n *Node) Undrain() {
	n.mu.Lock()
	n.drain = drainState{}
	n.mu.Unlock()
	n.query(func(core *ownership.Node, _ time.Time) { core.Undrain() })
	n.sayAlive()
}

// handOverSome begins to give away as many rooms as may go at a time. It returns how many are left, and whether any of them may go.
func (n *Node) handOverSome() (left int, may bool) {
	n.query(func(core *ownership.Node, now time.Time) {
		handing := 0
		var waiting []string
		for _, room := range core.OwnedRooms() {
			switch {
			case core.Handing(room):
				handing++
			case core.Populated(room):
				waiting = append(waiting, room)
			}
		}
		left = handing + len(waiting)
		for _, room := range waiting {
			if handing == handovers {
				break
			}
			if core.HandOver(room, now) {
				handing++
			}
		}
		may = handing > 0 || len(waiting) > 0 && core.Heirs(now)
	})
	return left, may
}

// handOver gives a room to another node.
func (n *Node) handOver(e ownership.HandOver) {
	ctx, cancel := context.WithTimeout(n.life, handoverLimit)
	defer cancel()
	data, err := json.Marshal(handover{Room: e.Room, Epoch: e.Epoch, Saved: n.rooms.Save(e.Room)})
	if err == nil {
		err = n.mesh.Handover(ctx, peerOf(e.To), mesh.Handover{RID: e.RID, Data: data})
	}
	answer := ownership.OpenAnswer{Refused: ownership.NoAnswer}
	switch {
	case err == nil:
		answer = n.newOwner(ctx, e)
	case errors.Is(err, mesh.ErrRefused), errors.Is(err, mesh.ErrWrongNode), errors.Is(err, mesh.ErrDeclined):
		answer.Refused = ownership.Unreachable
		fallthrough
	default:
		n.log.Warn("hand a room over", "room", e.Room, "node", e.To.Node, "error", err)
	}
	n.post(func(core *ownership.Node, now time.Time) { core.Answered(e.Op, answer, now) })
}

// newOwner reads under which epoch the node that took a room owns it.
func (n *Node) newOwner(ctx context.Context, e ownership.HandOver) ownership.OpenAnswer {
	record, epoch, err := n.records.find(ctx, e.RID)
	if err != nil {
		return ownership.OpenAnswer{Refused: ownership.NoAnswer}
	}
	return ownership.OpenAnswer{Owner: record.Owner, Epoch: epoch}
}
