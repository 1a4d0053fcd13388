package mesh_test

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sfu/pkg/cluster/mesh"
)

// BenchmarkOpen is what a client waits for from its connection to the first message that comes back: at the owner itself, through
// an edge, and through an edge that begins each time without a TLS session.
func BenchmarkOpen(b *testing.B) {
	edge, owner := pair(b)
	owner.signal.HandleFunc("/", echo(b, nil))
	direct := httptest.NewServer(&owner.signal)
	b.Cleanup(direct.Close)
	for _, way := range []struct {
		name, url string
		before    func()
	}{
		{"direct", direct.URL, func() {}},
		{"proxied", edge.front.URL, func() {}},
		{"proxied_without_session", edge.front.URL, func() { edge.Cut("owner") }},
	} {
		b.Run(way.name, func(b *testing.B) {
			var times []time.Duration
			for b.Loop() {
				way.before()
				began := time.Now()
				ws := dial(b, way.url)
				exchange(b, ws)
				times = append(times, time.Since(began))
				_ = ws.Close()
			}
			slices.Sort(times)
			b.ReportMetric(float64(times[len(times)*95/100].Microseconds()), "p95-µs")
		})
	}
}

// BenchmarkMessage is a message to the owner and back.
func BenchmarkMessage(b *testing.B) {
	edge, owner := pair(b)
	owner.signal.HandleFunc("/", echo(b, nil))
	direct := httptest.NewServer(&owner.signal)
	b.Cleanup(direct.Close)
	for name, url := range map[string]string{"direct": direct.URL, "proxied": edge.front.URL} {
		b.Run(name, func(b *testing.B) {
			ws := dial(b, url)
			defer ws.Close()
			b.ReportAllocs()
			for b.Loop() {
				exchange(b, ws)
			}
		})
	}
}

// BenchmarkIdleSocket is what a proxied WebSocket costs the edge. Owner and clients are another process. Run it with -benchtime 2000x.
func BenchmarkIdleSocket(b *testing.B) {
	edge := newNode(b, "edge", nil)
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), farSide+"="+edge.front.URL, fmt.Sprintf("%s_COUNT=%d", farSide, b.N))
	child.Stderr = os.Stderr
	in, err := child.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := child.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := child.Start(); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan()
	edge.to(mesh.Peer{Incarnation: "owner", Addr: lines.Text()}, "1-1")
	before, goroutines := resident(), runtime.NumGoroutine()
	fmt.Fprintln(in, "go")
	for lines.Scan() && lines.Text() != "open" {
	}
	n := float64(edge.Stats().EdgeConnections)
	if int(n) != b.N {
		b.Errorf("%v sockets are open", n)
	}
	b.ReportMetric(float64(resident()-before)/1024/n, "KiB/socket")
	b.ReportMetric(float64(runtime.NumGoroutine()-goroutines)/n, "goroutines/socket")
	_ = in.Close()
	for lines.Scan() { // before Wait, which closes it
	}
	if err := child.Wait(); err != nil {
		b.Error(err)
	}
	// An upgrade must not leave a goroutine at the edge, however the client went.
	for edge.Stats().EdgeConnections > 0 {
		runtime.Gosched()
	}
}

// farSide names the variable that makes the test binary owner and clients of BenchmarkIdleSocket.
const farSide = "MESH_FAR_SIDE"

// runFarSide opens as many WebSockets as it is told, and holds them until its input ends.
func runFarSide(front, count string) error {
	var n int
	if _, err := fmt.Sscan(count, &n); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	cfg := patient
	cfg.Incarnation = "owner"
	signal := http.NewServeMux()
	signal.HandleFunc("/", echo(nil, nil))
	m, err := mesh.New(cfg, &service{epochs: map[string]string{"room": "1-1"}}, signal)
	if err != nil {
		return err
	}
	go func() { _ = m.Serve(l) }()
	fmt.Println(l.Addr())
	in := bufio.NewScanner(os.Stdin)
	in.Scan()
	var all []*websocket.Conn
	for range n {
		ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(front, "http")+"/v1/x", nil)
		if err != nil {
			return err
		}
		// As long as an offer, and its answer.
		if err := ws.WriteMessage(websocket.TextMessage, make([]byte, 20_000)); err != nil {
			return err
		}
		if _, _, err := ws.ReadMessage(); err != nil {
			return err
		}
		all = append(all, ws)
	}
	fmt.Println("open")
	for in.Scan() {
	}
	runtime.KeepAlive(all)
	return nil
}

// resident is the memory of heap and stacks that is in use, in bytes.
func resident() int64 {
	runtime.GC()
	runtime.GC() // pools are emptied by the second one
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

func dial(b *testing.B, url string) *websocket.Conn {
	b.Helper()
	ws, _, err := websocket.DefaultDialer.Dial("ws"+strings.TrimPrefix(url, "http")+"/v1/x", nil)
	if err != nil {
		b.Fatal(err)
	}
	return ws
}

func exchange(b *testing.B, ws *websocket.Conn) {
	b.Helper()
	if err := ws.WriteMessage(websocket.TextMessage, []byte(`{"type":"ping"}`)); err != nil {
		b.Fatal(err)
	}
	if _, _, err := ws.ReadMessage(); err != nil {
		b.Fatal(err)
	}
}
