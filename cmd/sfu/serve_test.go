package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is far beyond what anything here should take.
const patience = 20 * time.Second

// running is a node that serves on a port of its own.
type running struct {
	*node
	signals chan os.Signal
	ended   chan error
	log     *lockedLog
}

type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// startNode runs a node of the given parts until the test ends.
func startNode(t *testing.T, p parts, args ...string) *running {
	t.Helper()
	return startAssembled(t, func(m materials) (parts, error) {
		_ = m.ICE.Close()
		return p, nil
	}, args...)
}

// startAssembled runs a node of what assemble makes until the test ends.
func startAssembled(t *testing.T, assemble func(materials) (parts, error), args ...string) *running {
	t.Helper()
	cfg := load(t, append([]string{"--listen=127.0.0.1:0"}, args...), nil)
	r := &running{signals: make(chan os.Signal, 2), ended: make(chan error, 1), log: &lockedLog{}}
	var err error
	r.node, err = newNode(cfg, lookAround(environment{}), slog.New(slog.NewTextHandler(r.log, nil)), assemble)
	if err != nil {
		t.Fatal(err)
	}
	r.start()
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(r.ended)
		err := r.wait(ctx, r.signals)
		r.close()
		r.ended <- err
	}()
	t.Cleanup(func() {
		cancel()
		for range r.ended {
		}
	})
	return r
}

func (r *running) url(path string) string {
	return fmt.Sprintf("http://127.0.0.1:%d%s", r.ports.mainPort(), path)
}

func (r *running) adminURL(path string) string {
	return "http://" + r.ports.admin.Addr().String() + path
}

func get(t *testing.T, url string) (int, string) {
	t.Helper()
	client := &http.Client{
		Timeout:       patience,
		Transport:     &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// says answers with a text.
func says(text string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
}

func TestServeAnswers(t *testing.T) {
	r := startNode(t, parts{
		Routes: func(mux *http.ServeMux) {
			mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "page") })
		},
		Rooms: says("kitchen"), Metrics: says("sfu_build_info{} 1"),
	}, "--admin-listen=127.0.0.1:0")
	for url, want := range map[string]string{
		r.url("/"): "page", r.url("/livez"): `"live": true`, r.url("/readyz"): `"ready": true`, r.url("/metrics"): "sfu_build_info{",
		r.adminURL("/metrics"): "sfu_build_info", r.adminURL("/rooms"): "kitchen", r.adminURL("/livez"): `"live": true`,
		r.adminURL("/readyz"): `"ready": true`, r.adminURL("/debug/pprof/goroutine?debug=1"): "goroutine profile",
	} {
		if status, body := get(t, url); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %.200s", url, status, body)
		}
	}
}

func TestTLSSelf(t *testing.T) {
	r := startNode(t, parts{}, "--tls-self", "--state-dir="+t.TempDir())
	if status, body := get(t, strings.Replace(r.url("/livez"), "http:", "https:", 1)); status != 200 {
		t.Errorf("https: %d %s", status, body)
	}
	if status, body := get(t, r.url("/livez")); status != 200 {
		t.Errorf("monitor over http: %d %s", status, body)
	}
	if status, _ := get(t, r.url("/some/room")); status != http.StatusTemporaryRedirect {
		t.Errorf("page over http: %d", status)
	}
	if r.announcement.fingerprint == "" || r.announcement.certificateFile == "" {
		t.Errorf("announced %+v", r.announcement)
	}
}

