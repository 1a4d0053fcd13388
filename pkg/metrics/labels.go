package metrics

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"sfu/pkg/forwarder"
	"sfu/pkg/room"
)

// otherRooms is the label of all rooms that have none of their own, and of those that have ended.
const otherRooms = "_other"

// roomLabels decides which rooms have a label of their own: the oldest, limit of them, each until it ends. A room of which _other
// has counted already brings its counters at that moment as a baseline, which stays with _other, so that nothing counts twice.
type roomLabels struct {
	limit int
	label func(name string) string
	held  map[roomID]labelledRoom
	used  map[string]bool // labels in held
	// counted are live rooms without a label, of which _other has counted.
	counted map[roomID]bool
}

// A roomID tells a room from a later one of the same name.
type roomID struct {
	name  string
	since int64 // in nanoseconds
}

// A labelledRoom is a live room with a label of its own.
type labelledRoom struct {
	label string
	stats *room.RoomStats // nil outside of a snapshot
	// baseline is what _other had counted of it.
	baseline forwarder.Counters
	// created is when its series began at 0.
	created time.Time
}

func newRoomLabels(limit int, label func(name string) string) *roomLabels {
	return &roomLabels{limit: limit, label: label, held: map[roomID]labelledRoom{}, used: map[string]bool{}, counted: map[roomID]bool{}}
}

func idOf(r *room.RoomStats) roomID { return roomID{r.Name, r.Since.UnixNano()} }

// update takes all live rooms, the oldest first, and returns those that have a label.
func (l *roomLabels) update(rooms []room.RoomStats, now time.Time) []labelledRoom {
	l.forget(rooms)
	var labelled []labelledRoom
	for i := range rooms {
		r := &rooms[i]
		at, has := l.held[idOf(r)]
		if !has {
			at, has = l.give(r, now)
		}
		if has {
			at.stats = r
			labelled = append(labelled, at)
		}
	}
	return labelled
}

// forget frees the labels of rooms that have ended.
func (l *roomLabels) forget(rooms []room.RoomStats) {
	live := make(map[roomID]bool, len(rooms))
	for i := range rooms {
		live[idOf(&rooms[i])] = true
	}
	for id, at := range l.held {
		if !live[id] {
			delete(l.held, id)
			delete(l.used, at.label)
		}
	}
	for id := range l.counted {
		if !live[id] {
			delete(l.counted, id)
		}
	}
}

// give gives r a label if there is one left.
func (l *roomLabels) give(r *room.RoomStats, now time.Time) (labelledRoom, bool) {
	id := idOf(r)
	label := l.label(r.Name)
	// A room may be called _other. What is no name of a room cannot be trusted to be text.
	if len(l.held) >= l.limit || l.used[label] || label == otherRooms || !room.ValidRoomName(label) {
		l.counted[id] = true
		return labelledRoom{}, false
	}
	at := labelledRoom{label: label, created: r.Since}
	if l.counted[id] {
		at.baseline, at.created = r.Counters, now
		delete(l.counted, id)
	}
	l.held[id] = at
	l.used[label] = true
	return at, true
}

// of returns the label under which a room is counted.
func (l *roomLabels) of(r *room.RoomStats) string {
	if at, has := l.held[idOf(r)]; has {
		return at.label
	}
	return otherRooms
}

// newHash returns a function that hides names. Its key is made anew by every process, so that nobody can find a name by
// hashing guesses.
func newHash() func(name string) string {
	key := make([]byte, sha256.Size)
	rand.Read(key) // never fails
	return func(name string) string {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(name))
		return hex.EncodeToString(h.Sum(nil)[:8])
	}
}
