package cluster

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"

	"sfu/pkg/cluster/engine"
	"sfu/pkg/cluster/ownership"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience is far beyond what anything here should take.
const patience = 30 * time.Second

// A broker is a NATS server that can be stopped and started again.
type broker struct {
	t    *testing.T
	host string // where nobody else listens, so that the port is still free after a stop
	port int
	dir  string
	*server.Server
}

var brokers atomic.Uint32

func newBroker(t *testing.T) *broker {
	t.Helper()
	n := brokers.Add(1)
	b := &broker{t: t, host: fmt.Sprintf("127.%d.%d.%d", 64+os.Getpid()>>8&63, os.Getpid()&255, 1+n%250), port: -1, dir: t.TempDir()}
	b.start()
	t.Cleanup(b.stop)
	return b
}

func (b *broker) start() {
	b.t.Helper()
	s, err := server.NewServer(&server.Options{
		Host: b.host, Port: b.port, JetStream: true, StoreDir: b.dir, NoLog: true, NoSigs: true,
	})
	if err != nil {
		b.t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		b.t.Fatal("the NATS server does not start")
	}
	b.Server, b.port = s, s.Addr().(*net.TCPAddr).Port
}

func (b *broker) stop() {
	b.Shutdown()
	b.WaitForShutdown()
}

// empty forgets everything.
func (b *broker) empty() {
	b.t.Helper()
	if err := os.RemoveAll(filepath.Join(b.dir, "jetstream")); err != nil {
		b.t.Fatal(err)
	}
}

func (b *broker) url() string { return fmt.Sprintf("nats://%s:%d", b.host, b.port) }

// A fakeRooms stands for the rooms of a node.
type fakeRooms struct {
	mu       sync.Mutex
	node     *Node
	people   map[string]int
	moved    map[string]int
	restored map[string]string
	load     float64
	refusals chan struct{} // as often as it holds something, Restore fails
}

func newFakeRooms() *fakeRooms {
	return &fakeRooms{people: map[string]int{}, moved: map[string]int{}, restored: map[string]string{}}
}

func (f *fakeRooms) enter(room string) {
	f.mu.Lock()
	f.people[room]++
	begins := f.people[room] == 1
	f.mu.Unlock()
	if begins {
		f.node.RoomBegan(room)
	}
}

func (f *fakeRooms) Move(room string, _ time.Duration) int {
	f.mu.Lock()
	count := f.people[room]
	f.moved[room] += count
	delete(f.people, room)
	f.mu.Unlock()
	if count > 0 {
		f.node.RoomEnded(room)
	}
	return count
}

func (f *fakeRooms) Participants(room string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.people[room]
}

func (f *fakeRooms) People() (all int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, count := range f.people {
		all += count
	}
	return all
}

func (f *fakeRooms) Load() float64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.load
}

func (f *fakeRooms) Save(room string) json.RawMessage {
	text, _ := json.Marshal("what was said in " + room)
	return text
}

