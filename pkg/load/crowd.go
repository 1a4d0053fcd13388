package load

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"time"

	"sfu/pkg/client"
	"sfu/pkg/link"
	"sfu/pkg/reception"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/synthetic"
)

// A session is one participant, as far as measuring is concerned.
type session interface {
	Times() client.Times
	Publications() []*client.Publication
	Received() []reception.Stats
	Close() error
}

// A crowd is everyone who has joined.
type crowd struct {
	cfg      Config
	loopback bool // the server is on it
	// from are the own addresses, towards a server on loopback empty.
	from    []netip.Addr
	info    map[string]*protocol.RoomInfo
	sockets *sockets

	mu         sync.Mutex
	members    []member
	failed     int
	firstError error
}

// A role is what a participant does.
type role int

const (
	publisher role = iota
	viewer
	silent
)

// A member is who has joined.
type member struct {
	session
	role role
}

func newCrowd(cfg Config, sockets *sockets) *crowd {
	c := &crowd{cfg: cfg, info: map[string]*protocol.RoomInfo{}, sockets: sockets, from: cfg.From}
	if at, err := url.Parse(cfg.URL); err == nil && len(cfg.From) == 0 {
		host, err := netip.ParseAddr(at.Hostname())
		c.loopback = err == nil && host.IsLoopback() && host.Is4()
	}
	return c
}

// perAddress is how many participants come from one loopback address.
const perAddress = 20

// pageBitrate is what the page's camera would take, in bits per second, if it were not muted.
const pageBitrate = 2_500_000

// mostJoins is how many joins may be under way.
const mostJoins = 64

// ask gets the rooms' information, once for all participants of a room, and the way to the server.
func (c *crowd) ask(ctx context.Context) error {
	if !c.loopback && len(c.from) == 0 {
		facing, err := client.Facing(ctx, c.cfg.URL)
		if err != nil {
			return err
		}
		c.from = []netip.Addr{facing}
	}
	for i := range c.cfg.Rooms {
		name := c.cfg.room(i)
		info, err := client.Info(ctx, c.cfg.URL, name, c.cfg.Token)
		if err != nil {
			return err
		}
		c.info[name] = info
	}
	return nil
}

// places is where the participants of one role begin in the numbering of all, and how many there are in a room.
func (c *crowd) places(r role) (first, count int) {
	switch r {
	case publisher:
		return 0, c.cfg.Publishers
	case viewer:
		return c.cfg.Rooms * c.cfg.Publishers, c.cfg.Viewers
	}
	return c.cfg.Rooms * (c.cfg.Publishers + c.cfg.Viewers), c.cfg.Silent
}

// join lets all who have a role in, at the join rate, and waits for them.
func (c *crowd) join(ctx context.Context, r role) {
	first, count := c.places(r)
	gap := time.Duration(float64(time.Second) / c.cfg.JoinRate)
	ticker := time.NewTicker(gap)
	defer ticker.Stop()
	var joining sync.WaitGroup
	defer joining.Wait()
	places := make(chan struct{}, mostJoins)
	for i := range count * c.cfg.Rooms {
		select {
		case places <- struct{}{}:
		case <-ctx.Done():
			return
		}
		joining.Go(func() {
			defer func() { <-places }()
			c.enter(ctx, c.cfg.room(i%c.cfg.Rooms), first+i, r)
		})
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// enter lets one participant in.
func (c *crowd) enter(ctx context.Context, room string, number int, r role) {
	s, err := client.Join(ctx, c.cfg.URL, room, c.options(room, number, r))
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case err == nil:
		c.members = append(c.members, member{s, r})
	case ctx.Err() != nil: // interrupted
	default:
		c.failed++
		if c.firstError == nil {
			c.firstError = err
		}
	}
}

func (c *crowd) options(room string, number int, r role) client.Options {
	o := client.Options{
		Name: fmt.Sprintf("load %d", number), Token: c.cfg.Token, Info: c.info[room], NoGrow: true,
		Slots: c.cfg.slots(), Reception: reception.Config{Sample: c.cfg.Sample}, Pacing: c.cfg.Pacing, SlowCipher: c.cfg.SlowCipher,
	}
	switch {
	case r == publisher:
		o.Publish = c.tracks()
		if !c.cfg.Watch {
			o.Slots = client.NoSlots
		}
	case r == silent && c.cfg.Page:
		o.Slots = 0 // the server's advice
		o.Publish = []client.Publish{
			{Source: protocol.Microphone, Track: synthetic.Microphone(), Muted: true},
			{Source: protocol.Camera, Track: synthetic.Simulcast(pageBitrate, 30), Muted: true},
		}
	case r == silent:
		o.Slots = client.NoSlots
		o.Publish = []client.Publish{{Source: protocol.Microphone, Track: synthetic.Microphone(), Muted: true}}
	}
	local := c.address(number)
	if c.loopback || len(c.cfg.From) > 0 {
		o.DialContext = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: local.AsSlice(), Zone: local.Zone()}}).DialContext
	}
	o.Listen = func() (net.PacketConn, error) { return c.sockets.listen(local) }
	if c.cfg.Impaired && r != publisher {
		o.Listen = c.impaired(local, uint64(number))
	}
	return o
}

