package client

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/pion/webrtc/v4"

	"sfu/pkg/reception"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/synthetic"
)

// Errors of a Client, beside *protocol.Error for what the server refuses.
var (
	// ErrSocketLost: the socket was lost before the answer came. The request may or may not have been carried out.
	ErrSocketLost = errors.New("the socket was lost")
	// ErrClosed: the Client is closed or out of the room.
	ErrClosed = errors.New("the client is closed")
)

// Times are moments of joining, zero for what has not happened.
type Times struct {
	// Started is when Join was called, Joined when the answer was applied, Connected when media could flow.
	Started, Joined, Connected time.Time
}

// A Client is a participant of a room.
type Client struct {
	base       string // the server's address
	roomName   string
	opts       Options
	source     *synthetic.Source
	peer       *peer // changed on the goroutine of run with negotiation.mu held
	stopped    *peer // that of before, while there is no other; of the goroutine of run
	offers     negotiation
	line       line
	room       room
	media      connection
	background sync.WaitGroup // what run waits for in the end
	// life ends with Close.
	life context.Context
	end  context.CancelFunc
	done chan struct{}

	mu              sync.Mutex
	info            protocol.RoomInfo
	session         string // the secret
	started, joined time.Time
	err             error
}

// Join enters the room of that name on the server at base, such as "http://127.0.0.1:8080". A refusal is a *protocol.Error. The Client must be closed.
func Join(ctx context.Context, base, name string, opts Options) (*Client, error) {
	c := &Client{
		base: base, roomName: name, opts: opts.withDefaults(), done: make(chan struct{}), started: time.Now(),
		room: room{state: newState(), changed: make(chan struct{})},
	}
	if !c.opts.NoRestart {
		c.media.restart = c.restartICE
	}
	c.life, c.end = context.WithCancel(context.Background())
	c.source = synthetic.NewSource(opts.Name, nil)
	if err := c.join(ctx); err != nil {
		return nil, errors.Join(err, c.abandon())
	}
	if c.opts.Rejoin > 0 {
		c.background.Go(c.watch)
	}
	go c.run()
	return c, nil
}

func (c *Client) join(ctx context.Context) error {
	info := c.opts.Info
	if info == nil {
		var err error
		if info, err = c.opts.info(ctx, c.base, c.roomName); err != nil {
			return err
		}
	}
	c.info = *info
	if err := c.openPeer(ctx, nil); err != nil {
		return err
	}
	offer, err := c.firstOffer()
	if err != nil {
		return err
	}
	if err := c.redial(ctx); err != nil {
		return err
	}
	if err := c.greet(ctx, offer); err != nil {
		return err
	}
	c.offers.joined(c)
	return nil
}

// greet says join on a new socket and takes the answer.
func (c *Client) greet(ctx context.Context, offer *protocol.Offer) error {
	joined, err := c.line.hello(ctx, c.joinMessage(offer))
	if err != nil {
		return err
	}
	switch {
	case len(joined.Answers) > 0:
		// First, so that who sees the State change finds the publications named.
		if err := c.offers.answered(c.peer, joined.Answers[0]); err != nil {
			return fmt.Errorf("join: %w", err)
		}
	case offer != nil:
		return errors.New("join: the server does not answer the offer")
	}
	c.enter(joined)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.joined.IsZero() {
		c.joined = time.Now()
	}
	return nil
}

func (c *Client) joinMessage(offer *protocol.Offer) protocol.Join {
	m := protocol.Join{
		Token: c.opts.Token, Name: c.opts.Name, Subscribe: protocol.SubscribeAuto, Client: &protocol.Client{Name: "sfu/pkg/client"},
	}
	if c.opts.Manual {
		m.Subscribe = protocol.SubscribeManual
	}
	if offer != nil {
		m.Offers = []protocol.Offer{*offer}
	}
	return m
}

// openPeer makes the PeerConnection with its first m-lines: those of before, where there is one, which is stopped already.
func (c *Client) openPeer(ctx context.Context, before *peer) error {
	generation, info := c.media.begin(), c.Info()
	cfg := peerConfig{
		codecs: c.opts.VideoCodecs, servers: info.ICEServers, receiver: c.opts.Receiver, source: c.source,
		pacing: c.opts.Pacing, slowCipher: c.opts.SlowCipher, logs: pionLogs{c.opts.Log},
		changed: func(s webrtc.PeerConnectionState) { c.mediaChanged(generation, s) },
		tries:   c.opts.Tries, relayOnly: c.opts.RelayOnly,
	}
	if c.opts.TCP {
		if c.opts.Receiver.Samples() {
			return errors.New("join: packets can be sampled on UDP only")
		}
	} else {
		socket, err := c.listen(ctx)
		if err != nil {
			return err
		}
		cfg.socket = socket
	}
	p, err := newPeer(cfg)
	if err != nil {
		return fmt.Errorf("join: %w", err)
	}
	err = c.offers.begin(func() error {
		c.peer = p
		if before != nil {
			return p.follow(before)
		}
		return nil
	})
	if before != nil || err != nil {
		return err
	}
	for _, what := range c.opts.Publish {
		if _, err := p.publish(what); err != nil {
			return fmt.Errorf("join: %w", err)
		}
	}
	slots := c.opts.Slots
	if slots == 0 {
		slots = info.Limits.SlotsFirst
	}
	return p.addSlots(max(slots, 0))
}

