package metrics_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"sfu/pkg/metrics"
	"sfu/pkg/room"
	"sfu/pkg/signaling/protocol"
)

// patience is how long a test waits for what takes no time.
const patience = 10 * time.Second

// get returns the answer of h.
func get(h http.Handler, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", path, nil)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// fill makes everything count that may, with every label value that other packages know of.
func (s *server) fill(rooms, perRoom int) {
	for i := range rooms {
		s.open(fmt.Sprintf("room-%d", i))
		s.rooms.Rooms[i].Participants = perRoom
	}
	for _, f := range s.fields() {
		f.add(1)
	}
	codes := map[string]uint64{}
	for _, c := range protocol.Codes() {
		codes[string(c.Code)] = 1
	}
	for _, c := range []string{"ok", "left", "client", "lost", "other"} {
		codes[c] = 1
	}
	types := map[string]uint64{"other": 1}
	for _, name := range append(protocol.ClientTypes(), protocol.ServerTypes()...) {
		types[name] = 1
	}
	t := &s.signaling
	t.Refused, t.Closed, t.Joins, t.Resumes, t.RateLimited, t.AuthFailures = codes, codes, codes, codes, codes, codes
	t.MessagesIn, t.MessagesOut = types, types
}

// use makes the observed families count as well.
func use(m *metrics.Metrics) {
	for _, result := range []string{"ok", "lost", "room_full", "made up"} {
		m.ObserveJoin(time.Second, result)
	}
	for _, path := range []string{"udp", "tcp", "made up"} {
		m.ObserveConnection(path, time.Second)
	}
	for _, handler := range []string{"page", "room", "signal", "whip", "health", "metrics", "admin", "made up", "made up too"} {
		for status := 100; status < 600; status++ {
			get(m.CountRequests(handler, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })), "/")
		}
	}
}

// seriesIn counts the lines of an answer in text format, those of a room by its label.
func seriesIn(body string) (all int, byRoom map[string]int) {
	byRoom = map[string]int{}
	for line := range strings.Lines(body) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		all++
		if r := label(line, "room"); r != "" {
			byRoom[r]++
		}
	}
	return all, byRoom
}

// However many rooms there are and have been, the number of series is bounded.
func TestSeriesAreBounded(t *testing.T) {
	const unlabelled, labels = 1500, 100
	for _, rooms := range []int{0, 300, 5000} {
		t.Run(fmt.Sprint(rooms), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &server{}
				s.fill(max(rooms, 1), 3)
				m := metrics.New(s.sources(), metrics.Options{RoomNames: true})
				use(m)
				for range 3 {
					all, byRoom := seriesIn(get(m.Handler(), "/metrics").Body.String())
					if want := min(max(rooms, 1), labels) + 1; len(byRoom) != want {
						t.Fatalf("%d values of the label room, want %d", len(byRoom), want)
					}
					for name, n := range byRoom {
						if n > metrics.MaxRoomSeries {
							t.Errorf("room %s has %d series", name, n)
						}
					}
					if limit := unlabelled + metrics.MaxRoomSeries*(len(byRoom)-1); all > limit {
						t.Errorf("%d series, want at most %d", all, limit)
					}
					t.Logf("%d series", all)
					for i := range min(len(s.rooms.Rooms), 150) { // more than have labels make place for others
						s.end(s.rooms.Rooms[0].Name)
						s.open(fmt.Sprintf("later-%d-%d", i, len(byRoom)))
					}
					time.Sleep(2 * time.Second) // in the bubble
				}
			})
		})
	}
}

// A room's series are gone within a minute of its end; in truth with the first answer that is not a second old.
func TestSeriesGoWithTheirRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{}
		s.open("kitchen")
		s.at("kitchen").Counters.Withheld = 7
		h := metrics.New(s.sources(), metrics.Options{RoomNames: true}).Handler()
		body := get(h, "/metrics").Body.String()
		if !strings.Contains(body, `sfu_room_rtp_withheld_total{room="kitchen"} 7`) {
			t.Fatalf("the room has no series:\n%s", body)
		}
		s.end("kitchen")
		time.Sleep(999 * time.Millisecond)
		if get(h, "/metrics").Body.String() != body || s.asked != 1 {
			t.Errorf("asked %d times within a second, or the answer changed", s.asked)
		}
		time.Sleep(time.Millisecond)
		body = get(h, "/metrics").Body.String()
		if strings.Contains(body, "kitchen") || !strings.Contains(body, `sfu_room_rtp_withheld_total{room="_other"} 7`) {
			t.Errorf("the room's series are not where they belong:\n%s", body)
		}
		if !strings.Contains(body, `sfu_room_participants{room="_other"} 0`) {
			t.Error("gauges have not returned to 0")
		}
	})
}

