//go:build linux

package clustertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sfu/pkg/signaling/protocol"
)

// A node that is to end gives its rooms away and ends in good order; who comes meanwhile is let in.
func TestOwnerEnds(t *testing.T) {
	besideOthers(t)
	c := Start(t, Options{Args: func(int) []string { return []string{"--drain-timeout=60s"} }})
	c.Watch(t)
	owner, count := c.Nodes[0], Sized(3, 10)
	var names []string
	var rooms [][]*Person
	for range 3 {
		room := c.RoomAt(t, owner)
		names = append(names, room)
		rooms = append(rooms, c.JoinAll(t, room, "p", count, Among(count)))
	}
	AwaitCalls(t, rooms...)
	say(t, rooms[0][0], "before")

	for _, people := range rooms {
		MarkAll(people...)
	}
	began := time.Now()
	owner.Terminate()
	var guests []*Person
	retries := 0
	for !owner.Ended() {
		guest, again := c.persist(t, names[len(guests)%3], fmt.Sprintf("guest%d", len(guests)))
		guests, retries = append(guests, guest), retries+again
		if time.Since(began) > patience {
			t.Fatal("the node does not end")
		}
	}
	code, err := owner.Exit(patience)
	if err != nil || code != 0 {
		t.Errorf("exit code %d, %v", code, err)
	}
	Note("SIGTERM of the owner of 3 rooms", "ended after %v, %d joins meanwhile, %d had to be tried again", time.Since(began).Round(time.Millisecond), len(guests), retries)
	LeaveAll(guests)
	var silences []time.Duration
	for _, people := range rooms {
		AwaitMedia(t, people, began)
		AwaitRoster(t, people)
		silences = append(silences, Silences(people)...)
	}
	Report(t, fmt.Sprintf("SIGTERM of the owner, 3 rooms of %d: silence", count), silences, Bound{P95: 2 * time.Second})
	late := c.Join(t, names[0], "late", Silent)
	if !slices.ContainsFunc(late.State().Messages, func(m protocol.Message) bool { return m.Body == "before" }) {
		t.Error("what was said before is not known to who comes after")
	}
	for _, n := range c.Running() {
		for _, room := range names {
			if v, err := n.View(); err == nil {
				if r, owns := v.Owns(room); owns && r.By != "handover" {
					t.Errorf("%s has %s by %s", n.Name, room, r.By)
				}
			}
		}
	}
	if n := c.Sum(t, "sfu_room_takeovers_total"); n != 0 {
		t.Errorf("%v rooms were taken over", n)
	}
}

// persist joins a room through the balancer as a page does, which tries again when it is told to, and returns how often that was.
func (c *Cluster) persist(t *testing.T, room, name string) (p *Person, retries int) {
	t.Helper()
	return c.persistAt(t, c.Balancer.URL(), room, name, Silent)
}

// persistAt is persist at a node's own address.
func (c *Cluster) persistAt(t *testing.T, url, room, name string, m Manner) (p *Person, retries int) {
	t.Helper()
	Await(t, name+" gets in", func() bool {
		var err error
		p, err = c.newPerson(name, m).join(url, room)
		var refused *protocol.Error
		switch {
		case err == nil:
			t.Cleanup(p.Leave)
			return true
		case !errors.As(err, &refused) || refused.RetryAfter == 0:
			t.Fatalf("%s joins %s: %v", name, room, err)
		}
		retries++
		return false
	})
	return p, retries
}

func say(t *testing.T, p *Person, text string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, err := p.Do(ctx, protocol.Say{Body: text}); err != nil {
		t.Fatal(err)
	}
}

