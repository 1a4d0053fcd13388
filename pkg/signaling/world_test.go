package signaling

import (
	"context"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sfu/pkg/signaling/protocol"
)

// A world is a server with fakes around it and no network. Tests run it in a synctest bubble.
type world struct {
	t      testing.TB
	server *Server
	rooms  *fakeRooms
	dialer *fakeDialer
	tokens *fakeTokens
	log    *logBook
}

func newWorld(t testing.TB, opts Options) *world {
	t.Helper()
	w := &world{t: t, rooms: newFakeRooms(), dialer: &fakeDialer{}, tokens: &fakeTokens{open: true}, log: &logBook{}}
	var err error
	w.server, err = newServer(w.rooms, w.dialer.dial, w.tokens, opts, w.log.logger(), defaultTiming)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// end ends the server and checks that nothing is left.
func (w *world) end() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := w.server.Drain(ctx); err != nil {
		w.t.Error(err)
	}
	if !w.dialer.allClosed() {
		w.t.Error("a connection was not closed")
	}
	for _, c := range w.dialer.conns {
		if c.overlaps > 0 {
			w.t.Error("two calls of Answer overlapped")
		}
	}
}

// inBubble runs f with a world of its own whose clock stands still unless everybody waits.
func inBubble(t *testing.T, opts Options, f func(t *testing.T, w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, opts)
		f(t, w)
		w.end()
	})
}

// logBook keeps what is logged.
type logBook struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logBook) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelInfo}))
}

// A memoryLink is a socket without a network.
type memoryLink struct {
	in   chan protocol.Request
	gone chan struct{}

	mu     sync.Mutex
	frames [][]byte
	end    *ending
	cut    bool
}

func newMemoryLink() *memoryLink {
	return &memoryLink{in: make(chan protocol.Request), gone: make(chan struct{})}
}

func (l *memoryLink) send(frame []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end == nil {
		l.frames = append(l.frames, frame)
	}
}

func (l *memoryLink) shut(e ending, last ...[]byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end == nil {
		l.frames = append(l.frames, last...)
		l.end = &e
		l.close()
	}
}

func (l *memoryLink) requests() <-chan protocol.Request { return l.in }
func (l *memoryLink) lost() <-chan struct{}             { return l.gone }

// close needs l.mu.
func (l *memoryLink) close() {
	if !l.cut {
		l.cut = true
		close(l.gone)
	}
}

// lose cuts the socket off.
func (l *memoryLink) lose() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.close()
}

func (l *memoryLink) ending() ending {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.end == nil {
		return ending{}
	}
	return *l.end
}

func (l *memoryLink) take() [][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	frames := l.frames
	l.frames = nil
	return frames
}

// A client acts in a world.
type client struct {
	t       testing.TB
	w       *world
	room    string
	link    *memoryLink
	id      uint64
	session string
	self    string
	sess    *session
	events  []protocol.ServerMessage
}

// memoryVisitor is who opens the sockets of a world.
func memoryVisitor(room string) visitor {
	return visitor{room: room, from: netip.MustParseAddr("192.0.2.1"), began: time.Now()}
}

// join enters with one offer per SDP, under the names pc0, pc1 and so on, and shows that the answer has come, as the socket's pong does.
func (w *world) join(room string, j protocol.Join) *client {
	w.t.Helper()
	c := w.joinUnheard(room, j)
	c.sess.inbox.post(heardBy{c.link})
	synctest.Wait()
	return c
}

// joinUnheard enters, and nothing shows that the answer has come.
func (w *world) joinUnheard(room string, j protocol.Join) *client {
	w.t.Helper()
	c, m := w.tryJoin(room, j)
	joined, ok := m.(protocol.Joined)
	if !ok {
		w.t.Fatalf("join was answered with %#v", m)
	}
	c.session, c.self = joined.Session, joined.Self
	return c
}

