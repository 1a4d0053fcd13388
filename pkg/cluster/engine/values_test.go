package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func wantError(t *testing.T, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestCompareAndSet(t *testing.T) {
	e, r := open(t, Config{})
	if r.up(t) == 0 {
		t.Fatal("no generation")
	}
	ctx := within1m(t)
	_, err := e.Get(ctx, "k")
	wantError(t, err, ErrNotFound)
	first := must[uint64](t)(e.Create(ctx, "k", []byte("a")))
	_, err = e.Create(ctx, "k", []byte("b"))
	wantError(t, err, ErrConflict)
	second := must[uint64](t)(e.Update(ctx, "k", []byte("c"), first))
	if second <= first {
		t.Fatalf("revision %d after %d", second, first)
	}
	_, err = e.Update(ctx, "k", []byte("d"), first)
	wantError(t, err, ErrConflict)
	wantError(t, e.Delete(ctx, "k", first), ErrConflict)
	entry := must[Entry](t)(e.Get(ctx, "k"))
	if entry.Key != "k" || string(entry.Value) != "c" || entry.Revision != second || entry.Created.IsZero() {
		t.Fatalf("got %+v", entry)
	}
	if err := e.Delete(ctx, "k", second); err != nil {
		t.Fatal(err)
	}
	_, err = e.Get(ctx, "k")
	wantError(t, err, ErrNotFound)
	wantError(t, e.Delete(ctx, "k", second), ErrConflict)
	_, err = e.Update(ctx, "k", []byte("e"), second)
	wantError(t, err, ErrConflict)
	third := must[uint64](t)(e.Create(ctx, "k", []byte("f"))) // over the marker
	if third <= second {
		t.Fatalf("revision %d after %d", third, second)
	}
	_, err = e.Update(ctx, "other", nil, third)
	wantError(t, err, ErrConflict)
}

func TestWhatCannotBeAKeyOrAValue(t *testing.T) {
	e, _ := open(t, Config{})
	ctx := within1m(t)
	known := []error{ErrNotFound, ErrConflict, ErrUnavailable, ErrUnknown}
	refused := func(what string, err error) {
		t.Helper()
		if err == nil {
			t.Errorf("%s: taken", what)
		}
		for _, k := range known {
			if errors.Is(err, k) {
				t.Errorf("%s: %v", what, err)
			}
		}
	}
	for _, key := range []string{"", ".", "a.", ".a", "a..b", "*", ">", "a b", "a\r\nb", "ü"} {
		_, err := e.Create(ctx, key, nil)
		refused("key "+key, err)
	}
	_, err := e.Create(ctx, "k", make([]byte, maxValueBytes+1))
	refused("a long value", err)
	_, err = e.Update(ctx, "k", nil, 0)
	refused("update without a revision", err)
	refused("delete without a revision", e.Delete(ctx, "k", 0))

	long := bytes.Repeat([]byte("x"), maxValueBytes)
	must[uint64](t)(e.Create(ctx, "a.b-c_d=", long))
	if got := must[Entry](t)(e.Get(ctx, "a.b-c_d=")); !bytes.Equal(got.Value, long) {
		t.Errorf("%d of %d bytes come back", len(got.Value), len(long))
	}
}

// TestOneOfFiftyWins: of those who create or take over a key at once, one does.
func TestOneOfFiftyWins(t *testing.T) {
	e, _ := open(t, Config{})
	ctx := within1m(t)
	race := func(write func(value []byte) (uint64, error)) uint64 {
		t.Helper()
		var won, lost atomic.Int32
		var revision atomic.Uint64
		var racing sync.WaitGroup
		begin := make(chan struct{})
		for i := range 50 {
			racing.Go(func() {
				<-begin
				switch r, err := write(fmt.Appendf(nil, "%d", i)); {
				case err == nil:
					won.Add(1)
					revision.Store(r)
				case errors.Is(err, ErrConflict):
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		close(begin)
		racing.Wait()
		if won.Load() != 1 || lost.Load() != 49 {
			t.Fatalf("%d won, %d lost", won.Load(), lost.Load())
		}
		return revision.Load()
	}
	for round := range 5 {
		key := fmt.Sprint("k", round)
		revision := race(func(v []byte) (uint64, error) { return e.Create(ctx, key, v) })
		revision = race(func(v []byte) (uint64, error) { return e.Update(ctx, key, v, revision) })
		if err := e.Delete(ctx, key, revision); err != nil {
			t.Fatal(err)
		}
		race(func(v []byte) (uint64, error) { return e.Create(ctx, key, v) })
	}
}

// TestDeletedKeysLeaveNothing: their markers go by themselves.
func TestDeletedKeysLeaveNothing(t *testing.T) {
	e, _ := open(t, Config{})
	vanish(t, e)
}

func vanish(t *testing.T, e *Engine) {
	t.Helper()
	ctx := within1m(t)
	state := func() jetstream.StreamState {
		return must[jetstream.Stream](t)(e.js.Stream(ctx, streamName(e.config.Bucket))).CachedInfo().State
	}
	must[uint64](t)(e.Create(ctx, "stays", make([]byte, 100)))
	before := state()
	for i := range 200 {
		key := fmt.Sprint("k", i)
		if err := e.Delete(ctx, key, must[uint64](t)(e.Create(ctx, key, make([]byte, 1000)))); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "the markers go", func() bool { s := state(); return s.Msgs == before.Msgs && s.Bytes == before.Bytes })
	must[Entry](t)(e.Get(ctx, "stays"))
	if r := must[uint64](t)(e.Create(ctx, "k0", nil)); r <= before.LastSeq+200 {
		t.Errorf("revision %d is one that was used", r)
	}
}

func TestCallsEndWithTheirContext(t *testing.T) {
	e, _ := open(t, Config{})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err := e.Create(ctx, "k", nil)
	wantError(t, err, ErrUnavailable)
	wantError(t, err, context.Canceled)
	_, err = e.Get(within1m(t), "k")
	wantError(t, err, ErrNotFound)
}

func TestAfterClose(t *testing.T) {
	e, _ := open(t, Config{})
	e.Close()
	e.Close()
	ctx := within1m(t)
	_, err := e.Get(ctx, "k")
	wantError(t, err, ErrUnavailable)
	_, err = e.Create(ctx, "k", nil)
	wantError(t, err, ErrUnavailable)
	_, err = e.Request(ctx, "s", nil)
	wantError(t, err, ErrUnavailable)
	wantError(t, e.Publish("s", nil), ErrUnavailable)
	_, err = e.Subscribe("s", func(Message) {})
	wantError(t, err, ErrUnavailable)
	if s := e.Stats(); s.Up {
		t.Error("up")
	}
}

func TestCounts(t *testing.T) {
	e, _ := open(t, Config{})
	ctx := within1m(t)
	revision := must[uint64](t)(e.Create(ctx, "k", nil))
	_, err := e.Create(ctx, "k", nil)
	wantError(t, err, ErrConflict)
	_, err = e.Get(ctx, "none")
	wantError(t, err, ErrNotFound)
	_, err = e.Update(ctx, "k", nil, revision+1)
	wantError(t, err, ErrConflict)
	_, err = e.Request(ctx, "nobody", nil)
	wantError(t, err, ErrNoResponders)
	if err := e.Publish("nobody", nil); err != nil {
		t.Fatal(err)
	}
	s := e.Stats()
	if s.Mode != ModeEmbedded || !s.Up || s.RTT <= 0 || s.Reconnects != 0 || s.SlowConsumers != 0 {
		t.Errorf("%+v", s)
	}
	for i, want := range []OperationStats{
		{Name: "get", Count: 1},
		{Name: "create", Count: 2, Conflicts: 1},
		{Name: "update", Count: 1, Conflicts: 1},
		{Name: "delete"},
		{Name: "request", Count: 1, Others: 1},
		{Name: "publish", Count: 1},
	} {
		got := s.Operations[i]
		var timed uint64
		for _, n := range got.Seconds.Counts {
			timed += n
		}
		if want.Name != "publish" && (timed != want.Count || (got.Seconds.Sum > 0) != (want.Count > 0)) {
			t.Errorf("%s: %d of %d are timed, %v s", want.Name, timed, want.Count, got.Seconds.Sum)
		}
		if got.Seconds = (Histogram{}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}
