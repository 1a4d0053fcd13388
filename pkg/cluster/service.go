package cluster

import (
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

// Handover takes a room from the node that owns it. The answer is an ownership.OpenAnswer.
func (s service) Handover(ctx context.Context, from string, h mesh.Handover) ([]byte, error) {
	var given handover
	if err := json.Unmarshal(h.Body, &given); err != nil {
		return nil, fmt.Errorf("read a handover: %w", err)
	}
	if ownership.RID(given.Room) != h.RID {
		return nil, errors.New("a handover of another room than it says")
	}
	if len(given.Saved) > 0 {
		if err := s.n.rooms.Restore(given.Room, given.Saved); err != nil {
			return nil, fmt.Errorf("take over the room's state: %w", err)
		}
	}
	answers := make(chan ownership.OpenAnswer, 1)
	s.n.ask(ownership.OpenRequest{
		RID: h.RID, Room: given.Room, Over: given.Epoch, Former: ownership.Incarnation(from), Handover: true,
	}, func(a ownership.OpenAnswer) { answers <- a })
	select {
	case a := <-answers:
		return json.Marshal(a)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// handOver gives a room to another node.
func (n *Node) handOver(e ownership.HandOver) {
	ctx, cancel := context.WithTimeout(n.life, handoverLimit)
	defer cancel()
	answer := ownership.OpenAnswer{}
	body, err := json.Marshal(handover{Room: e.Room, Epoch: e.Epoch, Saved: n.rooms.Save(e.Room)})
	if err == nil {
		var reply []byte
		reply, err = n.mesh.Handover(ctx, peerOf(e.To), mesh.Handover{RID: e.RID, Body: body})
		if err == nil {
			err = json.Unmarshal(reply, &answer)
		}
	}
	switch {
	case errors.Is(err, mesh.ErrRefused), errors.Is(err, mesh.ErrWrongNode):
		answer = ownership.OpenAnswer{Refused: ownership.Unreachable}
	case err != nil:
		n.log.Warn("hand a room over", "room", e.Room, "node", e.To.Node, "error", err)
		answer = ownership.OpenAnswer{Refused: ownership.NoAnswer}
	}
	n.post(func(core *ownership.Node, now time.Time) { core.Answered(e.Op, answer, now) })
}