// Of three scrapes at a time one is refused.
func TestTwoScrapesAtATime(t *testing.T) {
	s := &server{}
	sources, release := s.sources(), make(chan struct{})
	ask := sources.Rooms
	sources.Rooms = func(ctx context.Context) room.Stats {
		<-release
		return ask(ctx)
	}
	m := metrics.New(sources, metrics.Options{})
	answers := make(chan int, 3)
	for range 3 {
		go func() { answers <- get(m.Handler(), "/metrics").Code }()
	}
	next := func() int {
		select {
		case code := <-answers:
			return code
		case <-time.After(patience):
			t.Fatal("no answer")
			return 0
		}
	}
	if code := next(); code != http.StatusServiceUnavailable {
		t.Errorf("the third scrape got %d", code)
	}
	close(release)
	if a, b := next(), next(); a != http.StatusOK || b != http.StatusOK {
		t.Errorf("the others got %d and %d", a, b)
	}
}

// A source that panics must not take the other families away.
func TestPanickingSource(t *testing.T) {
	s := &server{}
	sources := s.sources()
	sources.Rooms = func(context.Context) room.Stats { panic("a bug") }
	h := metrics.Uncached(metrics.New(sources, metrics.Options{}))
	for range 2 { // and must not leave a lock behind
		if w := get(h, "/metrics"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "go_goroutines") {
			t.Errorf("answer %d:\n%s", w.Code, w.Body)
		}
	}
}

func TestFormats(t *testing.T) {
	s := &server{}
	s.fill(3, 2)
	m := metrics.New(s.sources(), metrics.Options{RoomNames: true, Version: "v1.2.3"})
	use(m)
	for accept, want := range map[string]string{
		"": "text/plain",
		"application/openmetrics-text;version=1.0.0":                                                 "application/openmetrics-text",
		"application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited": "application/vnd.google.protobuf",
	} {
		w := get(m.Handler(), "/metrics", "Accept", accept)
		if got := w.Header().Get("Content-Type"); w.Code != http.StatusOK || !strings.HasPrefix(got, want) {
			t.Errorf("asked for %q: %d %s", accept, w.Code, got)
		}
	}
	body := get(m.Handler(), "/metrics").Body.String()
	for _, line := range []string{
		`sfu_build_info{go_version="go1.`, `version="v1.2.3"} 1`, `sfu_room_size_bucket{le="2"} 2`, `sfu_join_seconds_bucket{result="refused",le="1"} 2`,
		`sfu_connect_seconds_count{path="other"} 1`, "process_cpu_seconds_total", "go_sched_latencies_seconds_bucket",
	} {
		if !strings.Contains(body, line) {
			t.Errorf("the answer lacks %q:\n%s", line, body)
		}
	}
}

// Histograms have native buckets for those who want them, and counters say when they began.
func TestNativeBucketsAndCreatedTimes(t *testing.T) {
	s := &server{}
	s.open("kitchen")
	m := metrics.New(s.sources(), metrics.Options{RoomNames: true})
	m.ObserveJoin(300*time.Millisecond, "ok")
	families, err := m.Own().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, metric := range f.GetMetric() {
			name := series(f.GetName(), metric.GetLabel())
			switch {
			case f.GetName() == "sfu_engine_op_seconds": // its source counts in buckets
				if metric.GetHistogram().GetCreatedTimestamp() == nil || len(metric.GetHistogram().GetBucket()) == 0 {
					t.Errorf("%s does not say when it began, or has no buckets", name)
				}
			case metric.Histogram != nil && metric.GetHistogram().GetSchema() != 3: // the greatest factor not above 1.1 is 2^(1/8)
				t.Errorf("%s has schema %d", name, metric.GetHistogram().GetSchema())
			case label(name, "room") == "kitchen" && metric.Counter != nil:
				if got := metric.GetCounter().GetCreatedTimestamp().AsTime(); !got.Equal(s.at("kitchen").Since) {
					t.Errorf("%s began at %v", name, got)
				}
			case metric.Counter != nil && metric.GetCounter().GetCreatedTimestamp() == nil:
				t.Errorf("%s does not say when it began", name)
			}
		}
	}
}

func TestLint(t *testing.T) {
	s := &server{}
	s.fill(3, 2)
	m := metrics.New(s.sources(), metrics.Options{RoomNames: true})
	use(m)
	problems, err := testutil.GatherAndLint(m.All())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

func TestPromtool(t *testing.T) {
	promtool, err := exec.LookPath("promtool")
	if err != nil {
		t.Skip("promtool is not installed")
	}
	s := &server{}
	s.fill(3, 2)
	m := metrics.New(s.sources(), metrics.Options{RoomNames: true})
	use(m)
	check := exec.Command(promtool, "check", "metrics")
	check.Stdin = get(m.Handler(), "/metrics").Body
	if output, err := check.CombinedOutput(); err != nil || len(output) > 0 {
		t.Errorf("promtool: %v\n%s", err, output)
	}
}

func BenchmarkScrape(b *testing.B) {
	for _, n := range []struct{ rooms, participants int }{{300, 1000}, {1000, 5000}, {5000, 5000}} {
		b.Run(fmt.Sprintf("rooms=%d", n.rooms), func(b *testing.B) {
			s := &server{}
			s.fill(n.rooms, n.participants/n.rooms)
			m := metrics.New(s.sources(), metrics.Options{RoomNames: true})
			use(m)
			h := metrics.Uncached(m)
			var size int
			b.ReportAllocs()
			for b.Loop() {
				w := get(h, "/metrics")
				size = w.Body.Len()
			}
			b.ReportMetric(float64(size), "bytes/answer")
		})
	}
}
