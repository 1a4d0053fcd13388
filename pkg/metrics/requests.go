package metrics

import (
	"bufio"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
)

// handlers are those that CountRequests tells apart; others count as the last one.
var handlers = [...]string{"page", "room", "signal", "whip", "health", "metrics", "admin", "other"}

// statuses are those that are told apart; others count by their hundred.
var statuses = [...]int{
	http.StatusSwitchingProtocols, http.StatusOK, http.StatusCreated, http.StatusNoContent, http.StatusTemporaryRedirect, http.StatusNotModified,
	http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound, http.StatusMethodNotAllowed,
	http.StatusRequestEntityTooLarge, http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusServiceUnavailable,
}

// classes are where other statuses count, by their hundred; index 0 is for what is no status.
var classes = [...]string{"other", "1xx", "2xx", "3xx", "4xx", "5xx"}

// requests counts answers by handler and status.
type requests [len(handlers)][len(statuses) + len(classes)]atomic.Uint64

func statusIndex(status int) int {
	if i := slices.Index(statuses[:], status); i >= 0 {
		return i
	}
	class := status / 100
	if class < 1 || class >= len(classes) {
		class = 0
	}
	return len(statuses) + class
}

func statusLabel(index int) string {
	if index < len(statuses) {
		return strconv.Itoa(statuses[index])
	}
	return classes[index-len(statuses)]
}

func (r *requests) samples() []sample {
	var samples []sample
	for h := range r {
		for i := range r[h] {
			if n := r[h][i].Load(); n > 0 {
				samples = append(samples, sample{value: float64(n), labels: []string{handlers[h], statusLabel(i)}})
			}
		}
	}
	return samples
}

func httpFamilies() []family {
	return []family{{
		name: "sfu_http_requests_total", kind: counter, labels: []string{"handler", "code"},
		help: "HTTP requests by what answered and by status; 101 is a WebSocket. page, room (what a client asks before it joins), signal (the WebSocket), " +
			"whip, health, metrics, admin, other.",
		advice: "500: a bug, see the logs. 503: full or draining. 429: `sfu_rate_limited_total` says what. Many 404: scanners, or a proxy with a wrong path.",
		read:   func(s *snapshot) []sample { return s.requests },
	}}
}

// CountRequests counts what next answers under the name of a handler: page, room, signal, whip, health, metrics or admin. A
// name that is none of these counts as other. A request counts when its status is known, so a WebSocket counts when it
// begins.
func (m *Metrics) CountRequests(handler string, next http.Handler) http.Handler {
	h := slices.Index(handlers[:], handler)
	if h < 0 {
		h = len(handlers) - 1
	}
	counts := &m.requests[h]
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := &statusWriter{ResponseWriter: w, note: func(status int) { counts[statusIndex(status)].Add(1) }}
		defer s.noteOnce(http.StatusInternalServerError) // next panicked before it answered
		next.ServeHTTP(s, r)
		s.noteOnce(http.StatusOK)
	})
}

// A statusWriter notes the status of an answer, once.
type statusWriter struct {
	http.ResponseWriter
	note  func(status int)
	noted bool
}

func (w *statusWriter) noteOnce(status int) {
	if !w.noted {
		w.noted = true
		w.note(status)
	}
}

// WriteHeader notes a final status; of those below 200 only 101 is one.
func (w *statusWriter) WriteHeader(status int) {
	if status >= 200 || status == http.StatusSwitchingProtocols {
		w.noteOnce(status)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Write(p []byte) (int, error) {
	w.noteOnce(http.StatusOK)
	return w.ResponseWriter.Write(p)
}

// Hijack is how WebSockets begin.
func (w *statusWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.noteOnce(http.StatusSwitchingProtocols)
	}
	return conn, rw, err
}

// Flush lets streams through.
func (w *statusWriter) Flush() {
	w.noteOnce(http.StatusOK)
	_ = http.NewResponseController(w.ResponseWriter).Flush() // not every writer can
}

// Unwrap is for http.ResponseController.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
