// Package cluster makes one node of many: it finds the node that serves a room, keeps the rooms that this one owns, and gives them away when
// the node is to end. Without an external engine it is a cluster of one, by the same code.
//
// # Parts
//
// ownership decides, engine is the store and the messages (NATS), mesh the authenticated way between nodes. This package joins them: effects of
// ownership.Node become operations of the engine and the mesh, and what comes back becomes its input. It knows nothing of media, sessions or SDP; what
// it needs of the rooms is the interface Rooms.
//
// # A request's way
//
//	Locate(room) ─> ownership ─> here: the caller serves it
//	                         └─> elsewhere: Location.Elsewhere passes it on over the mesh, and looks again where the owner has just changed
//
// A request that came over the mesh is never passed on again: the mesh asks Owns before it serves it.
//
// # What is on whose path
//
// The engine is asked when a room begins, ends or changes its owner, and by a node that has not seen the room before. Media, signalling and
// reconnects in rooms that are there go on without it.
//
// # Goroutines and locks
//
// loop owns the ownership.Node: everything reaches it through the inbox. Node.carryOut begins its effects: records works on the engine's store, messages
// are what nodes tell each other by the engine, peers what they ask directly. What waits has a goroutine of its own and posts its result; Close waits for
// all of them. Locks are small: waiting (who waits for which room), tickets (whom to answer), peers (whom a probe is under way to) and Node.mu (how far a
// drain is) each guard their own; nothing is called with one held.
package cluster