// quietPort returns a port that is free for TCP and UDP and that the system gives nobody who asks for any.
func quietPort(t *testing.T) uint16 {
	t.Helper()
	for port := uint16(20000 + os.Getpid()%8000); port < 32000; port++ {
		at := fmt.Sprintf("127.0.0.1:%d", port)
		tcp, err := net.Listen("tcp", at)
		if err != nil {
			continue
		}
		udp, err := net.ListenPacket("udp", at)
		_ = tcp.Close()
		if err == nil {
			_ = udp.Close()
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}

func TestMediaPortOfItsOwn(t *testing.T) {
	port := quietPort(t)
	r := startNode(t, parts{}, fmt.Sprintf("--media-port=%d", port))
	if r.ports.mediaPort() != port || r.ports.mainPort() == port {
		t.Errorf("main %d, media %d", r.ports.mainPort(), r.ports.mediaPort())
	}
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(patience))
	_, _ = io.WriteString(c, "GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
	if answer, _ := io.ReadAll(c); len(answer) > 0 {
		t.Errorf("the media port answers HTTP: %q", answer)
	}
}

func TestSignalDrains(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	var closed atomic.Bool
	r := startNode(t, parts{
		Drain: func(ctx context.Context) error {
			close(entered)
			select {
			case <-leave:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
		Close: func() { closed.Store(true) },
	})
	if status, _ := get(t, r.url("/readyz")); status != 200 {
		t.Errorf("before: %d", status)
	}
	r.signals <- syscall.SIGTERM
	<-entered
	if status, body := get(t, r.url("/readyz")); status != 503 || !strings.Contains(body, "draining") {
		t.Errorf("while draining: %d %s", status, body)
	}
	if status, _ := get(t, r.url("/livez")); status != 200 {
		t.Errorf("a draining server is not alive: %d", status)
	}
	if closed.Load() {
		t.Error("closed before everyone left")
	}
	close(leave)
	if err := <-r.ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	if !closed.Load() {
		t.Error("the parts were not closed")
	}
	if _, err := net.Dial("tcp", r.ports.main.HTTP().Addr().String()); err == nil {
		t.Error("the port is still open")
	}
}

// stubborn is a Drain that nobody leaves.
func stubborn(entered chan<- struct{}) func(context.Context) error {
	return func(ctx context.Context) error {
		close(entered)
		<-ctx.Done()
		return fmt.Errorf("3 participants are left: %w", ctx.Err())
	}
}

func TestDrainHasADeadline(t *testing.T) {
	r := startNode(t, parts{Drain: stubborn(make(chan struct{}))}, "--drain-timeout=50ms")
	r.signals <- syscall.SIGTERM
	if err := <-r.ended; err != nil {
		t.Errorf("ended with %v", err)
	}
	if !strings.Contains(r.log.String(), "3 participants are left") {
		t.Errorf("the log does not say who was left:\n%s", r.log)
	}
}

func TestSecondSignalEndsAtOnce(t *testing.T) {
	entered := make(chan struct{})
	r := startNode(t, parts{Drain: stubborn(entered)}, "--drain-timeout=1h")
	r.signals <- syscall.SIGTERM
	<-entered
	r.signals <- syscall.SIGINT
	if err := <-r.ended; !errors.Is(err, errInterrupted) || exitCode(err, terminal{}) != exitInterrupted {
		t.Errorf("ended with %v", err)
	}
}

func TestSignalWithoutAnybody(t *testing.T) {
	r := startNode(t, parts{})
	r.signals <- syscall.SIGINT
	if err := <-r.ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestPortInUse(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, flag := range []string{"listen", "media-port", "admin-listen"} {
		args := []string{"--listen=127.0.0.1:0"}
		switch flag {
		case "media-port":
			args = append(args, fmt.Sprintf("--media-port=%d", portOf(taken.Addr())))
		default:
			args = append(args, fmt.Sprintf("--%s=%s", flag, taken.Addr()))
		}
		code, _, stderr := run(t, nil, args...)
		if code != exitFailed || !strings.Contains(stderr, "open --"+flag) || !strings.Contains(stderr, "in use") {
			t.Errorf("%s: code %d, %s", flag, code, stderr)
		}
	}
}

func TestPartsThatFail(t *testing.T) {
	cfg := load(t, []string{"--listen=127.0.0.1:0", "--admin-listen=127.0.0.1:0"}, nil)
	broken := errors.New("open UDP port: permission denied")
	_, err := newNode(cfg, machine{}, slog.New(slog.DiscardHandler), func(materials) (parts, error) { return parts{}, broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

func TestRunServesUntilTheContextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	code := make(chan int, 1)
	go func() {
		code <- Run(ctx, []string{"--listen=127.0.0.1:0"}, nil, in, io.Discard)
		_ = in.Close()
	}()
	url := ""
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if rest, ok := strings.CutPrefix(lines.Text(), "Open    "); ok {
			url = rest
		}
		if strings.HasPrefix(lines.Text(), "Rooms") {
			break
		}
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	if status, _ := get(t, strings.Replace(url, "localhost", "127.0.0.1", 1)+"/livez"); status != 200 {
		t.Errorf("%s: %d", url, status)
	}
	port := url[strings.LastIndex(url, ":"):]
	if exit, _, stderr := run(t, nil, "healthcheck", "--listen=127.0.0.1"+port); exit != 0 {
		t.Errorf("healthcheck: %d %s", exit, stderr)
	}
	if exit, _, stderr := run(t, []string{"SFU_LISTEN=" + port}, "healthcheck"); exit != 0 {
		t.Errorf("healthcheck by the environment: %d %s", exit, stderr)
	}
	cancel()
	if got := <-code; got != 0 {
		t.Errorf("exit code %d", got)
	}
	if exit, _, _ := run(t, nil, "healthcheck", "--listen=127.0.0.1"+port); exit != 1 {
		t.Errorf("healthcheck of a server that is gone: %d", exit)
	}
}
