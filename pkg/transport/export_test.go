package transport

import "time"

// TellRTT is what the Engine does with each Conn from time to time.
func (c *Conn) TellRTT() { c.tellRTT() }

// NewSSRCBudget makes a budget and returns what takes one SSRC from it, at a time since the process started.
func NewSSRCBudget(limit int) func(now time.Duration) bool {
	var b ssrcBudget
	return func(now time.Duration) bool { return b.take(int64(now), limit) }
}
