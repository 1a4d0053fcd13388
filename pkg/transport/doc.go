// Package transport owns sockets, ICE, DTLS and SRTP: it is this side's half of a PeerConnection, and joins it to the forwarder. It answers
// offers by itself (RFC 8829); of pion it uses what finds the client and agrees on keys, pion/ice and pion/dtls. pion's own PeerConnection would
// hold a description, codecs and a sender and a receiver for each m-line, none of which is needed here.
//
// # Flow
//
// An Engine holds the UDP sockets (one port, one socket per local address), the ICE-TCP listener and the certificate. NewConn makes a Conn for
// one offered PeerConnection. Conn.Answer parses the offer once (offer.go): limits, candidates taken out, m-lines refused. answer.go writes
// what both sides can do, and describe.go makes []forwarder.Media of the two.
//
// A Conn has a wire (wire.go): an ICE agent with a candidate per UDP socket, one on TCP when somebody comes there (knock.go), a
// DTLS server behind a pipe of datagrams (dtlspipe.go), and what is not AES-GCM (srtpmedia.go).
//
// # Media
//
// The direct path is for clients that negotiated AES-GCM, which is all browsers. In: a socket is read a batch at a time (socket.go, inbound.go); what
// is from an address that ICE has chosen is decrypted in place and handed to the workers, the rest is pion's. Out: each worker has an
// egress (egress.go), which seals a batch into the slab of a udp.Sender and sends it with one system call. Where a connection's packets
// go is its route (route.go). What ICE brings itself, from TCP or another address, is decrypted by the same opener; what goes to TCP is
// sealed by the same sealer and waits in a queue (sendqueue.go). Whether a connection has a sealer is settled by its DTLS handshake,
// before the first packet, and never changes: one SSRC and one SRTCP index have one encryptor.
//
// # Goroutines and locks
//
// pion's UDP mux has a goroutine for each socket: it reads, and decrypts what is media. Each Conn has one that reads the wire, one that waits for
// ICE and DTLS until that is over, one that writes to TCP once there is something to write, a watchdog timer and those of pion's ICE and
// DTLS; Close waits for all. Engine has one goroutine that tells the forwarder round-trip times. The sealer belongs to the worker.
//
// Conn.telling orders what the handler is told, and is taken before Conn.mu, which guards the status; handlers are called without mu. routes.mu
// orders changes of the route and is taken before socket.mu, which guards whose an address is and is held once per batch. opener.mu is
// there because the socket and the wire are read by different goroutines; srtpMedia has a lock for each direction. wire.negotiating is there
// because Close may come while an offer is answered.
package transport
