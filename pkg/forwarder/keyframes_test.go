package forwarder

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// polled returns at which milliseconds each encoding is asked for between from and to; the round trip is 50 ms, the frame rate 30.
func polled(k *keyframeRequester, from, to int) map[int][]int {
	asked := map[int][]int{}
	for ms := from; ms < to; ms += 5 {
		for _, e := range k.poll(instantMS(ms), 50*time.Millisecond, 30, nil) {
			asked[e] = append(asked[e], ms)
		}
	}
	return asked
}

func expectPolled(t *testing.T, k *keyframeRequester, from, to int, want map[int][]int) {
	t.Helper()
	got := polled(k, from, to)
	for e := range 4 {
		if !slices.Equal(got[e], want[e]) {
			t.Fatalf("from %d ms encoding %d was asked for at %v, want %v", from, e, got[e], want[e])
		}
	}
}

func TestKeyframeRequestIsSentAtOnce(t *testing.T) {
	var k keyframeRequester
	expectPolled(t, &k, 0, 1000, nil)
	k.request(1, instantMS(1000))
	expectPolled(t, &k, 1000, 1100, map[int][]int{1: {1000}})
	k.arrived(1, instantMS(1100))
	expectPolled(t, &k, 1100, 10_000, nil)
}

func TestKeyframeRequestsInOneGapAreOne(t *testing.T) {
	var k keyframeRequester
	for range 500 {
		k.request(0, 0)
	}
	expectPolled(t, &k, 0, 100, map[int][]int{0: {0}})
	for range 500 {
		k.request(0, instantMS(100))
	}
	k.arrived(0, instantMS(120))
	expectPolled(t, &k, 120, 5000, nil)
	if k.requested != 1000 || k.sent != 1 {
		t.Fatalf("received %d, sent %d", k.requested, k.sent)
	}
}

func TestKeyframeRequestInTheGuardIsKept(t *testing.T) {
	var k keyframeRequester
	k.arrived(0, instantMS(1000))
	k.request(0, instantMS(1010))
	k.request(0, instantMS(1290))
	expectPolled(t, &k, 1010, 1400, map[int][]int{0: {1300}})
}

func TestKeyframeRequestIsRepeated(t *testing.T) {
	var k keyframeRequester
	k.request(0, 0)
	// 50 + 33.3 + 60 ms is below the least timeout of 150 ms. Timeouts grow up to a second, after six requests to two.
	expectPolled(t, &k, 0, 9000, map[int][]int{0: {0, 150, 450, 1050, 2050, 3050, 5050, 7050}})
	k.arrived(0, instantMS(9000))
	expectPolled(t, &k, 9000, 20_000, nil)
}

func TestKeyframeRequestIsCancelled(t *testing.T) {
	var k keyframeRequester
	k.request(2, 0)
	expectPolled(t, &k, 0, 100, map[int][]int{2: {0}})
	k.cancel(2)
	expectPolled(t, &k, 100, 5000, nil)
	k.request(2, instantMS(5000))
	expectPolled(t, &k, 5000, 5100, map[int][]int{2: {5000}})
}

func TestKeyframeTimeout(t *testing.T) {
	ms := func(n int) time.Duration { return time.Duration(n) * time.Millisecond }
	for _, c := range []struct {
		rtt  time.Duration
		fps  float64
		want time.Duration
	}{{0, 0, ms(193)}, {ms(10), 30, ms(150)}, {ms(200), 10, ms(360)}, {ms(300), 5, ms(500)}, {ms(10), .001, ms(500)}} {
		if got := keyframeTimeout(c.rtt, c.fps).Truncate(time.Millisecond); got != c.want {
			t.Errorf("rtt %v, %v fps: %v, want %v", c.rtt, c.fps, got, c.want)
		}
	}
}

func TestKeyframeEncodingsAreAskedForApart(t *testing.T) {
	var k keyframeRequester
	k.request(0, 0)
	k.request(1, 0)
	expectPolled(t, &k, 0, 100, map[int][]int{0: {0}, 1: {0}})
	k.arrived(0, instantMS(100))
	k.request(0, instantMS(110))
	expectPolled(t, &k, 110, 500, map[int][]int{0: {400}, 1: {150}})
}

// learnTogether shows a keyframe in encoding 1 that nobody asked for.
func learnTogether(k *keyframeRequester) {
	k.request(0, 0)
	polled(k, 0, 50)
	k.arrived(1, instantMS(50))
	k.arrived(0, instantMS(70))
}

