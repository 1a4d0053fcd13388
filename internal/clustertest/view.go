//go:build linux

package clustertest

// A View is what a node says of the cluster.
type View struct {
	Node   string `json:"node"`
	Engine struct {
		Mode string `json:"mode"`
		Up   bool   `json:"up"`
	} `json:"engine"`
	Nodes []struct {
		Node          string  `json:"node"`
		Incarnation   string  `json:"incarnation"`
		State         string  `json:"state"`
		Self          bool    `json:"self"`
		SilentSeconds float64 `json:"silentSeconds"`
	} `json:"nodes"`
	// Rooms are those that the node owns.
	Rooms []RoomView `json:"rooms"`
}

// A RoomView is one room.
type RoomView struct {
	Room   string `json:"room"`
	Epoch  string `json:"epoch"`
	By     string `json:"by"`
	People int    `json:"people"`
}

// silence is after how long a node counts as gone.
const silence = 2.0

// Alive counts the nodes that were heard of lately, the one that says so included.
func (v View) Alive() int {
	alive := 0
	for _, n := range v.Nodes {
		if n.SilentSeconds < silence {
			alive++
		}
	}
	return alive
}

// State is what the node says of itself.
func (v View) State() string {
	for _, n := range v.Nodes {
		if n.Self {
			return n.State
		}
	}
	return ""
}

// Incarnation is the process's.
func (v View) Incarnation() string {
	for _, n := range v.Nodes {
		if n.Self {
			return n.Incarnation
		}
	}
	return ""
}

// Owns returns a room that the node owns.
func (v View) Owns(room string) (RoomView, bool) {
	for _, r := range v.Rooms {
		if r.Room == room {
			return r, true
		}
	}
	return RoomView{}, false
}
