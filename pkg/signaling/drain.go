package signaling

import (
	"context"
	"fmt"
	"time"

	"sfu/pkg/signaling/protocol"
)

// Drain ends the server in good order: nobody joins any more, everyone is told until when ctx lasts, and at its end, or when the last
// one has left, all sessions and sockets are ended and waited for. It returns an error where something did not end in time.
// A ctx that is done ends everything at once. Drain may be called again to shorten an earlier one.
func (s *Server) Drain(ctx context.Context) error {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		deadline = time.Now().Add(defaultDrain)
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	s.announceDrain(deadline)
	s.waitUntilEmpty(ctx)
	s.shutdown()
	done := make(chan struct{})
	go func() { s.working.Wait(); close(done) }()
	limit := time.NewTimer(2*s.times.closing + s.times.write + s.times.linger)
	defer limit.Stop()
	select {
	case <-done:
		return nil
	case <-limit.C:
		return fmt.Errorf("drain: %d sessions have not ended in time", s.Stats().Sessions)
	}
}

// defaultDrain is how long a Drain without a deadline lasts.
const defaultDrain = 30 * time.Second

func (s *Server) announceDrain(deadline time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase, s.deadline = max(s.phase, draining), deadline
	for _, sess := range s.sessions {
		sess.inbox.post(drainNotice{deadline})
	}
}

func (s *Server) waitUntilEmpty(ctx context.Context) {
	for {
		s.mu.Lock()
		empty := len(s.sessions) == 0
		s.mu.Unlock()
		if empty {
			s.signalLeft() // another Drain may wait too
			return
		}
		select {
		case <-s.left:
		case <-ctx.Done():
			return
		}
	}
}

func (s *Server) shutdown() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase = ended
	for _, sess := range s.sessions {
		sess.inbox.post(shutdownNotice{})
	}
	for c, seated := range s.sockets {
		if !seated {
			c.shut(endingOf(protocol.Shutdown))
		}
	}
}
