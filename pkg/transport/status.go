package transport

import (
	"context"
	"fmt"
	"time"

	"github.com/pion/ice/v4"
)

// hold takes a place among those that connect, before the first answer, and starts the watchdog.
func (c *Conn) hold(ctx context.Context) error {
	c.mu.Lock()
	first := c.watchdog == nil
	c.mu.Unlock()
	if !first {
		return nil
	}
	select {
	case c.engine.connecting <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("%w: %w", ErrOverloaded, ctx.Err())
	case <-c.closed:
		return ErrClosed
	}
	c.mu.Lock()
	c.held = true
	c.began = time.Now()
	c.mu.Unlock()
	c.watch()
	return nil
}

// release gives the place back. c.mu is held.
func (c *Conn) release() {
	if c.held {
		c.held = false
		<-c.engine.connecting
	}
}

// watch gives the connection establishTimeout from now.
func (c *Conn) watch() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watchdog != nil {
		c.watchdog.Stop()
	}
	c.watchdog = time.AfterFunc(establishTimeout, c.overdue)
}

func (c *Conn) overdue() {
	c.mu.Lock()
	connected := c.status.State == Connected
	c.mu.Unlock()
	if connected {
		return
	}
	c.tell(func(s *Status) { s.State = Failed })
	go c.Close()
}

// tell changes the status and tells the handler, one change at a time.
func (c *Conn) tell(change func(*Status)) {
	c.telling.Lock()
	defer c.telling.Unlock()
	c.mu.Lock()
	at, stage := ice.ConnectionState(c.wire.ice.Load()), dtlsStage(c.wire.stage.Load())
	before := c.status
	if before.State == Closed {
		c.mu.Unlock()
		return
	}
	change(&c.status)
	c.status.Step = ""
	c.ice = iceReached(c.ice, at, stage)
	if c.status.State == Connecting || c.status.State == Failed {
		c.status.Step = "ice"
		if c.ice {
			c.status.Step = "dtls"
		}
	}
	status := c.status
	c.mu.Unlock()
	if status != before {
		c.countStatus(before, status)
		c.handler.StatusChanged(status)
	}
}

// iceReached reports whether ICE has got through, from what it was before and what ICE and DTLS say. They tell of it in any order, so both are
// asked at each change; what was closed has got as far as it was seen to.
func iceReached(before bool, at ice.ConnectionState, stage dtlsStage) bool {
	switch at {
	case ice.ConnectionStateDisconnected, ice.ConnectionStateFailed:
		return false
	case ice.ConnectionStateConnected, ice.ConnectionStateCompleted:
		return true
	}
	switch stage {
	case dtlsConnecting, dtlsConnected, dtlsFailed:
		return true // or DTLS would not have begun
	}
	return before
}

func (c *Conn) countStatus(before, now Status) {
	counters := &c.engine.counters
	switch {
	case now.State == Failed && now.Step == "dtls":
		counters.failedDTLS.Add(1)
	case now.State == Failed:
		counters.failedICE.Add(1)
	case now.State == Disconnected:
		counters.disconnects.Add(1)
	case now.State != Connected || before.State != Connecting:
	case now.Path == "tcp":
		counters.tcp.Add(1)
	default:
		counters.udp.Add(1)
	}
}

// iceChanged is told what ICE is now.
func (c *Conn) iceChanged(now ice.ConnectionState) {
	switch now {
	case ice.ConnectionStateDisconnected:
		c.fellSilent()
	case ice.ConnectionStateFailed:
		c.writer.open.Store(false) // whoever is there now has not agreed (RFC 7675); ICE knows nothing of the direct path
		c.tell(func(s *Status) { s.State = Failed })
	case ice.ConnectionStateConnected, ice.ConnectionStateChecking:
		c.tell(func(*Status) {}) // the step may have changed
		c.connected()
	}
}

// fellSilent is called when ICE has heard nothing for DisconnectedAfter. It does not see what passes it by, which is a sign of life as well: where
// there was some, the connection is looked at again when that is as long ago.
func (c *Conn) fellSilent() {
	if at, ok := c.inbound.heard(); ok {
		if left := DisconnectedAfter - time.Duration(sinceStart()-at); left > 0 {
			c.lookAgain(left)
			return
		}
	}
	c.tell(func(s *Status) {
		if ice.ConnectionState(c.wire.ice.Load()) == ice.ConnectionStateDisconnected {
			s.State = Disconnected
		}
	})
}

func (c *Conn) lookAgain(after time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.silence != nil {
		c.silence.Stop()
	}
	if c.ending.Load() || ice.ConnectionState(c.wire.ice.Load()) != ice.ConnectionStateDisconnected {
		return
	}
	c.silence = time.AfterFunc(after, c.fellSilent)
}

// dtlsFailed is told that there are no keys.
func (c *Conn) dtlsFailed() {
	if !c.ending.Load() {
		c.tell(func(s *Status) { s.State = Failed })
	}
}

// hungUp is told that DTLS was closed.
func (c *Conn) hungUp() {
	if c.ending.Load() {
		return
	}
	go c.Close() // not our doing
}

// connected is called when ICE or DTLS has got as far as it can; who comes second finds both there.
func (c *Conn) connected() {
	if dtlsStage(c.wire.stage.Load()) != dtlsConnected || !iceReached(false, ice.ConnectionState(c.wire.ice.Load()), dtlsNew) {
		return
	}
	path := c.wire.path()
	c.mu.Lock()
	already := c.status.State == Connected && c.status.Path == path
	first := c.held
	took := time.Since(c.began)
	c.release()
	c.mu.Unlock()
	if already {
		return
	}
	if first && c.engine.cfg.Established != nil {
		c.engine.cfg.Established(path, took)
	}
	c.writer.open.Store(true)
	c.peer.Ready()
	c.tell(func(s *Status) { s.State, s.Path = Connected, path })
}
