//go:build linux

package clustertest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"testing"
)

// Ports, the same on every address of a block. The kernel gives none of them to others by itself.
const (
	portHTTP  = 2280 // of nodes and of the balancer; media too
	portMesh  = 2283
	portAdmin = 2290
	portNATS  = 2222
	portRoute = 2248 // between NATS servers
	portWatch = 2282 // where a NATS server tells how it is
	portHold  = 2299
)

// A block is 127.x.y.0/22, which nobody else uses while hold is open.
type block struct {
	x, y byte
	hold net.Listener
}

func reserve(t testing.TB) block {
	t.Helper()
	for range 100 {
		b := block{x: byte(64 + rand.IntN(128)), y: byte(4 * rand.IntN(64))}
		hold, err := net.Listen("tcp", at(b.host(254), portHold))
		if err != nil {
			continue
		}
		t.Cleanup(func() { _ = hold.Close() })
		b.hold = hold
		return b
	}
	t.Fatal("no block of addresses is free on loopback")
	return block{}
}

func (b block) host(n int) string { return fmt.Sprintf("127.%d.%d.%d", b.x, b.y, n) }

func (b block) balancer() string          { return b.host(1) }
func (b block) balancerSource() string    { return b.host(2) }
func (b block) node(i int) string         { return b.host(11 + i) }
func (b block) nats(i int) string         { return b.host(21 + i) }
func (b block) engine(node, i int) string { return b.host(100 + 10*node + i) } // the relay from a node to a NATS server
func (b block) mesh(i int) string         { return b.host(200 + i) }           // the relay to a node from others

// apart is the far end of a network of two addresses, of which here is the near one; there is one for each block.
func (b block) apart() string { return fmt.Sprintf("10.%d.%d.2", b.x, b.y) }
func (b block) here() string  { return fmt.Sprintf("10.%d.%d.1", b.x, b.y) }

// client is the address of person number n; each has one, as servers limit what comes from one address.
func (b block) client(n int) net.IP {
	return net.IPv4(127, b.x, b.y+1+byte(n/250%3), byte(1+n%250))
}

func at(host string, port int) string { return fmt.Sprintf("%s:%d", host, port) }
