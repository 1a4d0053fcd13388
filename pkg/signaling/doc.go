// Package signaling is the session that lets one client act in a room, and the server that it talks to. The messages are those of
// PROTOCOL.md; package protocol decodes and encodes them.
//
// # A message's way
//
// An HTTP request passes the checks of http.go: origin, name, address, subprotocol, and where the room lives. After the upgrade a
// socket reads frames, limits and decodes them (intake). The first message makes or finds a session (greet.go); from then on the socket
// hands requests to it one by one. The session acts on the room or on a connection and answers through the socket's bounded queue.
// What happens in the room, on a connection or in the server reaches the session through its inbox, which never blocks who posts.
//
// # Who owns what
//
// Per WebSocket: one goroutine reads, and one more writes while there is something to send. The handler of net/http has returned: what it
// holds would be held as long as the socket. Per session: one goroutine (session.run) owns all its state without a lock; it outlives the
// socket and ends with the seat. Per PeerConnection a negotiator dials, answers and closes the connection, each on a goroutine that lasts as
// long as that, so that a slow answer holds up nothing else. Drain waits for all of them.
//
// Locks: Server.mu guards the tables of sessions and sockets and is held while an item is posted, never while a session, a room or a
// socket is waited for. inbox, sendQueue and addresses have locks of their own, which are leaves. The room's lock is held when it
// delivers an event; Deliver only appends.
//
// # What lasts how long
//
// A socket that is lost leaves the session in its seat (seat.go): 60 s while media flows, 12 s without. A client that comes back with
// the session's secret gets a snapshot of everything instead of what it missed. A client that reads too slowly loses its socket, not
// its seat, and gets a snapshot in the same way: so its slowness costs neither memory nor anybody's time.
package signaling
