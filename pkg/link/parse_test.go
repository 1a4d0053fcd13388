package link_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"sfu/pkg/link"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]link.Config{
		"": {},
		"rate=1mbit,delay=40ms,jitter=5ms,loss=2%,queue=60000": {
			Rate: 1_000_000, Delay: 40 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.02, Queue: 60_000,
		},
		"rate=1.5mbit":              {Rate: 1_500_000},
		"rate=300kbit, loss=0.5":    {Rate: 300_000, Loss: 0.5},
		"rate=64000":                {Rate: 64_000},
		"rate=64000bit":             {Rate: 64_000},
		"rate=2gbit":                {Rate: 2_000_000_000},
		"burst=3%:5,reorder=1%":     {Burst: link.Burst{Loss: 0.03, Length: 5}, Reorder: 0.01},
		"duplicate=0.1%,delay=1.5s": {Duplicate: 0.001, Delay: 1500 * time.Millisecond},
	} {
		got, err := link.Parse(text)
		if err != nil || got != want {
			t.Errorf("Parse(%q) = %+v, %v, want %+v", text, got, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"rate", "rate=", "rate=fast", "rate=-1", "rate=1e300", "speed=1", "loss=101%", "loss=-1%", "loss=NaN", "delay=-1s", "delay=5",
		"burst=3%", "burst=100%:5", "burst=3%:0.5", "queue=-1", "queue=1.5", "reorder=2", "duplicate=x", "jitter=-1ms",
	} {
		if c, err := link.Parse(text); err == nil {
			t.Errorf("Parse(%q) = %+v, want an error", text, c)
		}
	}
}

func TestParsePath(t *testing.T) {
	slow, far := link.Config{Rate: 1_000_000}, link.Config{Delay: time.Second}
	for text, want := range map[string][2]link.Config{
		"rate=1mbit":                  {slow, slow},
		"up:rate=1mbit":               {slow, {}},
		"down:rate=1mbit":             {{}, slow},
		"up:rate=1mbit;down:delay=1s": {slow, far},
	} {
		up, down, err := link.ParsePath(text)
		if err != nil || up != want[0] || down != want[1] {
			t.Errorf("ParsePath(%q) = %+v, %+v, %v", text, up, down, err)
		}
	}
	if _, _, err := link.ParsePath("up:rate=1mbit;sideways:delay=1s"); err == nil {
		t.Error("no error for an unknown direction")
	}
}

// Parse reads what String writes.
func TestStringRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	sometimes := func(f float64) float64 {
		if rng.IntN(2) == 0 {
			return 0
		}
		return f
	}
	for range 1000 {
		want := link.Config{
			Rate: rng.Int64N(1e9), Delay: time.Duration(rng.Int64N(1e10)), Jitter: time.Duration(rng.Int64N(1e9)),
			Loss: sometimes(rng.Float64()), Reorder: sometimes(rng.Float64()), Duplicate: sometimes(rng.Float64()), Queue: rng.IntN(1e6),
		}
		if rng.IntN(2) == 0 {
			want.Burst = link.Burst{Loss: rng.Float64() * 0.99, Length: 1 + 20*rng.Float64()}
		}
		got, err := link.Parse(want.String())
		if err != nil || got != want {
			t.Fatalf("%+v became %q became %+v, %v", want, want.String(), got, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("rate=1mbit,delay=40ms,jitter=5ms,loss=2%,burst=1%:5,reorder=1%,duplicate=0.1%,queue=60000")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := link.Parse(text)
		if err != nil {
			return
		}
		if err := c.Validate(); err != nil {
			t.Fatalf("Parse(%q) gave %+v: %v", text, c, err)
		}
		l := link.New(c, 1)
		now := time.Unix(0, 0)
		for range 20 {
			o := l.Send(1200, now)
			for _, at := range o.Arrivals() {
				if at.Before(now) {
					t.Fatalf("%q: arrives before it was sent", text)
				}
			}
			now = now.Add(time.Millisecond)
		}
	})
}
