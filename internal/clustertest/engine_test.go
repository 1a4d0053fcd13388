//go:build linux

package clustertest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"sfu/pkg/client"
)

// A scene is a cluster in which two calls go on at two nodes.
type scene struct {
	*Cluster
	calls [][]*Person
	rooms []string
	nodes []*Node // the owners
	fresh int
}

func newScene(t *testing.T, o Options) *scene {
	t.Helper()
	s := &scene{Cluster: Start(t, o)}
	s.Watch(t)
	for _, n := range s.Nodes[:2] {
		room := s.RoomAt(t, n)
		s.rooms, s.nodes = append(s.rooms, room), append(s.nodes, n)
		s.calls = append(s.calls, s.JoinAll(t, room, "p", 3, Among(3)))
	}
	AwaitCalls(t, s.calls...)
	return s
}

// checkCalm fails if a call was hurt, or a room is not where it was.
func (s *scene) checkCalm(t *testing.T, what string) {
	t.Helper()
	CheckUnhurt(t, what, s.calls...)
	for i, room := range s.rooms {
		if owners := s.Owners(room); len(owners) != 1 || owners[s.nodes[i]] == "" {
			t.Errorf("%s: %s is not where it was", what, room)
		}
	}
	if n := s.Sum(t, "sfu_room_takeovers_total"); n != 0 {
		t.Errorf("%s: %v rooms were taken over", what, n)
	}
	AwaitCalls(t, s.calls...)
}

// checkJoins fails unless somebody can join the calls that go on, at each node.
func (s *scene) checkJoins(t *testing.T) {
	t.Helper()
	for i, room := range s.rooms {
		for _, n := range s.Nodes {
			guest := s.JoinAt(t, n.URL(), room, "guest", Manner{Hears: 1})
			Await(t, "the guest is seen", func() bool { return len(s.calls[i][0].Roster()) == 4 })
			guest.Leave()
		}
		AwaitRoster(t, s.calls[i])
	}
}

func (s *scene) engines(t *testing.T, up float64) {
	t.Helper()
	Await(t, fmt.Sprintf("sfu_engine_up is %v at all nodes", up), func() bool {
		for _, n := range s.Nodes {
			if m, err := n.ReadMetrics(); err != nil || m.Sum("sfu_engine_up") != up {
				return false
			}
		}
		return true
	})
}

// newRoomWorks opens new rooms through the balancer until one is open, and returns how long after began.
func (s *scene) newRoomWorks(t *testing.T, began time.Time) time.Duration {
	t.Helper()
	var took time.Duration
	Await(t, "a new room can be opened", func() bool {
		s.fresh++
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		c, err := client.Join(ctx, s.Balancer.URL(), fmt.Sprintf("fresh%d", s.fresh), client.Options{Name: "ada", Slots: client.NoSlots})
		if err != nil {
			return false
		}
		took = time.Since(began)
		_ = c.Leave(ctx)
		return true
	})
	return took
}

// What happens to the engine is nothing to those who are in a call, and to those who join one.
func TestEngineFails(t *testing.T) {
	besideOthers(t)
	s := newScene(t, Options{})
	nats := s.NATS[0]
	reconnects := s.Sum(t, "sfu_engine_reconnects_total")

	nats.Kill()
	gone := time.Now()
	s.engines(t, 0)
	s.checkRefusals(t)
	if n := s.Sum(t, "sfu_placement_refused_total", `reason="engine"`); n < 3 {
		t.Errorf("three new rooms were refused without the engine, %v are counted", n)
	}
	s.checkJoins(t)
	for _, n := range s.Nodes {
		if status := Status(n.Admin() + "/readyz"); status != http.StatusOK {
			t.Errorf("%s is not ready without the engine: %d", n.Name, status)
		}
	}
	down := Sized(6*time.Second, time.Minute)
	Hold(t, "the calls go on without the engine", time.Until(gone.Add(down)), func() bool { return len(s.Running()) == 3 })
	s.checkCalm(t, "NATS is down")
	nats.Start(t)
	nats.AwaitReady(t)
	began := time.Now()
	Report(t, "NATS is back: a new room is open", []time.Duration{s.newRoomWorks(t, began)}, Bound{Max: 2 * time.Second})
	s.engines(t, 1)
	if n := s.Sum(t, "sfu_engine_reconnects_total") - reconnects; n < 3 {
		t.Errorf("three nodes have reconnected %v times", n)
	}
	s.checkCalm(t, "NATS is back")

	nats.Kill()
	nats.Wipe(t)
	s.engines(t, 0)
	nats.Start(t)
	nats.AwaitReady(t)
	began = time.Now()
	Await(t, "the owners have written their records again", func() bool {
		for i, n := range s.nodes {
			v, err := n.View()
			if r, owns := v.Owns(s.rooms[i]); err != nil || !owns || r.By != "reassert" {
				return false
			}
		}
		return true
	})
	Report(t, "NATS is back empty: the records are there again", []time.Duration{time.Since(began)}, Bound{Max: 2 * time.Second})
	s.engines(t, 1)
	if n := s.Sum(t, "sfu_room_reasserted_total"); n < 2 {
		t.Errorf("%v records were written again", n)
	}
	s.checkCalm(t, "NATS is back empty")
	s.checkJoins(t)
	s.newRoomWorks(t, began)
}