// readBufferBytes holds what comes while the process waits for a processor: what is lost is to be lost on the way.
const readBufferBytes = 4 << 20

func (c *Client) listen(ctx context.Context) (net.PacketConn, error) {
	if c.opts.Listen != nil {
		socket, err := c.opts.Listen()
		if err != nil {
			return nil, fmt.Errorf("open the media socket: %w", err)
		}
		return socket, nil
	}
	local, err := Facing(ctx, c.base)
	if err != nil {
		return nil, err
	}
	return ListenMedia(local)
}

// ListenMedia opens a UDP socket on a free port of local, for Options.Listen.
func ListenMedia(local netip.Addr) (net.PacketConn, error) {
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: local.AsSlice(), Zone: local.Zone()})
	if err != nil {
		return nil, fmt.Errorf("open the media socket: %w", err)
	}
	_ = socket.SetReadBuffer(readBufferBytes) // a system that gives less is no reason to fail
	return socket, nil
}

// enter takes the snapshot of a join or a resume.
func (c *Client) enter(joined protocol.Joined) {
	c.mu.Lock()
	c.session = joined.Session
	c.mu.Unlock()
	c.line.opened() // before anybody can see that the room was entered
	c.room.change(func(s *State) { s.apply(joined) })
	if c.opts.OnMessage != nil {
		c.opts.OnMessage(joined)
	}
}

// mediaChanged is told how far a PeerConnection is, by a goroutine of pion.
func (c *Client) mediaChanged(generation int, s webrtc.PeerConnectionState) {
	if c.media.changed(generation, s) {
		c.room.change(func(*State) {})
	}
}

// restartICE begins a restart because the path is lost.
func (c *Client) restartICE() {
	c.offers.do(c, change{restart: true, done: func(_ protocol.Answer, err error) {
		if err != nil && !errors.Is(err, ErrClosed) {
			c.opts.Log.Debug("restart ICE", "error", err)
		}
	}})
}

// State returns what is known of the room.
func (c *Client) State() State { return c.room.snapshot() }

// Await waits until ok says yes to the State, which it must neither change nor keep; nor may it use the Client. It is asked after every change.
func (c *Client) Await(ctx context.Context, ok func(*State) bool) error {
	met, err := c.room.await(ctx, c.done, ok)
	if met || err != nil {
		return err
	}
	return errors.Join(ErrClosed, c.Err())
}

// Self is the participant's own id.
func (c *Client) Self() string { return c.room.self() }

// Info is what the server told before the last join.
func (c *Client) Info() protocol.RoomInfo {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.info
}

// Times returns how joining went.
func (c *Client) Times() Times {
	_, connected := c.media.connected()
	c.mu.Lock()
	defer c.mu.Unlock()
	return Times{Started: c.started, Joined: c.joined, Connected: connected}
}

// Connected reports whether media can flow.
func (c *Client) Connected() bool {
	now, _ := c.media.connected()
	return now
}

// Received returns what arrived on each m-line.
func (c *Client) Received() []reception.Stats { return c.opts.Receiver.Stats() }

// ReceivedOf returns what arrived on the m-line that carries track now.
func (c *Client) ReceivedOf(track string) (reception.Stats, bool) {
	if place, ok := c.room.placeOf(track); ok {
		for _, s := range c.opts.Receiver.Stats() {
			if s.MID == place.MID {
				return s, true
			}
		}
	}
	return reception.Stats{}, false
}

// From returns what came of the publisher whose stamps have that number (synthetic.Track.Publisher), over all rejoins on either side. It is
// false where nothing did, and where Options.Receiver does not tell.
func (c *Client) From(publisher uint64) (reception.Publisher, bool) {
	if r, ok := c.opts.Receiver.(interface {
		Publisher(id uint64) (reception.Publisher, bool)
	}); ok {
		return r.Publisher(publisher)
	}
	return reception.Publisher{}, false
}

// Done is closed when the Client is out of the room for good.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err says why, once Done is closed; nil after Leave and Close.
func (c *Client) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// abandon frees what a failed join has opened.
func (c *Client) abandon() error {
	c.end()
	c.line.close()
	c.source.Close()
	if c.peer == nil {
		return nil
	}
	c.media.end()
	c.offers.close()
	c.peer.stop()
	return c.peer.close()
}

// Close goes away without a word, as a closed tab does, and waits for everything to end.
func (c *Client) Close() error {
	c.end()
	c.line.close()
	<-c.done
	return c.Err()
}

// Leave leaves the room and closes the Client.
func (c *Client) Leave(ctx context.Context) error {
	_, err := c.line.request(ctx, protocol.Leave{})
	return errors.Join(err, c.Close())
}
