package engine

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
)

// Messages that wait for the handler of a subscription; beyond either limit they are lost and counted.
const (
	maxPendingMessages = 4096
	maxPendingBytes    = 4 << 20
)

// A Message is what somebody published or asked.
type Message struct {
	Subject string
	Data    []byte // the handler's to keep
	engine  *Engine
	reply   string
}

// Respond answers a request. Without anybody who waits for an answer it does nothing. Errors are those of Publish.
func (m Message) Respond(data []byte) error {
	if m.reply == "" {
		return nil
	}
	return m.engine.Publish(m.reply, data)
}

// Publish sends to all subscribers of a subject that are connected now; some may not get it. It never waits for a connection and keeps nothing
// for later. Errors wrap ErrUnavailable, nothing was sent, or ErrUnknown.
func (e *Engine) Publish(subject string, data []byte) error {
	f := e.publish(subject, data)
	if f == nil {
		e.counters.ops[opPublish].count.Add(1)
		return nil
	}
	e.counters.fail(opPublish, f.reason)
	return fmt.Errorf("publish %s: %w", subject, f)
}

func (e *Engine) publish(subject string, data []byte) *fault {
	if e.session.Load() == nil { // nats.go would wait for a dial under way before it says the same
		return unsent(errNotConnected)
	}
	switch err := e.nc.Publish(subject, data); {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrConnectionClosed):
		return unsent(errNotConnected)
	default:
		return requestFault(err, true)
	}
}

// Request publishes to a subject and returns the first answer. It takes a second at most, or until ctx ends. Errors wrap ErrNoResponders when
// the server knows of no subscriber, ErrUnavailable when nothing was sent, or ErrUnknown.
func (e *Engine) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	var answer []byte
	err := e.measure(ctx, opRequest, subject, func(ctx context.Context) (f *fault) {
		s := e.session.Load()
		if s == nil {
			return unsent(errNotConnected)
		}
		answer, f = e.ask(ctx, s, &nats.Msg{Subject: subject, Data: data}, true)
		if f != nil && errors.Is(f, nats.ErrNoResponders) {
			return &fault{kind: ErrNoResponders, reason: reasonOther}
		}
		return f
	})
	return answer, err
}

// A Subscription is a handler for a subject.
type Subscription struct{ nats *nats.Subscription }

// Subscribe calls f with each message to a subject, which may have wildcards, in order and one at a time. It survives reconnects; messages
// of the time between are lost. f must be quick: beyond 4096 messages or 4 MiB that wait, messages are lost. Subscribe works without a connection, and
// fails after Close or for a subject that cannot be one.
func (e *Engine) Subscribe(subject string, f func(Message)) (Subscription, error) {
	done, ok := e.join()
	if !ok {
		return Subscription{}, fmt.Errorf("subscribe to %s: %w: closed", subject, ErrUnavailable)
	}
	s, err := e.nc.Subscribe(subject, func(m *nats.Msg) {
		f(Message{Subject: m.Subject, Data: m.Data, engine: e, reply: m.Reply})
	})
	if err != nil {
		done()
		return Subscription{}, fmt.Errorf("subscribe to %s: %w", subject, err)
	}
	s.SetClosedHandler(func(string) { done() })
	if err := s.SetPendingLimits(maxPendingMessages, maxPendingBytes); err != nil || !s.IsValid() {
		done() // Close came between
		return Subscription{}, fmt.Errorf("subscribe to %s: %w: closed", subject, ErrUnavailable)
	}
	return Subscription{nats: s}, nil
}

// Unsubscribe ends the calls of the handler, one of which may still be under way.
func (s Subscription) Unsubscribe() {
	_ = s.nats.Unsubscribe() // it fails only when that has been done, or the Engine is closed
}
