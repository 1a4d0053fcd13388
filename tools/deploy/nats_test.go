package deploy

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const natsWait = 30 * time.Second

// startNATS runs a server in this process with a configuration of ours, of which only the addresses and the directory are changed.
func startNATS(t *testing.T, file string, change ...string) *server.Server {
	t.Helper()
	directory := t.TempDir()
	for _, name := range []string{file, "permissions.conf"} {
		text := strings.NewReplacer(append(change, `"/data"`, `"`+filepath.Join(directory, "data")+`"`)...).Replace(read(t, "deploy/nats/"+name))
		if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	options, err := server.ProcessConfigFile(filepath.Join(directory, file))
	if err != nil {
		t.Fatal(err)
	}
	options.NoSigs, options.NoLog = true, true
	s, err := server.NewServer(options)
	if err != nil {
		t.Fatal(err)
	}
	go s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(natsWait) {
		t.Fatal("the server did not start")
	}
	return s
}

// connectNATS connects as a node does: with the name and password of the URL, and inboxes of its own.
func connectNATS(t *testing.T, s *server.Server, name string, failed chan<- error) *nats.Conn {
	t.Helper()
	address := s.Addr().(*net.TCPAddr)
	c, err := nats.Connect(fmt.Sprintf("nats://sfu:n0123456789abcdef@127.0.0.1:%d", address.Port), nats.CustomInboxPrefix("_INBOX."+name),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			select {
			case failed <- err:
			default:
			}
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// actAsNode does what a node needs.
func actAsNode(ctx context.Context, t *testing.T, c, other *nats.Conn, replicas int) {
	t.Helper()
	js, err := jetstream.New(c)
	if err != nil {
		t.Fatal(err)
	}
	stream, subject := "KV_SFU_ROOMS", "$KV.SFU_ROOMS.kitchen"
	config := jetstream.StreamConfig{Name: stream, Subjects: []string{"$KV.SFU_ROOMS.>"}, Replicas: replicas, MaxMsgsPerSubject: 1, AllowRollup: true}
	for ctx.Err() == nil {
		// Three servers need a moment to agree who leads, and until then nobody answers.
		try, cancel := context.WithTimeout(ctx, time.Second)
		_, err = js.CreateStream(try, config)
		cancel()
		if err == nil {
			break
		}
	}
	if err != nil {
		t.Fatalf("make the bucket: %v", err)
	}
	bucket, err := js.Stream(ctx, stream)
	if err != nil {
		t.Fatalf("look at the bucket: %v", err)
	}
	claim, err := js.Publish(ctx, subject, []byte("1"), jetstream.WithExpectLastSequencePerSubject(0))
	if err != nil {
		t.Fatalf("claim a room: %v", err)
	}
	if m, err := bucket.GetLastMsgForSubject(ctx, subject); err != nil || string(m.Data) != "1" {
		t.Fatalf("read a room: %v", err)
	}
	end := &nats.Msg{Subject: subject, Header: nats.Header{"Nats-Rollup": {"sub"}}}
	if _, err := js.PublishMsg(ctx, end, jetstream.WithExpectLastSequencePerSubject(claim.Sequence)); err != nil {
		t.Fatalf("give a room up: %v", err)
	}
	question, err := other.Subscribe("sfu.v1.n.b.rpc.open", func(m *nats.Msg) { _ = m.Respond([]byte("yes")) })
	if err != nil {
		t.Fatal(err)
	}
	defer question.Unsubscribe()
	if err := other.FlushWithContext(ctx); err != nil {
		t.Fatal(err)
	}
	var answer *nats.Msg
	for {
		// With several servers the subscription takes a moment to be known everywhere.
		if answer, err = c.RequestWithContext(ctx, "sfu.v1.n.b.rpc.open", nil); !errors.Is(err, nats.ErrNoResponders) {
			break
		}
	}
	if err != nil || string(answer.Data) != "yes" {
		t.Fatalf("ask another node: %v", err)
	}
}

func TestNATSLetsNodesWork(t *testing.T) {
	t.Setenv("NATS_PASSWORD", "n0123456789abcdef")
	s := startNATS(t, "nats.conf", "0.0.0.0:4222", "127.0.0.1:-1")
	ctx, cancel := context.WithTimeout(t.Context(), natsWait)
	defer cancel()
	failed := make(chan error, 1)
	actAsNode(ctx, t, connectNATS(t, s, "a", failed), connectNATS(t, s, "b", failed), 1)
	select {
	case err := <-failed:
		t.Errorf("while it did only what a node does: %v", err)
	default:
	}
}

func TestNATSRefusesTheRest(t *testing.T) {
	t.Setenv("NATS_PASSWORD", "n0123456789abcdef")
	s := startNATS(t, "nats.conf", "0.0.0.0:4222", "127.0.0.1:-1")
	if _, err := nats.Connect(fmt.Sprintf("nats://127.0.0.1:%d", s.Addr().(*net.TCPAddr).Port)); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("without a password: %v", err)
	}
	for _, subject := range []string{"other.subject", "$JS.API.STREAM.DELETE.KV_SFU_ROOMS", "$JS.API.STREAM.CREATE.other", "$SYS.REQ.SERVER.PING"} {
		failed := make(chan error, 1)
		c := connectNATS(t, s, "a", failed)
		if err := c.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		if err := c.FlushTimeout(natsWait); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-failed:
			if !errors.Is(err, nats.ErrPermissionViolation) {
				t.Errorf("%s: %v", subject, err)
			}
		case <-time.After(natsWait):
			t.Errorf("a node may publish to %s", subject)
		}
	}
}

// TestThreeNATSServersAreOne starts the three of nats-cluster.conf.
func TestThreeNATSServersAreOne(t *testing.T) {
	var routes []string
	ports := map[int]int{}
	for i := 1; i <= 3; i++ {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		ports[i] = l.Addr().(*net.TCPAddr).Port
		routes = append(routes, fmt.Sprintf("%q", fmt.Sprintf("nats://route:r0123456789abcdef@127.0.0.1:%d", ports[i])))
		defer l.Close()
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("NATS_PASSWORD", "n0123456789abcdef")
	t.Setenv("ROUTE_PASSWORD", "r0123456789abcdef")
	t.Setenv("ROUTES", "["+strings.Join(routes, ", ")+"]")
	var servers []*server.Server
	for i := 1; i <= 3; i++ {
		t.Setenv("SERVER_NAME", fmt.Sprintf("nats-%d", i))
		servers = append(servers, startNATS(t, "nats-cluster.conf", "0.0.0.0:4222", "127.0.0.1:-1",
			"0.0.0.0:6222", fmt.Sprintf("127.0.0.1:%d", ports[i]), `http: "127.0.0.1:8222"`, ""))
	}
	ctx, cancel := context.WithTimeout(t.Context(), natsWait)
	defer cancel()
	failed := make(chan error, 1)
	actAsNode(ctx, t, connectNATS(t, servers[0], "a", failed), connectNATS(t, servers[2], "b", failed), 3)
}
