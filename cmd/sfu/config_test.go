package main

import (
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sfu/pkg/codec"
)

func load(t *testing.T, args, env []string) Config {
	t.Helper()
	cfg, err := loadConfig(args, parseEnvironment(env))
	if err != nil {
		t.Fatal(err)
	}
	return cfg
}

func TestDefaults(t *testing.T) {
	cfg := load(t, nil, nil)
	if got := cfg.Network.Listen.String(); got != ":8080" {
		t.Errorf("listen %q", got)
	}
	wantCodecs := []codec.Type{codec.VP8, codec.VP9, codec.H264, codec.AV1}
	if !slices.Equal(cfg.Media.VideoCodecs, wantCodecs) {
		t.Errorf("codecs %v", cfg.Media.VideoCodecs)
	}
	if want := (Limits{MaxRooms: 1000, MaxParticipants: 100, DrainTimeout: 25 * time.Second}); cfg.Limits != want {
		t.Errorf("limits %+v", cfg.Limits)
	}
	if want := (Observation{MetricsRooms: 100, MetricsRoomNames: true, LogLevel: slog.LevelInfo, LogFormat: "text"}); cfg.Observation != want {
		t.Errorf("observation %+v", cfg.Observation)
	}
	if cfg.TLS.enabled() || cfg.Network.MediaPort != 0 || len(cfg.Network.PublicIPs)+len(cfg.TURN.URLs)+len(cfg.Access.AllowedOrigins) != 0 {
		t.Errorf("got %+v", cfg)
	}
}

func TestFlagBeatsEnvironmentBeatsDefault(t *testing.T) {
	env := []string{"SFU_MAX_ROOMS=5", "SFU_MAX_PARTICIPANTS=6", "SFU_METRICS_ROOM_NAMES=false", "SFU_LISTEN="}
	cfg := load(t, []string{"--max-rooms", "7", "--tls-self"}, env)
	if cfg.Limits.MaxRooms != 7 || cfg.Limits.MaxParticipants != 6 || cfg.Observation.MetricsRoomNames || !cfg.TLS.Self {
		t.Errorf("got %+v", cfg)
	}
	if cfg.Network.Listen.String() != ":8080" {
		t.Errorf("an empty variable counts: %v", cfg.Network.Listen)
	}
	if cfg := load(t, []string{"--metrics-room-names=true"}, env); !cfg.Observation.MetricsRoomNames {
		t.Error("a switch on the command line does not beat the environment")
	}
}

func TestLists(t *testing.T) {
	for name, cfg := range map[string]Config{
		"repeated flags": load(t, []string{"--public-ip=203.0.113.7", "--public-ip", "2001:db8::7", "--video-codecs=AV1,vp8"}, nil),
		"environment":    load(t, nil, []string{"SFU_PUBLIC_IP=203.0.113.7, 2001:db8::7", "SFU_VIDEO_CODECS=AV1,vp8"}),
	} {
		if got := fmt.Sprint(cfg.Network.PublicIPs); got != "[203.0.113.7 2001:db8::7]" {
			t.Errorf("%s: %s", name, got)
		}
		if !slices.Equal(cfg.Media.VideoCodecs, []codec.Type{codec.AV1, codec.VP8}) {
			t.Errorf("%s: %v", name, cfg.Media.VideoCodecs)
		}
	}
}

