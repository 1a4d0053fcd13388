package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"sfu/pkg/cluster/engine"
	"sfu/pkg/cluster/mesh"
	"sfu/pkg/cluster/ownership"
	"sfu/pkg/doctor"
)

// A clusterVisitor looks at the cluster of some settings as a node would, and does nothing there. It is the doctor's Cluster.
type clusterVisitor struct{ settings Cluster }

// listenFor is how long nodes are listened for; they are heard twice a second.
const listenFor = 3 * time.Second

// subjectHeartbeats is where nodes say that they are there.
const subjectHeartbeats = "sfu.v1.hb"

// Engine implements doctor.Cluster. Like a node, it makes the bucket where there is none.
func (v clusterVisitor) Engine(ctx context.Context) (doctor.EngineState, error) {
	var state doctor.EngineState
	e, said, err := v.open(ctx)
	if err != nil {
		if strings.Contains(strings.ToLower(err.Error()), "permission") {
			state.Denied = []string{err.Error()}
			return state, nil
		}
		return state, err
	}
	defer e.Close()
	state.RTT, state.Wrong = e.Stats().RTT, said.warnings()
	state.Replicas, state.Clustered = e.Copies()
	return state, nil
}

// open connects and waits until the engine can be used.
func (v clusterVisitor) open(ctx context.Context) (*engine.Engine, *engineWords, error) {
	n := v.settings.NATS
	said := &engineWords{up: make(chan struct{})}
	e, err := engine.Open(engine.Config{
		Node: "sfu-doctor", Incarnation: rand.Text(), Log: slog.New(said),
		External: &engine.External{URLs: n.URLs, CredsFile: n.CredsFile, CAFile: n.CAFile, CertFile: n.CertFile, KeyFile: n.KeyFile, Replicas: n.Replicas},
	}, said)
	if err != nil {
		return nil, nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, listenFor)
	defer cancel()
	select {
	case <-said.up:
		return e, said, nil
	case <-ctx.Done():
		e.Close()
		return nil, nil, said.why()
	}
}

// Peers implements doctor.Cluster.
func (v clusterVisitor) Peers(ctx context.Context) ([]doctor.PeerState, error) {
	secrets, err := readClusterSecrets(v.settings)
	if err != nil {
		return nil, err
	}
	e, _, err := v.open(ctx)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	var mu sync.Mutex
	heard := map[ownership.Incarnation]ownership.Member{}
	subscription, err := e.Subscribe(subjectHeartbeats, func(m engine.Message) {
		var h ownership.Heartbeat
		if json.Unmarshal(m.Data, &h) == nil && h.Incarnation != "" {
			mu.Lock()
			defer mu.Unlock()
			heard[h.Incarnation] = h.Member
		}
	})
	if err != nil {
		return nil, fmt.Errorf("listen for nodes: %w", err)
	}
	select {
	case <-time.After(listenFor):
	case <-ctx.Done():
	}
	subscription.Unsubscribe()
	mu.Lock()
	defer mu.Unlock()
	return v.probe(ctx, secrets, heard)
}

// probe asks every node that was heard of, except for the one whose settings these are.
func (v clusterVisitor) probe(ctx context.Context, secrets [][]byte, heard map[ownership.Incarnation]ownership.Member) ([]doctor.PeerState, error) {
	m, err := mesh.New(mesh.Config{
		// Patient, so that a busy node is not taken for one that is away.
		Secrets: secrets, Incarnation: rand.Text(), DialWithin: 3 * time.Second, HandshakeWithin: 3 * time.Second, ProbeWithin: 4 * time.Second,
	}, nil, nil)
	if err != nil {
		return nil, err
	}
	defer m.Close()
	own := clusterAddressOf(v.settings) // "" is nobody's
	answers := make(chan doctor.PeerState)
	asked := 0
	for incarnation, member := range heard {
		if member.Addr == own {
			continue
		}
		asked++
		// All at once: a few that do not answer must not use up the time of the others.
		go func() {
			begun := time.Now()
			status, err := m.Probe(ctx, mesh.Peer{Incarnation: string(incarnation), Addr: member.Addr})
			took := time.Since(begun)
			answers <- doctor.PeerState{
				Name: member.Node, Address: member.Addr, Err: err, WrongSecret: errors.Is(err, mesh.ErrUntrusted), RTT: took,
				Skew: status.Clock.Sub(begun.Add(took / 2)), SkewKnown: err == nil && !status.Clock.IsZero(),
			}
		}()
	}
	peers := make([]doctor.PeerState, 0, asked)
	for range asked {
		peers = append(peers, <-answers)
	}
	slices.SortFunc(peers, func(a, b doctor.PeerState) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Address, b.Address))
	})
	return peers, nil
}

// clusterAddressOf is what a node with these settings says that it can be reached at, "" if that is not known.
func clusterAddressOf(c Cluster) string {
	host := c.Listen.host
	if !host.IsValid() {
		host = netip.IPv4Unspecified()
	}
	own, err := clusterAddress(c, &net.TCPAddr{IP: host.AsSlice(), Port: int(c.Listen.port)})
	if err != nil {
		return ""
	}
	return own
}

// engineWords keeps what an engine says: to its Observer, and of the bucket in its log.
type engineWords struct {
	once sync.Once
	up   chan struct{} // closed by the first Up

	mu    sync.Mutex
	down  error // the last reason
	wrong []string
}

// Up and Down implement engine.Observer.
func (w *engineWords) Up(int64) { w.once.Do(func() { close(w.up) }) }

// Down keeps the last reason.
func (w *engineWords) Down(reason error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = reason
}

func (w *engineWords) why() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down == nil {
		return errors.New("no answer")
	}
	return w.down
}

func (w *engineWords) warnings() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.wrong)
}

// Enabled, Handle, WithAttrs and WithGroup implement slog.Handler: what is said of the bucket is kept.
func (w *engineWords) Enabled(_ context.Context, l slog.Level) bool { return l >= slog.LevelWarn }

// Handle keeps the record.
func (w *engineWords) Handle(_ context.Context, r slog.Record) error {
	r.Attrs(func(a slog.Attr) bool {
		if a.Key == "bucket" {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.wrong = append(w.wrong, r.Message)
		}
		return true
	})
	return nil
}

// WithAttrs loses the attributes.
func (w *engineWords) WithAttrs([]slog.Attr) slog.Handler { return w }

// WithGroup loses the group.
func (w *engineWords) WithGroup(string) slog.Handler { return w }
