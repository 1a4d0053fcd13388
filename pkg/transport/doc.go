// Package transport owns sockets, ICE and DTLS: it makes PeerConnections and joins them to the forwarder. It is the only package that
// touches a PeerConnection.
package transport
