// Package clustertest runs a whole cluster as its operators would: nodes, NATS servers and HAProxy are processes of their own, clients come through
// the balancer and count every packet, and processes are killed, frozen, drained and cut off.
//
//	c := Start(t, Options{Nodes: 3})
//	ada := c.Join(t, "kitchen", "ada", Talking)
//	c.Owner(t, "kitchen").Kill()
//
// The tests run where SERVER_BINARY names the server, or is "build" to have one built; scripts/test.sh sets it. They are small then, with deadlines of
// ten times the targets; with SFU_LONG in the environment they have full size and assert the targets. Both print a table of figures.
//
// # Parts
//
// A Cluster has a block of 127.0.0.0/8 for itself (block.go), so its ports are the same after every restart and nobody else's. Nodes reach NATS, and
// each other, through relays in this process (relay.go), which delay, stall and cut. A Person is a client with a Ledger, which is pure: what was heard
// of whom, what was lost, how long there was silence. A Watch looks at all nodes again and again and says what must never be.
//
// # Processes, goroutines and locks
//
// All processes are started from one thread that lasts as long as the test binary, and the kernel kills them when it ends, however it does. What
// Start and Join return is ended when the test is. A Relay has a goroutine that accepts and five for each connection; a Person those of a client; a Watch
// one for each node. Ledger, Relay and Watch have a lock each, and call nothing with it held.
package clustertest
