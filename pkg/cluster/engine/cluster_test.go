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

// threeOptions are those of three servers that are one cluster.
func threeOptions(t *testing.T) []server.Options {
	t.Helper()
	options := make([]server.Options, 3)
	var routes []string
	for i := range options {
		host := ownHost()
		port := freePort(t, host)
		o := serverOptions(t)
		o.ServerName, o.Host = fmt.Sprint("n", i), host
		o.Cluster = server.ClusterOpts{Name: "sfu", Host: host, Port: port}
		options[i] = o
		routes = append(routes, fmt.Sprintf("nats-route://%s:%d", host, port))
	}
	for i := range options {
		options[i].RoutesStr = strings.Join(routes, ",")
	}
	return options
}

func freePort(t *testing.T, host string) int {
	t.Helper()
	l, err := net.Listen("tcp", host+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

func serveThree(t *testing.T) ([]*server.Server, []server.Options) {
	t.Helper()
	options := threeOptions(t)
	servers := make([]*server.Server, len(options))
	for i, o := range options {
		servers[i] = serve(t, o)
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

// leaderOf returns the name of the server that leads the bucket.
func leaderOf(t *testing.T, e *Engine) string {
	t.Helper()
	leader := ""
	await(t, "the bucket has a leader", func() bool {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if stream, err := e.js.Stream(ctx, streamName(e.config.Bucket)); err == nil {
			leader = stream.CachedInfo().Cluster.Leader
		}
		return leader != ""
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

// TestLeaderStops in good order, which hands its lead over.
func TestLeaderStops(t *testing.T) {
	servers, _ := serveThree(t)
	e, r, generation := openOn(t, "A", servers...)
	info := must[jetstream.Stream](t)(e.js.Stream(within1m(t), streamName(defaultBucket))).CachedInfo()
	if info.Config.Replicas != 3 || info.Config.Storage != jetstream.FileStorage || info.Config.AllowDirect || info.Config.MaxAge != 0 {
		t.Errorf("%+v", info.Config)
	}
	if replicas, clustered := e.Copies(); replicas != 3 || !clustered {
		t.Errorf("%d replicas, clustered %v", replicas, clustered)
	}
	outlivesTheLeader(t, e, r, generation, func(leader string) {
		for _, s := range servers {
			if s.Name() == leader {
				stop(s)
			}
		}
	})
}

// TestLeaderIsKilled, which nobody notices for seconds.
func TestLeaderIsKilled(t *testing.T) {
	if os.Getenv("SFU_LONG") == "" {
		t.Skip("three processes and an election take ten seconds; SFU_LONG=1 runs it")
	}
	kill := map[string]func(){}
	x := &External{}
	for _, o := range threeOptions(t) {
		var url string
		url, kill[o.ServerName] = serveProcess(t, o)
		x.URLs = append(x.URLs, url)
	}
	e, r := open(t, Config{External: x})
	generation := r.up(t)
	outlivesTheLeader(t, e, r, generation, func(leader string) { kill[leader]() })
}

// outlivesTheLeader: what was acknowledged is there, writes succeed again, and the generation stays.
func outlivesTheLeader(t *testing.T, e *Engine, r recorder, generation int64, end func(leader string)) {
	t.Helper()
	ctx := within1m(t)
	revision := must[uint64](t)(e.Create(ctx, "k", []byte("a")))
	end(leaderOf(t, e))
	ended := time.Now()
	eventually(t, func() error {
		_, err := e.Update(ctx, "k", []byte("b"), revision)
		if !errors.Is(err, ErrConflict) {
			return err
		}
		// An attempt of which nothing was known has been done after all.
		entry, err := e.Get(ctx, "k")
		if err == nil && string(entry.Value) != "b" {
			t.Fatalf("conflict with %+v", entry)
		}
		return err
	})
	t.Logf("writable again after %v", time.Since(ended))
	for {
		select {
		case c := <-r:
			if c.reason == nil && c.generation != generation {
				t.Errorf("generation %d, was %d", c.generation, generation)
			}
			t.Logf("told: %+v", c)
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
	eventually(t, func() error {
		got, err := e.Get(within1m(t), "k")
		if err == nil && string(got.Value) != "a" {
			t.Fatalf("got %+v", got)
		}
		return err
	})
}
