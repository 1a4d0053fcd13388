package engine

import (
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

var (
	start  = time.Unix(1e9, 0)
	broken = verdict{err: errors.New("timeout")}
)

// steps plays what happens on a condition, a check at each time.
type steps struct {
	c   condition
	now time.Time
}

func (s *steps) after(d time.Duration) *steps {
	s.now = s.now.Add(d)
	return s
}

func (s *steps) check(v verdict) []change {
	s.c.begin(s.now)
	return s.c.checked(s.now, v)
}

func connected() *steps {
	s := &steps{now: start}
	s.c.connect(start)
	return s
}

func upAt(t *testing.T, generation int64) *steps {
	t.Helper()
	s := connected()
	expect(t, s.check(verdict{generation: generation}), change{generation: generation})
	return s
}

func expect(t *testing.T, got []change, want ...change) {
	t.Helper()
	same := func(a, b change) bool { return a.generation == b.generation && errors.Is(a.reason, b.reason) }
	if !slices.EqualFunc(got, want, same) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestConditionIsUpOncePerGeneration(t *testing.T) {
	s := upAt(t, 7)
	expect(t, s.after(checkInterval).check(verdict{generation: 7}))
	expect(t, s.after(checkInterval).check(verdict{generation: 8}), change{reason: errReplaced}, change{generation: 8})
	expect(t, s.c.disconnect(s.now, errSessionEnded), change{reason: errSessionEnded})
	s.c.connect(s.now)
	expect(t, s.check(verdict{generation: 8}), change{generation: 8})
}

func TestConditionOutlastsAnElection(t *testing.T) {
	s := upAt(t, 7)
	expect(t, s.after(checkInterval).check(broken))
	for range 10 { // calls that fail bring more checks, which must not count
		s.c.doubt()
		if want := s.now.Add(doubtInterval); !s.c.due.Equal(want) {
			t.Fatalf("due %v after the check, want %v", s.c.due.Sub(s.now), doubtInterval)
		}
		expect(t, s.after(doubtInterval).check(broken))
	}
	expect(t, s.after(checkInterval).check(broken))
	expect(t, s.after(checkInterval).check(verdict{generation: 7}))
	expect(t, s.after(checkInterval).check(broken))
	expect(t, s.after(checkInterval).check(broken))
	expect(t, s.after(checkInterval).check(broken), change{reason: errNoAnswer})
	expect(t, s.after(retryInterval).check(verdict{generation: 7}), change{generation: 7})
}

func TestConditionTellsEachReasonOnce(t *testing.T) {
	refused, silent := errors.New("refused"), errors.New("silent")
	s := &steps{now: start}
	expect(t, s.c.unreachable(start, refused), change{reason: refused})
	expect(t, s.c.unreachable(start, refused))
	expect(t, s.c.unreachable(start, silent), change{reason: silent})
	s.c.connect(start)
	expires := verdict{err: errors.New("expires"), unusable: true, generation: 7}
	expect(t, s.check(expires), change{reason: expires.err})
	expect(t, s.after(retryInterval).check(expires))
	expect(t, s.after(retryInterval).check(verdict{generation: 7}), change{generation: 7})
	expect(t, s.after(checkInterval).check(expires), change{reason: expires.err}) // at once, unlike one that does not answer
}

// TestConditionOfAnyHistory: Up and Down alternate but for more Downs, and nothing is up without a connection.
func TestConditionOfAnyHistory(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := &steps{now: start}
		up, link := false, false
		for range 200 {
			s.after(time.Duration(random.IntN(4000)) * time.Millisecond)
			var changes []change
			switch event := random.IntN(6); {
			case !link && event == 0:
				link = true
				s.c.connect(s.now)
			case !link:
				changes = s.c.unreachable(s.now, broken.err)
			case event == 0:
				link = false
				changes = s.c.disconnect(s.now, errSessionEnded)
			case event == 1:
				s.c.doubt()
			case event == 2:
				changes = s.check(broken)
			case event == 3:
				changes = s.check(verdict{err: broken.err, unusable: true})
			default:
				changes = s.check(verdict{generation: int64(1 + random.IntN(2))})
			}
			for _, c := range changes {
				if c.reason == nil && up {
					t.Fatalf("seed %d: up twice", seed)
				}
				up = c.reason == nil
			}
			if up != s.c.up || up && !link {
				t.Fatalf("seed %d: told up %t, is %t, connected %t", seed, up, s.c.up, link)
			}
		}
	}
}
