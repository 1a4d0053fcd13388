package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"sfu/pkg/cluster/engine"
	"sfu/pkg/cluster/ownership"
)

// Subjects of the engine.
const (
	subjectHeartbeat = "sfu.v1.hb"
	subjectNode      = "sfu.v1.n." // then the incarnation, then one of the next
	subjectOpen      = ".open"
	subjectFence     = ".fence"
)

// messages are what nodes tell each other by the engine.
type messages struct {
	engine *engine.Engine
	loop   *loop
	owed   *tickets
	life   context.Context
	log    *slog.Logger
}

// subscribe begins to listen, as incarnation self.
func (m *messages) subscribe(self ownership.Incarnation) error {
	for subject, f := range map[string]func(engine.Message){
		subjectHeartbeat:                          m.heardHeartbeat,
		subjectNode + string(self) + subjectOpen:  m.askedToOpen,
		subjectNode + string(self) + subjectFence: m.heardFence,
	} {
		if _, err := m.engine.Subscribe(subject, f); err != nil {
			return err
		}
	}
	return nil
}

// heartbeat says that this node lives, and how.
func (m *messages) heartbeat(h ownership.Heartbeat) { m.publish(subjectHeartbeat, h) }

// fence tells a node that a room is not its own any more.
func (m *messages) fence(e ownership.TellFenced) {
	m.publish(subjectNode+string(e.To)+subjectFence, e.Notice)
}

func (m *messages) publish(subject string, message any) {
	text, err := json.Marshal(message)
	if err == nil {
		err = m.engine.Publish(subject, text)
	}
	if err != nil {
		m.log.Debug("publish", "subject", subject, "error", err)
	}
}

func (m *messages) heardHeartbeat(heard engine.Message) {
	var h ownership.Heartbeat
	if json.Unmarshal(heard.Data, &h) != nil || h.Incarnation == "" {
		return
	}
	m.loop.post(func(core *ownership.Node, now time.Time) { core.Heard(h, now) })
}

func (m *messages) heardFence(heard engine.Message) {
	var notice ownership.FenceNotice
	if json.Unmarshal(heard.Data, &notice) != nil {
		return
	}
	m.loop.post(func(core *ownership.Node, now time.Time) { core.Fenced(notice, now) })
}

// askToOpen asks another node to open a room, and waits for its answer.
func (m *messages) askToOpen(e ownership.Open) {
	ctx, cancel := context.WithTimeout(m.life, openLimit)
	defer cancel()
	answer := ownership.OpenAnswer{}
	request, err := json.Marshal(e.Request)
	if err == nil {
		var reply []byte
		reply, err = m.engine.Request(ctx, subjectNode+string(e.To.Incarnation)+subjectOpen, request)
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
	m.loop.post(func(core *ownership.Node, now time.Time) { core.Answered(e.Op, answer, now) })
}

// askedToOpen takes such a request of another node.
func (m *messages) askedToOpen(asked engine.Message) {
	var request ownership.OpenRequest
	if json.Unmarshal(asked.Data, &request) != nil || request.RID != ownership.RID(request.Room) || request.Handover {
		return // handovers come over the mesh, with what belongs to the room
	}
	ticket := m.owed.add(func(a ownership.OpenAnswer) {
		text, err := json.Marshal(a)
		if err == nil {
			err = asked.Respond(text)
		}
		if err != nil {
			m.log.Debug("answer a node", "error", err)
		}
	})
	m.loop.post(func(core *ownership.Node, now time.Time) { core.Asked(request, ticket, now) })
}
