// Package web holds the page that people meet in: build-free ES modules under static, embedded in the binary.
//
// NewHandler serves one HTML shell for two addresses, / (name a room) and /r/{room} (be in it), and the modules under /static/.
// The shell refers to its assets relative to its own address, and the modules find the server from import.meta.url, so the page
// works under any sub-path of any proxy and nobody types or edits an address. The handler owns no goroutine and no lock: everything is
// read, hashed and rendered once.
//
// How the modules fit, from the wire to the screen:
//
//	protocol   the messages and their shapes            state      the room as one object, reduced from what the server says
//	socket     one WebSocket, its requests, its back-off lifecycle  the one state machine: what happened -> what to do
//	approach   where the socket is, why it was refused  entrance    what is in hand before one enters
//	liveness   whether media come while the server owes returning   who is who when everyone comes back under new ids
//	           an answer
//	negotiator when to offer                            slots      which remote track sits in which m-line
//	connection one RTCPeerConnection                    publications  what is sent, apart from what carries it
//	media      connection, slots and publications       session    all of these together: the API of any user interface
//	encodings, codecs, capture   what a device sends    views, outbox  what the server is told of tiles, chat that is on its way
//	tiles, layout, speaking, health, status, faults     what the screen shows and says: pure
//	ui/        the only modules that touch the document; ui/call joins them with a session
//	main       the page; sfu.js: a room in someone else's page (example.js)
//
// State flows one way: the server's words go through the reducer into session.room, `change` is told, and the user interface draws what is
// there; what a person does is a call of a session method. Names and messages of others only ever become text nodes.
//
// test/ has the unit tests, which run in node. e2e/ drives real browsers: loopback.test.js against a server made inside the page,
// server.test.js against the real one, and gallery.js takes pictures of the call screen with people who are not there.
package web
