package sfutest_test

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"sync"
	"testing"
	"time"

	"sfu/pkg/client"
	"sfu/pkg/forwarder"
	"sfu/pkg/reception"
	"sfu/pkg/sfutest"
	"sfu/pkg/signaling/protocol"
)

// A scene is a room with two honest people, alice who publishes and bob who views, before an intruder comes.
type scene struct {
	t          *testing.T
	srv        *sfutest.Server
	alice, bob *client.Client
	// saw is what bob gets from intruders.
	saw        *witness
	goroutines int
	heap       uint64
}

func newScene(t *testing.T, options sfutest.Options, tokens ...string) *scene {
	t.Helper()
	s := &scene{t: t, srv: sfutest.Start(t, options), saw: newWitness()}
	token := func(n int) sfutest.Option {
		if len(tokens) == 0 {
			return func(*client.Options) {}
		}
		return sfutest.Token(tokens[n])
	}
	s.alice = s.srv.Join(t, eavesdropped, "alice", sfutest.Publishing(sfutest.Microphone(), sfutest.Camera()), token(0))
	s.bob = s.srv.Join(t, eavesdropped, "bob", func(o *client.Options) { o.Receiver = s.saw }, token(1))
	s.undisturbed()
	s.goroutines, s.heap = calmed()
	return s
}

// calmed returns how many goroutines there are and what the heap holds after two collections.
func calmed() (goroutines int, heap uint64) {
	runtime.GC()
	runtime.GC() // pools let go at the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return runtime.NumGoroutine(), m.HeapAlloc
}

// camera is the id of alice's.
func (s *scene) camera() string { return s.alice.Publications()[1].Track() }

// bobs returns what bob got of a track.
func (s *scene) bobs(track string) reception.Stats {
	got, _ := s.bob.ReceivedOf(track)
	return got
}

// undisturbed wants bob to go on getting whole frames of alice's, and sound, and the server to answer them.
func (s *scene) undisturbed() {
	s.t.Helper()
	camera, microphone := s.camera(), s.alice.Publications()[0].Track()
	frames, sound := s.bobs(camera).Frames, s.bobs(microphone).Packets
	sfutest.Eventually(s.t, "bob sees and hears alice", func() bool {
		return s.bobs(camera).Frames > frames+10 && s.bobs(microphone).Packets > sound+10
	})
	for _, track := range []string{camera, microphone} {
		s.checkWhole(s.bobs(track))
	}
	if got, want := s.bobs(camera).Publisher, s.alice.Publications()[1].Player().Track().Publisher; got != want {
		s.t.Errorf("bob's picture is of %d, not of alice, %d", got, want)
	}
	do(s.t, s.alice, protocol.Ping{})
	do(s.t, s.bob, protocol.Ping{})
}

// checkWhole is checkClean for a machine that is as busy as an attack makes it: some packets may be lost there, or come twice because
// they were taken for lost, but nothing arrives that alice did not send.
func (s *scene) checkWhole(got reception.Stats) {
	s.t.Helper()
	if got.Damaged+got.Foreign+got.Unstamped != 0 {
		s.t.Errorf("line %s: damaged %d, foreign %d, unstamped %d", got.MID, got.Damaged, got.Foreign, got.Unstamped)
	}
	if got.Lost+got.Duplicates > 20+got.Packets/10 {
		s.t.Errorf("line %s: lost %d and twice %d of %d", got.MID, got.Lost, got.Duplicates, got.Packets)
	}
}

// over wants the room to be without a trace of the intruder.
func (s *scene) over() {
	s.t.Helper()
	s.undisturbed()
	sfutest.Eventually(s.t, "the intruder is gone", func() bool { return s.srv.Signals.Stats().Sessions == 2 && s.srv.Engine.Stats().Open == 2 })
	sfutest.Eventually(s.t, "goroutines as before", func() bool { return runtime.NumGoroutine() <= s.goroutines })
	var heap uint64
	sfutest.Eventually(s.t, "the heap as before", func() bool {
		_, heap = calmed()
		return heap <= s.heap+slackBytes
	})
	s.t.Logf("goroutines %d -> %d, heap %d -> %d KiB", s.goroutines, runtime.NumGoroutine(), s.heap>>10, heap>>10)
}

// slackBytes is what the honest may hold more than at first: their histories grow.
const slackBytes = 8 << 20

// counters are the room's.
func (s *scene) counters() forwarder.Counters {
	s.t.Helper()
	rooms := s.srv.Rooms.Stats(sfutest.Context(s.t)).Rooms
	if len(rooms) != 1 {
		s.t.Fatalf("%d rooms", len(rooms))
	}
	return rooms[0].Counters
}

// dropped waits until at least n more packets than in before were dropped for why.
func (s *scene) dropped(before forwarder.Counters, why forwarder.DropReason, n uint64) {
	s.t.Helper()
	sfutest.Eventually(s.t, "dropped as "+why.String(), func() bool { return s.counters().Dropped[why] >= before.Dropped[why]+n })
}

// A witness is a receiver that remembers which of an intruder's marked payloads came, and how often.
type witness struct {
	*reception.Receiver

	mu     sync.Mutex
	lines  map[uint32]bool // SSRCs of media, not those of retransmissions
	marks  map[uint64]int
	octets uint64 // of marked packets
}

func newWitness() *witness {
	return &witness{Receiver: reception.New(reception.Config{}), lines: map[uint32]bool{}, marks: map[uint64]int{}}
}

// Configure implements client.MediaReceiver.
func (w *witness) Configure(lines []reception.Line) {
	w.mu.Lock()
	for _, l := range lines {
		w.lines[l.SSRC] = true
	}
	w.mu.Unlock()
	w.Receiver.Configure(lines)
}

// RTP implements client.MediaReceiver.
func (w *witness) RTP(packet []byte, at time.Time) {
	w.Receiver.RTP(packet, at)
	tail := len(packet) - 8
	if tail < 12 || !bytes.HasSuffix(packet[:tail], markMagic) {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.lines[binary.BigEndian.Uint32(packet[8:])] {
		w.marks[binary.BigEndian.Uint64(packet[tail:])]++
		w.octets += uint64(len(packet))
	}
}

// count is how many different payloads came, bytes what they took in all.
func (w *witness) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.marks)
}

// between is how many payloads came of those that were marked with first to last.
func (w *witness) between(first, last uint64) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for mark := range w.marks {
		if mark >= first && mark <= last {
			n++
		}
	}
	return n
}

func (w *witness) bytes() uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.octets
}

// noneTwice wants no payload to have come more than once.
func (w *witness) noneTwice(t *testing.T) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for mark, times := range w.marks {
		if times > 1 {
			t.Errorf("payload %d came %d times", mark, times)
		}
	}
}