// checkRefusals fails unless every node says that no new room can be opened, and when to ask again.
func (s *scene) checkRefusals(t *testing.T) {
	t.Helper()
	for i, n := range s.Nodes {
		answer, err := refusal(n, fmt.Sprintf("never%d", i))
		if err != nil {
			t.Errorf("a new room without the engine: %v", err)
			continue
		}
		body, _ := io.ReadAll(answer.Body)
		if answer.StatusCode != http.StatusServiceUnavailable || answer.Header.Get("Retry-After") == "" || !strings.Contains(string(body), "room_unavailable") {
			t.Errorf("a new room without the engine: %s, Retry-After %q: %s", answer.Status, answer.Header.Get("Retry-After"), body)
		}
	}
}

var errNotRefused = errors.New("the socket was opened")

// refusal asks a node for the socket of a room that cannot be opened, and returns the answer.
func refusal(n *Node, room string) (*http.Response, error) {
	conn, answer, err := dialRoom(n, room)
	if err == nil {
		_ = conn.Close()
		return nil, errNotRefused
	}
	if answer == nil {
		return nil, err
	}
	return answer, nil
}

// An engine that is slow, or behind a bad line, makes nobody look dead.
func TestEngineIsSlow(t *testing.T) {
	besideOthers(t)
	s := newScene(t, Options{})
	for _, fault := range []struct {
		name  string
		begin func(*Relay)
	}{
		{"+300 ms to NATS", func(r *Relay) { r.Delay(150 * time.Millisecond) }},
		{"5 % of the packets to NATS are lost", func(r *Relay) { r.Lose(0.05) }},
	} {
		for _, r := range s.AllToEngine() {
			fault.begin(r)
		}
		Hold(t, "the calls go on", Sized(5*time.Second, time.Minute), func() bool { return len(s.Running()) == 3 })
		s.checkJoins(t)
		Report(t, fault.name+": a new room is open", []time.Duration{s.newRoomWorks(t, time.Now())}, Bound{})
		s.checkCalm(t, fault.name)
		for _, r := range s.AllToEngine() {
			r.Mend()
		}
	}
}

// A node that only the engine cannot reach is not dead: others reach it.
func TestNodeIsCutFromTheEngine(t *testing.T) {
	besideOthers(t)
	s := newScene(t, Options{})
	n := s.Nodes[0]
	for _, r := range s.ToEngine(n) {
		r.Cut()
	}
	Await(t, "the node has no engine", func() bool {
		m, err := n.ReadMetrics()
		return err == nil && m.Sum("sfu_engine_up") == 0
	})
	s.checkJoins(t)
	Hold(t, "the calls go on", Sized(5*time.Second, 30*time.Second), func() bool { return len(s.Running()) == 3 })
	s.checkJoins(t)
	if m := n.Metrics(t); m.Sum("sfu_node_state", `state="active"`) != 1 {
		t.Error("a node that others reach is not active")
	}
	s.checkCalm(t, "a node is cut from the engine")
	for _, r := range s.ToEngine(n) {
		r.Mend()
	}
	s.engines(t, 1)
	s.checkCalm(t, "the node has its engine again")
}

// Of three NATS servers the one that decides is killed.
func TestLeaderOfTheEngineIsKilled(t *testing.T) {
	besideOthers(t)
	s := newScene(t, Options{NATS: 3})
	var times []time.Duration
	for range Sized(1, 3) {
		leader := s.Leader(t)
		began := time.Now()
		leader.Kill()
		times = append(times, s.newRoomWorks(t, began))
		s.checkCalm(t, "the leader of NATS is killed")
		leader.Start(t)
		leader.AwaitReady(t)
		s.engines(t, 1)
	}
	Report(t, "leader of 3 NATS servers killed: a new room is open", times, Bound{Max: 12 * time.Second})
	s.checkJoins(t)
}

// The same with packets that the kernel drops. It needs a network of its own, and time.
func TestEngineLosesPackets(t *testing.T) {
	if !Full() {
		t.Skip("SFU_LONG is not set; TestEngineIsSlow stalls connections instead")
	}
	if err := canBeApart(); err != nil {
		t.Skip(err)
	}
	s := newScene(t, Options{Apart: true})
	s.NATS[0].Lose(t, 5)
	Hold(t, "the calls go on", time.Minute, func() bool { return len(s.Running()) == 3 })
	s.checkJoins(t)
	Report(t, "5 % of the packets dropped by the kernel: a new room is open", []time.Duration{s.newRoomWorks(t, time.Now())}, Bound{})
	s.checkCalm(t, "5 % of the packets are dropped")
	if n := s.NATS[0].Lost(t); n == 0 {
		t.Error("no packet was dropped")
	}
}