// Someone who does not go keeps a node no longer than its deadline.
func TestDeadlineOfADrain(t *testing.T) {
	besideOthers(t)
	deadline := Sized(3*time.Second, 10*time.Second)
	args := func(int) []string { return []string{"--drain-timeout=" + deadline.String()} }
	t.Run("alone", func(t *testing.T) {
		c := Start(t, Options{Nodes: 1, Without: true, Args: args})
		c.JoinAt(t, c.Nodes[0].URL(), "kitchen", "ada", Silent)
		took := end(t, c.Nodes[0])
		if early := deadline - took; early > 2*time.Second {
			t.Errorf("ended %v before the deadline although somebody was there", early)
		}
		Report(t, "somebody stays at a lone node: ended after the deadline", []time.Duration{max(0, took-deadline)}, Bound{Max: 2 * time.Second})
	})
	t.Run("deaf", func(t *testing.T) {
		c := Start(t, Options{Nodes: 2, Args: args})
		owner := c.Nodes[0]
		room := c.RoomAt(t, owner)
		stubborn := joinDeaf(t, owner, room)
		Await(t, "the deaf one is in", func() bool {
			names, _, err := owner.Members(room)
			return err == nil && slices.Contains(names, "deaf")
		})
		took := end(t, owner)
		Report(t, "a client ignores moved: ended after the deadline", []time.Duration{max(0, took-deadline)}, Bound{Max: 2 * time.Second})
		_ = stubborn.Close()
	})
}

// end ends a node and returns how long that took.
func end(t *testing.T, n *Node) time.Duration {
	t.Helper()
	began := time.Now()
	n.Terminate()
	code, err := n.Exit(patience)
	if err != nil || code != 0 {
		t.Errorf("exit code %d, %v", code, err)
	}
	return time.Since(began)
}

// joinDeaf joins a room and reads nothing of what is said there.
func joinDeaf(t *testing.T, n *Node, room string) *websocket.Conn {
	t.Helper()
	conn, _, err := dialRoom(n, room)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.WriteMessage(websocket.TextMessage, protocol.EncodeRequest(1, protocol.Join{Name: "deaf", Subscribe: protocol.SubscribeAuto})); err != nil {
		t.Fatal(err)
	}
	return conn
}

// dialRoom opens the socket of a room at a node.
func dialRoom(n *Node, room string) (*websocket.Conn, *http.Response, error) {
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Version}, HandshakeTimeout: patience}
	return dialer.Dial("ws"+n.URL()[len("http"):]+"/v1/rooms/"+room+"/signal", nil)
}

// A drain gives the rooms away and can be taken back.
func TestDrainAndUndrain(t *testing.T) {
	besideOthers(t)
	c := Start(t, Options{})
	c.Watch(t)
	n := c.Nodes[0]
	room := c.RoomAt(t, n)
	people := c.JoinAll(t, room, "p", 3, Among(3))
	AwaitCalls(t, people)
	began := MarkAll(people...)

	n.Command(t, "drain")
	Await(t, "the node says that it drains", func() bool {
		v, err := n.View()
		return err == nil && v.State() == "draining" && Status(n.Admin()+"/readyz") == http.StatusServiceUnavailable
	})
	if status := Status(n.Admin() + "/livez"); status != http.StatusOK {
		t.Errorf("livez of a node that drains: %d", status)
	}
	Await(t, "the room is elsewhere", func() bool {
		_, still := c.Owners(room)[n]
		return !still
	})
	AwaitMedia(t, people, began)
	AwaitRoster(t, people)
	Await(t, "the others know", func() bool {
		m, err := c.Nodes[1].ReadMetrics()
		return err == nil && m.Sum("sfu_cluster_nodes", `state="draining"`) == 1 && m.Sum("sfu_cluster_nodes", `state="active"`) == 2
	})
	if m := n.Metrics(t); m.Sum("sfu_node_state", `state="draining"`) != 1 || m.Sum("sfu_drain_deadline_timestamp_seconds") == 0 ||
		m.Sum("sfu_room_handovers_total", `result="ok"`) != 1 {
		t.Error("the metrics do not say that it drains and has given a room away")
	}
	for i := range 3 {
		fresh := fmt.Sprintf("fresh%d", i)
		c.persist(t, fresh, "ada") // the balancer may not have seen it yet
		if c.Owner(t, fresh) == n {
			t.Errorf("a node that drains has taken %s", fresh)
		}
	}

	n.Command(t, "undrain")
	n.AwaitReady(t)
	c.RoomAt(t, n) // it takes rooms again
	m := n.Metrics(t)
	if active, deadline := m.Sum("sfu_node_state", `state="active"`), m.Sum("sfu_drain_deadline_timestamp_seconds"); active != 1 || deadline != 0 {
		t.Errorf("after undrain: active %v, deadline %v", active, deadline)
	}
}
