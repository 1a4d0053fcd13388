// Package client is a Go client of the signalling protocol (pkg/signaling/PROTOCOL.md), for tests and load. It behaves like the page in
// a browser: one WebSocket, one PeerConnection, an offer inside join, slots that grow when the server asks, a lost socket that is
// resumed, ICE restarts when the path is gone, and with Options.Rejoin a room that is joined anew when it moves or the seat is lost.
//
// Join returns a Client that is in the room. What the server says is kept as a State, which Await watches; Options.OnMessage sees each
// message. Publications are made by package synthetic, what arrives is counted and checked by a MediaReceiver, by default package
// reception.
//
// # Files
//
// client.go and requests.go are what a user sees; a Client joins four parts. room.go is the State (state.go) and who waits for it. line.go is the way to the
// server, one socket.go after the other, with the requests under way, and pulse.go finds a server that is silent on it. connection.go says how far the
// PeerConnection is and has ICE restarted. negotiation.go makes the offers, one at a time, as opaque text. session.go reads what the server says and
// resumes a lost session; rejoin.go joins anew with what was published and received before. peer.go owns the PeerConnection, sdp.go reads answers and
// path.go their addresses: nothing else knows SDP or ICE. media.go joins the PeerConnection to the MediaReceiver: decrypted packets, or a look at the
// encrypted ones before (tap).
//
// # Goroutines and locks
//
// A Client owns three goroutines beside pion's, and a fourth with Options.Rejoin (watch): one reads the socket and does everything that follows from
// what the server says, one sends feedback on what arrives, and one (synthetic.Source) sends media. With a Served socket the second is not needed: who
// reads the socket shows what comes and has the feedback sent. Close ends and awaits them all. negotiation.mu guards the offers and is taken first; each
// other part has a lock of its own, Client.mu guards what else there is (the room's information, the session's secret, moments, the error), and no
// two of these are held at once. OnMessage is called without locks, on the reading goroutine: it must not
// wait for an answer of the server.
package client
