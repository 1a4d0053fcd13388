// Package ownership decides which node of a cluster serves a room, and when another one may. It is pure: no goroutine, no clock, no
// socket. What happened and when goes in, effects to carry out come back.
//
// # The rule
//
// A room's owner stands in one record of a store that has compare-and-set and nothing else: no lease, no expiry. Whoever wrote the record last
// owns the room, under an Epoch that no other writer has, and a node only ever claims for itself: a claim proves a live and willing process.
// Owners that are gone are replaced by whoever needs the room and by nobody else, when three things hold together: the owner has been silent
// on the engine, one's own heartbeat still comes back from it, and the owner does not answer a direct probe either. What a store or a
// network may do, lose or delay, costs time, never a second owner of an epoch; an owner that was replaced without knowing is fenced as soon as
// it hears of the higher epoch.
//
// # The flow
//
//	Want ─> read ─> nobody's ─> place ─> claim here, or ask the chosen node to open it
//	           └─> another's ─> alive: go there
//	                         └> silent: probe ─> dead: place, over the dead owner's record
//
// A View is what is seen of the engine and of the other nodes (view.go). A Node is a View and the rooms that this node owns or looks for: it takes
// what happened and brings it to the room that it is about (node.go). A room is a machine of its own with one operation under way at a time:
// room.go looks for its owner, claim.go becomes it, custody.go is about being it. Effects name the operation by a number that its result brings
// back, so that results which come too late change nothing. carryOut in the package above does.
//
// # Ambiguity
//
// A write whose answer did not come may have happened, or happen later. After one the record is read again, and a record that names this
// incarnation is adopted whenever it is met. Releasing a room that was perhaps deleted and is wanted again writes the record once more first, so that the
// delete finds a revision that is not its own.
//
// # A store that came back empty
//
// Owners write their records again (reassert), with the epoch that they had; of several who claim the same room the one with the highest former
// epoch wins, and nodes without the room wait for a while before they claim anything.
package ownership
