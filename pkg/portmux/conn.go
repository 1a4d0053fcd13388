package portmux

import (
	"container/list"
	"net"
	"sync"
	"sync/atomic"
)

// A conn is an accepted connection. Read gives the bytes that were peeked first.
type conn struct {
	net.Conn
	closeOnce sync.Once
	onClose   func()
	place     *list.Element // in Mux.waiting, guarded by Mux.mu

	replayed atomic.Bool // nothing is left of peeked
	mu       sync.Mutex
	peeked   []byte
}

// peek reads until the protocol is known. It is called before anyone else has c.
func (c *conn) peek() (protocol, error) {
	buffer := make([]byte, 0, decisiveBytes)
	for {
		n, err := c.Conn.Read(buffer[len(buffer):decisiveBytes])
		buffer = buffer[:len(buffer)+n]
		if p := classify(buffer); p != undecided {
			c.peeked = buffer
			return p, nil
		}
		if err != nil {
			return undecided, err
		}
	}
}

// Read is safe for several goroutines, as every net.Conn's is.
func (c *conn) Read(p []byte) (int, error) {
	if !c.replayed.Load() {
		if n := c.replay(p); n > 0 || len(p) == 0 {
			return n, nil
		}
	}
	return c.Conn.Read(p)
}

func (c *conn) replay(p []byte) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := copy(p, c.peeked)
	c.peeked = c.peeked[n:]
	if len(c.peeked) == 0 {
		c.replayed.Store(true)
	}
	return n
}

// CloseWrite lets net/http and crypto/tls end their half before the whole.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// Close closes the connection and gives its place back, once.
func (c *conn) Close() error {
	err := c.Conn.Close()
	c.closeOnce.Do(c.onClose)
	return err
}
