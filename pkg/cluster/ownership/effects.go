package ownership

import "time"

// An Effect is something that a Node wants done: one of the types below. Op is the number under which the result is to be reported.
type Effect any

// Effects on the store. Their results are reported with Node.Read and Node.Wrote.
type (
	// Get reads the record of a room.
	Get struct {
		Op  uint64
		RID string
	}
	// Create writes a record where there is none.
	Create struct {
		Op     uint64
		RID    string
		Record Record
	}
	// Update replaces the record of that revision.
	Update struct {
		Op     uint64
		RID    string
		Record Record
		Rev    uint64
	}
	// Delete removes the record of that revision.
	Delete struct {
		Op  uint64
		RID string
		Rev uint64
	}
)

// Effects on other nodes.
type (
	// Open asks a node to open a room; Node.Answered reports what it says.
	Open struct {
		Op      uint64
		To      Member
		Request OpenRequest
	}
	// Reply answers the Ticket of an OpenRequest.
	Reply struct {
		Ticket uint64
		Answer OpenAnswer
	}
	// Probe asks a node directly whether it lives; Node.Probed reports.
	Probe struct{ Peer Member }
	// Ask asks all of Peers directly whether one owns the room; Node.Read reports what was found.
	Ask struct {
		Op    uint64
		RID   string
		Peers []Member
	}
	// HandOver gives a room to another node; Node.Answered reports.
	HandOver struct {
		Op    uint64
		To    Member
		RID   string
		Room  string
		Epoch Epoch
	}
	// TellFenced lets a former owner know.
	TellFenced struct {
		To     Incarnation
		Notice FenceNotice
	}
)

// Effects on this node.
type (
	// Resolved ends the waiting of all who want the room.
	Resolved struct {
		RID     string
		Outcome Outcome
	}
	// Evict ends the room here: it belongs to another node.
	Evict struct {
		RID, Room string
		// Planned is set for a room that was handed over.
		Planned bool
		Owner   Member
	}
)

// An OpenRequest asks a node to own a room. Over is the record that it shall replace, the zero value for none, Former its owner; Gone says that
// another process has the former owner's address. Handover is set where the present owner asks.
type OpenRequest struct {
	RID      string      `json:"rid"`
	Room     string      `json:"room"`
	Over     Epoch       `json:"over"`
	Former   Incarnation `json:"former,omitempty"`
	Gone     bool        `json:"gone,omitempty"`
	Handover bool        `json:"handover,omitempty"`
}

// An OpenAnswer names the owner, or says why there is none.
type OpenAnswer struct {
	Owner   Member  `json:"owner"`
	Epoch   Epoch   `json:"epoch"`
	Refused Refusal `json:"refused,omitempty"`
}

// A FenceNotice tells a former owner who has the room.
type FenceNotice struct {
	RID   string `json:"rid"`
	Owner Member `json:"owner"`
	Epoch Epoch  `json:"epoch"`
}

// A Refusal says why a node does not take a room, or why nobody did.
type Refusal string

// The refusals.
const (
	// Full: as many rooms, or as much load, as it takes.
	Full Refusal = "full"
	// Draining: it is about to end.
	Draining Refusal = "draining"
	// Isolated: it sees neither engine nor peers.
	Isolated Refusal = "isolated"
	// Held: the store came back empty, and former owners come first.
	Held Refusal = "held"
	// Alive: it has heard of the owner that it should replace.
	Alive Refusal = "alive"
	// NoEngine: the store does not answer.
	NoEngine Refusal = "engine"
	// NoAnswer: nothing came back, so that it may or may not own the room now.
	NoAnswer Refusal = "no_answer"
	// Unreachable: it certainly got nothing.
	Unreachable Refusal = "unreachable"
)

// An Outcome is what somebody who wanted a room is told.
type Outcome struct {
	// Here: this node owns the room. Otherwise Owner does, or, with a Refusal, nobody can.
	Here    bool
	Owner   Member
	Epoch   Epoch
	Refused Refusal
	// RetryAfter goes with a Refusal.
	RetryAfter time.Duration
}

// A Result says how an operation on the store ended.
type Result uint8

// The results.
const (
	// OK: it was done.
	OK Result = iota
	// NotFound: there is no such record.
	NotFound
	// Conflict: the record was not what it had to be.
	Conflict
	// Unavailable: it was certainly not done.
	Unavailable
	// Unknown: it may have been done, or be done later.
	Unknown
)

// A ProbeResult says what a direct probe found.
type ProbeResult uint8

// The results of a probe.
const (
	// Reached: the process that was meant answers.
	Reached ProbeResult = iota
	// WrongNode: another process answers at its address, so that one is gone.
	WrongNode
	// RefusedProbe: nobody listens there.
	RefusedProbe
	// NoReply: nothing came back in time.
	NoReply
)
