package sfutest_test

import (
	"context"
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"sfu/pkg/client"
	"sfu/pkg/sfutest"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/synthetic"
)

// atFullSize reports whether tests run as long as their targets say (make test-long).
func atFullSize() bool { return os.Getenv("SFU_LONG") != "" }

// slowCamera is cheap enough to have many of them.
func slowCamera() client.Publish {
	return client.Publish{Source: protocol.Camera, Track: synthetic.Camera(20_000, 180, 2)}
}

// TestFortyJoinAtOnce: those who are there already renegotiate to grow their slots, and for nothing else.
func TestFortyJoinAtOnce(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{})
	first := srv.Join(t, "hall", "first", sfutest.Publishing(slowCamera()))
	const crowd = 39
	others := make([]*client.Client, crowd)
	var joining sync.WaitGroup
	for i := range crowd {
		joining.Go(func() {
			c, err := srv.TryJoin(t, "hall", "guest "+strconv.Itoa(i), sfutest.Publishing(slowCamera()), sfutest.Slots(client.NoSlots))
			if err != nil {
				t.Error(err)
			}
			others[i] = c
		})
	}
	joining.Wait()
	slots := first.Info().Limits.Slots
	sfutest.Await(t, first, "every slot is taken", func(s *client.State) bool { return len(s.Bound) == slots && len(s.Unavailable) == crowd-slots })
	sfutest.Eventually(t, "as many pictures", func() bool {
		pictures := 0
		for _, s := range first.Received() {
			if s.Frames > 0 {
				pictures++
			}
		}
		return pictures == slots
	})
	limits := first.Info().Limits
	most := uint64((slots - limits.SlotsFirst + limits.SlotsGrow - 1) / limits.SlotsGrow)
	// The others have no slots and never negotiate again; what travels inside join is not counted as an offer.
	if n := srv.Signals.Stats().MessagesIn["offer"]; n > most || n == 0 {
		t.Errorf("%d renegotiations, %d are enough to grow", n, most)
	}
}

// TestJoinsAndLeavesLeaveNothing: goroutines, descriptors and memory come back to what they were.
func TestJoinsAndLeavesLeaveNothing(t *testing.T) {
	warm, rounds, together := 1, 5, 10
	if atFullSize() {
		warm, rounds = 5, 50 // tables and pools have found their size after some
	}
	srv := sfutest.Start(t, sfutest.Options{})
	round := func(n int) {
		// Neither sfutest.Context nor srv.Join, which keep what they return to the end of the test.
		ctx, cancel := context.WithTimeout(context.Background(), sfutest.Patience)
		defer cancel()
		var people []*client.Client
		for i := range together {
			options := client.Options{Name: "p" + strconv.Itoa(i), Slots: 2, Publish: []client.Publish{sfutest.Microphone(), sfutest.Camera()}}
			c, err := client.Join(ctx, srv.URL, "room-"+strconv.Itoa(i%3), options)
			if err != nil {
				t.Fatal(err)
			}
			people = append(people, c)
		}
		sfutest.Eventually(t, "a picture", func() bool { return sfutest.Video(people[0]).Frames > 0 })
		for i, c := range people {
			if i == 0 && n == 1 {
				_ = c.Close() // as a killed tab, whose seat is kept for 12 s
			} else if err := c.Leave(ctx); err != nil {
				t.Error(err)
			}
		}
		sfutest.Eventually(t, "empty rooms", func() bool { return srv.Signals.Stats().Sessions == 0 })
	}
	for range warm {
		round(0)
	}
	settle := func() (goroutines, files int, heap uint64) {
		runtime.GC()
		runtime.GC() // pools let go at the second
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return runtime.NumGoroutine(), openFiles(t), m.HeapAlloc
	}
	goroutines, files, heap := settle()
	for n := range rounds {
		round(n + 1)
	}
	sfutest.Eventually(t, "goroutines as before", func() bool { return runtime.NumGoroutine() <= goroutines+5 })
	sfutest.Eventually(t, "descriptors as before", func() bool { return openFiles(t) <= files })
	// Timers that were stopped let go of what they would have done a little later.
	limit := heap + heap/10
	if !atFullSize() {
		limit += 1 << 20 // pools and buffers are still growing
	}
	var after uint64
	defer func() { t.Logf("heap %d -> %d bytes", heap, after) }()
	sfutest.Eventually(t, "memory as before", func() bool {
		_, _, after = settle()
		return after <= limit
	})
	t.Logf("%d joins: goroutines %d -> %d, descriptors %d -> %d, heap %d -> %d KiB", rounds*together,
		goroutines, runtime.NumGoroutine(), files, openFiles(t), heap>>10, after>>10)
}

func openFiles(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc here to count descriptors in")
	}
	return len(entries)
}

// S10.
// TestTwoJoinAtTheSameMoment: nobody has to come first.
func TestTwoJoinAtTheSameMoment(t *testing.T) {
	times := 20
	if atFullSize() {
		times = 1000
	}
	srv := sfutest.Start(t, sfutest.Options{})
	for n := range times {
		room := "pair" + strconv.Itoa(n)
		var pair [2]*client.Client
		var joining sync.WaitGroup
		for i := range pair {
			joining.Go(func() {
				c, err := srv.TryJoin(t, room, "p", sfutest.Publishing(sfutest.Camera()), sfutest.Slots(1))
				if err != nil {
					t.Error(err)
				}
				pair[i] = c
			})
		}
		joining.Wait()
		if t.Failed() {
			return
		}
		start := time.Now()
		sfutest.Eventually(t, "both see each other", func() bool { return sfutest.Video(pair[0]).Frames > 0 && sfutest.Video(pair[1]).Frames > 0 })
		if took := time.Since(start); took > 5*time.Second {
			t.Logf("round %d took %v", n, took)
		}
		for _, c := range pair {
			if err := c.Leave(sfutest.Context(t)); err != nil {
				t.Error(err)
			}
		}
	}
}
