package load_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sfu/internal/plainsfu/baseline"
	"sfu/pkg/codec"
	"sfu/pkg/link"
	"sfu/pkg/load"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func startPlain(t *testing.T) string {
	t.Helper()
	server, err := baseline.New(&net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}, baseline.Config{})
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(server)
	t.Cleanup(func() {
		_ = server.Close()
		web.Close()
	})
	return web.URL
}

func small(url string) load.Config {
	return load.Config{
		URL: url, RoomPrefix: "r", Rooms: 2, Publishers: 1, Viewers: 3, Bitrate: 500_000, FPS: 30, Codec: codec.VP8, Audio: true,
		Duration: 2 * time.Second, Settle: 200 * time.Millisecond, JoinRate: 100, Sample: 4, Process: load.PID(os.Getpid()),
	}
}

func TestRun(t *testing.T) {
	for name, change := range map[string]func(*load.Config){
		"plain":     func(*load.Config) {},
		"simulcast": func(c *load.Config) { c.Simulcast, c.Sample = true, 1 },
		"meeting":   func(c *load.Config) { c.Rooms, c.Publishers, c.Viewers, c.Watch = 1, 3, 0, true },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := small(startPlain(t))
			change(&cfg)
			var moments []load.Moment
			r, err := load.Run(context.Background(), cfg, func(m load.Moment) { moments = append(moments, m) })
			if err != nil {
				t.Fatal(err)
			}
			if want := cfg.Rooms * (cfg.Publishers + cfg.Viewers); r.Joined != want || r.Failed != 0 {
				t.Errorf("%d joined, %d failed, want %d", r.Joined, r.Failed, want)
			}
			if r.DeliveredPackets < 300 || r.Checked < r.DeliveredPackets/8 || r.Bad != 0 || r.LossByStamps != 0 || r.LossBySequence != 0 {
				t.Errorf("%+v", r)
			}
			if r.Latency.P50 <= 0 || r.Latency.P99 < r.Latency.P50 || r.JoinAnswered.P50 <= 0 || r.GeneratorCores <= 0 {
				t.Errorf("%+v", r)
			}
			if cfg.Viewers > 0 && r.JoinMedia.P50 < r.JoinAnswered.P50 {
				t.Errorf("first packets after %v ms, answers after %v ms", r.JoinMedia.P50, r.JoinAnswered.P50)
			}
			if r.Server == nil || r.Server.RSSBytes < 1<<20 || r.Server.MicrosPerPacket <= 0 {
				t.Errorf("%+v", r.Server)
			}
			if len(moments) < 1 || !moments[len(moments)-1].Measuring || moments[len(moments)-1].PacketsPerSecond == 0 {
				t.Errorf("%+v", moments)
			}
		})
	}
}

func TestImpairedViewersLose(t *testing.T) {
	cfg := small(startPlain(t))
	cfg.Rooms, cfg.Impaired, cfg.Down = 1, true, link.Config{Loss: 0.2, Delay: 20 * time.Millisecond}
	r, err := load.Run(context.Background(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.Recovered == 0 || r.Latency.P50 < 20 {
		t.Errorf("%+v", r)
	}
}

func TestRunEndsEarly(t *testing.T) {
	cfg := small(startPlain(t))
	cfg.Duration = time.Hour
	ctx, cancel := context.WithCancel(context.Background())
	r, err := load.Run(ctx, cfg, func(m load.Moment) {
		if m.Measuring {
			cancel()
		}
	})
	if err != nil || r.DeliveredPackets == 0 || r.Seconds > 60 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestNobodyCanJoin(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"code":"room_full","message":"The room is full."}`)
	}))
	defer refusing.Close()
	if _, err := load.Run(context.Background(), small(refusing.URL), nil); err == nil || !strings.Contains(err.Error(), "room_full") {
		t.Errorf("%v", err)
	}
}

func TestMetrics(t *testing.T) {
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/metrics" {
			fmt.Fprint(w, "# HELP x y\nprocess_cpu_seconds_total 12.5\nother{a=\"b\"} 3\nprocess_resident_memory_bytes 1.048576e+06\n")
		}
	}))
	defer web.Close()
	u, err := load.MetricsURL(web.URL + "/metrics").Usage(context.Background())
	if err != nil || u.CPU != 12500*time.Millisecond || u.RSS != 1<<20 {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := load.MetricsURL(web.URL + "/empty").Usage(context.Background()); err == nil {
		t.Error("no error for metrics without a process")
	}
}

func TestCommand(t *testing.T) {
	url := startPlain(t)
	var out, progress bytes.Buffer
	args := []string{"--url", url, "--viewers", "2", "--bitrate", "300000", "--duration", "1s", "--settle", "0s", "--join-rate", "200", "--json", "--pid", fmt.Sprint(os.Getpid())}
	if code := load.Command(context.Background(), args, &out, &progress); code != 0 {
		t.Fatalf("exit code %d: %s", code, progress.String())
	}
	var r load.Result
	if err := json.Unmarshal(out.Bytes(), &r); err != nil || r.DeliveredPackets == 0 || r.Server == nil {
		t.Errorf("%v: %s", err, out.String())
	}
	out.Reset()
	if code := load.Command(context.Background(), append(args[:len(args)-3], "--pid", "0"), &out, &progress); code != 0 || !strings.Contains(out.String(), "delivered") {
		t.Errorf("exit code %d: %s", code, out.String())
	}
}

func TestCommandRefuses(t *testing.T) {
	for _, args := range [][]string{
		{"--url", "nowhere"}, {"--viewers", "-1"}, {"--rooms", "0"}, {"--bitrate", "-1"}, {"--bitrate", "0"}, {"--codec", "MP3"},
		{"--codec", "opus"}, {"--codec", "AV1", "--simulcast"}, {"--duration", "1ms"}, {"--join-rate", "0"}, {"--sample", "0"},
		{"--impair", "rate=fast"}, {"--pid", "1", "--metrics", "x"}, {"--room", "a b"}, {"surplus"}, {"--unknown"},
	} {
		var out, errors bytes.Buffer
		if code := load.Command(context.Background(), args, &out, &errors); code != 2 || errors.Len() == 0 || out.Len() != 0 {
			t.Errorf("%v: exit code %d, %q, %q", args, code, out.String(), errors.String())
		}
	}
	var out, errors bytes.Buffer
	if code := load.Command(context.Background(), []string{"--help"}, &out, &errors); code != 0 || !strings.Contains(out.String(), "impair") {
		t.Errorf("--help: exit code %d, %q", code, out.String())
	}
	if code := load.Command(context.Background(), []string{"--url", "http://127.0.0.1:1"}, &out, &errors); code != 1 {
		t.Errorf("a server that is not there: exit code %d", code)
	}
}
