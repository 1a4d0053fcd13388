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
	ticket := s.n.owed.add(func(a ownership.OpenAnswer) { answers <- a })
	request := ownership.OpenRequest{RID: h.RID, Room: given.Room, Over: given.Epoch, Former: ownership.Incarnation(from), Handover: true}
	s.n.post(func(core *ownership.Node, now time.Time) { core.Asked(request, ticket, now) })
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
