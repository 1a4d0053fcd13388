package portmux

import (
	"errors"
	"os"
	"sync"
	"time"
)

// An iceConn is a connection of ICE-TCP. pion writes on it without a deadline, also while it closes, so a client that stops reading would
// hold up whoever writes for ever.
type iceConn struct {
	*conn
	within time.Duration

	// writing is held during a write, so that those who wait do not put off its deadline.
	writing sync.Mutex
}

// Write closes the connection if it takes too long: half a packet may be on the way, after which the framing of RFC 4571 is lost.
func (c *iceConn) Write(b []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	if err := c.SetWriteDeadline(time.Now().Add(c.within)); err != nil {
		return 0, err
	}
	n, err := c.conn.Write(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		_ = c.Close()
	}
	return n, err
}
