package engine

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

// serveThree starts three servers that are one cluster.
func serveThree(t *testing.T) ([]*server.Server, []server.Options) {
	t.Helper()
	var ports []int
	var routes []string
	for range 3 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		port := l.Addr().(*net.TCPAddr).Port
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		ports = append(ports, port)
		routes = append(routes, fmt.Sprintf("nats-route://127.0.0.1:%d", port))
	}
	servers, options := make([]*server.Server, 3), make([]server.Options, 3)
	for i := range servers {
		o := serverOptions(t)
		o.ServerName = fmt.Sprint("n", i)
		o.Cluster = server.ClusterOpts{Name: "sfu", Host: "127.0.0.1", Port: ports[i]}
		o.Routes = server.RoutesFromStr(strings.Join(routes, ","))
		servers[i], options[i] = serve(t, o), o
	}
	await(t, "the cluster has a leader that knows all", func() bool {
		for _, s := range servers {
			if s.JetStreamIsLeader() && len(s.JetStreamClusterPeers()) == 3 {
				return true
			}
		}
		return false
	})
	return servers, options
}

// leaderOf returns the index of the server that leads the bucket.
func leaderOf(t *testing.T, e *Engine, servers []*server.Server) int {
	t.Helper()
	leader := -1
	await(t, "the bucket has a leader", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		stream, err := e.js.Stream(ctx, streamName(e.config.Bucket))
		if err != nil {
			return false
		}
		for i, s := range servers {
			if s.Name() == stream.CachedInfo().Cluster.Leader {
				leader = i
			}
		}
		return leader >= 0
	})
	return leader
}

// eventually repeats a call until it succeeds; while it does not, it must be unavailable or unknown.
func eventually(t *testing.T, call func() error) {
	t.Helper()
	await(t, "the call succeeds", func() bool {
		err := call()
		if err != nil && !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrUnknown) {
			t.Fatal(err)
		}
		return err == nil
	})
}

// TestLeaderDies: what was acknowledged is there, the generation stays, and a node connected to another server stays up.
func TestLeaderDies(t *testing.T) {
	if testing.Short() {
		t.Skip("an election takes seconds")
	}
	servers, _ := serveThree(t)
	e, r, generation := openOn(t, "A", servers...)
	ctx := within1m(t)
	info := must[jetstream.Stream](t)(e.js.Stream(ctx, streamName(defaultBucket))).CachedInfo()
	if info.Config.Replicas != 3 || info.Config.Storage != jetstream.FileStorage || info.Config.AllowDirect || info.Config.MaxAge != 0 {
		t.Fatalf("%+v", info.Config)
	}
	revision := must[uint64](t)(e.Create(ctx, "k", []byte("a")))
	leader := leaderOf(t, e, servers)
	connectedTo := e.nc.ConnectedServerName()
	stop(servers[leader])
	if connectedTo == servers[leader].Name() {
		wantError(t, r.down(t), errSessionEnded)
		if got := r.up(t); got != generation {
			t.Errorf("generation %d, was %d", got, generation)
		}
	}
	// An Update that is repeated may find that an earlier attempt was done after all.
	eventually(t, func() error {
		next, err := e.Update(ctx, "k", []byte("b"), revision)
		if errors.Is(err, ErrConflict) {
			entry, err := e.Get(ctx, "k")
			if err == nil && string(entry.Value) != "b" {
				t.Fatalf("conflict with %+v", entry)
			}
			return err
		}
		if err == nil {
			revision = next
		}
		return err
	})
	for {
		select {
		case c := <-r: // only on a machine where elections take long
			if c.reason == nil && c.generation != generation {
				t.Errorf("generation %d, was %d", c.generation, generation)
			}
		default:
			return
		}
	}
}

// TestQuorumIsLost: the bucket is down until there is a majority again, and nothing is forgotten.
func TestQuorumIsLost(t *testing.T) {
	if os.Getenv("SFU_LONG") == "" {
		t.Skip("three failed checks and an election take half a minute; SFU_LONG=1 runs it")
	}
	servers, options := serveThree(t)
	e, r, generation := openOn(t, "A", servers...)
	ctx := within1m(t)
	revision := must[uint64](t)(e.Create(ctx, "k", []byte("a")))
	var stopped []server.Options
	for i, s := range servers {
		if s.Name() != e.nc.ConnectedServerName() {
			stopped = append(stopped, options[i])
			stop(s)
		}
	}
	reason := r.down(t)
	if errors.Is(reason, errSessionEnded) {
		t.Fatal(reason)
	}
	wantError(t, reason, errNoAnswer)
	_, err := e.Update(ctx, "k", []byte("b"), revision)
	wantError(t, err, ErrUnavailable)
	for _, o := range stopped {
		serve(t, o)
	}
	if got := r.up(t); got != generation {
		t.Errorf("generation %d, was %d", got, generation)
	}
	if got := must[Entry](t)(e.Get(within1m(t), "k")); string(got.Value) != "a" {
		t.Errorf("got %+v", got)
	}
}
