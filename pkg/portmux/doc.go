// Package portmux lets HTTP, HTTPS, WebSockets and ICE-TCP share one TCP port: the first bytes of a connection say what it is.
//
// A TLS ClientHello or an HTTP request goes to the HTTP listener (with TLS around it where that is configured), a STUN binding request in
// the framing of RFC 4571 goes to the ICE listener, and everything else is closed. The bytes that were read for the decision are
// read again by whoever accepts the connection.
//
// New starts one goroutine that accepts. Each connection has a goroutine of its own until somebody took it over, so
// a slow client never holds up another one; the time for a decision and the number of connections without one are bounded. Close ends them
// all and waits for them. Connections that were accepted belong to whoever accepted them; one of ICE-TCP is closed when a write on it takes
// too long. Mux.mu guards the list of the undecided; nothing is called while it is held.
package portmux
