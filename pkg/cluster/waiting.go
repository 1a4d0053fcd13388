package cluster

import (
	"slices"
	"sync"

	"sfu/pkg/cluster/ownership"
)

// waiting are those who want to know where a room is.
type waiting struct {
	mu    sync.Mutex
	rooms map[string][]chan ownership.Outcome // by rid
}

// add returns where the answer comes.
func (w *waiting) add(rid string) chan ownership.Outcome {
	answer := make(chan ownership.Outcome, 1)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rooms == nil {
		w.rooms = map[string][]chan ownership.Outcome{}
	}
	w.rooms[rid] = append(w.rooms[rid], answer)
	return answer
}

// remove is for one that does not wait any longer.
func (w *waiting) remove(rid string, answer chan ownership.Outcome) {
	w.mu.Lock()
	defer w.mu.Unlock()
	left := slices.DeleteFunc(w.rooms[rid], func(c chan ownership.Outcome) bool { return c == answer })
	if len(left) == 0 {
		delete(w.rooms, rid)
		return
	}
	w.rooms[rid] = left
}

// wake answers all who wait for a room.
func (w *waiting) wake(rid string, o ownership.Outcome) {
	w.mu.Lock()
	answers := w.rooms[rid]
	delete(w.rooms, rid)
	w.mu.Unlock()
	for _, answer := range answers {
		answer <- o
	}
}

// wakeAll answers everybody.
func (w *waiting) wakeAll(o ownership.Outcome) {
	w.mu.Lock()
	rooms := w.rooms
	w.rooms = nil
	w.mu.Unlock()
	for _, answers := range rooms {
		for _, answer := range answers {
			answer <- o
		}
	}
}

// tickets are the answers that this node owes others, until the core has decided.
type tickets struct {
	mu   sync.Mutex
	last uint64
	owed map[uint64]func(ownership.OpenAnswer)
}

// add returns the ticket under which reply is called, once, or never where the node ends.
func (t *tickets) add(reply func(ownership.OpenAnswer)) uint64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.owed == nil {
		t.owed = map[uint64]func(ownership.OpenAnswer){}
	}
	t.last++
	t.owed[t.last] = reply
	return t.last
}

// answer pays one.
func (t *tickets) answer(ticket uint64, a ownership.OpenAnswer) {
	t.mu.Lock()
	reply := t.owed[ticket]
	delete(t.owed, ticket)
	t.mu.Unlock()
	if reply != nil {
		reply(a)
	}
}