// tryJoin enters and returns the answer, which may be an error.
func (w *world) tryJoin(room string, j protocol.Join) (*client, protocol.ServerMessage) {
	w.t.Helper()
	c := &client{t: w.t, w: w, room: room, link: newMemoryLink(), id: 1}
	return c, c.greet(j)
}

// resume opens another socket for a session.
func (c *client) resume(session string) protocol.ServerMessage {
	c.link, c.events = newMemoryLink(), nil
	m := c.greet(protocol.Resume{Session: session})
	if joined, ok := m.(protocol.Joined); ok {
		c.session = joined.Session
	}
	return m
}

// greet sends a first message and returns the answer.
func (c *client) greet(body protocol.ClientMessage) protocol.ServerMessage {
	c.t.Helper()
	c.id++
	sess, err := c.w.server.greet(context.Background(), c.link, memoryVisitor(c.room), protocol.Request{ID: c.id, Body: body})
	if err != nil {
		refusal, _ := refusalOf(err, time.Now())
		c.link.shut(endingOf(refusal.Code)) // as the socket does
		return *refusal
	}
	c.sess = sess
	synctest.Wait()
	return c.reply(c.id)
}

// ask sends a request and returns its answer, nil where there is none yet.
func (c *client) ask(body protocol.ClientMessage) protocol.ServerMessage {
	c.t.Helper()
	id := c.send(body)
	synctest.Wait()
	return c.reply(id)
}

func (c *client) send(body protocol.ClientMessage) (id uint64) {
	c.t.Helper()
	c.id++
	select {
	case c.link.in <- protocol.Request{ID: c.id, Body: body}:
	case <-c.link.gone:
		c.t.Fatalf("the socket ended before %s was sent", body.Type())
	}
	return c.id
}

// reply reads what has come and returns the answer to re. Events are kept for next.
func (c *client) reply(re uint64) (answer protocol.ServerMessage) {
	c.t.Helper()
	for _, frame := range c.link.take() {
		n, m, err := protocol.DecodeServer(frame)
		switch {
		case err != nil:
			c.t.Fatal(err)
		case n == re && re != 0:
			answer = m
		case n != 0:
			c.t.Errorf("answer to %d came while %d was awaited: %#v", n, re, m)
		default:
			c.events = append(c.events, m)
		}
	}
	return answer
}

// heard takes the events of type T that have come.
func heardOf[T protocol.ServerMessage](c *client) (out []T) {
	synctest.Wait()
	c.reply(0)
	var rest []protocol.ServerMessage
	for _, m := range c.events {
		if t, ok := m.(T); ok {
			out = append(out, t)
		} else {
			rest = append(rest, m)
		}
	}
	c.events = rest
	return out
}

// mustOK asks for something that has to work.
func (c *client) mustOK(body protocol.ClientMessage) {
	c.t.Helper()
	if m := c.ask(body); m != (protocol.OK{}) {
		c.t.Fatalf("%s was answered with %#v", body.Type(), m)
	}
}

// refused asks for something and returns the code with which it is refused.
func (c *client) refused(body protocol.ClientMessage) protocol.Code {
	c.t.Helper()
	m := c.ask(body)
	e, ok := m.(protocol.Error)
	if !ok {
		c.t.Fatalf("%s was answered with %#v", body.Type(), m)
	}
	if e.Message == "" {
		c.t.Errorf("%s has no sentence", e.Code)
	}
	return e.Code
}

// camera is an offer of someone who sends a microphone and a camera and has one slot.
func camera() protocol.Offer {
	return protocol.Offer{PC: "main", N: 1, SDP: "send 0 audio\nsend 1 video\nslot 2 3", Tracks: map[string]protocol.Publication{
		"0": {Source: protocol.Microphone}, "1": {Source: protocol.Camera},
	}}
}

// viewer is an offer of someone who only watches, with one slot.
func viewer() protocol.Offer { return protocol.Offer{PC: "main", N: 1, SDP: "slot 0 1"} }

// with returns a join with offers.
func with(name string, offers ...protocol.Offer) protocol.Join {
	return protocol.Join{Name: name, Offers: offers}
}
