package metrics

import (
	"encoding/json"
	"net/http"
	"slices"

	"sfu/pkg/room"
)

// RoomsHandler answers GET /rooms with all rooms and their sums, and GET /rooms/{room} with one room and who is in it. It
// names rooms and participants, so it belongs on a port that only operators reach. It knows no tokens, addresses, messages or
// secrets.
func (m *Metrics) RoomsHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /rooms", m.serveRooms)
	mux.HandleFunc("GET /rooms/{room}", m.serveRoom)
	return mux
}

func (m *Metrics) serveRooms(w http.ResponseWriter, r *http.Request) {
	s := m.rooms(r.Context())
	writeJSON(w, http.StatusOK, viewRooms(&s, m.labelOf))
}

func (m *Metrics) serveRoom(w http.ResponseWriter, r *http.Request) {
	s := m.rooms(r.Context())
	at := slices.IndexFunc(s.Rooms, func(k room.RoomStats) bool { return k.Name == r.PathValue("room") })
	if at < 0 {
		writeJSON(w, http.StatusNotFound, refusal{"not_found", "There is no room of this name on this server now."})
		return
	}
	writeJSON(w, http.StatusOK, viewRoom(&s.Rooms[at], m.labelOf))
}

// labelOf returns the label of r in the last scrape.
func (m *Metrics) labelOf(r *room.RoomStats) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.labels.of(r)
}

// A refusal has a code and a sentence, as all of this server.
type refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	_ = encoder.Encode(body) // fails only where the client is gone
}
