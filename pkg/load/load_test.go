package load_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sfu/internal/plainsfu/baseline"
	"sfu/pkg/codec"
	"sfu/pkg/link"
	"sfu/pkg/load"
	"sfu/pkg/synthetic"
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
		"bursts":    func(c *load.Config) { c.Pacing, c.Silent, c.Page = synthetic.PaceBurst, 1, true },
		"addresses": func(c *load.Config) {
			c.From = []netip.Addr{netip.AddrFrom4([4]byte{127, 1, 2, 3}), netip.AddrFrom4([4]byte{127, 1, 2, 4})}
		},
		"even": func(c *load.Config) { c.Pacing, c.SlowCipher, c.Slots = synthetic.PaceEven, true, 2 },
	} {
		t.Run(name, func(t *testing.T) {
			cfg := small(startPlain(t))
			change(&cfg)
			var moments []load.Moment
			r, err := load.Run(context.Background(), cfg, func(m load.Moment) { moments = append(moments, m) })
			if err != nil {
				t.Fatal(err)
			}
			if want := cfg.Rooms * (cfg.Publishers + cfg.Viewers + cfg.Silent); r.Joined != want || r.Failed != 0 {
				t.Errorf("%d joined, %d failed, want %d: %s", r.Joined, r.Failed, want, r.FirstError)
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

func TestSilentParticipants(t *testing.T) {
	for _, page := range []bool{false, true} {
		cfg := small(startPlain(t))
		cfg.Rooms, cfg.Publishers, cfg.Viewers, cfg.Silent, cfg.Page, cfg.Duration = 1, 0, 0, 4, page, time.Second
		r, err := load.Run(context.Background(), cfg, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Joined != 4 || r.DeliveredPackets != 0 || r.JoinConnected.P50 <= 0 || r.JoinConnected.P99 < r.JoinAnswered.P50 {
			t.Errorf("page %v: %+v", page, r)
		}
		if r.Server == nil || r.Server.MillisPerJoin <= 0 {
			t.Errorf("page %v: %+v", page, r.Server)
		}
	}
}

// TestSaturation looks for the end of viewers whose path has one.
func TestSaturation(t *testing.T) {
	cfg := small(startPlain(t))
	cfg.Rooms, cfg.Viewers, cfg.Audio, cfg.Bitrate, cfg.Duration, cfg.Saturate = 1, 2, false, 2_500_000, time.Second, true
	cfg.Impaired, cfg.Down = true, link.Config{Rate: 3_000_000, Queue: 150_000}
	r, err := load.Run(context.Background(), cfg, nil)
	if err != nil {
		t.Fatal(err)
	}
	// How far it comes depends on the machine, but never beyond what the path carries with its queue.
	least, most, packets := math.MaxInt, 0, 0.0 // of what was too much, of what was not
	for _, s := range r.Steps {
		if s.TooMuch == "" {
			most, packets = max(most, s.Bitrate), max(packets, s.PacketsPerSecond)
		} else {
			least = min(least, s.Bitrate)
		}
	}
	if r.Saturation == nil || r.Saturation.TooMuch != "" || r.Saturation.PacketsPerSecond != packets || least < most || most > 4_500_000 {
		t.Errorf("%+v", r.Steps)
	}
	var table bytes.Buffer
	if err := r.WriteTable(&table); err != nil || !strings.Contains(table.String(), "saturation") {
		t.Errorf("%v: %s", err, table.String())
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
		{"--from", "here"}, {"--silent", "-1"}, {"--page"}, {"--slots", "33"}, {"--pace", "fast"}, {"--saturate", "--viewers", "0"}, {"--impair", "rate=fast"}, {"--pid", "1", "--metrics", "x"}, {"--room", "a b"}, {"surplus"}, {"--unknown"},
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
