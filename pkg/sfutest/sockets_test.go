package sfutest_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/websocket"

	"sfu/pkg/client"
	"sfu/pkg/link"
	"sfu/pkg/reception"
	"sfu/pkg/sfutest"
	"sfu/pkg/signaling/protocol"
)

// TestSocketCutMediaUntouched: who loses the socket goes on sending and receiving, nobody is told that they left, and they come back.
func TestSocketCutMediaUntouched(t *testing.T) {
	cut := 2 * time.Second
	if atFullSize() {
		cut = 10 * time.Second
	}
	srv := sfutest.Start(t, sfutest.Options{})
	for _, silently := range []bool{false, true} {
		for _, publisher := range []bool{false, true} {
			name := map[bool]string{false: "viewer", true: "publisher"}[publisher] + map[bool]string{false: "-seen", true: "-silent"}[silently]
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				cutSocket(t, srv, name, cut, publisher, silently)
			})
		}
	}
}

func cutSocket(t *testing.T, srv *sfutest.Server, room string, cut time.Duration, publisher, silently bool) {
	var heard diary
	gaps := reception.New(reception.Config{})
	alice := srv.Join(t, room, "alice", sfutest.Slots(client.NoSlots), sfutest.Publishing(sfutest.Microphone(), sfutest.Camera()))
	bob := srv.Join(t, room, "bob", receivingWith(gaps))
	srv.Join(t, room, "witness", sfutest.Slots(client.NoSlots), heard.writes)
	victim := bob
	if publisher {
		victim = alice
	}
	sfutest.Eventually(t, "sound and picture", func() bool { return sfutest.Video(bob).Frames > 10 && sfutest.Audio(bob).Packets > 10 })
	heard.forget()
	gaps.ResetGaps()
	victim.CutSocket(cut, silently)
	sfutest.Await(t, victim, "the socket is lost", func(s *client.State) bool { return !s.Online })
	sfutest.Await(t, victim, "resumed", func(s *client.State) bool { return s.Resumed == 1 && s.Online })
	before := sfutest.Video(bob).Frames
	sfutest.Eventually(t, "more frames", func() bool { return sfutest.Video(bob).Frames > before+15 })
	within(t, "longest time without video", longestGap(bob, true), 500*time.Millisecond)
	within(t, "longest time without sound", longestGap(bob, false), 500*time.Millisecond)
	checkClean(t, sfutest.Video(bob))
	checkClean(t, sfutest.Audio(bob))
	do(t, victim, protocol.Ping{})
	checkNobodyLeft(t, &heard, victim.Self(), cut, silently)
}

// checkNobodyLeft allows what the protocol says: connected: false after 3 s without a socket, and connected: true afterwards. The server
// does not see the end of a socket that falls silent for less than 15 s.
func checkNobodyLeft(t *testing.T, heard *diary, victim string, cut time.Duration, silently bool) {
	t.Helper()
	sfutest.Eventually(t, "the last word is that all are connected", func() bool {
		said := heard.about(victim)
		if len(said) == 0 {
			return true
		}
		p, ok := said[len(said)-1].(protocol.Participant)
		return !ok || p.Connected
	})
	said := heard.about(victim)
	for _, m := range said {
		if _, ok := m.(protocol.Participant); !ok {
			t.Errorf("others are told %#v", m)
		}
	}
	told := 0
	if cut > 3*time.Second && !silently {
		told = 2
	}
	if atFullSize() && len(said) != told {
		t.Errorf("others are told %+v", said)
	}
}

