package engine

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

func serverOptions(t testing.TB) server.Options { return server.Options{StoreDir: t.TempDir()} }

// TestServerRestarts: with its store the generation stays, without it is another; subscriptions stay in both cases.
func TestServerRestarts(t *testing.T) {
	options := serverOptions(t)
	options.Host = ownHost()
	s := serve(t, options)
	options.Port = portOf(s)
	e, r, generation := openOn(t, "A", s)
	ctx := within1m(t)
	heard := make(chan string, 10)
	must[Subscription](t)(e.Subscribe("s", func(m Message) { heard <- string(m.Data) }))
	must[uint64](t)(e.Create(ctx, "k", []byte("v")))

	stop(s)
	wantError(t, r.down(t), errSessionEnded)
	_, err := e.Create(ctx, "x", nil)
	wantError(t, err, ErrUnavailable)
	_, err = e.Get(ctx, "k")
	wantError(t, err, ErrUnavailable)
	wantError(t, e.Publish("s", []byte("lost")), ErrUnavailable)

	s = serve(t, options)
	if got := r.up(t); got != generation {
		t.Errorf("generation %d, was %d", got, generation)
	}
	if got := must[Entry](t)(e.Get(ctx, "k")); string(got.Value) != "v" {
		t.Errorf("got %q", got.Value)
	}
	if err := e.Publish("s", []byte("heard")); err != nil {
		t.Fatal(err)
	}
	if got := receive(t, heard); got != "heard" {
		t.Errorf("heard %q", got)
	}
	if got := e.Stats().Reconnects; got == 0 {
		t.Error("no reconnect is counted")
	}

	stop(s)
	wantError(t, r.down(t), errSessionEnded)
	options.StoreDir = t.TempDir()
	serve(t, options)
	if got := r.up(t); got <= generation {
		t.Errorf("generation %d of the empty store, was %d", got, generation)
	}
	_, err = e.Get(ctx, "k")
	wantError(t, err, ErrNotFound)
	must[uint64](t)(e.Create(ctx, "k", []byte("again")))
}

// TestBucketIsReplaced: an operator deletes it under two nodes, one of which finds out by a call, the other by itself.
func TestBucketIsReplaced(t *testing.T) {
	s := serve(t, serverOptions(t))
	a, ra, generation := openOn(t, "A", s)
	_, rb, _ := openOn(t, "B", s)
	ctx := within1m(t)
	revision := must[uint64](t)(a.Create(ctx, "k", nil))
	if err := operator(t, s).DeleteStream(ctx, streamName(defaultBucket)); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Update(ctx, "k", nil, revision); !errors.Is(err, ErrUnavailable) && !errors.Is(err, ErrConflict) { // B may have been quicker
		t.Errorf("got %v", err)
	}
	wantError(t, ra.down(t), errReplaced)
	if got := ra.up(t); got <= generation {
		t.Errorf("generation %d, was %d", got, generation)
	} else if other := rb.up(t); other != got {
		t.Errorf("generations %d and %d of one bucket", got, other)
	}
	must[uint64](t)(a.Create(ctx, "k", nil))
}

// TestTwoNodesCreateOneBucket at once.
func TestTwoNodesCreateOneBucket(t *testing.T) {
	s := serve(t, serverOptions(t))
	recorders := make([]recorder, 8)
	for i := range recorders { // what follows Open happens at once
		_, recorders[i] = open(t, Config{Incarnation: string(rune('A' + i)), External: &External{URLs: []string{s.ClientURL()}}})
	}
	generation := recorders[0].up(t)
	for _, r := range recorders[1:] {
		if got := r.up(t); got != generation {
			t.Errorf("generations %d and %d", generation, got)
		}
	}
}

