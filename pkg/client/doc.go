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
// client.go and requests.go are what a user sees. session.go holds the socket, lost and resumed; rejoin.go joins anew with what was
// published and received before, pulse.go finds a server that is silent; negotiation.go the offers, one at a
// time, as opaque text. peer.go owns the PeerConnection, sdp.go reads answers and path.go their
// addresses: nothing else knows SDP or ICE. media.go joins
// the PeerConnection to the MediaReceiver: decrypted packets, or a look at the encrypted ones before (tap).
//
// # Goroutines and locks
//
// A Client owns three goroutines beside pion's, and a fourth with Options.Rejoin (watch): one reads the socket and does everything that follows from what the server says, one
// sends feedback on what arrives, and one (synthetic.Source) sends media. With a Served socket the second is not needed: who reads the
// socket shows what comes and has the feedback sent. Close ends and awaits them all. Client.mu guards the
// State, the socket and the requests under way; negotiation.mu the offers, and is taken first. OnMessage is called without locks,
// on the reading goroutine: it must not wait for an answer of the server.
package client
