package mesh_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"sfu/pkg/cluster/mesh"
)

func TestProbe(t *testing.T) {
	a, b := newNode(t, "a", nil), newNode(t, "b", nil)
	for range 2 { // the second time on the connection of the first
		status, err := a.Probe(t.Context(), b.peer)
		if err != nil || status.State != "active" || status.Rooms != 1 || time.Since(status.Clock).Abs() > time.Minute {
			t.Errorf("%+v, %v", status, err)
		}
	}
	if _, err := a.Probe(t.Context(), mesh.Peer{Incarnation: "c", Addr: b.peer.Addr}); !errors.Is(err, mesh.ErrWrongNode) {
		t.Errorf("wrong process: %v", err)
	}
	b.listener.kill()
	if _, err := a.Probe(t.Context(), b.peer); !errors.Is(err, mesh.ErrRefused) {
		t.Errorf("nobody there: %v", err)
	}
}

// TestProbeOfAFrozenProcess connects to one whose kernel still takes connections.
func TestProbeOfAFrozenProcess(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	a := newNode(t, "a", func(c *mesh.Config) { c.ProbeWithin = 20 * time.Millisecond })
	if _, err := a.Probe(t.Context(), mesh.Peer{Incarnation: "b", Addr: l.Addr().String()}); !errors.Is(err, mesh.ErrTimeout) {
		t.Errorf("a probe that may take 20 ms: %v", err)
	}
	b := newNode(t, "c", func(c *mesh.Config) { c.HandshakeWithin = 20 * time.Millisecond })
	if _, err := b.Probe(t.Context(), mesh.Peer{Incarnation: "b", Addr: l.Addr().String()}); !errors.Is(err, mesh.ErrTimeout) {
		t.Errorf("a handshake that may take 20 ms: %v", err)
	}
}

func TestProbeThatIsGivenUp(t *testing.T) {
	a, b := newNode(t, "a", nil), newNode(t, "b", nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := a.Probe(ctx, b.peer); !errors.Is(err, context.Canceled) || errors.Is(err, mesh.ErrTimeout) {
		t.Error(err)
	}
}

func TestNodesWithDifferentSecrets(t *testing.T) {
	other := []byte("the secret of another cluster")
	a := newNode(t, "a", nil)
	stranger := newNode(t, "b", func(c *mesh.Config) { c.Secrets = [][]byte{other} })
	if _, err := a.Probe(t.Context(), stranger.peer); !errors.Is(err, mesh.ErrUntrusted) || errors.Is(err, mesh.ErrWrongNode) {
		t.Errorf("a asks: %v", err)
	}
	if _, err := stranger.Probe(t.Context(), a.peer); !errors.Is(err, mesh.ErrUntrusted) || errors.Is(err, mesh.ErrWrongNode) {
		t.Errorf("the stranger asks: %v", err)
	}
	// This one believes a, but a does not believe it.
	knows := newNode(t, "c", func(c *mesh.Config) { c.Secrets = [][]byte{other, secret} })
	if _, err := knows.Probe(t.Context(), a.peer); err == nil || errors.Is(err, mesh.ErrWrongNode) || errors.Is(err, mesh.ErrRefused) {
		t.Errorf("who knows both secrets and signs with the wrong one: %v", err)
	}
	if a.service.questions() != 0 || stranger.service.questions() != 0 {
		t.Error("a question was answered")
	}
}

func TestRecord(t *testing.T) {
	a, b := newNode(t, "a", nil), newNode(t, "b", nil)
	b.service.records = map[string]string{"room": `{"v":1}`, "big": strings.Repeat("x", 64<<10+1)}
	for rid, want := range map[string]string{"room": `{"v":1}`, "none": ""} {
		value, ok, err := a.Record(t.Context(), b.peer, rid)
		if err != nil || ok != (want != "") || string(value) != want {
			t.Errorf("%s: %q, %v, %v", rid, value, ok, err)
		}
	}
	for _, rid := range []string{"big", "", "..", "a/b"} {
		if value, ok, err := a.Record(t.Context(), b.peer, rid); err == nil || ok || value != nil {
			t.Errorf("%q: %d bytes, %v, %v", rid, len(value), ok, err)
		}
	}
}

func TestHandover(t *testing.T) {
	a, b := newNode(t, "a", nil), newNode(t, "b", nil)
	big := json.RawMessage(`"` + strings.Repeat("x", 2<<20-2) + `"`)
	for _, data := range []json.RawMessage{json.RawMessage(`{"epoch":"1-1"}`), big} {
		if err := a.Handover(t.Context(), b.peer, mesh.Handover{RID: "room", Data: data}); err != nil {
			t.Fatal(err)
		}
	}
	if got := b.service.handovers; len(got) != 2 || got[0] != `a room {"epoch":"1-1"}` || got[1] != "a room "+string(big) {
		t.Errorf("%d handovers came", len(got))
	}
	b.service.decline = errors.New("draining")
	err := a.Handover(t.Context(), b.peer, mesh.Handover{RID: "room", Data: json.RawMessage(`{}`)})
	if !errors.Is(err, mesh.ErrDeclined) || !strings.Contains(err.Error(), "draining") {
		t.Errorf("declined: %v", err)
	}
	for name, h := range map[string]mesh.Handover{
		"no JSON": {RID: "room", Data: json.RawMessage("{")}, "nothing": {RID: "room"}, "no room": {Data: json.RawMessage("{}")},
		"too big": {RID: "room", Data: append(big, ' ')},
	} {
		if err := a.Handover(t.Context(), b.peer, h); err == nil || errors.Is(err, mesh.ErrDeclined) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(b.service.handovers) != 3 {
		t.Errorf("%d handovers came", len(b.service.handovers))
	}
}

func TestClosedMesh(t *testing.T) {
	a, b := newNode(t, "a", nil), newNode(t, "b", nil)
	a.Close()
	a.Close()
	if _, err := a.Probe(t.Context(), b.peer); !errors.Is(err, mesh.ErrCut) {
		t.Error(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Serve(l); err != nil {
		t.Error(err)
	}
	if _, err := l.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("the listener is open: %v", err)
	}
}
