// Package address decides under which addresses clients are told to send their media, and says why.
//
// Decide is a pure function of what the machine has and what the operator gave; nothing in this package asks the network, so a start
// never waits for it. Interfaces is the only function that looks at the machine. There are no goroutines and no locks.
package address
