package transport

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/pion/webrtc/v4"

	"sfu/pkg/srtp"
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
	// pion is asked before mu is taken: while DTLS stops it holds its lock and waits for the goroutine that reads SRTP, and that one may be in
	// abort, which takes mu.
	ice, dtls := c.pc.ICEConnectionState(), c.pc.SCTP().Transport().State()
	c.mu.Lock()
	before := c.status
	if before.State == Closed {
		c.mu.Unlock()
		return
	}
	change(&c.status)
	c.status.Step = ""
	c.ice = iceReached(c.ice, ice, dtls)
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

// iceReached reports whether ICE has got through, from what it was before and what pion says. pion tells of ICE and of DTLS in any order, so
// both are asked at each change; what was closed has got as far as it was seen to.
func iceReached(before bool, ice webrtc.ICEConnectionState, dtls webrtc.DTLSTransportState) bool {
	switch ice {
	case webrtc.ICEConnectionStateDisconnected, webrtc.ICEConnectionStateFailed:
		return false
	case webrtc.ICEConnectionStateConnected, webrtc.ICEConnectionStateCompleted:
		return true
	}
	switch dtls {
	case webrtc.DTLSTransportStateConnecting, webrtc.DTLSTransportStateConnected, webrtc.DTLSTransportStateFailed:
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

func (c *Conn) iceChanged(s webrtc.ICEConnectionState) {
	switch s {
	case webrtc.ICEConnectionStateDisconnected:
		c.tell(func(s *Status) { s.State = Disconnected })
	case webrtc.ICEConnectionStateConnected, webrtc.ICEConnectionStateChecking:
		c.tell(func(*Status) {}) // the step may have changed
	}
}

func (c *Conn) stateChanged(s webrtc.PeerConnectionState) {
	switch s {
	case webrtc.PeerConnectionStateConnected:
		c.connected()
	case webrtc.PeerConnectionStateFailed:
		c.tell(func(s *Status) { s.State = Failed })
	case webrtc.PeerConnectionStateClosed:
		if c.ending.Load() {
			return
		}
		// Not our doing: the client closed DTLS, or the handshake failed.
		c.tell(func(s *Status) {
			if s.State == Connecting {
				s.State = Failed
			}
		})
		go c.Close()
	}
}

// dtlsChanged takes the keys once DTLS has verified the client. pion calls it with its lock held, before it starts SRTP of its own.
func (c *Conn) dtlsChanged(s webrtc.DTLSTransportState) {
	if s == webrtc.DTLSTransportStateConnected && !c.engine.cfg.PlainSRTP {
		if err := c.secure(); err != nil && !errors.Is(err, errForeign) {
			c.engine.cfg.Log.Error("pion encrypts a connection's media", "error", err)
		}
	}
}

// secure has us encrypt and decrypt.
func (c *Conn) secure() error {
	profile, client, server, err := c.secrets.keys()
	if err != nil {
		return err
	}
	opener, err := srtp.NewOpener(profile, client, 2*c.engine.cfg.MaxSSRCs)
	if err != nil {
		return fmt.Errorf("use the client's keys: %w", err)
	}
	sealer, err := srtp.NewSealer(profile, server)
	if err != nil {
		return fmt.Errorf("use our keys: %w", err)
	}
	c.inbound.secure(opener)
	c.writer.secure(sealer)
	return nil
}

func (c *Conn) connected() {
	path := ""
	if pair, err := c.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePair(); err == nil && pair != nil && pair.Local != nil {
		path = pair.Local.Protocol.String()
	}
	c.mu.Lock()
	first := c.held
	took := time.Since(c.began)
	c.release()
	c.mu.Unlock()
	if first && c.engine.cfg.Established != nil {
		c.engine.cfg.Established(path, took)
	}
	c.writer.open.Store(true)
	c.peer.Ready()
	c.tell(func(s *Status) { s.State, s.Path = Connected, path })
}
