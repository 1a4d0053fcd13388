package metrics_test

import (
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gorilla/websocket"

	"sfu/pkg/metrics"
)

// requestCounts returns sfu_http_requests_total as handler/code.
func requestCounts(t *testing.T, m *metrics.Metrics) map[string]float64 {
	t.Helper()
	counts := map[string]float64{}
	for name, v := range gather(t, m.Own()) {
		if strings.HasPrefix(name, "sfu_http_requests_total") {
			counts[label(name, "handler")+"/"+label(name, "code")] = v
		}
	}
	return counts
}

func TestCountRequests(t *testing.T) {
	var (
		answer = func(status int) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) }
		}
		text    = func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }
		nothing = func(http.ResponseWriter, *http.Request) {}
		twice   = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404); w.WriteHeader(200) }
		early   = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusEarlyHints); w.WriteHeader(403) }
		stream  = func(w http.ResponseWriter, _ *http.Request) { _ = http.NewResponseController(w).Flush() }
	)
	for _, c := range []struct {
		name, handler string
		next          http.HandlerFunc
		want          string
	}{
		{"a status", "page", answer(404), "page/404"},
		{"text", "room", text, "room/200"},
		{"nothing", "health", nothing, "health/200"},
		{"the first status counts", "page", twice, "page/404"},
		{"an informal status does not", "page", early, "page/403"},
		{"a stream", "page", stream, "page/200"},
		{"a status without a name", "page", answer(418), "page/4xx"},
		{"no status", "page", answer(999), "page/other"},
		{"a handler without a name", "/v1/rooms/kitchen", answer(200), "other/200"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := metrics.New((&server{}).sources(), metrics.Options{})
			get(m.CountRequests(c.handler, c.next), "/some/where")
			if got, want := requestCounts(t, m), map[string]float64{c.want: 1}; !maps.Equal(got, want) {
				t.Errorf("counted %v, want %v", got, want)
			}
		})
	}
}

func TestCountPanickingRequests(t *testing.T) {
	m := metrics.New((&server{}).sources(), metrics.Options{})
	h := m.CountRequests("page", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("a bug") }))
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was swallowed")
			}
		}()
		get(h, "/")
	}()
	if got := requestCounts(t, m); got["page/500"] != 1 {
		t.Errorf("counted %v", got)
	}
}

// A WebSocket counts as soon as it is there, not hours later.
func TestCountWebSockets(t *testing.T) {
	m := metrics.New((&server{}).sources(), metrics.Options{})
	upgraded, done := make(chan error, 1), make(chan struct{})
	s := httptest.NewServer(m.CountRequests("signal", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ws, err := (&websocket.Upgrader{}).Upgrade(w, r, nil)
		upgraded <- err
		<-done
		if err == nil {
			ws.Close()
		}
	})))
	defer s.Close()
	defer close(done)
	ws, response, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(s.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer ws.Close()
	defer response.Body.Close()
	if err := <-upgraded; err != nil {
		t.Fatal(err)
	}
	if got := requestCounts(t, m); got["signal/101"] != 1 || len(got) != 1 {
		t.Errorf("counted %v", got)
	}
}

// What cannot be hijacked says so, and counts as what it is answered with.
func TestCountFailedHijacks(t *testing.T) {
	m := metrics.New((&server{}).sources(), metrics.Options{})
	get(m.CountRequests("signal", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, _, err := w.(http.Hijacker).Hijack(); !errors.Is(err, http.ErrNotSupported) {
			t.Errorf("hijack: %v", err)
		}
		w.WriteHeader(500)
	})), "/")
	if got := requestCounts(t, m); got["signal/500"] != 1 || len(got) != 1 {
		t.Errorf("counted %v", got)
	}
}