// TestSilentReader: someone who joins and never reads costs the others nothing, and is put out.
func TestSilentReader(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{Listener: func(l net.Listener) net.Listener { return smallBuffers{l} }})
	talkers, rounds := 6, 6
	if atFullSize() {
		rounds = 60
	}
	alice := srv.Join(t, "hall", "alice", sfutest.Slots(client.NoSlots))
	bob := srv.Join(t, "hall", "bob", sfutest.Slots(client.NoSlots))
	muter := srv.Join(t, "hall", "muter", sfutest.Slots(client.NoSlots), sfutest.Publishing(sfutest.Microphone()))
	var noisy []*client.Client
	for range talkers {
		noisy = append(noisy, srv.Join(t, "hall", "talker", sfutest.Slots(client.NoSlots)))
	}
	sfutest.Await(t, bob, "all are here", func(s *client.State) bool { return len(s.Participants) == 3+talkers })
	sockets, goroutines, heap := srv.Signals.Stats().Sockets, runtime.NumGoroutine(), heapInUse()
	quiet := makeNoise(t, noisy, muter)
	without := chat(t, alice, bob, func(i int) bool { return i < rounds })
	joinSilently(t, srv, "hall")
	joined := time.Now()
	with := chat(t, alice, bob, func(i int) bool {
		gone := srv.Signals.Stats().Closed[string(protocol.SlowConsumer)] == 1
		if !gone && time.Since(joined) > sfutest.Patience {
			t.Fatalf("the silent one is still there: %+v", srv.Signals.Stats().Closed)
		}
		return i < rounds || !gone
	})
	quiet()
	t.Logf("10 of 11 chat messages took up to %v before, %v with the silent one", without.Round(time.Millisecond), with.Round(time.Millisecond))
	within(t, "what it costs the others", with-without, 100*time.Millisecond)
	sfutest.Eventually(t, "the socket of the silent one is gone", func() bool { return srv.Signals.Stats().Sockets == sockets })
	if closed := srv.Signals.Stats().Closed; closed[string(protocol.SlowConsumer)] != 1 || len(closed) != 1 {
		t.Errorf("sockets were closed as %v", closed)
	}
	after, held := heapInUse(), chatHeld(append(noisy, alice, bob, muter))
	t.Logf("heap %d -> %d KiB, of which the clients hold %d KiB of chat", heap>>10, after>>10, held>>10)
	if after > heap+held+held/4+(8<<20) {
		t.Errorf("the heap grew from %d to %d KiB", heap>>10, after>>10)
	}
	if !atFullSize() {
		return // the seat is kept for 12 s
	}
	sfutest.Await(t, bob, "the silent one has lost the seat", func(s *client.State) bool { return len(s.Participants) == 3+talkers })
	sfutest.Eventually(t, "goroutines as before", func() bool { return runtime.NumGoroutine() <= goroutines })
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// chatHeld is what the chat takes that clients remember: it is in the same process.
func chatHeld(people []*client.Client) (bytes uint64) {
	for _, c := range people {
		for _, m := range c.State().Messages {
			bytes += uint64(len(m.Body))
		}
	}
	return bytes
}

// smallBuffers lets the kernel hold little of what a connection sends; on loopback it would be megabytes.
type smallBuffers struct{ net.Listener }

const kernelBuffer = 16 << 10

func (l smallBuffers) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if tcp, ok := conn.(*net.TCPConn); ok {
		err = errors.Join(err, tcp.SetWriteBuffer(kernelBuffer))
	}
	return conn, err
}

// joinSilently joins over a socket of which nothing is read after the answer.
func joinSilently(t *testing.T, srv *sfutest.Server, room string) {
	t.Helper()
	dialer := websocket.Dialer{Subprotocols: []string{protocol.Version}, NetDial: func(network, address string) (net.Conn, error) {
		conn, err := net.Dial(network, address)
		if tcp, ok := conn.(*net.TCPConn); ok {
			err = errors.Join(err, tcp.SetReadBuffer(kernelBuffer))
		}
		return conn, err
	}}
	ws, _, err := dialer.Dial(strings.Replace(srv.URL, "http", "ws", 1)+"/v1/rooms/"+room+"/signal", nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = ws.Close() })
	if err := ws.WriteMessage(websocket.TextMessage, protocol.EncodeRequest(1, protocol.Join{Name: "silent"})); err != nil {
		t.Fatal(err)
	}
	_ = ws.SetReadDeadline(time.Now().Add(sfutest.Patience))
	_, frame, err := ws.ReadMessage()
	if err != nil {
		t.Fatal(err)
	}
	if _, m, err := protocol.DecodeServer(frame); err != nil || m.Type() != (protocol.Joined{}).Type() {
		t.Fatalf("%.100s, %v", frame, err)
	}
}

// makeNoise lets all chat, rename themselves and mute as often as they may, until the test ends or the function that it returns is called.
func makeNoise(t *testing.T, noisy []*client.Client, muter *client.Client) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var talking sync.WaitGroup
	every := func(d time.Duration, what func(i int) error) {
		talking.Go(func() {
			tick := time.NewTicker(d)
			defer tick.Stop()
			for i := 0; ; i++ {
				select {
				case <-ctx.Done():
					return
				case <-tick.C:
					if err := what(i); err != nil && ctx.Err() == nil {
						t.Error(err)
						return
					}
				}
			}
		})
	}
	body := strings.Repeat("blah ", 800)
	for n, c := range noisy {
		// Not all at the same moment.
		every(time.Duration(250+7*n)*time.Millisecond, func(int) error { _, err := c.Do(ctx, protocol.Say{Body: body}); return err })
		every(time.Duration(50+3*n)*time.Millisecond, func(i int) error {
			_, err := c.Do(ctx, protocol.Rename{Name: strings.Repeat("ab"[i%2:i%2+1], 60)})
			return err
		})
	}
	every(50*time.Millisecond, func(i int) error { return muter.Publications()[0].Mute(ctx, i%2 == 0) })
	stop = func() {
		cancel()
		talking.Wait()
	}
	t.Cleanup(stop)
	return stop
}

