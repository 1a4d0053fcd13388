package sfutest_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sfu/pkg/client"
	"sfu/pkg/sfutest"
	"sfu/pkg/signaling"
	"sfu/pkg/signaling/protocol"
)

// rejoining comes back by itself.
func rejoining(o *client.Options) { o.Rejoin = sfutest.Patience }

// A party are people who all send sound and a picture and see each other.
type party struct {
	t       testing.TB
	names   []string
	clients []*client.Client
	// sounds and pictures are the numbers of each one's publishers.
	sounds, pictures []uint64
}

func meet(t testing.TB, srv *sfutest.Server, count int, opts ...sfutest.Option) *party {
	t.Helper()
	p := &party{t: t}
	for i := range count {
		name := fmt.Sprint("p", i)
		c := srv.Join(t, "kitchen", name, append(opts, rejoining, sfutest.Slots(1), sfutest.Publishing(sfutest.Microphone(), sfutest.Camera()))...)
		p.names, p.clients = append(p.names, name), append(p.clients, c)
		pubs := c.Publications()
		p.sounds = append(p.sounds, pubs[0].Player().Track().Publisher)
		p.pictures = append(p.pictures, pubs[1].Player().Track().Publisher)
	}
	p.flowsSince(time.Time{})
	return p
}

// flowsSince waits until everyone has got sound and picture of everyone else that came after a moment.
func (p *party) flowsSince(moment time.Time) {
	p.t.Helper()
	for i, c := range p.clients {
		for j := range p.clients {
			for _, id := range []uint64{p.sounds[j], p.pictures[j]} {
				if i == j {
					continue
				}
				sfutest.Eventually(p.t, fmt.Sprintf("%s gets %s", p.names[i], p.names[j]), func() bool {
					from, ok := c.From(id)
					return ok && from.Packets > 5 && from.Last.After(moment)
				})
			}
		}
	}
}

// back waits until everyone has joined anew and knows everyone, each once, and gets everything.
func (p *party) back(rejoins int) {
	p.t.Helper()
	for i, c := range p.clients {
		sfutest.Await(p.t, c, p.names[i]+" is back among all", func(s *client.State) bool {
			return s.Online && s.Rejoins >= rejoins && slices.Equal(names(s), p.names)
		})
		if s := c.State(); s.Rejoins != rejoins {
			p.t.Errorf("%s joined anew %d times, not %d", p.names[i], s.Rejoins, rejoins)
		}
	}
	p.flowsSince(time.Now())
}

func names(s *client.State) []string {
	var all []string
	for _, m := range s.Participants {
		all = append(all, m.Name)
	}
	slices.Sort(all)
	return all
}

// gaps returns the longest time without a picture that anyone had of anyone, and what was missing of it.
func (p *party) gaps() (longest time.Duration, missing uint64) {
	for i, c := range p.clients {
		for j, id := range p.pictures {
			if from, ok := c.From(id); ok && i != j && from.LongestGap > longest {
				longest, missing = from.LongestGap, from.MissingInGap
			}
		}
	}
	return longest, missing
}

func TestEveryoneFollowsARoomThatMoves(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{})
	p := meet(t, srv, 3)
	selves := map[string]bool{}
	for _, c := range p.clients {
		selves[c.Self()] = true
	}
	for round := 1; round <= 2; round++ {
		sent := p.clients[0].Publications()[1].Player().Stats()[0].Packets
		// From here to here: the room is free as soon as everyone is told.
		if n := srv.Signals.Move("kitchen", 300*time.Millisecond); n != 3 {
			t.Errorf("%d were told", n)
		}
		p.back(round)
		if again := p.clients[0].Publications()[1].Player().Stats()[0].Packets; again <= sent {
			t.Errorf("the stamps began anew: %d after %d", again, sent)
		}
	}
	for _, c := range p.clients {
		if selves[c.Self()] {
			t.Errorf("%s is an id of before", c.Self())
		}
	}
	if n := srv.Rooms.Participants("kitchen"); n != 3 {
		t.Errorf("%d are in the room", n)
	}
	gap, missing := p.gaps()
	t.Logf("longest time without a picture %v, %d packets of it were sent and did not arrive", gap, missing)
	if gap <= 0 || gap > sfutest.Patience {
		t.Errorf("a gap of %v", gap)
	}
}

