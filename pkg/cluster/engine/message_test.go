package engine

import (
	"errors"
	"fmt"
	"testing"
	"time"
)

func receive(t *testing.T, c <-chan string) string {
	t.Helper()
	select {
	case s := <-c:
		return s
	case <-time.After(patience):
		t.Fatal("no message")
		return ""
	}
}

// TestMessagesBetweenNodes goes over a server that two nodes share.
func TestMessagesBetweenNodes(t *testing.T) {
	s := serve(t, serverOptions(t))
	a, _, generation := openOn(t, "A", s)
	b, _, other := openOn(t, "B", s)
	if generation != other {
		t.Errorf("generations %d and %d of one bucket", generation, other)
	}
	ctx := within1m(t)
	_, err := a.Request(ctx, "sfu.v1.n.B.probe", nil)
	wantError(t, err, ErrNoResponders)

	heard := make(chan string, 10)
	subscription := must[Subscription](t)(b.Subscribe("sfu.v1.>", func(m Message) {
		heard <- m.Subject + " " + string(m.Data)
		if err := m.Respond([]byte("yes")); err != nil {
			t.Error(err)
		}
	}))
	subscribed(t, a, b)
	if err := a.Publish("sfu.v1.hb", []byte("1")); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, heard); got != "sfu.v1.hb 1" {
		t.Errorf("heard %q", got)
	}
	if got := must[[]byte](t)(a.Request(ctx, "sfu.v1.n.B.probe", []byte("2"))); string(got) != "yes" {
		t.Errorf("answer %q", got)
	}
	if got := receive(t, heard); got != "sfu.v1.n.B.probe 2" {
		t.Errorf("heard %q", got)
	}
	revision := must[uint64](t)(a.Create(ctx, "k", []byte("A")))
	if got := must[Entry](t)(b.Get(ctx, "k")); got.Revision != revision || string(got.Value) != "A" {
		t.Errorf("B reads %+v", got)
	}
	subscription.Unsubscribe()
	await(t, "nobody answers", func() bool {
		_, err := a.Request(ctx, "sfu.v1.n.B.probe", nil)
		return errors.Is(err, ErrNoResponders)
	})
}

// subscribed returns when what to has subscribed to reaches from: a request that is answered has gone the same way after it.
func subscribed(t *testing.T, from, to *Engine) {
	t.Helper()
	subject := "ready." + to.config.Incarnation
	s := must[Subscription](t)(to.Subscribe(subject, func(m Message) { _ = m.Respond(nil) }))
	await(t, "the subscription is known", func() bool {
		_, err := from.Request(within1m(t), subject, nil)
		return err == nil
	})
	s.Unsubscribe()
}

func TestSlowHandlersLoseAndAreCounted(t *testing.T) {
	e, _ := open(t, Config{})
	blocked, release := make(chan struct{}), make(chan struct{})
	heard := 0
	must[Subscription](t)(e.Subscribe("s", func(Message) {
		if heard++; heard == 1 {
			close(blocked)
			<-release
		}
	}))
	if err := e.Publish("s", nil); err != nil {
		t.Fatal(err)
	}
	<-blocked
	for range maxPendingMessages + 100 {
		if err := e.Publish("s", nil); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "it is counted", func() bool { return e.Stats().SlowConsumers == 1 })
	close(release)
	e.Close() // waits for the handler
	if heard > maxPendingMessages+1 {
		t.Errorf("%d messages waited", heard)
	}
}

// TestCloseWaitsForHandlers: none runs when it has returned.
func TestCloseWaitsForHandlers(t *testing.T) {
	e, _ := open(t, Config{})
	within, release, returned := make(chan struct{}), make(chan struct{}), false
	must[Subscription](t)(e.Subscribe("s", func(Message) {
		close(within)
		<-release
		returned = true
	}))
	if err := e.Publish("s", nil); err != nil {
		t.Fatal(err)
	}
	<-within
	closed := make(chan struct{})
	go func() {
		e.Close()
		close(closed)
	}()
	<-e.ctx.Done() // Close has begun
	close(release)
	<-closed
	if !returned {
		t.Error("the handler still runs")
	}
}

func TestManySubscriptions(t *testing.T) {
	e, _ := open(t, Config{})
	heard := make(chan string, 100)
	for i := range 100 {
		subject := fmt.Sprint("s.", i)
		must[Subscription](t)(e.Subscribe(subject, func(m Message) { heard <- m.Subject }))
		if err := e.Publish(subject, nil); err != nil {
			t.Fatal(err)
		}
		if got := receive(t, heard); got != subject {
			t.Fatalf("heard %s, want %s", got, subject)
		}
	}
}
