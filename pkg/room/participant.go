package room

import (
	"fmt"
	"time"

	"sfu/pkg/auth"
	"sfu/pkg/forwarder"
)

// Participant is a member of a room and the handle through which it acts. Methods check its Grant, may be called from any
// goroutine, and return ErrLeft after it left. A call that returns an error has changed nothing, unless it says otherwise.
type Participant struct {
	id    ParticipantID
	grant auth.Grant
	room  *room
	sink  EventSink
	since time.Time

	// The fields below are guarded by room.mu.

	name      string
	connected bool
	// left is set when it is out of the room, released when its owner has called Leave.
	left, released bool
	// tracks are its own, in the order of their publication.
	tracks []*track
	viewer viewer
}

// ID returns the participant's id.
func (p *Participant) ID() ParticipantID { return p.id }

// Grant returns what the participant may do. Its slices must not be changed.
func (p *Participant) Grant() auth.Grant { return p.grant }

// Media returns the group that the participant's connections must belong to.
func (p *Participant) Media() *forwarder.Group { return p.room.group }

// Snapshot returns the room as it is now. No event that is delivered after it is older than it.
func (p *Participant) Snapshot() (Snapshot, error) {
	if err := p.enter(); err != nil {
		return Snapshot{}, err
	}
	defer p.room.mu.Unlock()
	return p.room.snapshot(p), nil
}

// Rename changes the name that others see; it is cleaned as CleanName does. A name that the grant gives cannot be changed.
func (p *Participant) Rename(name string) error {
	name, err := CleanName(name)
	if err != nil {
		return err
	}
	if err := p.enter(); err != nil {
		return err
	}
	defer p.room.mu.Unlock()
	if p.grant.Name != "" {
		return fmt.Errorf("change the name that the token gives: %w", ErrNotAllowed)
	}
	if p.name != name {
		p.name = name
		p.room.tell(MemberChanged{p.member()}, nil)
	}
	return nil
}

// SetConnected tells the others whether the participant's socket is there. While it is not, a Join with the same identity ends the
// participant, who is told with Ended.
func (p *Participant) SetConnected(connected bool) {
	if p.enter() != nil {
		return
	}
	defer p.room.mu.Unlock()
	if p.connected != connected {
		p.connected = connected
		p.room.tell(MemberChanged{p.member()}, p)
	}
}

// Remove puts someone else out of the room, who is told with Ended. It needs the Moderate permission. The other's owner
// still has to close its connections and to call Leave.
func (p *Participant) Remove(id ParticipantID) error {
	if err := p.remove(id); err != nil {
		return err
	}
	p.room.log.Info("participant removed", "participant", id, "by", p.id)
	return nil
}

func (p *Participant) remove(id ParticipantID) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer p.room.mu.Unlock()
	if !p.grant.Moderate || id == p.id {
		return ErrNotAllowed
	}
	target := p.room.byID[id]
	if target == nil {
		return ErrNotFound
	}
	p.room.depart(target, Removed)
	target.sink.Deliver(Ended{Removed})
	return nil
}

// Leave takes the participant out and gives up the room's media. Whoever called Join must call it once its connections are
// closed, also after Ended. Only the first call counts; the reason of one who was removed or replaced stays.
func (p *Participant) Leave(reason Reason) {
	r := p.room
	r.mu.Lock()
	if p.released {
		r.mu.Unlock()
		return
	}
	p.released = true
	if !p.left {
		r.depart(p, reason)
	}
	r.holders--
	ended, over := r.ended, r.ended && r.holders == 0
	left := len(r.members)
	r.mu.Unlock()
	r.log.Info("participant left", "participant", p.id, "reason", string(reason), "participants", left)
	if ended {
		r.registry.forget(r)
	}
	if over {
		r.registry.settle(r)
	}
}

// enter locks the room for a participant that is in it.
func (p *Participant) enter() error {
	p.room.mu.Lock()
	if p.left {
		p.room.mu.Unlock()
		return ErrLeft
	}
	return nil
}

// member describes p without its tracks.
func (p *Participant) member() Member {
	return Member{ID: p.id, Name: p.name, Connected: p.connected}
}

// wants reports whether p subscribes to t. What it publishes itself comes back to it only when it asks for that by name.
func (p *Participant) wants(t *track) bool {
	if named, ok := p.viewer.named[t]; ok {
		return named
	}
	return p.viewer.auto && t.owner != p
}

// own returns the track id if it is p's own.
func (p *Participant) own(id TrackID) (*track, error) {
	t := p.room.tracks[id]
	if t == nil || t.owner != p {
		return nil, ErrNotFound
	}
	return t, nil
}
