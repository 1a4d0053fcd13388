// Package udp reads and writes many datagrams per system call, without an allocation.
//
// A Socket is a UDP socket on one local address. A Reader takes what has arrived, several datagrams at once, each into a buffer of the
// caller's. A Sender collects datagrams to any number of Destinations in a slab of its own and sends them all with one Flush; datagrams to
// one Destination keep their order. What is not media may use the Socket as the net.PacketConn that it is.
//
// # Flow
//
// On Linux a Read is one recvmmsg and a Flush one sendmmsg. Neighbours in the slab that go to the same Destination and are of one size (the
// last may be shorter) are a run and cost the kernel little more than one datagram: the run is one message, which UDP_SEGMENT makes the kernel
// or the network card cut up (run.go). What the kernel will not do, it is not asked again: without sendmmsg each message is sent by
// itself, without UDP_SEGMENT each datagram. Elsewhere (portable.go) it is one datagram per call; the build tag "portable" has that on
// Linux as well, for tests.
//
// # Faults
//
// A Sender never waits and never spins: what finds the socket's buffer full is dropped after a second attempt. A message that cannot be sent is
// dropped and counted, and those behind it go on (fault_linux.go says what each error of the kernel means). A run that cannot be
// sent as one is sent singly.
//
// # Goroutines and locks
//
// The package starts no goroutine and has no lock. A Reader and a Sender belong to one goroutine each, of which there may be many on one
// Socket; all else may be used by several at once. Close ends Reads; it waits for system calls under way, and later ones find the Socket
// closed, never somebody else's file descriptor.
package udp
