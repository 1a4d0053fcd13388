package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// createTimeout is longer than a call's: a replicated bucket elects its leader first.
const createTimeout = 3 * time.Second

var (
	errNoLeader    = errors.New("the bucket has no leader")
	errNoJetStream = errors.New("the server has no JetStream for this user")
)

// streamName and subjectOf are how buckets lie in streams (NATS ADR-8), so that the nats tool can show them.
func streamName(bucket string) string { return "KV_" + bucket }

func subjectOf(bucket, key string) string { return "$KV." + bucket + "." + key }

// wanted is the stream that the bucket should be. It has no AllowDirect, so that all reads go to the leader, and AllowMsgTTL is for the markers of
// deleted keys alone.
func (e *Engine) wanted() jetstream.StreamConfig {
	config := jetstream.StreamConfig{
		Name:              streamName(e.config.Bucket),
		Description:       "who owns which room",
		Subjects:          []string{subjectOf(e.config.Bucket, ">")},
		MaxMsgsPerSubject: 1,
		MaxMsgs:           -1,
		MaxBytes:          -1,
		MaxConsumers:      -1,
		MaxMsgSize:        maxMessageBytes,
		Discard:           jetstream.DiscardNew,
		Storage:           jetstream.MemoryStorage,
		Replicas:          1,
		DenyDelete:        true,
		AllowRollup:       true,
		AllowMsgTTL:       true,
	}
	if x := e.config.External; x != nil {
		config.Storage, config.Replicas = jetstream.FileStorage, x.Replicas
	}
	return config
}

// check looks whether the bucket is there, and creates it if not. Two nodes that do so at once get the same one.
func (e *Engine) check(s *session) checkup {
	result := checkup{session: s}
	info, err := e.find(s.ctx, &result)
	if err != nil {
		result.verdict.err = fmt.Errorf("look for the bucket %s: %w", e.config.Bucket, err)
		return result
	}
	e.replicas.Store(int32(info.Config.Replicas))
	e.clustered.Store(info.Cluster != nil && info.Cluster.Name != "")
	result.markerTTL = info.Config.AllowMsgTTL
	result.verdict.generation = info.Created.UnixNano()
	if err := unusable(info.Config, e.wanted()); err != nil {
		result.verdict.err, result.verdict.unusable = err, true
		return result
	}
	if info.Cluster != nil && info.Cluster.Name != "" && info.Cluster.Leader == "" {
		result.verdict.err = errNoLeader
		return result
	}
	result.warning = differences(info.Config, e.wanted())
	return result
}

func (e *Engine) find(ctx context.Context, result *checkup) (*jetstream.StreamInfo, error) {
	var stream jetstream.Stream
	begun := time.Now()
	err := within(ctx, callTimeout, func(ctx context.Context) error { return e.nc.FlushWithContext(ctx) })
	if err != nil {
		return nil, err
	}
	result.roundTrip = time.Since(begun)
	look := func(ctx context.Context) (err error) {
		stream, err = e.js.Stream(ctx, streamName(e.config.Bucket))
		return err
	}
	err = within(ctx, callTimeout, look)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		err = within(ctx, createTimeout, func(ctx context.Context) (err error) {
			stream, err = e.js.CreateStream(ctx, e.wanted())
			return err
		})
		if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another node was first, with other settings
			err = within(ctx, callTimeout, look)
		}
	}
	if errors.Is(err, nats.ErrNoResponders) {
		err = errNoJetStream
	}
	if err != nil {
		return nil, err
	}
	return stream.CachedInfo(), nil
}

func within(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return f(ctx)
}

// unusable says why a stream must not be used: it forgets owners by itself, or takes no claims.
func unusable(got, want jetstream.StreamConfig) error {
	edit := fmt.Sprintf("nats stream edit %s ", want.Name)
	switch {
	case got.MaxAge != 0:
		return fmt.Errorf("the bucket forgets keys after %v; mend it: %s--max-age=0s", got.MaxAge, edit)
	case got.Mirror != nil || got.Sealed || !slices.Equal(got.Subjects, want.Subjects):
		return fmt.Errorf("the stream %s is not a bucket that can be written to; mend it: nats stream rm %s", want.Name, want.Name)
	}
	return nil
}

// differences says how to mend what is not as it should be but can be used, "" if all is well.
func differences(got, want jetstream.StreamConfig) string {
	var flags []string
	flag := func(differs bool, format string, value any) {
		if differs {
			flags = append(flags, fmt.Sprintf(format, value))
		}
	}
	flag(got.Replicas != want.Replicas, "--replicas=%v", want.Replicas)
	flag(got.MaxMsgsPerSubject != want.MaxMsgsPerSubject, "--max-msgs-per-subject=%v", want.MaxMsgsPerSubject)
	flag(got.MaxMsgs > 0, "--max-msgs=%v", want.MaxMsgs)
	flag(got.MaxBytes > 0, "--max-bytes=%v", want.MaxBytes)
	flag(got.MaxMsgSize > 0 && got.MaxMsgSize < want.MaxMsgSize, "--max-msg-size=%v", want.MaxMsgSize)
	flag(!got.AllowRollup, "--%v", "allow-rollup")
	flag(!got.AllowMsgTTL, "--%v", "allow-msg-ttl")
	var advice []string
	if len(flags) > 0 {
		advice = append(advice, "nats stream edit "+want.Name+" "+strings.Join(flags, " "))
	}
	if got.Storage != want.Storage {
		advice = append(advice, fmt.Sprintf("its storage is %v instead of %v, which only a new bucket changes: nats stream rm %s",
			got.Storage, want.Storage, want.Name))
	}
	if advice == nil {
		return ""
	}
	return "the bucket is used, but is not as it should be; mend it: " + strings.Join(advice, "; ")
}