// TestBucketThatExpiresIsNotUsed until an operator has mended it.
func TestBucketThatExpiresIsNotUsed(t *testing.T) {
	s := serve(t, serverOptions(t))
	js, ctx := operator(t, s), within1m(t)
	kv := must[jetstream.KeyValue](t)(js.CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: defaultBucket, TTL: time.Hour}))
	e, r := open(t, Config{External: &External{URLs: []string{s.ClientURL()}}})
	if reason := r.refused(t); !strings.Contains(reason.Error(), "--max-age=0s") {
		t.Errorf("down: %v", reason)
	}
	_, err := e.Create(ctx, "k", nil)
	wantError(t, err, ErrUnavailable)
	config := must[jetstream.KeyValueStatus](t)(kv.Status(ctx)).(*jetstream.KeyValueBucketStatus).StreamInfo().Config
	config.MaxAge = 0
	must[jetstream.Stream](t)(js.UpdateStream(ctx, config))
	r.up(t)
	must[uint64](t)(e.Create(ctx, "k", nil))
}

// TestBucketOfAnOperator is one as the nats tool makes it: used with a warning, deletions included.
func TestBucketOfAnOperator(t *testing.T) {
	s := serve(t, serverOptions(t))
	ctx := within1m(t)
	kv := must[jetstream.KeyValue](t)(operator(t, s).CreateKeyValue(ctx, jetstream.KeyValueConfig{Bucket: defaultBucket, History: 5}))
	var log lockedBuffer
	e, r := open(t, Config{External: &External{URLs: []string{s.ClientURL()}}, Log: slog.New(slog.NewTextHandler(&log, nil))})
	r.up(t)
	if !strings.Contains(log.String(), "nats stream edit KV_SFU_ROOMS --max-msgs-per-subject=1 --allow-msg-ttl") {
		t.Errorf("the log says %s", log.String())
	}
	revision := must[uint64](t)(e.Create(ctx, "k", []byte("a")))
	revision = must[uint64](t)(e.Update(ctx, "k", []byte("b"), revision))
	if got := must[jetstream.KeyValueEntry](t)(kv.Get(ctx, "k")); string(got.Value()) != "b" {
		t.Errorf("the tool reads %q", got.Value())
	}
	if err := e.Delete(ctx, "k", revision); err != nil {
		t.Fatal(err)
	}
	_, err := e.Get(ctx, "k")
	wantError(t, err, ErrNotFound)
	_, err = kv.Get(ctx, "k")
	wantError(t, err, jetstream.ErrKeyNotFound)
	revision = must[uint64](t)(e.Create(ctx, "k", []byte("c")))
	must[uint64](t)(kv.Put(ctx, "k", []byte("d")))
	wantError(t, e.Delete(ctx, "k", revision), ErrConflict)
	if err := kv.Delete(ctx, "k"); err != nil { // a marker of the tool's
		t.Fatal(err)
	}
	must[uint64](t)(e.Create(ctx, "k", []byte("e")))
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// TestDeletedKeysLeaveNothingInFiles is TestDeletedKeysLeaveNothing with an external server.
func TestDeletedKeysLeaveNothingInFiles(t *testing.T) {
	e, _, _ := openOn(t, "A", serve(t, serverOptions(t)))
	vanish(t, e)
}

// TestUnansweredIsUnknown: the server does what is asked, but nobody hears of it.
func TestUnansweredIsUnknown(t *testing.T) {
	w := newWire(t, serve(t, serverOptions(t)))
	e, r := open(t, Config{External: &External{URLs: []string{w.url()}}})
	r.up(t)
	ctx := within1m(t)
	old := must[uint64](t)(e.Create(ctx, "old", nil))
	w.deafen(true)
	updated := make(chan error)
	go func() {
		_, err := e.Update(ctx, "old", []byte("v"), old)
		updated <- err
	}()
	short, cancel := context.WithTimeout(ctx, 500*time.Millisecond)
	defer cancel()
	_, err := e.Create(short, "k", []byte("v"))
	wantError(t, err, ErrUnknown)
	wantError(t, err, context.DeadlineExceeded)
	wantError(t, <-updated, ErrUnknown) // after a second
	_, err = e.Get(ctx, "old")          // a read is never in doubt
	wantError(t, err, ErrUnavailable)
	if errors.Is(err, ErrUnknown) {
		t.Error(err)
	}
	w.deafen(false)
	r.up(t)
	for _, key := range []string{"k", "old"} {
		if got := must[Entry](t)(e.Get(ctx, key)); string(got.Value) != "v" {
			t.Errorf("%s is %q", key, got.Value)
		}
	}
	if s := e.Stats(); s.Operations[opCreate].Timeouts != 1 || s.Operations[opUpdate].Timeouts != 1 {
		t.Errorf("%+v", s.Operations)
	}
}

// TestLostConnectionEndsCalls without waiting for their time.
func TestLostConnectionEndsCalls(t *testing.T) {
	s := serve(t, serverOptions(t))
	w := newWire(t, s)
	e, r := open(t, Config{External: &External{URLs: []string{w.url()}}})
	r.up(t)
	asked := make(chan string, 1)
	b, _, _ := openOn(t, "B", s)
	must[Subscription](t)(b.Subscribe("s", func(m Message) { asked <- m.Subject }))
	subscribed(t, e, b)
	failed := make(chan error)
	go func() {
		_, err := e.Request(within1m(t), "s", nil)
		failed <- err
	}()
	receive(t, asked)
	w.cut()
	wantError(t, <-failed, ErrUnknown)
	wantError(t, r.down(t), errSessionEnded)
	r.up(t)
}

// TestOpenWaitsForNobody: not for a server that is not there, nor for one that says nothing; and Close does not either.
func TestOpenWaitsForNobody(t *testing.T) {
	s := serve(t, serverOptions(t))
	gone := s.ClientURL()
	stop(s)
	for name, url := range map[string]string{"refused": gone, "silent": silent(t), "no such name": "nats://none.invalid"} {
		t.Run(name, func(t *testing.T) {
			e, r := open(t, Config{External: &External{URLs: []string{url}}})
			if r.down(t) == nil || e.Stats().Up {
				t.Error("up")
			}
			must[Subscription](t)(e.Subscribe("s", func(Message) {}))
			_, err := e.Create(within1m(t), "k", nil)
			wantError(t, err, ErrUnavailable)
			wantError(t, e.Publish("s", nil), ErrUnavailable)
		})
	}
}

// TestServerComesLater: the subscription that was made before is there.
func TestServerComesLater(t *testing.T) {
	options := serverOptions(t)
	options.Host = ownHost()
	s := serve(t, options)
	options.Port = portOf(s)
	url := s.ClientURL()
	stop(s)
	e, r := open(t, Config{External: &External{URLs: []string{url}}})
	heard := make(chan string, 1)
	must[Subscription](t)(e.Subscribe("s", func(m Message) { heard <- string(m.Data) }))
	r.down(t)
	serve(t, options)
	r.up(t)
	if err := e.Publish("s", []byte("x")); err != nil {
		t.Fatal(err)
	}
	receive(t, heard)
	if got := e.Stats().Reconnects; got != 0 {
		t.Errorf("the first connection is counted as %d reconnects", got)
	}
}

// TestPasswordIsCorrectedLater: a wrong one is told, and does not end the attempts.
func TestPasswordIsCorrectedLater(t *testing.T) {
	options := serverOptions(t)
	options.Host = ownHost()
	options.Username, options.Password = "sfu", "wrong"
	s := serve(t, options)
	options.Port = portOf(s)
	e, r := open(t, Config{External: &External{URLs: []string{strings.Replace(s.ClientURL(), "nats://", "nats://sfu:right@", 1)}}})
	wantError(t, r.refused(t), nats.ErrAuthorization)
	stop(s)
	options.Password = "right"
	serve(t, options)
	r.up(t)
	must[uint64](t)(e.Create(within1m(t), "k", nil))
}

// TestNoJetStream: a server without it is told apart from none.
func TestNoJetStream(t *testing.T) {
	o := server.Options{NoSigs: true, NoLog: true, Host: "127.0.0.1", Port: server.RANDOM_PORT}
	s := must[*server.Server](t)(server.NewServer(&o))
	s.Start()
	t.Cleanup(func() { stop(s) })
	if !s.ReadyForConnections(patience) {
		t.Fatal("the server does not get ready")
	}
	e, r := open(t, Config{External: &External{URLs: []string{s.ClientURL()}}})
	wantError(t, r.refused(t), errNoJetStream)
	if err := e.Publish("s", nil); err != nil { // messages work
		t.Error(err)
	}
}
