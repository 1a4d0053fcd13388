package main

import (
	"errors"
	"net/http"
	"sync/atomic"
)

// A condition is something that must hold. Check returns why it does not, in a sentence for operators, without blocking.
type condition struct {
	Name  string
	Check func() error
}

// health answers /livez and /readyz. Liveness is about this process alone; a node that is not ready goes on with the rooms it has.
type health struct {
	live, ready []condition
	notes       func() map[string]string
	draining    atomic.Bool
}

func newHealth(p parts) *health {
	h := &health{live: p.Live, notes: p.Notes}
	h.ready = append([]condition{{"draining", h.checkDraining}}, p.Ready...)
	return h
}

func (h *health) checkDraining() error {
	if h.draining.Load() {
		return errors.New("the server is about to end and takes nobody new")
	}
	return nil
}

func (h *health) routes(mux *http.ServeMux) {
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { answer(w, "live", h.live, nil) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		// What is not alive is not ready either.
		answer(w, "ready", append(append([]condition(nil), h.live...), h.ready...), h.notes)
	})
}

// failure is one condition that does not hold, as operators see it.
type failure struct {
	Condition string `json:"condition"`
	Message   string `json:"message"`
}

// answer tells what fails. What stands in notes is worth knowing and no reason to send people elsewhere.
func answer(w http.ResponseWriter, what string, conditions []condition, notes func() map[string]string) {
	failing := []failure{}
	for _, c := range conditions {
		if err := c.Check(); err != nil {
			failing = append(failing, failure{c.Name, err.Error()})
		}
	}
	status := http.StatusOK
	if len(failing) > 0 {
		status = http.StatusServiceUnavailable
	}
	body := map[string]any{what: len(failing) == 0, "failing": failing}
	if notes != nil {
		for name, note := range notes() {
			body[name] = note
		}
	}
	writeJSON(w, status, body)
}
