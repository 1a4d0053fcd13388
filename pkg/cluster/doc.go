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
// Node.loop owns the ownership.Node: everything reaches it through the inbox. Operations run on goroutines of their own, and post their results; Close
// waits for all of them. Node.mu guards who waits for which room, whom to answer, whom a probe is under way to, and how far a drain is; nothing is called with it held.
package cluster
