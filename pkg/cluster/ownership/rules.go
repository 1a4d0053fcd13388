package ownership

import "time"

// Rules are the times and bounds by which a Node decides.
type Rules struct {
	// Silence is how long an owner that does not answer a probe must have been silent; Refused is enough where the probe was refused.
	Silence, Refused time.Duration
	// Echo is how old one's own heartbeat may be when it came back, Settled how long one must have been connected, to judge others.
	Echo, Settled time.Duration
	// Cache is how long what was read is taken for true.
	Cache time.Duration
	// Patience is how long somebody who wants a room waits for a decision; Retry how long between two attempts.
	Patience, Retry time.Duration
	// Linger is how long an empty room is kept, Leaving how long by a node that drains.
	Linger, Leaving time.Duration
	// Hold is how long nothing is claimed in a store that came back empty.
	Hold time.Duration
	// Isolation is how long engine and peers must be out of reach for the node to call itself isolated.
	Isolation time.Duration
	// Pause is how late a tick may be; after a longer one the process was frozen and looks at all its records.
	Pause time.Duration
	// Again is how often a peer is probed that is heard of and cannot be reached.
	Again time.Duration
	// Forget is how long a peer is remembered that says nothing.
	Forget time.Duration
	// Candidates is how many nodes are asked to open a room.
	Candidates int
	// Reservation is how long a placement counts as load that the heartbeats do not show yet, Weight how much.
	Reservation time.Duration
	Weight      float64
	// Near is how much more loaded this node may be than the best other and still be chosen, which saves the way between nodes.
	Near float64
	// MaxRooms bounds the rooms that this node owns, MaxEmpty those of them that nobody has entered.
	MaxRooms, MaxEmpty int
}

// DefaultRules are what scale and failure tests were made with.
func DefaultRules() Rules {
	return Rules{
		Silence: 2 * time.Second, Refused: 1250 * time.Millisecond,
		Echo: time.Second, Settled: 3 * time.Second,
		Cache:    2 * time.Second,
		Patience: 6 * time.Second, Retry: 150 * time.Millisecond,
		Linger: 10 * time.Second, Leaving: time.Second,
		Hold:        2 * time.Second,
		Isolation:   5 * time.Second,
		Pause:       time.Second,
		Again:       2 * time.Second,
		Forget:      time.Minute,
		Candidates:  3,
		Reservation: 10 * time.Second, Weight: 0.02,
		Near:     0.02,
		MaxRooms: 1000, MaxEmpty: 500,
	}
}
