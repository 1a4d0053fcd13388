// Package polling reads many UDP sockets with few goroutines and few system calls, for a load generator that takes part in a call many
// times over.
//
// A Pool has one goroutine for each processor that Go uses. Each looks at its sockets every 5 ms (epoll), reads those that have something
// with one recvmmsg each, and hands every datagram to the Socket's user, with the time at which the kernel received it: how late it was
// looked at does not count as latency. With UDP_GRO a run that was sent by GSO comes as one buffer. Because nobody sleeps on the
// sockets, a sender on the same machine does not pay for waking the receiver, as it would not across a network.
//
// A new Socket is not read like that yet but at once, by a goroutine that waits, so that ICE and DTLS take no longer than they must. Relax
// ends this. What the user wants to see once more, as a net.PacketConn reads, is queued for ReadFromAddrPort.
//
// Linux only, on processors with 64 bits.
//
// # Files
//
// pool.go owns the goroutines, socket.go is a socket and what it sends, reader.go the reading, kernel.go the system calls and the layout
// of what goes through them.
//
// # Goroutines and locks
//
// A Pool owns the goroutine that waits for new sockets and one for each processor; Close ends and awaits them. Socket.reading is held
// while a socket is read and while its user is called; Socket.sending while something is sent. Both may be held, reading is taken
// first. Each reader has a lock for the list of its sockets, which is never held while another is taken.
package polling