// address is where participant number comes from. Towards a server on loopback it is one of 127.0.0.0/8.
func (c *crowd) address(number int) netip.Addr {
	if !c.loopback {
		return c.from[number%len(c.from)]
	}
	block := 1 + number/perAddress
	return netip.AddrFrom4([4]byte{127, 0, byte(block >> 8), byte(block)})
}

func (c *crowd) impaired(local netip.Addr, seed uint64) func() (net.PacketConn, error) {
	at := netip.AddrPortFrom(local, 0).String()
	return func() (net.PacketConn, error) { return link.ListenUDP(at, c.cfg.Up, c.cfg.Down, seed) }
}

// tracks are what one publisher sends.
func (c *crowd) tracks() []client.Publish {
	var all []client.Publish
	if c.cfg.Audio {
		all = append(all, client.Publish{Source: protocol.Microphone, Track: synthetic.Microphone()})
	}
	if c.cfg.Bitrate == 0 {
		return all
	}
	track := synthetic.Camera(c.cfg.Bitrate, 720, c.cfg.FPS)
	if c.cfg.Simulcast {
		track = synthetic.Simulcast(c.cfg.Bitrate, c.cfg.FPS)
	}
	track.Codec = c.cfg.Codec
	return append(all, client.Publish{Source: protocol.Camera, Track: track})
}

// joinTimes are how long those who do not publish took, or if there are none of them those who do, from the start of their join: to the
// answer, until media could flow, to the first packet.
func (c *crowd) joinTimes() (answered, connected, media reception.Histogram) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.members {
		if m.role == publisher && c.cfg.Viewers+c.cfg.Silent > 0 {
			continue
		}
		times := m.Times()
		answered.Add(times.Joined.Sub(times.Started))
		connected.Add(times.Connected.Sub(times.Started))
		if first := firstPacket(m); m.role == viewer && !first.IsZero() {
			media.Add(first.Sub(times.Started))
		}
	}
	return answered, connected, media
}

// setBitrate changes the bitrate of everyone's video, in bits per second.
func (c *crowd) setBitrate(bitrate int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, m := range c.members {
		if m.role != publisher {
			continue
		}
		for _, p := range m.Publications() {
			if player := p.Player(); player.Track().Codec.Video() {
				player.SetBitrate(bitrate)
			}
		}
	}
}

// firstPacket is when s got its first, zero when it has none.
func firstPacket(s session) time.Time {
	var first time.Time
	for _, line := range s.Received() {
		if !line.First.IsZero() && (first.IsZero() || line.First.Before(first)) {
			first = line.First
		}
	}
	return first
}

// receiving is who is to be counted.
func (c *crowd) receiving() []session {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []session
	for _, m := range c.members {
		if m.role == viewer || m.role == publisher && c.cfg.Watch {
			all = append(all, m)
		}
	}
	return all
}

// ready returns how many are in with media that can flow.
func (c *crowd) ready() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, m := range c.members {
		if !m.Times().Connected.IsZero() {
			n++
		}
	}
	return n
}

// joined returns how many have joined and how many could not, and why the first could not.
func (c *crowd) joined() (joined, failed int, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.members), c.failed, c.firstError
}

// close lets everyone go, some at a time.
func (c *crowd) close() {
	var closing sync.WaitGroup
	defer closing.Wait()
	places := make(chan struct{}, mostJoins)
	for _, m := range c.members {
		places <- struct{}{}
		closing.Go(func() {
			defer func() { <-places }()
			_ = m.Close() // how it ended was counted before
		})
	}
}
