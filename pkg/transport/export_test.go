package transport

import (
	"time"

	"github.com/pion/ice/v4"
)

// TellRTT is what the Engine does with each Conn from time to time.
func (c *Conn) TellRTT() { c.tellRTT() }

// NewSSRCBudget makes a budget and returns what takes one SSRC from it, at a time since the process started.
func NewSSRCBudget(limit int) func(now time.Duration) bool {
	var b ssrcBudget
	return func(now time.Duration) bool { return b.take(int64(now), limit) }
}

// Rest lets the DTLS session of c rest as it does by itself after a while, and reports whether it does.
func (c *Conn) Rest() bool {
	c.wire.rest()
	return c.Resting()
}

// Resting reports whether the DTLS session of c rests.
func (c *Conn) Resting() bool {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	return c.wire.resting != nil
}

// ReceiveDTLS is what a datagram of the client for DTLS does. It returns how many bytes were sent for it at once.
func (c *Conn) ReceiveDTLS(datagram []byte) uint64 {
	before := c.wire.packets.BytesSent()
	c.wire.receiveDTLS(datagram)
	return c.wire.packets.BytesSent() - before
}

// Listed returns how many user names are known to whoever comes on TCP.
func (e *Engine) Listed() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.wires)
}

// Hear has a packet have come past ICE that long ago.
func (c *Conn) Hear(ago time.Duration) {
	o := c.inbound.opener.Load()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.heard = sinceStart() - int64(ago)
}

// FellSilent is what the Conn does when it looks again whether something comes.
func (c *Conn) FellSilent() { c.fellSilent() }

// SetICE is what happens when ICE tells its state.
func (c *Conn) SetICE(s ice.ConnectionState) { c.wire.iceChanged(s) }

// Room returns how many packets the forwarder may send.
func (c *Conn) Room() int { return c.writer.Room() }

// WriteDTLS is what DTLS does with a flight of its handshake.
func (c *Conn) WriteDTLS(flight []byte) error {
	_, err := c.wire.pipe.WriteTo(flight, nil)
	return err
}