func TestBadValuesAreNamed(t *testing.T) {
	for _, tt := range []struct {
		args, env []string
		want      []string
	}{
		{args: []string{"--nonsense=1"}, want: []string{"--nonsense"}},
		{args: []string{"--drain-lb-delay=30s"}, want: []string{"--drain-lb-delay", "--drain-timeout"}},
		{args: []string{"--max-rooms"}, want: []string{"--max-rooms", "needs an argument"}},
		{args: []string{"extra"}, want: []string{`"extra"`}},
		{args: []string{"--listen=8080"}, want: []string{"--listen", "8080"}},
		{args: []string{"--listen=:99999"}, want: []string{"--listen", "99999"}},
		{args: []string{"--listen=host.example:80"}, want: []string{"--listen", "host.example"}},
		{args: []string{"--media-port=0"}, want: []string{"--media-port"}},
		{args: []string{"--public-ip=example.org"}, want: []string{"--public-ip", "example.org"}},
		{args: []string{"--trusted-proxies=10.0.0.0/99"}, want: []string{"--trusted-proxies", "10.0.0.0/99"}},
		{args: []string{"--allowed-origins=null"}, want: []string{"--allowed-origins", "null"}},
		{args: []string{"--allowed-origins=*"}, want: []string{"--allowed-origins"}},
		{args: []string{"--allowed-origins=https://a.example/path"}, want: []string{"--allowed-origins"}},
		{args: []string{"--allowed-origins=https://a@b.example"}, want: []string{"--allowed-origins"}},
		{args: []string{"--turn-url=http://x"}, want: []string{"--turn-url", "http://x"}},
		{args: []string{"--turn-url=turn:t.example"}, want: []string{"--turn-secret-file", "SFU_TURN_SECRET"}},
		{args: []string{"--turn-ttl=5"}, want: []string{"--turn-ttl"}},
		{args: []string{"--video-codecs=VP8,H265"}, want: []string{"--video-codecs", "H265"}},
		{args: []string{"--video-codecs=opus"}, want: []string{"--video-codecs", "opus"}},
		{args: []string{"--video-codecs=VP8,VP8"}, want: []string{"--video-codecs", "twice"}},
		{args: []string{"--max-participants=-1"}, want: []string{"--max-participants", "-1"}},
		{args: []string{"--drain-timeout=soon"}, want: []string{"--drain-timeout", "soon"}},
		{args: []string{"--log-level=loud"}, want: []string{"--log-level", "loud"}},
		{args: []string{"--log-format=xml"}, want: []string{"--log-format", "xml"}},
		{args: []string{"--tls-self=perhaps"}, want: []string{"--tls-self", "perhaps"}},
		{args: []string{"--tls-cert=c"}, want: []string{"--tls-key"}},
		{args: []string{"--tls-self", "--tls-cert=c", "--tls-key=k"}, want: []string{"--tls-self", "exclude"}},
		{args: []string{"--auth-once"}, want: []string{"--auth-once", "--auth-keys-file"}},
		{args: []string{"--auth-keys-file=f"}, env: []string{"SFU_AUTH_KEYS=k"}, want: []string{"SFU_AUTH_KEYS", "exclude"}},
		{args: []string{"--turn-secret-file=f"}, env: []string{"SFU_TURN_SECRET=k"}, want: []string{"SFU_TURN_SECRET", "exclude"}},
		{args: []string{"--admin-listen=:8080"}, want: []string{"--admin-listen"}},
		{args: []string{"--admin-listen=:7000", "--media-port=7000"}, want: []string{"--admin-listen"}},
		{args: []string{"--auth-keys=x"}, want: []string{"unknown flag --auth-keys"}},
		{args: []string{"--turn-secret=x"}, want: []string{"unknown flag --turn-secret"}},
		{env: []string{"SFU_MAX_ROOMS=many"}, want: []string{"SFU_MAX_ROOMS", "many"}},
		{env: []string{"SFU_MAXROOMS=1", "SFU_A=1"}, want: []string{"SFU_A, SFU_MAXROOMS"}},
		{env: []string{"SFU_LISTEN_PORT=1"}, want: []string{"SFU_LISTEN_PORT"}},
	} {
		_, err := loadConfig(tt.args, parseEnvironment(tt.env))
		var usage usageError
		if !errors.As(err, &usage) {
			t.Errorf("%v %v: got %v", tt.args, tt.env, err)
			continue
		}
		for _, part := range tt.want {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%v %v: %q does not say %q", tt.args, tt.env, err, part)
			}
		}
	}
}

func TestEveryFlagRefusesNothing(t *testing.T) {
	for _, s := range settings() {
		if s.envOnly || s.isSwitch() || strings.HasSuffix(s.value, "…") {
			continue
		}
		if _, err := loadConfig([]string{"--" + s.name + "="}, nil); err == nil || !strings.Contains(err.Error(), s.name) {
			t.Errorf("--%s= is accepted: %v", s.name, err)
		}
	}
}