// chat lets one say something and another wait for it, as long as more says so, and returns how long 10 of 11 messages took at most. One
// may say 5 of them per second.
func chat(t *testing.T, from, to *client.Client, more func(i int) bool) time.Duration {
	t.Helper()
	pause := time.NewTicker(210 * time.Millisecond)
	defer pause.Stop()
	var took []time.Duration
	for i := 0; more(i); i++ {
		body := "it is " + time.Now().Format(time.StampNano)
		start := time.Now()
		do(t, from, protocol.Say{Body: body})
		sfutest.Await(t, to, "the message is here", func(s *client.State) bool {
			return slices.ContainsFunc(s.Messages, func(m protocol.Message) bool { return m.Body == body })
		})
		took = append(took, time.Since(start))
		<-pause.C
	}
	slices.Sort(took)
	return took[len(took)*10/11]
}

// TestLeaveIsSeen: by the others, soon.
func TestLeaveIsSeen(t *testing.T) {
	t.Parallel()
	srv := sfutest.Start(t, sfutest.Options{})
	alice := srv.Join(t, "kitchen", "alice")
	bob := srv.Join(t, "kitchen", "bob", sfutest.Publishing(sfutest.Camera()))
	sfutest.Eventually(t, "a picture", func() bool { return sfutest.Video(alice).Frames > 0 })
	start := time.Now()
	if err := bob.Leave(sfutest.Context(t)); err != nil {
		t.Fatal(err)
	}
	sfutest.Await(t, alice, "bob has left", func(s *client.State) bool { return len(s.Participants) == 1 && len(s.Bound) == 0 })
	within(t, "leave seen", time.Since(start), time.Second)
}

// TestKilledIsSeen: the kernel closes the WebSocket of a killed browser, while its media just stops.
func TestKilledIsSeen(t *testing.T) {
	t.Parallel()
	srv := sfutest.Start(t, sfutest.Options{})
	path := sfutest.Path(t, link.Config{}, link.Config{})
	alice := srv.Join(t, "kitchen", "alice")
	bob := srv.Join(t, "kitchen", "bob", sfutest.Publishing(sfutest.Camera()), sfutest.Over(path))
	id := bob.Self()
	sfutest.Eventually(t, "a picture", func() bool { return sfutest.Video(alice).Frames > 0 })
	path.Blackhole(true)
	start := time.Now()
	_ = bob.Close() // it says that nobody answers
	sfutest.Await(t, alice, "bob is not connected", func(s *client.State) bool { p, here := s.Participants[id]; return !here || !p.Connected })
	within(t, "lost socket told", time.Since(start), 4*time.Second)
	if !atFullSize() {
		return // the seat is kept for 12 s
	}
	sfutest.Await(t, alice, "bob is gone", func(s *client.State) bool { _, here := s.Participants[id]; return !here && len(s.Bound) == 0 })
	within(t, "death seen", time.Since(start), 15*time.Second)
}

// TestICERestartAfterRebind: who moves to another network and restarts ICE is back soon, whether they send or receive.
func TestICERestartAfterRebind(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{})
	for _, mover := range []string{"viewer", "publisher"} {
		t.Run(mover, func(t *testing.T) {
			t.Parallel()
			gaps := reception.New(reception.Config{})
			paths := map[string]*link.Conn{}
			for _, who := range []string{"viewer", "publisher"} {
				paths[who] = sfutest.Path(t, link.Config{}, link.Config{})
			}
			alice := srv.Join(t, mover, "alice", sfutest.Publishing(sfutest.Camera()), sfutest.Over(paths["publisher"]))
			bob := srv.Join(t, mover, "bob", sfutest.Over(paths["viewer"]), receivingWith(gaps))
			moving := map[string]*client.Client{"viewer": bob, "publisher": alice}[mover]
			sfutest.Eventually(t, "a picture", func() bool { return sfutest.Video(bob).Frames > 10 })
			gaps.ResetGaps()
			if err := paths[mover].Rebind(); err != nil {
				t.Fatal(err)
			}
			if err := moving.RestartICE(sfutest.Context(t)); err != nil {
				t.Fatal(err)
			}
			before := sfutest.Video(bob).Frames
			sfutest.Eventually(t, "frames at the new address", func() bool { return sfutest.Video(bob).Frames > before+30 })
			within(t, "longest time without video", longestGap(bob, true), 3*time.Second)
			if s := sfutest.Video(bob); s.Damaged+s.Foreign+s.Unstamped != 0 {
				t.Errorf("damaged %d, foreign %d, unstamped %d", s.Damaged, s.Foreign, s.Unstamped)
			}
		})
	}
}
