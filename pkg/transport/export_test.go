package transport

import (
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/pion/logging"
)

// TellRTT is what the Engine does with each Conn from time to time.
func (c *Conn) TellRTT() { c.tellRTT() }

// Look has the Conn find out what its status is, as at each thing that pion tells.
func (c *Conn) Look() { c.tell(func(*Status) {}) }

// Abort is what a packet that may not be does to the Conn, on the goroutine that reads SRTP.
func (c *Conn) Abort(err error) { c.abort(err) }

// ICEReached is iceReached.
var ICEReached = iceReached

// NewPionLogger makes the logger that pion uses for scope and that counts in unreadable.
func NewPionLogger(log *slog.Logger, unreadable *atomic.Uint64, scope string) logging.LeveledLogger {
	return pionLoggerFactory{log, unreadable}.NewLogger(scope)
}

// NewSSRCBudget makes a budget and returns what takes one SSRC from it, at a time since the process started.
func NewSSRCBudget(limit int) func(now time.Duration) bool {
	var b ssrcBudget
	return func(now time.Duration) bool { return b.take(int64(now), limit) }
}
