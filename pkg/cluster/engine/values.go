package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// markerTTL is how long the marker of a deleted key stays, the shortest that the server takes. Only watchers need it.
	markerTTL = "1s"
	// createAttempts is how often Create looks at what is in its way, which may have gone since.
	createAttempts = 3

	headerOperation = "KV-Operation" // NATS ADR-8
	operationPurge  = "PURGE"
)

var validKey = regexp.MustCompile(`^[A-Za-z0-9_=-]+(\.[A-Za-z0-9_=-]+)*$`)

// An Entry is a key with its value.
type Entry struct {
	Key   string
	Value []byte
	// Revision is the number of the write, counted over the whole bucket: later writes have higher ones, also after a deletion.
	Revision uint64
	// Created is when this revision was written, by the server's clock.
	Created time.Time
}

// Get returns what the leader of the bucket holds. It takes a second at most, or until ctx ends, as the calls below do. Errors wrap ErrNotFound or
// ErrUnavailable.
func (e *Engine) Get(ctx context.Context, key string) (Entry, error) {
	var entry Entry
	err := e.call(ctx, opGet, key, nil, func(ctx context.Context) (f *fault) {
		var deleted bool
		if entry, deleted, f = e.last(ctx, key); f == nil && deleted {
			f = &fault{kind: ErrNotFound}
		}
		return f
	})
	if err != nil {
		return Entry{}, err
	}
	return entry, nil
}

// Create writes a key that is not there and returns its revision. value has at most 4 KiB. Errors wrap ErrConflict, ErrUnavailable or
// ErrUnknown.
func (e *Engine) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	var revision uint64
	err := e.call(ctx, opCreate, key, value, func(ctx context.Context) (f *fault) {
		revision, f = e.create(ctx, key, value)
		return f
	})
	return revision, err
}

// create writes over nothing or over the marker of a deletion.
func (e *Engine) create(ctx context.Context, key string, value []byte) (uint64, *fault) {
	for range createAttempts {
		revision, f := e.write(ctx, key, value, 0, nil)
		if f == nil || !errors.Is(f, ErrConflict) {
			return revision, f
		}
		there, deleted, f := e.last(ctx, key)
		switch {
		case f != nil && errors.Is(f, ErrNotFound): // it was a marker, or is not written yet
			continue
		case f != nil:
			return 0, f
		case !deleted:
			return 0, &fault{kind: ErrConflict, reason: reasonConflict}
		}
		revision, f = e.write(ctx, key, value, there.Revision, nil)
		if f == nil || !errors.Is(f, ErrConflict) {
			return revision, f
		}
	}
	return 0, &fault{kind: ErrConflict, reason: reasonConflict}
}

// Update replaces the value of a key whose revision is still the given one, and returns the new revision. Errors wrap ErrConflict,
// ErrUnavailable or ErrUnknown.
func (e *Engine) Update(ctx context.Context, key string, value []byte, revision uint64) (uint64, error) {
	var next uint64
	err := e.call(ctx, opUpdate, key, value, func(ctx context.Context) (f *fault) {
		if revision == 0 {
			return &fault{reason: reasonOther, cause: errNoRevision}
		}
		next, f = e.write(ctx, key, value, revision, nil)
		return f
	})
	return next, err
}

// Delete removes a key whose revision is still the given one. Errors wrap ErrConflict, ErrUnavailable or ErrUnknown.
func (e *Engine) Delete(ctx context.Context, key string, revision uint64) error {
	return e.call(ctx, opDelete, key, nil, func(ctx context.Context) *fault {
		if revision == 0 {
			return &fault{reason: reasonOther, cause: errNoRevision}
		}
		// A purge, not a plain deletion: what came before must not come back when the marker goes.
		header := nats.Header{headerOperation: {operationPurge}, jetstream.MsgRollup: {jetstream.MsgRollupSubject}}
		if e.markerTTL.Load() {
			header.Set(jetstream.MsgTTLHeader, markerTTL)
		}
		_, f := e.write(ctx, key, nil, revision, header)
		return f
	})
}

var errNoRevision = errors.New("revisions begin with 1")

// call bounds, counts and names what f does.
func (e *Engine) call(ctx context.Context, o op, key string, value []byte, f func(context.Context) *fault) error {
	if !validKey.MatchString(key) {
		return fmt.Errorf("%v: the key %q is not letters, digits, '-', '_', '=' and single dots", o, key)
	}
	if len(value) > maxValueBytes {
		return fmt.Errorf("%v %s: a value of %d bytes, the limit is %d", o, key, len(value), maxValueBytes)
	}
	return e.measure(ctx, o, key, f)
}

