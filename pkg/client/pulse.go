package client

import "time"

// Times of the liveness check, those of PROTOCOL.md.
const (
	pingEvery  = 2 * time.Second
	pongWithin = 6 * time.Second
	// silentWithin is enough when no media come either.
	silentWithin = 2 * time.Second
	// doubtAfter is when one begins to look at the media.
	doubtAfter = time.Second
	lookEvery  = 250 * time.Millisecond
)

// A pulse tells when a server does not answer any more. The zero value has heard nothing yet. line.mu guards it.
type pulse struct {
	heard time.Time // the last answer
	asked time.Time // the ping that has none yet, zero for none
	// since is when the count of packets stood at that number, zero outside of a doubt.
	since   time.Time
	packets uint64
}

// answered takes the answer to the last ping.
func (p *pulse) answered(now time.Time) { *p = pulse{heard: now} }

// due reports whether a ping is to be sent, which then counts as sent.
func (p *pulse) due(now time.Time) bool {
	if p.heard.IsZero() {
		p.heard = now
	}
	if !p.asked.IsZero() || now.Sub(p.heard) < pingEvery {
		return false
	}
	p.asked = now
	return true
}

// doubtful reports whether the answer is so late that lost must be asked.
func (p *pulse) doubtful(now time.Time) bool {
	return !p.asked.IsZero() && now.Sub(p.asked) >= doubtAfter
}

// lost reports whether the server is not there any more. packets is how much has come in all, flowing whether more should.
func (p *pulse) lost(now time.Time, packets uint64, flowing bool) bool {
	if p.since.IsZero() || packets != p.packets || !flowing {
		p.since, p.packets = now, packets
	}
	waited := now.Sub(p.asked)
	return waited >= pongWithin || waited >= silentWithin && now.Sub(p.since) >= silentWithin-doubtAfter
}

// watch pings the server and drops a socket on which no answer comes.
func (c *Client) watch() {
	ticker := time.NewTicker(lookEvery)
	defer ticker.Stop()
	for {
		select {
		case now := <-ticker.C:
			c.line.look(now, c.room.flowing(), c.packets)
		case <-c.life.Done():
			return
		}
	}
}

// packets is how much has come in all.
func (c *Client) packets() uint64 {
	var all uint64
	for _, s := range c.opts.Receiver.Stats() {
		all += s.Packets
	}
	return all
}

// flowing reports whether the server should be sending media.
func (s *State) flowing() bool {
	for place, id := range s.Bound {
		if t, ok := s.Track(id); ok && !t.Muted && (t.Kind == "audio" || s.Layers[place].Sending) {
			return true
		}
	}
	return false
}
