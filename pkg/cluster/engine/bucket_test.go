package engine

import (
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

func TestHowABucketDiffers(t *testing.T) {
	e := &Engine{config: Config{Bucket: "B", External: &External{Replicas: 3}}}
	for name, tt := range map[string]struct {
		change   func(*jetstream.StreamConfig)
		warning  string // a part of it
		unusable string
	}{
		"as it should be":     {func(*jetstream.StreamConfig) {}, "", ""},
		"unlimited":           {func(c *jetstream.StreamConfig) { c.MaxMsgSize, c.MaxMsgs = -1, 0 }, "", ""},
		"reads by followers":  {func(c *jetstream.StreamConfig) { c.AllowDirect = true }, "", ""},
		"one replica":         {func(c *jetstream.StreamConfig) { c.Replicas = 1 }, "mend it: nats stream edit KV_B --replicas=3", ""},
		"history and markers": {func(c *jetstream.StreamConfig) { c.MaxMsgsPerSubject, c.AllowMsgTTL = 5, false }, "KV_B --max-msgs-per-subject=1 --allow", ""},
		"limits":              {func(c *jetstream.StreamConfig) { c.MaxMsgs, c.MaxBytes = 10, 99 }, "--max-msgs=-1 --max-bytes=-1", ""},
		"small":               {func(c *jetstream.StreamConfig) { c.MaxMsgSize = 100 }, "--max-msg-size=5120", ""},
		"no rollup":           {func(c *jetstream.StreamConfig) { c.AllowRollup = false }, "--allow-rollup", ""},
		"in memory":           {func(c *jetstream.StreamConfig) { c.Storage = jetstream.MemoryStorage }, "nats stream rm KV_B", ""},
		"expires":             {func(c *jetstream.StreamConfig) { c.MaxAge = time.Minute }, "", "nats stream edit KV_B --max-age=0s"},
		"a mirror":            {func(c *jetstream.StreamConfig) { c.Mirror = &jetstream.StreamSource{Name: "X"} }, "", "nats stream rm KV_B"},
		"other subjects":      {func(c *jetstream.StreamConfig) { c.Subjects = []string{"x"} }, "", "nats stream rm KV_B"},
	} {
		t.Run(name, func(t *testing.T) {
			got := e.wanted()
			tt.change(&got)
			warning, failure := differences(got, e.wanted()), ""
			if err := unusable(got, e.wanted()); err != nil {
				failure = err.Error()
			}
			check := func(what, got, want string) {
				if want == "" && got != "" || !strings.Contains(got, want) {
					t.Errorf("%s: %q, want %q in it", what, got, want)
				}
			}
			check("unusable", failure, tt.unusable)
			if failure == "" {
				check("warning", warning, tt.warning)
			}
		})
	}
}
