package cluster

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"sfu/pkg/cluster/engine"
	"sfu/pkg/cluster/ownership"
)

// records makes the core's operations on the records of rooms in the engine's store, and tells the core how they ended. Its methods wait for the
// engine.
type records struct {
	engine *engine.Engine
	loop   *loop
	life   context.Context
	log    *slog.Logger
	gen    atomic.Int64 // which store the engine had when it was last found up
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

// find reads who owns a room. Where that fails the epoch says which store was asked.
func (s *records) find(ctx context.Context, rid string) (ownership.Record, ownership.Epoch, error) {
	gen := s.gen.Load()
	entry, err := s.engine.Get(ctx, rid)
	if err != nil {
		return ownership.Record{}, ownership.Epoch{Gen: gen}, err
	}
	record, err := ownership.ParseRecord(entry.Value)
	if err != nil {
		return ownership.Record{}, ownership.Epoch{Gen: gen}, fmt.Errorf("%w: %w", errRecord, err)
	}
	return record, ownership.Epoch{Gen: gen, Rev: entry.Revision}, nil
}

func (s *records) get(e ownership.Get) {
	record, epoch, err := s.find(s.life, e.RID)
	result := resultOf(err)
	if errors.Is(err, errRecord) {
		s.log.Error("find who owns a room", "error", err)
	}
	s.loop.post(func(core *ownership.Node, now time.Time) {
		if s.gen.Load() != epoch.Gen {
			result = ownership.Unknown
		}
		core.Read(e.Op, result, record, epoch, now)
	})
}

func (s *records) create(e ownership.Create) {
	s.wrote(e.Op, "create", func() (uint64, error) { return s.engine.Create(s.life, e.RID, e.Record.Encode()) })
}

func (s *records) update(e ownership.Update) {
	s.wrote(e.Op, "update", func() (uint64, error) { return s.engine.Update(s.life, e.RID, e.Record.Encode(), e.Rev) })
}

func (s *records) delete(e ownership.Delete) {
	s.wrote(e.Op, "delete", func() (uint64, error) { return 0, s.engine.Delete(s.life, e.RID, e.Rev) })
}

// wrote makes a change and reports it. An answer that comes after the store was lost says nothing.
func (s *records) wrote(op uint64, what string, write func() (uint64, error)) {
	gen := s.gen.Load()
	rev, err := write()
	result := resultOf(err)
	if result == ownership.Unavailable || result == ownership.Unknown {
		s.log.Debug("write who owns a room", "operation", what, "error", err)
	}
	s.loop.post(func(core *ownership.Node, now time.Time) {
		if s.gen.Load() != gen && result != ownership.Unavailable {
			result = ownership.Unknown
		}
		core.Wrote(op, result, ownership.Epoch{Gen: gen, Rev: rev}, now)
	})
}

// release deletes the records of rooms that are still owned at the end, so that others need not find out that this node is gone.
func (s *records) release(owned []ownership.Delete) {
	ctx, cancel := context.WithTimeout(s.life, releaseLimit)
	defer cancel()
	var deleting sync.WaitGroup
	slots := make(chan struct{}, 32)
	for _, d := range owned {
		slots <- struct{}{}
		deleting.Go(func() {
			defer func() { <-slots }()
			if err := s.engine.Delete(ctx, d.RID, d.Rev); err != nil && !errors.Is(err, engine.ErrConflict) {
				s.log.Debug("give up a room at the end", "error", err)
			}
		})
	}
	deleting.Wait()
}

// An observer passes on what the engine says of itself.
type observer struct {
	records *records
	young   func(gen int64) bool
}

// Up is told the store's time of creation.
func (o observer) Up(gen int64) {
	o.records.gen.Store(gen)
	young := o.young(gen)
	o.records.loop.post(func(core *ownership.Node, now time.Time) { core.Up(gen, young, now) })
}

// Down is told why.
func (o observer) Down(error) {
	o.records.loop.post(func(core *ownership.Node, now time.Time) { core.Down(now) })
}
