package sfutest

import (
	"context"
	"net"
	"testing"
	"time"

	"sfu/pkg/client"
	"sfu/pkg/link"
	"sfu/pkg/reception"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/synthetic"
)

// Patience is the deadline of everything that is waited for.
const Patience = 30 * time.Second

// An Option changes how someone joins.
type Option func(*client.Options)

// Publishing publishes from the beginning.
func Publishing(what ...client.Publish) Option {
	return func(o *client.Options) { o.Publish = append(o.Publish, what...) }
}

// Slots receives count participants at first; client.NoSlots receives nothing.
func Slots(count int) Option { return func(o *client.Options) { o.Slots = count } }

// Token joins with a token.
func Token(token string) Option { return func(o *client.Options) { o.Token = token } }

// Over sends and receives media through a path, see Path.
func Over(path *link.Conn) Option {
	return func(o *client.Options) { o.Listen = func() (net.PacketConn, error) { return path, nil } }
}

// TCP uses ICE-TCP.
func TCP(o *client.Options) { o.TCP = true }

// Manual subscribes to nothing by itself.
func Manual(o *client.Options) { o.Manual = true }

// Path returns a path with links to and from the server, for Over. Who joins over it closes it.
func Path(t testing.TB, up, down link.Config) *link.Conn {
	t.Helper()
	path, err := link.ListenUDP("127.0.0.1:0", up, down, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = path.Close() })
	return path
}

// Camera is a VP8 camera of 640x360 at 600 kbit/s in one encoding.
func Camera() client.Publish {
	return client.Publish{Source: protocol.Camera, Track: synthetic.Camera(600_000, 360, 30)}
}

// Simulcast is a VP8 camera of 1280x720 in three encodings, q, h and f, of 1.5 Mbit/s together.
func Simulcast() client.Publish {
	return client.Publish{Source: protocol.Camera, Track: synthetic.Simulcast(1_500_000, 30)}
}

// Microphone is Opus at 32 kbit/s.
func Microphone() client.Publish {
	return client.Publish{Source: protocol.Microphone, Track: synthetic.Microphone()}
}

// Screen is a shared screen of 1920x1080 at 5 frames per second.
func Screen() client.Publish {
	return client.Publish{Source: protocol.Screen, Track: synthetic.Camera(800_000, 1080, 5)}
}

// Join puts name into a room. The client is closed when the test ends, if it is not before.
func (s *Server) Join(t testing.TB, room, name string, opts ...Option) *client.Client {
	t.Helper()
	c, err := s.TryJoin(t, room, name, opts...)
	if err != nil {
		t.Fatalf("%s joins %s: %v", name, room, err)
	}
	return c
}

// TryJoin is Join where a refusal is expected.
func (s *Server) TryJoin(t testing.TB, room, name string, opts ...Option) (*client.Client, error) {
	t.Helper()
	o := client.Options{Name: name}
	for _, change := range opts {
		change(&o)
	}
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	c, err := client.Join(ctx, s.URL, room, o)
	if err == nil {
		t.Cleanup(func() { _ = c.Close() }) // how it ended is the test's business
	}
	return c, err
}

// Context lasts for Patience, or to the end of the test.
func Context(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	t.Cleanup(cancel)
	return ctx
}

// Await waits until c knows of the room what ok asks for.
func Await(t testing.TB, c *client.Client, what string, ok func(*client.State) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Patience)
	defer cancel()
	if err := c.Await(ctx, ok); err != nil {
		t.Fatalf("still not: %s: %v\n%+v", what, err, c.State())
	}
}

// Eventually waits until ok says yes. It looks every 10 ms: packets announce themselves to nobody.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(Patience)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("still not: %s", what)
		}
	}
}

// Video and Audio return what arrived on the line of that kind which got the most packets.
func Video(c *client.Client) reception.Stats { return busiest(c, true) }

// Audio is Video for sound.
func Audio(c *client.Client) reception.Stats { return busiest(c, false) }

func busiest(c *client.Client, video bool) reception.Stats {
	var most reception.Stats
	for _, s := range c.Received() {
		if s.Video == video && s.Packets >= most.Packets {
			most = s
		}
	}
	return most
}
