// Package room knows who is in a room, who publishes what, and who may and does receive it. It knows tracks, subscriptions,
// permissions and events, but no SDP, no WebSocket and no packet.
//
// # The flow
//
// Registry.Join makes a Participant and, with the first one, the room. What a Participant does is checked against its Grant, changes the
// room's state under the room's lock, and is told to those whom it concerns through their EventSinks. A Snapshot is taken under
// the same lock, so that a client which applies the events after its snapshot knows the room exactly.
//
// A published track is announced when the forwarder sees its first packet. Then every viewer is seated anew: seat, a pure function,
// decides which source sits in which of the viewer's slots, the m-lines are switched, and one SlotsBound event tells the viewer
// what is different. A slot shows one source, a participant's camera with its microphone or its screen with the screen's sound. The
// rules of seating are at seat.
//
// # Who closes what
//
// Whoever called Join owns the participant's connections. It calls Forget when one of them is gone, closes all of them in the end, and
// then calls Leave, also after an Ended event. The room closes the UpTracks of its tracks and parks the DownTracks of a viewer
// who goes, so that a removed participant gets nothing more even before its connections are closed. The room ends, and its name
// is free, when its last participant is out; its Group is closed after the last Leave, when the last counters have been
// fetched. A track needs no call when its Peer is closed, but it stays announced until Forget or Leave.
//
// # Locks and goroutines
//
// The order is Registry.mu, room.mu, the lock of the room's notices, then the worker's command queue; Registry.mu and room.mu are never
// held together. Calls to forwarder handles post a command and return. Only Group.Counters waits for the worker, and it is called
// without a lock. Nothing is logged with a lock held.
//
// The worker never takes room.mu: it forwards the media of other rooms too. What it says on its goroutine, UpTrackStarted and
// UpTrackPoliced, is put into the room's notices and heeded at once, in its order, on a goroutine that lives until the queue is
// empty. DownTrackChanged comes from the participant's owner, on whose goroutine it runs.
//
// The Registry owns three kinds of goroutines, which Close awaits: one per room in which some viewer is short of slots, seating those
// viewers by loudness every 500 ms; one per room whose notices are being heeded; and one per room that has ended, fetching its
// last counters.
package room