func (f *fakeRooms) Restore(room string, saved json.RawMessage) error {
	var text string
	if err := json.Unmarshal(saved, &text); err != nil {
		return err
	}
	select {
	case <-f.refusals:
		return errors.New("not now")
	default:
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.restored[room] = text
	return nil
}

// A member is a node in a test: its rooms, and a handler that says which node served.
type member struct {
	*Node
	rooms *fakeRooms
	ended bool
}

// quick are the rules with shorter times where that changes nothing but how long tests take.
func quick() ownership.Rules {
	r := ownership.DefaultRules()
	r.Settled, r.Hold = time.Second, 500*time.Millisecond
	return r
}

// join starts a node; b is nil for a cluster of one.
func join(t *testing.T, b *broker, name string, change ...func(*Config)) *member {
	t.Helper()
	cfg := Config{Name: name, Version: "test", Rules: quick(), Log: slog.New(slog.DiscardHandler)}
	if b != nil {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		cfg.External = &engine.External{URLs: []string{b.url()}, Replicas: 1}
		cfg.Listener, cfg.Address, cfg.Secrets = l, l.Addr().String(), [][]byte{[]byte("a secret of the cluster")}
	}
	for _, c := range change {
		c(&cfg)
	}
	m := &member{rooms: newFakeRooms()}
	serve := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		room := r.PathValue("room")
		if room == "" {
			room = filepath.Base(r.URL.Path)
		}
		at, err := m.Locate(r.Context(), room)
		var refused *Refused
		switch {
		case errors.As(err, &refused):
			http.Error(w, string(refused.Reason), http.StatusServiceUnavailable)
		case err != nil:
			http.Error(w, err.Error(), http.StatusInternalServerError)
		case at.Here:
			_, _ = io.WriteString(w, name)
		default:
			at.Elsewhere.ServeHTTP(w, r)
		}
	})
	refuse := func(w http.ResponseWriter, _ *http.Request, why *Refused) {
		http.Error(w, string(why.Reason), http.StatusServiceUnavailable)
	}
	n, err := New(cfg, lateRooms{m}, Requests{Serve: serve, Refuse: refuse})
	if err != nil {
		t.Fatal(err)
	}
	m.Node, m.rooms.node = n, n
	t.Cleanup(func() {
		if !m.ended {
			m.Close()
		}
	})
	return m
}

// lateRooms gives a node its rooms.
type lateRooms struct{ m *member }

func (l lateRooms) Move(room string, over time.Duration) int { return l.m.rooms.Move(room, over) }
func (l lateRooms) Participants(room string) int             { return l.m.rooms.Participants(room) }
func (l lateRooms) Save(room string) json.RawMessage         { return l.m.rooms.Save(room) }
func (l lateRooms) People() int                              { return l.m.rooms.People() }
func (l lateRooms) Load() float64                            { return l.m.rooms.Load() }
func (l lateRooms) Restore(room string, saved json.RawMessage) error {
	return l.m.rooms.Restore(room, saved)
}

// kill ends a node as a killed process does: nothing is given up, nobody told.
func (m *member) kill() {
	m.ended = true
	m.cancel()
	<-m.done
	m.mesh.Close()
	m.engine.Close()
	m.work.Wait()
	m.waiting.wakeAll(ownership.Outcome{Refused: ownership.Draining})
}

// get asks for a room through a node and returns which one answered.
func (m *member) get(room string) (string, int) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/v1/rooms/"+room, nil)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	m.serve.Serve.ServeHTTP(w, r.WithContext(ctx))
	return w.Body.String(), w.Code
}

// eventually waits until something holds.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !holds() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// three starts three nodes that know each other.
func three(t *testing.T, b *broker) []*member {
	t.Helper()
	all := []*member{join(t, b, "a"), join(t, b, "b"), join(t, b, "c")}
	together(t, all)
	return all
}

func together(t *testing.T, all []*member) {
	t.Helper()
	for _, m := range all {
		eventually(t, "the nodes hear of each other", func() bool {
			s := m.Stats()
			return s.Engine.Up && s.Nodes["active"] == uint64(len(all))
		})
	}
}

// ownerOf returns the only one that owns a room.
func ownerOf(t *testing.T, all []*member, room string) *member {
	t.Helper()
	var owner *member
	for _, m := range all {
		if m.ended {
			continue
		}
		for _, r := range m.View().Rooms {
			if r.Room != room {
				continue
			}
			if owner != nil {
				t.Fatalf("%s and %s both own %s", owner.cfg.Name, m.cfg.Name, room)
			}
			owner = m
		}
	}
	if owner == nil {
		t.Fatalf("nobody owns %s", room)
	}
	return owner
}

func except(all []*member, one *member) []*member {
	var rest []*member
	for _, m := range all {
		if m != one {
			rest = append(rest, m)
		}
	}
	return rest
}
