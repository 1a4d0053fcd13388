// Package certificate holds the server's TLS certificate: either one from files, read again when they change, or one that this
// package makes for the local network and renews before it expires.
//
// Both are asked for by TLS handshakes through Get and looked after by calls of Refresh. The package starts no goroutine; the current
// certificate is replaced as a whole, so Get may be called from any goroutine. Refresh must not be called twice at once.
package certificate