func TestKeyframeOneRequestServesAll(t *testing.T) {
	var k keyframeRequester
	learnTogether(&k)
	k.request(0, instantMS(100))
	k.request(1, instantMS(100))
	k.request(2, instantMS(200))
	expectPolled(t, &k, 100, 500, map[int][]int{0: {370}})
	k.arrived(0, instantMS(500))
	k.arrived(1, instantMS(550))
	k.arrived(2, instantMS(590))
	expectPolled(t, &k, 590, 5000, nil)
}

func TestKeyframeThatFailsToComeAlong(t *testing.T) {
	var k keyframeRequester
	learnTogether(&k)
	k.request(0, instantMS(1000))
	k.request(1, instantMS(1000))
	expectPolled(t, &k, 1000, 1100, map[int][]int{0: {1000}})
	k.arrived(0, instantMS(1100))
	expectPolled(t, &k, 1100, 1300, map[int][]int{1: {1200}})
	if k.together {
		t.Fatal("still believes that one request serves all")
	}
}

func TestKeyframeThatMayComeAlongDelaysNobody(t *testing.T) {
	var k keyframeRequester
	learnTogether(&k)
	k.request(0, instantMS(1000))
	k.request(1, instantMS(1000))
	asked := polled(&k, 1000, 10_000)[0]
	last := asked[len(asked)-1]
	polled(&k, 10_000, last+1950)
	k.arrived(0, instantMS(last+1950))
	expectPolled(t, &k, last+1950, last+2100, map[int][]int{1: {last + 2000}})
}

// A request that is sent out of turn, because its encoding waited for 2 s, is taken from the budget nevertheless.
func TestKeyframeRequestOutOfTurn(t *testing.T) {
	var k keyframeRequester
	for e := range 4 {
		k.request(e, 0)
	}
	polled(&k, 0, 5)
	for e := range 4 {
		k.cancel(e)
	}
	// Encoding 0 is served first, whenever the budget allows one more.
	k.request(1, instantMS(500))
	k.request(0, instantMS(600))
	expectPolled(t, &k, 600, 1100, map[int][]int{0: {1000}})
	k.cancel(0)
	k.request(0, instantMS(1100))
	expectPolled(t, &k, 1100, 2100, map[int][]int{0: {2000}})
	k.cancel(0)
	k.request(2, instantMS(2100))
	expectPolled(t, &k, 2100, 2600, map[int][]int{1: {2500}})
	k.cancel(1)
	expectPolled(t, &k, 2600, 3600, map[int][]int{2: {3500}})
}

func TestKeyframePatience(t *testing.T) {
	for tries, want := range map[int]int{1: 150, 2: 300, 3: 600, 4: 1000, 5: 1000, 6: 2000, 100: 2000} {
		w := keyframeWait{tries: tries}
		if got := w.patience(keyframeMinTimeout); got != time.Duration(instantMS(want)) {
			t.Errorf("after %d requests: %v, want %d ms", tries, got, want)
		}
	}
}

// A keyframePublisher answers requests as encoders do.
type keyframePublisher struct {
	rng       *rand.Rand
	together  bool
	loss      float64
	accepted  []Instant // last request that was not ignored, by encoding
	due       [][]Instant
	encodings int
}

func newKeyframePublisher(rng *rand.Rand, encodings int) *keyframePublisher {
	return &keyframePublisher{
		rng: rng, encodings: encodings, together: rng.IntN(2) == 0, loss: float64(rng.IntN(3)) * .3,
		accepted: slices.Repeat([]Instant{-1 << 40}, encodings), due: make([][]Instant, encodings),
	}
}

func (p *keyframePublisher) ask(encoding int, now Instant) {
	if p.rng.Float64() < p.loss || now.Sub(p.accepted[encoding]) < 300*time.Millisecond {
		return
	}
	for e := range p.encodings {
		if e == encoding || p.together {
			p.accepted[e] = now
			p.due[e] = append(p.due[e], now.Add(time.Duration(40+p.rng.IntN(90))*time.Millisecond))
		}
	}
}

func (p *keyframePublisher) ready(e int, now Instant) bool {
	if len(p.due[e]) == 0 || p.due[e][0] > now {
		return false
	}
	p.due[e] = p.due[e][1:]
	return p.rng.Float64() >= p.loss
}