// measure is call for what has no key.
func (e *Engine) measure(ctx context.Context, o op, name string, f func(context.Context) *fault) error {
	begun := time.Now()
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	failed := f(ctx)
	if failed == nil {
		e.counters.count(o, time.Since(begun), reasonNone)
		return nil
	}
	e.counters.count(o, time.Since(begun), failed.reason)
	if failed.doubt {
		e.doubted.Store(true)
		e.notify()
	}
	return fmt.Errorf("%v %s: %w", o, name, failed)
}

// write publishes to the bucket, if the last revision of the key is the given one, 0 for none.
func (e *Engine) write(ctx context.Context, key string, value []byte, revision uint64, header nats.Header) (uint64, *fault) {
	if header == nil {
		header = nats.Header{}
	}
	header.Set(jetstream.ExpectedLastSubjSeqHeader, strconv.FormatUint(revision, 10))
	answer, f := e.askBucket(ctx, &nats.Msg{Subject: subjectOf(e.config.Bucket, key), Header: header, Data: value}, true)
	if f != nil {
		return 0, f
	}
	var ack struct {
		Sequence uint64    `json:"seq"`
		Error    *apiError `json:"error"`
	}
	if err := json.Unmarshal(answer, &ack); err != nil {
		return 0, unanswered(fmt.Errorf("read the answer: %w", err), true)
	}
	if ack.Error != nil {
		return 0, answerFault(ack.Error)
	}
	if ack.Sequence == 0 {
		return 0, unanswered(errors.New("the answer has no revision"), true)
	}
	return ack.Sequence, nil
}

// last reads the last revision of a key, which may be the marker of its deletion.
func (e *Engine) last(ctx context.Context, key string) (entry Entry, deleted bool, f *fault) {
	question, err := json.Marshal(struct {
		Last string `json:"last_by_subj"`
	}{subjectOf(e.config.Bucket, key)})
	if err != nil {
		return Entry{}, false, &fault{reason: reasonOther, cause: err}
	}
	// Only the leader answers to this subject, where DIRECT.GET would be for every server that has a copy.
	answer, f := e.askBucket(ctx, &nats.Msg{Subject: "$JS.API.STREAM.MSG.GET." + streamName(e.config.Bucket), Data: question}, false)
	if f != nil {
		return Entry{}, false, f
	}
	var got struct {
		Message *struct {
			Sequence uint64    `json:"seq"`
			Header   []byte    `json:"hdrs"`
			Data     []byte    `json:"data"`
			Time     time.Time `json:"time"`
		} `json:"message"`
		Error *apiError `json:"error"`
	}
	switch err := json.Unmarshal(answer, &got); {
	case err != nil:
		return Entry{}, false, unanswered(fmt.Errorf("read the answer: %w", err), false)
	case got.Error != nil:
		return Entry{}, false, answerFault(got.Error)
	case got.Message == nil:
		return Entry{}, false, unanswered(errors.New("the answer has no message"), false)
	}
	m := got.Message
	deleted, err = isMarker(m.Header)
	if err != nil {
		return Entry{}, false, unanswered(err, false)
	}
	return Entry{Key: key, Value: m.Data, Revision: m.Sequence, Created: m.Time}, deleted, nil
}

// isMarker reports whether headers are those of a deletion, by a client or by the server.
func isMarker(header []byte) (bool, error) {
	if len(header) == 0 {
		return false, nil
	}
	decoded, err := nats.DecodeHeadersMsg(header)
	if err != nil {
		return false, fmt.Errorf("read the headers: %w", err)
	}
	return decoded.Get(headerOperation) != "" || decoded.Get(jetstream.MarkerReasonHeader) != "", nil
}

// askBucket asks while the bucket is up.
func (e *Engine) askBucket(ctx context.Context, m *nats.Msg, writes bool) ([]byte, *fault) {
	s := e.session.Load()
	if s == nil || !s.up.Load() {
		return nil, unsent(errNotConnected)
	}
	return e.ask(ctx, s, m, writes)
}

// ask sends a request and waits for its answer, until ctx or the session ends.
func (e *Engine) ask(ctx context.Context, s *session, m *nats.Msg, writes bool) ([]byte, *fault) {
	if err := ctx.Err(); err != nil {
		return nil, unsent(err)
	}
	m.Data = bytes.Clone(m.Data) // the goroutine may outlive this call
	type answer struct {
		data []byte
		err  error
	}
	done, ok := e.join()
	if !ok {
		return nil, unsent(errNotConnected)
	}
	answers := make(chan answer, 1)
	go func() {
		defer done()
		reply, err := e.nc.RequestMsgWithContext(ctx, m)
		if err != nil {
			answers <- answer{err: err}
			return
		}
		answers <- answer{data: reply.Data}
	}()
	select {
	case a := <-answers:
		if a.err != nil {
			return nil, requestFault(a.err, writes)
		}
		return a.data, nil
	case <-ctx.Done():
		return nil, unanswered(ctx.Err(), writes)
	case <-s.ctx.Done():
		return nil, unanswered(context.Cause(s.ctx), writes)
	}
}
