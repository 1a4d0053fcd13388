package room

import (
	"errors"
	"log/slog"
	"sync"

	"sfu/pkg/auth"
	"sfu/pkg/forwarder"
)

// Registry holds the rooms of this node.
type Registry struct {
	pool  *forwarder.Pool
	cfg   Config
	log   *slog.Logger
	tasks *tasks
	// loudness is UpTrack.Loudness; tests have their own.
	loudness func(*forwarder.UpTrack) int

	mu       sync.Mutex
	rooms    map[string]*room
	draining bool
	ledger   ledger
	// inherited is what rooms will begin with that were elsewhere before.
	inherited map[string]inheritance
}

// NewRegistry returns a Registry without rooms. log may be nil.
func NewRegistry(pool *forwarder.Pool, cfg Config, log *slog.Logger) *Registry {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Registry{
		pool: pool, cfg: cfg.withDefaults(), log: log, tasks: newTasks(), loudness: (*forwarder.UpTrack).Loudness,
		rooms: map[string]*room{}, ledger: newLedger(), inherited: map[string]inheritance{},
	}
}

// Join enters the room that g names, which appears with its first participant. name is what the participant wants to be called;
// the grant's name wins. A member with the grant's identity whose socket is lost (SetConnected) is replaced; one whose socket is there
// is ErrIdentityInUse. Events that happen after the snapshot go to sink. g.Room must be a ValidRoomName. Whoever joins must
// call Leave in the end.
func (r *Registry) Join(g auth.Grant, name string, sink EventSink) (*Participant, Snapshot, error) {
	if g.Name != "" {
		name = g.Name
	}
	name, err := CleanName(name)
	if err != nil {
		return nil, Snapshot{}, err
	}
	for {
		room, err := r.open(g.Room)
		if err != nil {
			return nil, Snapshot{}, err
		}
		p, s, err := room.join(g, name, sink)
		if errors.Is(err, errEnded) {
			// Its last participant is just leaving: the name is free.
			r.forget(room)
			continue
		}
		if err == nil {
			room.log.Info("participant joined", "participant", p.id, "participants", len(s.Members))
		}
		return p, s, err
	}
}

// open returns the room called name, a new one if there is none.
func (r *Registry) open(name string) (*room, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.draining {
		return nil, ErrDraining
	}
	if room := r.rooms[name]; room != nil {
		return room, nil
	}
	if len(r.rooms) >= r.cfg.MaxRooms {
		return nil, ErrOverloaded
	}
	room := newRoom(name, r)
	r.inherit(room)
	r.rooms[name] = room
	r.ledger.begin(room)
	if r.cfg.Began != nil {
		r.cfg.Began(name)
	}
	return room, nil
}

// forget frees the name of a room that has ended.
func (r *Registry) forget(room *room) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.rooms[room.name] == room {
		delete(r.rooms, room.name)
		r.ledger.end(room)
		r.bequeath(room)
		if r.cfg.Ended != nil {
			r.cfg.Ended(room.name)
		}
	}
}

// Participants returns how many are in a room, 0 for one that is not there.
func (r *Registry) Participants(room string) int {
	r.mu.Lock()
	at := r.rooms[room]
	r.mu.Unlock()
	if at == nil {
		return 0
	}
	at.mu.Lock()
	defer at.mu.Unlock()
	return len(at.members)
}

// Drain refuses new participants from now on.
func (r *Registry) Drain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draining = true
}

// Undrain takes participants again after Drain, unless the Registry is closed.
func (r *Registry) Undrain() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.draining = r.tasks.ended()
}

// Close refuses new participants and waits for the goroutines of the Registry. Rooms that are still there are seated by loudness no
// more, and do not hear any more what the forwarder says. The Pool must be closed after it.
func (r *Registry) Close() {
	r.Drain()
	r.tasks.close()
}