func TestWhatIsMutedAndWhatIsEndedStaysSoOverARejoin(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{})
	p := meet(t, srv, 2)
	ctx := sfutest.Context(t)
	ann, bob := p.clients[0], p.clients[1]
	sound, picture := ann.Publications()[0], ann.Publications()[1]
	if err := sound.Mute(ctx, true); err != nil {
		t.Fatal(err)
	}
	if err := picture.Unpublish(ctx); err != nil {
		t.Fatal(err)
	}
	do(t, bob, protocol.Say{Body: "hello"})
	srv.Signals.MoveNow("kitchen")
	for _, c := range p.clients {
		sfutest.Await(t, c, "both are back", func(s *client.State) bool { return s.Online && s.Rejoins == 1 && len(s.Participants) == 2 })
	}
	if id := picture.Track(); id != "" && hasTrack(ann, id) {
		t.Errorf("the picture that was ended is published as %s", id)
	}
	if err := sound.Mute(ctx, false); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	sfutest.Eventually(t, "the sound is heard again", func() bool { from, _ := bob.From(p.sounds[0]); return from.Last.After(now) })
	if from, _ := bob.From(p.pictures[0]); from.Last.After(now) {
		t.Error("the picture that was ended is sent")
	}
	if err := picture.Republish(ctx, protocol.Camera); err != nil {
		t.Fatal(err)
	}
	sfutest.Eventually(t, "the picture is back", func() bool { from, _ := bob.From(p.pictures[0]); return from.Last.After(now) })
}

func hasTrack(c *client.Client, id string) bool {
	s := c.State()
	_, ok := s.Track(id)
	return ok
}

// TestASeatThatIsLostWithItsServer has everyone find another server at the address of the one that was there.
func TestASeatThatIsLostWithItsServer(t *testing.T) {
	first, second := sfutest.Start(t, sfutest.Options{}), sfutest.Start(t, sfutest.Options{})
	var address atomic.Value
	address.Store(strings.TrimPrefix(first.URL, "http://"))
	p := meet(t, first, 2, func(o *client.Options) {
		o.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, address.Load().(string))
		}
	})
	address.Store(strings.TrimPrefix(second.URL, "http://"))
	for _, c := range p.clients {
		c.CutSocket(0, false)
	}
	p.back(1)
	if n := second.Rooms.Participants("kitchen"); n != 2 {
		t.Errorf("%d are in the room", n)
	}
}

// A stall is a network whose connections stop to carry anything to the client, without a word.
type stall struct {
	mu    sync.Mutex
	conns []*stallable
}

type stallable struct {
	net.Conn
	stalled, closed chan struct{}
	closing         sync.Once
}

func (s *stall) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &stallable{Conn: conn, stalled: make(chan struct{}), closed: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns = append(s.conns, c)
	return c, nil
}

// now stalls every connection there is.
func (s *stall) now() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		close(c.stalled)
	}
	s.conns = nil
}

func (c *stallable) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	select {
	case <-c.stalled:
		<-c.closed
		return 0, net.ErrClosed
	default:
		return n, err
	}
}

func (c *stallable) Close() error {
	c.closing.Do(func() { close(c.closed) })
	return c.Conn.Close()
}

func TestASilentServerIsFoundOutByItsSilence(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{})
	network := &stall{}
	ann := srv.Join(t, "kitchen", "ann", rejoining, func(o *client.Options) { o.DialContext = network.dial })
	bob := srv.Join(t, "kitchen", "bob", rejoining, sfutest.Publishing(sfutest.Microphone()))
	id := bob.Publications()[0].Player().Track().Publisher
	sfutest.Eventually(t, "ann hears bob", func() bool { from, _ := ann.From(id); return from.Packets > 5 })
	// Neither an answer nor the sound that should come.
	bob.Publications()[0].Player().SetAllActive(false)
	network.now()
	sfutest.Await(t, ann, "the session is resumed on another socket", func(s *client.State) bool { return s.Online && s.Resumed == 1 })
	if s := ann.State(); s.Rejoins != 0 {
		t.Error("a session that could be resumed was given up")
	}
}

// A gate is a Locator that refuses a room for a while.
type gate struct{ refusals atomic.Int32 }

func (g *gate) Locate(context.Context, string) (signaling.Location, error) {
	if g.refusals.Add(-1) >= 0 {
		return signaling.Location{}, protocol.RoomUnavailable.Refuse()
	}
	return signaling.Location{}, nil
}

func (g *gate) Find(ctx context.Context, room string) (signaling.Location, error) {
	return g.Locate(ctx, room)
}

func TestARoomThatIsUnavailableIsTriedAgain(t *testing.T) {
	g := &gate{}
	srv := sfutest.Start(t, sfutest.Options{Signaling: signaling.Options{Locator: g}})
	p := meet(t, srv, 2)
	g.refusals.Store(3)
	srv.Signals.MoveNow("kitchen")
	p.back(1)
	if left := g.refusals.Load(); left >= 0 {
		t.Errorf("%d refusals were not met", left+1)
	}
}

func TestWhoLeavesDoesNotComeBack(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{})
	ann, bob := srv.Join(t, "kitchen", "ann", rejoining), srv.Join(t, "kitchen", "bob", rejoining)
	if err := bob.Leave(sfutest.Context(t)); err != nil {
		t.Error(err)
	}
	sfutest.Await(t, ann, "bob is gone", func(s *client.State) bool { return slices.Equal(names(s), []string{"ann"}) })
	if s := bob.State(); s.Rejoins != 0 {
		t.Errorf("bob joined anew %d times", s.Rejoins)
	}
}
