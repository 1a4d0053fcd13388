package portmux_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/pion/ice/v4"

	"sfu/pkg/portmux"
)

// agent makes an ICE agent that uses TCP on loopback only.
func agent(t *testing.T, options ...ice.AgentOption) *ice.Agent {
	t.Helper()
	a, err := ice.NewAgentWithOptions(append(options,
		ice.WithNetworkTypes([]ice.NetworkType{ice.NetworkTypeTCP4}),
		ice.WithCandidateTypes([]ice.CandidateType{ice.CandidateTypeHost}),
		ice.WithIncludeLoopback(),
		ice.WithInterfaceFilter(func(name string) bool { return strings.HasPrefix(name, "lo") }),
	)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.GracefulClose(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// gather returns the candidates of a.
func gather(t *testing.T, a *ice.Agent) []ice.Candidate {
	t.Helper()
	done := make(chan struct{})
	if err := a.OnCandidate(func(c ice.Candidate) {
		if c == nil {
			close(done)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := a.GatherCandidates(); err != nil {
		t.Fatal(err)
	}
	<-done
	candidates, err := a.GetLocalCandidates()
	if err != nil {
		t.Fatal(err)
	}
	return candidates
}

func credentials(t *testing.T, a *ice.Agent) (ufrag, pwd string) {
	t.Helper()
	ufrag, pwd, err := a.GetLocalUserCredentials()
	if err != nil {
		t.Fatal(err)
	}
	return ufrag, pwd
}

// TestRealICEOnTheSamePortAsHTTP connects two ICE agents over the port that also answers HTTP.
func TestRealICEOnTheSamePortAsHTTP(t *testing.T) {
	m := start(t, portmux.Config{})
	serve(t, m, http.NotFoundHandler())
	tcpMux := ice.NewTCPMuxDefault(ice.TCPMuxParams{Listener: m.ICE(), ReadBufferSize: 16})
	defer tcpMux.Close()
	server := agent(t, ice.WithTCPMux(tcpMux), ice.WithDisableActiveTCP())
	client := agent(t)
	serverUfrag, serverPwd := credentials(t, server)
	clientUfrag, clientPwd := credentials(t, client)
	candidates := gather(t, server)
	if len(candidates) == 0 {
		t.Fatal("the server has no candidate")
	}
	gather(t, client)
	for _, c := range candidates {
		if err := client.AddRemoteCandidate(c); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	accepted := make(chan io.ReadWriteCloser, 1)
	go func() {
		c, err := server.Accept(ctx, clientUfrag, clientPwd)
		if err != nil {
			t.Error(err)
			cancel()
		}
		accepted <- c
	}()
	out, err := client.Dial(ctx, serverUfrag, serverPwd)
	if err != nil {
		t.Fatal(err)
	}
	in := <-accepted
	if _, err := out.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	text := make([]byte, 16)
	if n, err := in.Read(text); err != nil || string(text[:n]) != "hello" {
		t.Errorf("got %q, %v", text[:n], err)
	}
	response, err := http.Get("http://" + m.HTTP().Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	http.DefaultClient.CloseIdleConnections()
	if s := m.Stats(); s.ICE == 0 || s.PlainHTTP == 0 {
		t.Errorf("stats %+v", s)
	}
}
