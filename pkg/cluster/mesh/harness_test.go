package mesh_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"go.uber.org/goleak"

	"sfu/pkg/cluster/mesh"
)

func TestMain(m *testing.M) {
	if front := os.Getenv(farSide); front != "" {
		if err := runFarSide(front, os.Getenv(farSide+"_COUNT")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

// patience bounds what a test waits for; what is late is no failure.
const patience = 30 * time.Second

var (
	secret = []byte("the secret of the cluster in tests")
	// patient lets slow machines be slow.
	patient = mesh.Config{
		Secrets:    [][]byte{secret},
		DialWithin: patience, HandshakeWithin: patience, AnswerWithin: patience, ProbeWithin: patience, WriteWithin: patience, LingerWithin: patience,
	}
)

// A node is a process: its mesh, what it owns, and the port for its clients, all of whose requests it passes on to route.
type node struct {
	*mesh.Mesh
	peer     mesh.Peer
	listener *flakyListener
	service  *service
	signal   http.ServeMux
	front    *httptest.Server

	mu     sync.Mutex
	route  func() (to mesh.Peer, rid, epoch string)
	failed []error // what Proxy returned
}

// newNode starts a node that owns room "room" in epoch "1-1". Its incarnation is name.
func newNode(t testing.TB, name string, change func(*mesh.Config)) *node {
	t.Helper()
	cfg := patient
	cfg.Incarnation = name
	if change != nil {
		change(&cfg)
	}
	n := &node{service: &service{epochs: map[string]string{"room": "1-1"}, records: map[string]string{}}}
	var err error
	if n.Mesh, err = mesh.New(cfg, n.service, &n.signal); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n.listener = &flakyListener{Listener: l}
	n.peer = mesh.Peer{Incarnation: name, Addr: l.Addr().String()}
	served := make(chan error, 1)
	go func() { served <- n.Serve(n.listener) }()
	n.front = httptest.NewServer(http.HandlerFunc(n.serveClient))
	t.Cleanup(func() {
		n.Close()
		n.front.Close()
		if err := <-served; err != nil && !n.listener.killed() {
			t.Errorf("%s: %v", name, err)
		}
	})
	return n
}

// to makes n pass all requests on to owner.
func (n *node) to(owner mesh.Peer, epoch string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.route = func() (mesh.Peer, string, string) { return owner, "room", epoch }
}

func (n *node) serveClient(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	route := n.route
	n.mu.Unlock()
	to, rid, epoch := route()
	if err := n.Proxy(w, r, to, rid, epoch); err != nil {
		n.mu.Lock()
		n.failed = append(n.failed, err)
		n.mu.Unlock()
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}

func (n *node) failures() []error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.failed
}

// pair returns an edge that passes on to an owner.
func pair(t testing.TB) (edge, owner *node) {
	t.Helper()
	edge, owner = newNode(t, "edge", nil), newNode(t, "owner", nil)
	edge.to(owner.peer, "1-1")
	return edge, owner
}

// get asks the front of n.
func (n *node) get(t *testing.T, path string, header http.Header) (status int, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, n.front.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = header.Clone()
	if host := header.Get("Host"); host != "" {
		req.Host = host
	}
	return answer(t, n.front.Client(), req)
}

func answer(t *testing.T, client *http.Client, req *http.Request) (status int, body string) {
	t.Helper()
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for name := range res.Header {
		if strings.HasPrefix(name, "Sfu-") {
			t.Errorf("the client is told %s", name)
		}
	}
	return res.StatusCode, string(text)
}

// open opens a WebSocket at the front of n.
func (n *node) open(t *testing.T, path string) *websocket.Conn {
	t.Helper()
	ws, res, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(n.front.URL, "http")+path, nil)
	if err != nil {
		t.Fatalf("open WebSocket: %v (%v)", err, res)
	}
	t.Cleanup(func() { _ = ws.Close() })
	_ = ws.SetReadDeadline(time.Now().Add(patience))
	return ws
}

// echo answers every message with itself until the client ends, and then calls ended with the error.
func echo(t testing.TB, ended func(error)) http.HandlerFunc {
	upgrader := websocket.Upgrader{WriteBufferPool: new(sync.Pool)}
	return func(w http.ResponseWriter, r *http.Request) {
		ws, err := upgrader.Upgrade(w, r, nil)
		if err != nil {
			t.Errorf("upgrade: %v", err)
			return
		}
		go func() {
			defer ws.Close()
			for {
				kind, message, err := ws.ReadMessage()
				if err == nil {
					err = ws.WriteMessage(kind, message)
				}
				if err != nil {
					if ended != nil {
						ended(err)
					}
					return
				}
			}
		}()
	}
}

// says sends a message and wants it back.
func says(t *testing.T, ws *websocket.Conn, message string) {
	t.Helper()
	if err := ws.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
		t.Fatal(err)
	}
	if _, got, err := ws.ReadMessage(); err != nil || string(got) != message {
		t.Fatalf("%d bytes came back, %v", len(got), err)
	}
}

// eventually waits until a count is what it shall be.
func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	deadline := time.After(patience)
	for !done() {
		select {
		case <-ticker.C:
		case <-deadline:
			t.Fatalf("never: %s", what)
		}
	}
}

// A service is what a node owns and was asked.
type service struct {
	mu        sync.Mutex
	epochs    map[string]string
	records   map[string]string
	handovers []string
	decline   error
	asked     int
}

func (s *service) Owns(rid string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	epoch, ok := s.epochs[rid]
	return epoch, ok
}

func (s *service) own(rid, epoch string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epochs[rid] = epoch
}

func (s *service) Status() mesh.Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	return mesh.Status{State: "active", Rooms: len(s.epochs)}
}

func (s *service) Record(rid string) ([]byte, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	record, ok := s.records[rid]
	return []byte(record), ok
}

func (s *service) Handover(_ context.Context, from string, h mesh.Handover) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	s.handovers = append(s.handovers, fmt.Sprintf("%s %s %s", from, h.RID, h.Data))
	return s.decline
}

func (s *service) questions() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// A flakyListener can be killed with all its connections, as a kernel does it with those of a process.
type flakyListener struct {
	net.Listener
	mu    sync.Mutex
	dead  bool
	conns []net.Conn
}

func (l *flakyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		_ = c.Close()
		return nil, errors.New("killed")
	}
	l.conns = append(l.conns, c)
	return c, nil
}

func (l *flakyListener) kill() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead = true
	_ = l.Close()
	for _, c := range l.conns {
		_ = c.Close()
	}
}

func (l *flakyListener) killed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// seen is what a handler of the owner sees of a request.
type seen struct {
	Method, Path, Query, Remote, Host, Body string
	TLS, Proxied                            bool
	Header                                  http.Header
}

func tellSeen(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_ = json.NewEncoder(w).Encode(seen{
		Method: r.Method, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Remote: r.RemoteAddr, Host: r.Host, Body: string(body),
		TLS: r.TLS != nil, Proxied: mesh.Proxied(r.Context()), Header: r.Header,
	})
}

func parseSeen(t *testing.T, body string) seen {
	t.Helper()
	var s seen
	if err := json.Unmarshal([]byte(body), &s); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	return s
}
