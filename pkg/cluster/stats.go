package cluster

import (
	"time"

	"sfu/pkg/cluster/engine"
	"sfu/pkg/cluster/mesh"
	"sfu/pkg/cluster/ownership"
)

// Stats are a node's view of the cluster, and counts since its start.
type Stats struct {
	Node  string
	State ownership.State
	// Load is 0 for an idle node and 1 for a full one: the greater of ProcessorLoad and RoomsLoad.
	Load, ProcessorLoad, RoomsLoad float64
	Owned                          int
	Ownership                      ownership.Counts
	// Nodes counts the nodes that were heard of within 2 s, this one included, by state. HeartbeatAge is how old the oldest heartbeat among them is.
	Nodes        map[string]uint64
	HeartbeatAge time.Duration
	// Moved counts participants that were told to join anew elsewhere.
	Moved  uint64
	Engine engine.Stats
	Mesh   mesh.Stats
	// DrainDeadline is zero while nothing is planned; DrainRemaining are the participants still here.
	DrainDeadline  time.Time
	DrainRemaining int
}

// Stats returns the present values.
func (n *Node) Stats() Stats {
	s := Stats{Node: n.cfg.Name, Nodes: map[string]uint64{}, Moved: n.moved.Load(), Engine: n.engine.Stats()}
	if n.mesh != nil {
		s.Mesh = n.mesh.Stats()
	}
	n.query(func(core *ownership.Node, now time.Time) {
		peers, ages := core.Peers(now)
		s.State, s.Load, s.Owned, s.Ownership = peers[0].State, peers[0].Load, peers[0].Rooms, core.Counts()
		s.RoomsLoad = float64(s.Owned) / float64(n.cfg.Rules.MaxRooms)
		for i, p := range peers {
			if ages[i] < n.cfg.Rules.Silence {
				s.Nodes[string(p.State)]++
				s.HeartbeatAge = max(s.HeartbeatAge, ages[i])
			}
		}
	})
	s.ProcessorLoad = n.rooms.Load()
	n.mu.Lock()
	drain := n.drain
	n.mu.Unlock()
	if drain.under {
		s.DrainDeadline, s.DrainRemaining = drain.deadline, n.rooms.People()
	}
	return s
}

// A View is what an operator sees of the cluster from one node.
type View struct {
	Node   string     `json:"node"`
	Engine EngineView `json:"engine"`
	Nodes  []NodeView `json:"nodes"`
	// Rooms are those that this node owns.
	Rooms []RoomView `json:"rooms"`
}

// An EngineView says how the engine is.
type EngineView struct {
	Mode       string  `json:"mode"`
	Up         bool    `json:"up"`
	RTTSeconds float64 `json:"rttSeconds"`
	Reconnects uint64  `json:"reconnects"`
}

// A NodeView is one node.
type NodeView struct {
	Node        string          `json:"node"`
	Incarnation string          `json:"incarnation"`
	Addr        string          `json:"addr,omitempty"`
	URL         string          `json:"url,omitempty"`
	State       ownership.State `json:"state"`
	Load        float64         `json:"load"`
	Rooms       int             `json:"rooms"`
	People      int             `json:"people"`
	Version     string          `json:"version"`
	Self        bool            `json:"self"`
	// SilentSeconds is how long ago its last heartbeat came.
	SilentSeconds float64 `json:"silentSeconds"`
}

// A RoomView is one room.
type RoomView struct {
	Room   string           `json:"room"`
	Epoch  string           `json:"epoch"`
	By     ownership.Reason `json:"by"`
	People int              `json:"people"`
}

// View returns what this node sees.
func (n *Node) View() View {
	stats := n.engine.Stats()
	v := View{Node: n.cfg.Name, Nodes: []NodeView{}, Rooms: []RoomView{}, Engine: EngineView{
		Mode: string(stats.Mode), Up: stats.Up, RTTSeconds: stats.RTT.Seconds(), Reconnects: stats.Reconnects,
	}}
	n.query(func(core *ownership.Node, now time.Time) {
		peers, ages := core.Peers(now)
		for i, p := range peers {
			v.Nodes = append(v.Nodes, NodeView{
				Node: p.Node, Incarnation: string(p.Incarnation), Addr: p.Addr, URL: p.URL, State: p.State, Load: p.Load, Rooms: p.Rooms, People: p.People,
				Version: p.Version, Self: i == 0, SilentSeconds: ages[i].Seconds(),
			})
		}
		for _, room := range core.OwnedRooms() {
			record, epoch, _ := core.OwnRecord(ownership.RID(room))
			v.Rooms = append(v.Rooms, RoomView{Room: room, Epoch: epoch.String(), By: record.By})
		}
	})
	for i := range v.Rooms {
		v.Rooms[i].People = n.rooms.Participants(v.Rooms[i].Room)
	}
	return v
}

// Condition returns why the node should get no new people, nil if it should.
func (n *Node) Condition() error {
	var state ownership.State
	if !n.query(func(core *ownership.Node, now time.Time) { state = core.State(now) }) {
		return errEnded
	}
	if state == ownership.StateIsolated {
		return errIsolated
	}
	return nil
}

// Notes say what does not keep people away and is worth knowing: how the engine is.
func (n *Node) Notes() map[string]string {
	engine := "up"
	if !n.engine.Stats().Up {
		engine = "down"
	}
	return map[string]string{"engine": engine}
}
