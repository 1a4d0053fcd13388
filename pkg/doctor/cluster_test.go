package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

// greeter answers every connection with text.
func greeter(t *testing.T, text string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = fmt.Fprint(c, text)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = l.Close(); <-done })
	return "nats://" + l.Addr().String()
}

func TestGreetings(t *testing.T) {
	for name, tt := range map[string]struct{ says, want string }{
		"good":         {`INFO {"version":"2.12.1","jetstream":true}` + "\r\n", "ok engine"},
		"old":          {`INFO {"version":"2.9.25","jetstream":true}` + "\r\n", "warn engine-version"},
		"no JetStream": {`INFO {"version":"2.12.1"}` + "\r\n", "fail engine-jetstream"},
		"not NATS":     {"SSH-2.0\r\n", "fail engine-unreachable"},
		"not INFO":     {"INFO what\r\n", "fail engine-unreachable"},
		"cut":          {"INFO {", "fail engine-unreachable"},
	} {
		t.Run(name, func(t *testing.T) {
			at := greeter(t, tt.says)
			check(t, judgeGreetings([]greeting{greet(t.Context(), at)}), at, tt.want)
		})
	}
	t.Run("one of two", func(t *testing.T) {
		up := greet(t.Context(), greeter(t, `INFO {"version":"2.12.1","jetstream":true}`+"\r\n"))
		down := greet(t.Context(), "nats://user:secret@"+closedPort(t))
		check(t, judgeGreetings([]greeting{up, down}), "", "ok engine", "warn engine-unreachable")
	})
}

func TestGreetHidesThePassword(t *testing.T) {
	if g := greet(t.Context(), "nats://user:secret@"+closedPort(t)); g.err == nil || strings.Contains(g.url+g.err.Error(), "secret") {
		t.Errorf("got %+v", g)
	}
}

func TestOlder(t *testing.T) {
	for version, want := range map[string]bool{"2.9.25": true, "2.10.0": false, "2.10": false, "2.15.2": false, "3.0.0": false, "1.99.9": true, "2": true, "odd": false} {
		if got := older(version, "2.10"); got != want {
			t.Errorf("%s: %v", version, got)
		}
	}
}

func TestJudgeEngine(t *testing.T) {
	for name, tt := range map[string]struct {
		state EngineState
		err   error
		want  []string
	}{
		"good":       {EngineState{RTT: time.Millisecond, Clustered: true, Replicas: 3}, nil, []string{"ok engine"}},
		"one server": {EngineState{Replicas: 1}, nil, []string{"ok engine"}},
		"one copy":   {EngineState{Clustered: true, Replicas: 1}, nil, []string{"warn engine-replicas"}},
		"slow":       {EngineState{RTT: time.Second}, nil, []string{"warn engine-slow"}},
		"denied":     {EngineState{Denied: []string{"$KV.SFU_ROOMS.>"}}, nil, []string{"fail engine-permissions"}},
		"two wrongs": {EngineState{Wrong: []string{"it keeps history 5", "its values expire"}}, nil, []string{"warn engine-bucket", "warn engine-bucket"}},
		"down":       {EngineState{}, errors.New("no servers"), []string{"fail engine-unreachable"}},
	} {
		t.Run(name, func(t *testing.T) { check(t, judgeEngine(tt.state, tt.err), "", tt.want...) })
	}
}

func TestJudgePeers(t *testing.T) {
	check(t, judgePeers(nil, nil), "", "info peers-none")
	check(t, judgePeers(nil, errors.New("cut")), "cut", "fail engine-unreachable")
	check(t, judgePeers([]PeerState{
		{Name: "sfu-2", Address: "10.0.0.2:7883", RTT: time.Millisecond, Skew: 400 * time.Millisecond, SkewKnown: true},
		{Name: "sfu-3", Err: errors.New("refused")},
		{Name: "sfu-4", Err: errors.New("unknown authority"), WrongSecret: true},
		{Name: "sfu-5", Skew: -600 * time.Millisecond, SkewKnown: true},
		{Name: "sfu-6", Skew: time.Hour},
	}, nil), "sfu-2", "ok peers", "fail peer-unreachable", "fail peer-secret", "ok peers", "warn peer-clock", "ok peers")
}

// fakeCluster answers what it was given.
type fakeCluster struct {
	engine EngineState
	peers  []PeerState
}

func (f fakeCluster) Engine(context.Context) (EngineState, error) { return f.engine, nil }
func (f fakeCluster) Peers(context.Context) ([]PeerState, error)  { return f.peers, nil }

func TestClusterChecks(t *testing.T) {
	alone := &Server{}
	check(t, Run(t.Context(), alone.clusterChecks(), func(Finding) {}), "", "ok engine-alone")
	s := &Server{NATS: []string{greeter(t, `INFO {"version":"2.12.1","jetstream":true}`+"\r\n")}}
	check(t, Run(t.Context(), s.clusterChecks(), func(Finding) {}), "", "ok engine")
	s.Cluster = fakeCluster{peers: []PeerState{{Name: "sfu-2"}}}
	check(t, Run(t.Context(), s.clusterChecks(), func(Finding) {}), "", "ok engine", "ok engine", "ok peers")
}