func TestServiceLinksOfKubernetesAreNoSettings(t *testing.T) {
	links := []string{"SFU_SERVICE_HOST=10.0.0.1", "SFU_SERVICE_PORT=80", "SFU_SERVICE_PORT_HTTP=80", "SFU_PORT=tcp://10.0.0.1:80",
		"SFU_PORT_80_TCP=tcp://10.0.0.1:80", "SFU_PORT_80_TCP_ADDR=10.0.0.1", "SFU_ADMIN_SERVICE_HOST=10.0.0.2", "SFU_ADMIN_PORT_81_TCP=x"}
	load(t, nil, links)
	if _, err := loadConfig(nil, parseEnvironment([]string{"SFU_PORT=80"})); err == nil {
		t.Error("SFU_PORT without a service is taken for a service link")
	}
}

func TestSecretsDoNotShow(t *testing.T) {
	cfg := load(t, nil, []string{"SFU_AUTH_KEYS=hush", "SFU_TURN_SECRET=hush"})
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "access", fmt.Sprint(cfg.Access))
	for _, text := range []string{fmt.Sprintf("%v %+v %#v", cfg, cfg, cfg), log.String()} {
		if strings.Contains(text, "hush") {
			t.Errorf("a secret stands in %s", text)
		}
	}
}

func TestOrigins(t *testing.T) {
	cfg := load(t, []string{"--allowed-origins=https://Example.org:443,http://a.example:80,https://b.example:8443"}, nil)
	want := []string{"https://example.org", "http://a.example", "https://b.example:8443"}
	if !slices.Equal(cfg.Access.AllowedOrigins, want) {
		t.Errorf("got %v", cfg.Access.AllowedOrigins)
	}
}

func TestEndpoints(t *testing.T) {
	for text, want := range map[string]string{
		":8080": ":8080", "localhost:80": "127.0.0.1:80", "0.0.0.0:1": "0.0.0.0:1", "[::1]:443": "[::1]:443", "[::]:0": "[::]:0",
	} {
		if e, err := parseEndpoint(text); err != nil || e.String() != want {
			t.Errorf("%s: got %v, %v", text, e, err)
		}
	}
}

func TestHelpNamesEverything(t *testing.T) {
	var help strings.Builder
	writeHelp(&help)
	for _, s := range settings() {
		if !strings.Contains(help.String(), "\n  "+s.usage()+"\n") {
			t.Errorf("--help lacks %s", s.usage())
		}
		if s.help == "" || !strings.HasSuffix(s.help, ".") {
			t.Errorf("%s: the help is not a sentence: %q", s.name, s.help)
		}
	}
	for line := range strings.Lines(help.String()) {
		if n := len([]rune(line)); n > helpWidth+6 {
			t.Errorf("%d characters: %s", n, line)
		}
	}
}

func TestSettingsAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	name := regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)
	for _, s := range settings() {
		if seen[s.name] || !name.MatchString(s.name) || s.set == nil || s.group == "" {
			t.Errorf("%q is there twice or lacks something", s.name)
		}
		seen[s.name] = true
	}
}

var update = flag.Bool("update", false, "write what docs/configuration.md should say")

// TestDocumentedSettings keeps docs/configuration.md equal to the settings; go test ./cmd/sfu -run Documented -update writes it.
func TestDocumentedSettings(t *testing.T) {
	const path, begin, end = "../../docs/configuration.md", "<!-- settings -->\n", "<!-- /settings -->\n"
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(content), begin)
	_, tail, foundEnd := strings.Cut(rest, end)
	if !found || !foundEnd {
		t.Fatalf("%s lacks %q or %q", path, begin, end)
	}
	var table strings.Builder
	writeMarkdown(&table)
	want := head + begin + table.String() + "\n" + end + tail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if string(content) != want {
		t.Errorf("%s is not what the settings say; run: go test ./cmd/sfu -run Documented -update", path)
	}
}
