package cluster

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"sfu/pkg/cluster/mesh"
	"sfu/pkg/cluster/ownership"
)

// A service is what other nodes may ask this one over the mesh.
type service struct{ n *Node }

// Owns returns the epoch under which this node owns a room.
func (s service) Owns(rid string) (string, bool) {
	var epoch ownership.Epoch
	owns := false
	s.n.query(func(core *ownership.Node, now time.Time) {
		if epoch, owns = core.Owned(rid); !owns {
			core.DoubtRID(rid, now)
		}
	})
	return epoch.String(), owns
}

// Status says that this node lives.
func (s service) Status() mesh.Status {
	var status mesh.Status
	s.n.query(func(core *ownership.Node, now time.Time) {
		status = mesh.Status{State: string(core.State(now)), Rooms: len(core.OwnedRooms())}
	})
	return status
}

// Record returns the record of a room that this node owns.
func (s service) Record(rid string) ([]byte, bool) {
	var own ownRecord
	is := false
	s.n.query(func(core *ownership.Node, _ time.Time) { own.Record, own.Epoch, is = core.OwnRecord(rid) })
	if !is {
		return nil, false
	}
	text, err := json.Marshal(own)
	return text, err == nil
}

// A handover is what goes with a room that is given away.
type handover struct {
	Room  string          `json:"room"`
	Epoch ownership.Epoch `json:"epoch"`
	Saved json.RawMessage `json:"saved,omitempty"`
}

// Handover takes a room from the node that owns it; this node owns it when nil is returned.
func (s service) Handover(ctx context.Context, from string, h mesh.Handover) error {
	var given handover
	if err := json.Unmarshal(h.Data, &given); err != nil {
		return fmt.Errorf("read a handover: %w", err)
	}
	if ownership.RID(given.Room) != h.RID {
		return errors.New("a handover of another room than it says")
	}
	if len(given.Saved) > 0 {
		if err := s.n.rooms.Restore(given.Room, given.Saved); err != nil {
			return fmt.Errorf("take over the room's state: %w", err)
		}
	}
	answers := make(chan ownership.OpenAnswer, 1)
	s.n.ask(ownership.OpenRequest{
		RID: h.RID, Room: given.Room, Over: given.Epoch, Former: ownership.Incarnation(from), Handover: true,
	}, func(a ownership.OpenAnswer) { answers <- a })
	select {
	case a := <-answers:
		if a.Refused == "" && a.Owner.Incarnation == s.n.self.Incarnation {
			return nil
		}
		if err := s.n.rooms.Restore(given.Room, json.RawMessage("null")); err != nil {
			s.n.log.Error("forget the state of a room that is not taken", "error", err)
		}
		return fmt.Errorf("the room is not taken: %s", cmp.Or(a.Refused, "another node has it"))
	case <-ctx.Done():
		return ctx.Err()
	}
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
	gen := n.generation()
	entry, err := n.engine.Get(ctx, e.RID)
	var record ownership.Record
	if err == nil {
		record, err = ownership.ParseRecord(entry.Value)
	}
	if err != nil {
		return ownership.OpenAnswer{Refused: ownership.NoAnswer}
	}
	return ownership.OpenAnswer{Owner: record.Owner, Epoch: ownership.Epoch{Gen: gen, Rev: entry.Revision}}
}
