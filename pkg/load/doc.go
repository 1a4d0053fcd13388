// Package load is "sfu load": it fills the rooms of a server with synthetic publishers and viewers and measures what they get, what it
// costs the server, and how long joining takes.
//
// Run joins the publishers, then the viewers and those who are silent at JoinRate, lets everything settle, and measures for Duration. Every
// participant is a client.Client, with ICE, DTLS and SRTP as in a browser. Viewers count packets by their headers and decrypt and check
// one in Sample. Their sockets are read by package polling, a few goroutines for all, so that the server saturates first; only paths
// that --impair makes worse have goroutines of their own.
//
// A server limits how many sockets and joins come from one address. Towards a server on loopback, participants therefore come from many
// addresses of 127.0.0.0/8.
//
// # Files
//
// command.go reads the command line; crowd.go joins and closes; sockets_linux.go opens the media sockets; tally.go sums up what arrived;
// process.go reads the server's CPU time and memory; run.go puts them in order; saturate.go raises the bitrate until it is too much;
// result.go is what comes out.
//
// # Goroutines
//
// Run owns one goroutine per join under way, bounded, and awaits them; the clients own theirs.
package load