// Whatever viewers and publishers do, a source is not asked more often than the budget allows, never for an encoding that had a
// keyframe less than 300 ms ago, and nobody waits for longer than 2 s without a request on his behalf.
func TestKeyframeBudgetAndFairness(t *testing.T) {
	const step, end = 5, 60_000
	for seed := range uint64(100) {
		rng := rand.New(rand.NewPCG(seed, 4))
		n := 1 + rng.IntN(3)
		p := newKeyframePublisher(rng, n)
		var k keyframeRequester
		var sent []int
		waiting, keyAt := make([]int, n), slices.Repeat([]int{-1000}, n) // waiting since, or since the last request
		for e := range waiting {
			waiting[e] = -1
		}
		eagerness := .001 + rng.Float64()*rng.Float64()
		for ms := 0; ms < end; ms += step {
			now := instantMS(ms)
			for e := range n {
				if rng.Float64() < eagerness {
					k.request(e, now)
					if waiting[e] < 0 {
						waiting[e] = ms
					}
				}
				if p.ready(e, now) {
					k.arrived(e, now)
					waiting[e], keyAt[e] = -1, ms
				}
			}
			asked := k.poll(now, 50*time.Millisecond, 30, nil)
			for _, e := range asked {
				p.ask(e, now)
				sent = append(sent, ms)
				if waiting[e] < 0 || ms-keyAt[e] < 300 {
					t.Fatalf("seed %d: at %d ms encoding %d was asked for, it had a keyframe at %d", seed, ms, e, keyAt[e])
				}
			}
			for e := range n {
				if waiting[e] >= 0 && slices.Contains(asked, e) {
					waiting[e] = ms
				}
				if waiting[e] >= 0 && k.waits[e].shared {
					waiting[e] = max(waiting[e], int(k.waits[e].askedAt/instantMS(1)))
				}
				if limit := 2000 + step; waiting[e] >= 0 && ms-waiting[e] > limit {
					t.Fatalf("seed %d: at %d ms encoding %d waits since %d", seed, ms, e, waiting[e])
				}
			}
		}
		checkKeyframeRate(t, seed, sent, n)
		if k.sent != uint64(len(sent)) || k.sent > k.requested*end/100 {
			t.Fatalf("seed %d: received %d, sent %d", seed, k.requested, k.sent)
		}
	}
}

func checkKeyframeRate(t *testing.T, seed uint64, sent []int, encodings int) {
	t.Helper()
	for i := range sent {
		for j := i; j < len(sent); j++ {
			if count := j - i + 1; float64(count) > keyframeMost(time.Duration(instantMS(sent[j]-sent[i])), encodings) {
				t.Fatalf("seed %d: %d requests between %d and %d ms", seed, count, sent[i], sent[j])
			}
		}
	}
}

// keyframeMost returns how many requests a source may get within d: the burst, what is refilled, and for each encoding one every 2 s out
// of turn.
func keyframeMost(d time.Duration, encodings int) float64 {
	return keyframeBurst + d.Seconds()/keyframeRefill.Seconds() + float64(encodings)*(d.Seconds()/keyframeSlow.Seconds()+1)
}

// Fifty viewers that ask 20 times a second each cost the publisher no more than the budget, and all get their keyframes.
func TestKeyframeStorm(t *testing.T) {
	for _, together := range []bool{false, true} {
		rng := rand.New(rand.NewPCG(1, 4))
		p := newKeyframePublisher(rng, 3)
		p.together, p.loss = together, 0
		var k keyframeRequester
		last := make([]int, 3)
		const seconds = 60
		for ms := 0; ms < seconds*1000; ms += 5 {
			for e := range 3 {
				for range 5 {
					k.request(e, instantMS(ms))
				}
				if p.ready(e, instantMS(ms)) {
					k.arrived(e, instantMS(ms))
					last[e] = ms
				}
				if ms-last[e] > 2500 {
					t.Fatalf("together %v: at %d ms encoding %d had no keyframe since %d", together, ms, e, last[e])
				}
			}
			for _, e := range k.poll(instantMS(ms), 50*time.Millisecond, 30, nil) {
				p.ask(e, instantMS(ms))
			}
		}
		needed := 3
		if together {
			needed = 1
		}
		if float64(k.sent) > keyframeMost(seconds*time.Second, needed) {
			t.Fatalf("together %v: %d requests in %d s", together, k.sent, seconds)
		}
	}
}

func TestKeyframePollAllocatesNothing(t *testing.T) {
	var k keyframeRequester
	now, dst := Instant(0), make([]int, 0, 4)
	k.cancel(2)
	if n := testing.AllocsPerRun(1000, func() {
		now = now.Add(10 * time.Millisecond)
		k.request(int(now/1e7)%3, now)
		k.arrived(int(now/3e7)%3, now)
		dst = k.poll(now, 0, 0, dst[:0])
	}); n != 0 {
		t.Fatalf("%v allocations", n)
	}
}

func BenchmarkKeyframePollIdle(b *testing.B) {
	var k keyframeRequester
	k.cancel(2)
	now, dst := Instant(0), make([]int, 0, 4)
	for b.Loop() {
		now++
		dst = k.poll(now, 0, 0, dst[:0])
	}
}
