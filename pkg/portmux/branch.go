package portmux

import (
	"net"
	"sync"
	"time"
)

// A branch is one of the two listeners that a Mux splits into. Its channel has no buffer, so a connection belongs either to the goroutine
// that offers it or to whoever accepted it, and nothing is left over at Close.
type branch struct {
	addr      net.Addr
	offered   chan net.Conn
	closed    chan struct{}
	closeOnce sync.Once
}

func newBranch(addr net.Addr) *branch {
	return &branch{addr: addr, offered: make(chan net.Conn), closed: make(chan struct{})}
}

// Accept returns the next connection, or an error that wraps net.ErrClosed after Close.
func (b *branch) Accept() (net.Conn, error) {
	select {
	case <-b.closed:
		return nil, b.closedError()
	default:
	}
	select {
	case c := <-b.offered:
		return c, nil
	case <-b.closed:
		return nil, b.closedError()
	}
}

func (b *branch) closedError() error {
	return &net.OpError{Op: "accept", Net: b.addr.Network(), Addr: b.addr, Err: net.ErrClosed}
}

// Addr returns the address of the shared port.
func (b *branch) Addr() net.Addr { return b.addr }

// Close ends this branch only: what comes for it is closed from now on.
func (b *branch) Close() error {
	b.closeOnce.Do(func() { close(b.closed) })
	return nil
}

// offer reports whether c was accepted until the deadline.
func (b *branch) offer(c net.Conn, deadline time.Time) bool {
	patience := time.NewTimer(time.Until(deadline))
	defer patience.Stop()
	select {
	case b.offered <- c:
		return true
	case <-b.closed:
		return false
	case <-patience.C:
		return false
	}
}
