package sfutest_test

import (
	"sync"
	"testing"
	"time"

	"sfu/pkg/client"
	"sfu/pkg/reception"
	"sfu/pkg/sfutest"
	"sfu/pkg/signaling/protocol"
)

// within logs a figure and checks it against its target, at full size. Otherwise ten times as much is allowed, for slow machines.
func within(t *testing.T, what string, took, target time.Duration) {
	t.Helper()
	limit := 10 * target
	if atFullSize() {
		limit = target
	}
	t.Logf("%s: %v (target %v)", what, took.Round(time.Millisecond), target)
	if took > limit {
		t.Errorf("%s took %v, more than %v", what, took, limit)
	}
}

// receivingWith lets a client count with r, whose gaps a test can reset.
func receivingWith(r *reception.Receiver) sfutest.Option {
	return func(o *client.Options) { o.Receiver = r }
}

// longestGap returns the longest time without a packet on the line of that kind which got the most packets.
func longestGap(c *client.Client, video bool) time.Duration {
	if video {
		return sfutest.Video(c).LongestGap
	}
	return sfutest.Audio(c).LongestGap
}

// A diary keeps what the server says to a client.
type diary struct {
	mu    sync.Mutex
	pages []protocol.ServerMessage
}

// writes is an Option that fills d.
func (d *diary) writes(o *client.Options) {
	o.OnMessage = func(m protocol.ServerMessage) {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.pages = append(d.pages, m)
	}
}

// about returns what was said of a participant and its tracks after it had joined, without what was said of its layers.
func (d *diary) about(participant string) []protocol.ServerMessage {
	d.mu.Lock()
	defer d.mu.Unlock()
	var found []protocol.ServerMessage
	for _, m := range d.pages {
		switch m := m.(type) {
		case protocol.Participant:
			if m.ID == participant {
				found = append(found, m)
			}
		case protocol.Gone:
			if m.Participant == participant {
				found = append(found, m)
			}
		case protocol.Untrack:
			found = append(found, m)
		}
	}
	return found
}

// forget tears out all pages.
func (d *diary) forget() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pages = nil
}
