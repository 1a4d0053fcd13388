package signaling

import "time"

// Move sends everyone in room away to its next server, which the Locator knows by now: each is told left with the reason moved, one
// after the other within the time over, and is out of the room at that moment, whatever the client does then. Who is just joining, or
// came before the Locator knew, is refused as room_unavailable and comes again. It returns how many are told and does not wait for them.
// Called again it may shorten the time.
func (s *Server) Move(room string, over time.Duration) (people int) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moves.note(room, now)
	var inRoom []*session
	for _, sess := range s.sessions {
		if sess.room == room {
			inRoom = append(inRoom, sess)
		}
	}
	for i, sess := range inRoom {
		sess.inbox.post(moveNotice{now.Add(over * time.Duration(i) / time.Duration(len(inRoom)))})
	}
	return len(inRoom)
}

// MoveNow is Move with no time to spare.
func (s *Server) MoveNow(room string) (people int) { return s.Move(room, 0) }

// MoveAll is MoveNow of all rooms.
func (s *Server) MoveAll() (people int) {
	s.mu.Lock()
	rooms := map[string]bool{}
	for _, sess := range s.sessions {
		rooms[sess.room] = true
	}
	s.mu.Unlock()
	for room := range rooms {
		people += s.MoveNow(room)
	}
	return people
}

// moves tells when rooms were last moved away. A room may come back: who came after that is not meant.
type moves map[string]time.Time

// keepMoves is longer than anyone is on the way from the Locator's answer to a seat.
const keepMoves = time.Minute

// note takes down a move and forgets those that are long past.
func (m moves) note(room string, now time.Time) {
	for name, at := range m {
		if now.Sub(at) > keepMoves {
			delete(m, name)
		}
	}
	m[room] = now
}

// since reports whether v's room has moved after v came.
func (m moves) since(v visitor) bool {
	at, moved := m[v.room]
	return moved && !v.began.After(at)
}
