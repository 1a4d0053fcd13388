// Package link models a network path: rate, delay, jitter, loss, reordering, duplication and a queue.
//
// A Link is one direction and pure arithmetic: Send takes a packet's size and the time, and says when the packet arrives, if it
// does. The same seed gives the same answers. Tests and simulators use it with a clock of their own.
//
// A Conn is the shell: a net.PacketConn on a real socket with a Link in each direction. A WebRTC client that runs on it sees a bad
// network, can be cut off (Blackhole) and can move to another address in the middle of a call (Rebind).
//
// A packet's way through a Link: it waits in the queue until those before it have left at Rate, or is dropped when the queue is full;
// then the loss models decide; what is left takes Delay and up to Jitter more. Packets keep their order, but for the share Reorder,
// which is held back and overtaken.
//
// # Goroutines and locks
//
// A Conn owns one goroutine that reads its socket and one for each direction that lets packets go when their time has come. Close ends
// and awaits all three. Each direction has a lock, and so has the socket; they are never held together.
package link
