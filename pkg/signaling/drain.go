package signaling

import (
	"context"
	"errors"
	"fmt"
	"time"

	"sfu/pkg/signaling/protocol"
)

// ErrUndrained: a Drain was taken back before it came to its end.
var ErrUndrained = errors.New("the drain was taken back")

// Drain ends the server in good order: nobody joins any more, everyone is told until when ctx lasts, and at its end, or when the last
// one has left, all sessions and sockets are ended and waited for. It returns an error where something did not end in time.
// A ctx that is done ends everything at once. Drain may be called again to shorten an earlier one. Undrain ends it with ErrUndrained.
func (s *Server) Drain(ctx context.Context) error {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		deadline = time.Now().Add(defaultDrain)
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline)
		defer cancel()
	}
	undrained := s.announceDrain(deadline)
	s.waitUntilEmpty(ctx, undrained)
	if !s.shutdown(undrained) {
		return ErrUndrained
	}
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

// Announce is the beginning of a Drain and no more: nobody joins, everyone is told until when, and nothing ends. Undrain takes it back.
func (s *Server) Announce(deadline time.Time) { s.announceDrain(deadline) }

// announceDrain begins to drain. What it returns is closed when that is taken back.
func (s *Server) announceDrain(deadline time.Time) (undrained <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.phase, s.deadline = max(s.phase, draining), deadline
	if s.undrained == nil {
		s.undrained = make(chan struct{})
	}
	for _, sess := range s.sessions {
		sess.inbox.post(drainNotice{deadline})
	}
	return s.undrained
}

// Undrain takes a Drain back that has not come to its end: people may join again, and everyone is told. Otherwise it does nothing.
func (s *Server) Undrain() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.phase != draining {
		return
	}
	s.phase, s.deadline = serving, time.Time{}
	close(s.undrained)
	s.undrained = nil
	for _, sess := range s.sessions {
		sess.inbox.post(drainNotice{})
	}
}

func (s *Server) waitUntilEmpty(ctx context.Context, undrained <-chan struct{}) {
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
		case <-undrained:
			return
		case <-ctx.Done():
			return
		}
	}
}

// shutdown ends everything, unless undrained is closed: then it returns false.
func (s *Server) shutdown(undrained <-chan struct{}) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-undrained:
		return false
	default:
	}
	s.phase = ended
	for _, sess := range s.sessions {
		sess.inbox.post(shutdownNotice{})
	}
	for c, seated := range s.sockets {
		if !seated {
			c.shut(endingOf(protocol.Shutdown))
		}
	}
	return true
}
