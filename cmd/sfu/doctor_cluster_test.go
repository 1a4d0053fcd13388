package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"sfu/pkg/cluster/ownership"
	"sfu/pkg/doctor"
)

// startNATS runs a NATS server with JetStream and returns its URL.
func startNATS(t *testing.T) string {
	t.Helper()
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(patience) {
		t.Fatal("NATS does not start")
	}
	return s.ClientURL()
}

func TestDoctorOfACluster(t *testing.T) {
	url := startNATS(t)
	secret := func(text string) string {
		path := filepath.Join(t.TempDir(), "secret")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return "--cluster-secret-file=" + path
	}
	ours, others := secret("a secret of enough bytes"), secret("another one with enough bytes")
	settings := []string{"--nats-url=" + url, "--cluster-listen=127.0.0.1:0", "--listen=127.0.0.1:0"}
	if found, code := diagnose(t, nil, append(settings, ours)...); !strings.Contains(strings.Join(found, " "), "info peers-none") {
		t.Errorf("alone: found %q, exit code %d", found, code)
	}
	startAssembled(t, assemble, append(settings, ours, "--node-name=one")...)
	startAssembled(t, assemble, append(settings, ours, "--node-name=two")...)
	found, _ := diagnose(t, nil, append(settings, ours)...)
	wantFound(t, found, "ok engine", "ok peers")
	startAssembled(t, assemble, append(settings, others, "--node-name=three")...)
	found, code := diagnose(t, nil, append(settings, ours)...)
	wantFound(t, found, "ok engine", "ok peers", "fail peer-secret")
	if code != doctor.ExitFailures {
		t.Errorf("exit code %d", code)
	}
	found, _ = diagnose(t, nil, "--nats-url=nats://127.0.0.1:1", ours)
	wantFound(t, found, "fail engine-unreachable")
}

// TestSilentNodesKeepNobodyWaiting: nodes that take a connection and say nothing more are asked beside the others, so that these are reached within
// the time of one.
func TestSilentNodesKeepNobodyWaiting(t *testing.T) {
	secrets := [][]byte{[]byte("a secret of enough bytes, for a test")}
	heard := map[ownership.Incarnation]ownership.Member{}
	for i := range 12 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = l.Close() })
		name := fmt.Sprint("silent", i)
		heard[ownership.Incarnation(name)] = ownership.Member{Incarnation: ownership.Incarnation(name), Node: name, Addr: l.Addr().String()}
	}
	// Much more than one may take, and much less than all of them.
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	peers, err := clusterVisitor{}.probe(ctx, secrets, heard)
	if err != nil || len(peers) != len(heard) {
		t.Fatalf("%d of %d nodes, %v", len(peers), len(heard), err)
	}
	if ctx.Err() != nil {
		t.Error("silent nodes were asked one after the other")
	}
	for i, p := range peers {
		if p.Err == nil || p.WrongSecret || i > 0 && peers[i-1].Name > p.Name {
			t.Errorf("%+v", p)
		}
	}
}
