package room

import (
	"encoding/json"
	"fmt"
	"time"
)

// A room may go on elsewhere: on a node that takes it over from this one. What the next owner must know of it is small: who is in the room and what they
// publish they say again themselves when they join there.

// inheritanceKept is how long what was restored waits for the participants, who come one after the other and may go again before the next
// has come; inheritances bounds how many may wait.
const (
	inheritanceKept = 30 * time.Second
	inheritances    = 4096
	// savedBytes bounds what Save returns; in JSON a byte of a message may take six.
	savedBytes = 1 << 20
)

// saved is what Save writes.
type saved struct {
	// Sent is the number of the last message, so that the next one does not repeat one that people have seen.
	Sent uint64    `json:"sent"`
	Tail []Message `json:"tail"`
}

// An inheritance is what a room begins with.
type inheritance struct {
	chat  chat
	until time.Time
}

// Save returns the public end of a room's chat for the node that takes the room over, as much as 1 MiB holds, nil where there is none.
func (r *Registry) Save(name string) json.RawMessage {
	r.mu.Lock()
	room := r.rooms[name]
	r.mu.Unlock()
	if room == nil {
		return nil
	}
	room.mu.Lock()
	defer room.mu.Unlock()
	if room.chat.sent == 0 {
		return nil
	}
	for tail := room.chat.tail; ; tail = tail[(len(tail)+1)/2:] {
		text, err := json.Marshal(saved{room.chat.sent, tail})
		if err != nil {
			room.log.Error("save the chat", "error", err) // it has nothing that can fail
		}
		if len(text) <= savedBytes || len(tail) == 0 {
			return text
		}
	}
}

// Restore takes in what Save returned elsewhere, or null, which takes it back. It counts if the room begins here within 30 s; a room
// that is here already keeps what it has.
func (r *Registry) Restore(name string, text json.RawMessage) error {
	var s saved
	if err := json.Unmarshal(text, &s); err != nil {
		return fmt.Errorf("read what was saved of a room: %w", err)
	}
	tail := s.Tail[max(0, len(s.Tail)-r.cfg.ChatTail):]
	for _, m := range tail {
		if m.ID > s.Sent || m.To != "" {
			return fmt.Errorf("read what was saved of a room: message %d does not belong there", m.ID)
		}
	}
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	for other, i := range r.inherited {
		if now.After(i.until) {
			delete(r.inherited, other)
		}
	}
	if s.Sent == 0 {
		delete(r.inherited, name)
		return nil
	}
	if len(r.inherited) >= inheritances {
		return fmt.Errorf("restore a room: %d others have not begun yet", len(r.inherited))
	}
	r.inherited[name] = inheritance{chat{s.Sent, tail}, now.Add(inheritanceKept)}
	return nil
}

// inherit gives a new room what was restored for it. It is called with r.mu held.
func (r *Registry) inherit(room *room) {
	i, is := r.inherited[room.name]
	delete(r.inherited, room.name)
	if is && time.Now().Before(i.until) {
		room.chat, room.inheritsUntil = i.chat, i.until
	}
}

// bequeath keeps the chat of a room that has ended while its people were still on their way. It is called with r.mu held.
func (r *Registry) bequeath(room *room) {
	room.mu.Lock()
	defer room.mu.Unlock()
	if time.Now().Before(room.inheritsUntil) && len(r.inherited) < inheritances {
		r.inherited[room.name] = inheritance{room.chat, room.inheritsUntil}
	}
}
