// Package transport owns sockets, ICE, DTLS and SRTP: it is this side's half of a PeerConnection, and joins it to the forwarder. It answers
// offers by itself (RFC 8829); of pion it uses what finds the client and agrees on keys, pion/ice and pion/dtls, and the ciphers of pion/srtp.
// pion's own PeerConnection would hold a description, codecs and a sender and a receiver for each m-line, none of which is needed here.
//
// # Flow
//
// An Engine holds the UDP sockets (one port, one socket per local address), the ICE-TCP listener and the certificate. NewConn makes a Conn for
// one offered PeerConnection. Conn.Answer parses the offer once (offer.go): limits, candidates taken out, m-lines refused. answer.go writes
// what both sides can do, and describe.go makes []forwarder.Media of the two.
//
// A Conn has a wire (wire.go): an ICE agent with a candidate per UDP socket, one on TCP when somebody comes there (knock.go), a
// DTLS server behind a pipe of datagrams (dtlspipe.go), and SRTP in both directions (srtpmedia.go), set up with the first packet.
//
// In: the wire reads a datagram, decrypts it and hands the bytes through inbound.go to the forwarder. Out: the forwarder's batch is flushed to
// each connection's writer (writer.go), which queues and lets one goroutine encrypt and send, so that a slow path stalls nobody.
//
// # Goroutines and locks
//
// Each Conn has a writer goroutine, one that reads the wire, one that waits for ICE and DTLS until that is over, a watchdog timer and those of
// pion's ICE and DTLS; Close waits for all. Engine has one goroutine that tells the forwarder round-trip times. Conn.telling orders what the
// handler is told, and is taken before Conn.mu, which guards the status; handlers are called without mu. srtpMedia has a lock for each
// direction.
package transport
