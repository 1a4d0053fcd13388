package cluster

import (
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"time"

	"sfu/pkg/cluster/engine"
	"sfu/pkg/cluster/ownership"
)

// Config sets up a Node.
type Config struct {
	// Name is the node's name for people. Version is that of the program.
	Name, Version string
	// External is the engine that several nodes share; nil is one in this process, for a cluster of one.
	External *engine.External
	// Listener is where other nodes come in, Address where they are told to; Secrets are what they must share. All three belong to
	// External.
	Listener net.Listener
	Address  string
	Secrets  [][]byte
	// URL is the node's own address for clients, for redirect mode; "" is none.
	URL string
	// Rules default to ownership.DefaultRules.
	Rules ownership.Rules
	// MoveRate is how many participants a second are told to move when a room goes. Default 20.
	MoveRate int
	Log      *slog.Logger
}

func (c Config) withDefaults() Config {
	if c.Rules == (ownership.Rules{}) {
		c.Rules = ownership.DefaultRules()
	}
	if c.MoveRate == 0 {
		c.MoveRate = 20
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// Rooms is what a Node needs of the rooms that are served here.
type Rooms interface {
	// Move tells everyone in a room to join anew, spread over a time, and returns how many there are.
	Move(room string, over time.Duration) int
	// Participants returns how many are in a room.
	Participants(room string) int
	// Save returns what the next owner of a room must know of it, and Restore takes that in before anybody enters; both may be empty. Restore of
	// null takes it back.
	Save(room string) json.RawMessage
	Restore(room string, saved json.RawMessage) error
	// People and Load are those of the node: 0 is idle, 1 full.
	People() int
	Load() float64
}

// Requests is how requests of clients are served here.
type Requests struct {
	// Serve serves one as if it came from the client directly.
	Serve http.Handler
	// Refuse answers one that no node can serve now.
	Refuse func(w http.ResponseWriter, r *http.Request, why *Refused)
}

// Times of the shell.
const (
	tickInterval = 100 * time.Millisecond
	// tickAlone is for a node that has nobody to wait for, so that an idle process sleeps.
	tickAlone         = 500 * time.Millisecond
	heartbeatInterval = 500 * time.Millisecond
	// probeLimit is how long a node may take to say that it lives, askLimit to say whether it owns a room, openLimit to open one.
	probeLimit    = 500 * time.Millisecond
	askLimit      = 300 * time.Millisecond
	openLimit     = time.Second
	handoverLimit = 5 * time.Second
	// moveLimit is how long a room moves at most: pages take whoever is not back within 5 s for gone.
	moveLimit = 4 * time.Second
	// passes is how often a request is passed on before it is given up.
	passes = 4
	// releaseLimit is how long the end waits for the records of this node's rooms to go.
	releaseLimit = 3 * time.Second
	// handovers are under way at a time.
	handovers = 4
	// handoverPatience is how long a drain goes on to try while no room goes: an engine that elects a leader is back by then.
	handoverPatience = 3 * handoverLimit
)
