// Package transport owns sockets, ICE and DTLS: it makes PeerConnections and joins them to the forwarder. It is the only package that
// touches a PeerConnection, and pion does for it what is not media: ICE, DTLS and the answer's SDP.
//
// # Flow
//
// An Engine holds the UDP sockets (one port, one socket per local address), the ICE-TCP listener, the certificate and the codec list. NewConn makes
// a Conn for one offered PeerConnection. Conn.Answer reads the offer with eyes of its own (offer.go) before pion sees it: limits,
// candidates taken out, m-lines that are refused taken out and put back into the answer with port 0. What offer and answer agreed on
// becomes []forwarder.Media (describe.go).
//
// In: pion decrypts and writes every SSRC into a buffer of ours (inbound.go), which hands the bytes to the forwarder at once; no pion
// interceptor, receiver or track is used. Out: the forwarder's batch is flushed to each connection's writer (writer.go), which queues
// and lets one goroutine encrypt and send, so that a slow path stalls nobody. The direct path that is to come replaces inbound.go and
// writer.go for UDP; TCP and TURN stay on them.
//
// # Goroutines and locks
//
// Each Conn has a writer goroutine, a watchdog timer and pion's own goroutines; Close waits for the writer and for pion. Engine has
// one goroutine that tells the forwarder round-trip times. Conn.mu guards negotiation and status; handlers are called without it.
package transport
