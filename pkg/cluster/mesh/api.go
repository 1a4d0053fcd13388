package mesh

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"
)

// Paths and limits of what nodes ask each other.
const (
	probePath    = "/cluster/v1/probe"
	roomsPath    = "/cluster/v1/rooms/"
	handoverPath = "/handover"

	maxHandoverBytes = 2 << 20
	maxRecordBytes   = 64 << 10
	maxStatusBytes   = 4 << 10
	maxReasonBytes   = 1 << 10
)

func (m *Mesh) newAPI() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+probePath, m.serveProbe)
	mux.HandleFunc("GET "+roomsPath+"{rid}", m.serveRecord)
	mux.HandleFunc("POST "+roomsPath+"{rid}"+handoverPath, m.serveHandover)
	return mux
}

func (m *Mesh) serveProbe(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	status := m.service.Status()
	status.Clock = time.Now()
	_ = json.NewEncoder(w).Encode(status) // fails only where the peer is gone
}

func (m *Mesh) serveRecord(w http.ResponseWriter, r *http.Request) {
	value, ok := m.service.Record(r.PathValue("rid"))
	if !ok {
		http.Error(w, "no such room here", http.StatusNotFound)
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	_, _ = w.Write(value)
}

func (m *Mesh) serveHandover(w http.ResponseWriter, r *http.Request) {
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxHandoverBytes))
	var tooBig *http.MaxBytesError
	switch {
	case errors.As(err, &tooBig):
		http.Error(w, "the handover is too big", http.StatusRequestEntityTooLarge)
		return
	case err != nil:
		http.Error(w, "the handover is not complete", http.StatusBadRequest)
		return
	case !json.Valid(data):
		http.Error(w, "the handover is not JSON", http.StatusBadRequest)
		return
	}
	from := incarnationOf(*r.TLS)
	if err := m.service.Handover(r.Context(), from, Handover{RID: r.PathValue("rid"), Data: data}); err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
