package doctor

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"sfu/pkg/client"
	"sfu/pkg/reception"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/synthetic"
)

// A way is how media shall go.
type way string

const (
	overUDP  way = "UDP"
	overTCP  way = "TCP"
	overTURN way = "TURN"
)

// An attempt is one participant who joins and, unless connectOnly is set, publishes and receives the own tracks.
type attempt struct {
	base, room, name, token string
	info                    *protocol.RoomInfo
	tls                     *tls.Config
	way                     way // "" is overUDP
	// only is the one address that is tried, where it is valid. loopback says that addresses of this machine count.
	only        netip.Addr
	loopback    bool
	connectOnly bool
}

// A flow is what came back of one track.
type flow struct {
	// checked packets were right, damaged ones not; lost ones came late by retransmission or not at all.
	checked, damaged, lost uint64
	// latency is the median from sending to receiving.
	latency time.Duration
}

// A result is what an attempt came to. A time is 0 where it did not come so far.
type result struct {
	way way
	// err is why it ended early; a *protocol.Error where the server refused.
	err error
	// joined, connected and first are the times from the beginning to the answer, to a path for media, and to the first own packet back.
	joined, connected, first time.Duration
	announced                []client.Candidate
	path                     client.Path
	// from are the addresses that media came from, over UDP without a relay.
	from         []netip.AddrPort
	audio, video flow
}

const (
	// Media comes back for this long, or until this much has.
	mediaTime    = 5 * time.Second
	enoughAudio  = 75
	enoughVideo  = 60
	lookInterval = 50 * time.Millisecond
	// connectTime is for ICE and DTLS.
	connectTime = 8 * time.Second
	partTime    = 2 * time.Second
)

// roomName makes a name that nobody else uses.
func roomName() string { return "doctor-" + strings.ToLower(rand.Text()[:12]) }

// run carries the attempt out and leaves again.
func (a attempt) run(ctx context.Context) result {
	r := result{way: a.way}
	begun := time.Now()
	p, err := a.join(ctx)
	if err != nil {
		r.err = err
		return r
	}
	defer p.part()
	r.joined, r.announced = time.Since(begun), p.client.Announced()
	if r.err = p.connect(ctx); r.err != nil {
		return r
	}
	r.connected = time.Since(begun)
	if !a.connectOnly {
		r.err = p.echo(ctx, &r, begun)
	}
	r.path, _ = p.client.Path()
	r.from = p.origins()
	return r
}

// A participant is one who joined.
type participant struct {
	client *client.Client
	socket *originSocket // nil without one of our own
}

func (a attempt) join(ctx context.Context) (*participant, error) {
	p := &participant{}
	o := client.Options{
		Name: a.name, Token: a.token, Info: a.info, TLS: a.tls, NoRestart: true, NoGrow: true, Slots: 1, Tries: a.tries,
		TCP: a.way == overTCP, RelayOnly: a.way == overTURN, ResumeFor: time.Nanosecond,
		Publish: []client.Publish{
			{Source: protocol.Microphone, Track: synthetic.Microphone()},
			{Source: protocol.Camera, Track: synthetic.Camera(300_000, 180, 15)},
		},
	}
	if a.info != nil && a.way != overTURN {
		direct := *a.info
		direct.ICEServers = nil // what is direct needs none, and asks none
		o.Info = &direct
	}
	if a.way == "" || a.way == overUDP {
		o.Listen = func() (net.PacketConn, error) {
			var err error
			p.socket, err = a.listen(ctx)
			return p.socket, err
		}
	}
	// With one token the check before had the same identity, and the server may not have seen it go yet.
	for until := time.Now().Add(ownPlace); ; {
		var err error
		p.client, err = client.Join(ctx, a.base, a.room, o)
		var refused *protocol.Error
		if !errors.As(err, &refused) || refused.Code != protocol.IdentityInUse || time.Now().After(until) {
			return p, err
		}
		select {
		case <-time.After(ownPlace / 10):
		case <-ctx.Done():
			return p, err
		}
	}
}

// ownPlace is how long a place in a room may stay taken after whoever had it went away without a word, and a little.
const ownPlace = 4 * time.Second

// tries says which of the server's addresses are tried. Loopback addresses would be this machine's, not the server's.
func (a attempt) tries(c client.Candidate) bool {
	switch {
	case a.only.IsValid():
		return c.Address.Addr() == a.only
	case c.Address.Addr().IsLoopback():
		return a.loopback
	default:
		return true
	}
}

func (a attempt) listen(ctx context.Context) (*originSocket, error) {
	var local netip.Addr
	var err error
	if a.only.IsValid() {
		local, err = facing(ctx, netip.AddrPortFrom(a.only, 9).String())
	} else {
		local, err = client.Facing(ctx, a.base)
	}
	if err != nil {
		return nil, err
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(local, 0)))
	if err != nil {
		return nil, err
	}
	return &originSocket{UDPConn: conn}, nil
}

// part leaves the room, so that the name is free again for the next one.
func (p *participant) part() {
	ctx, cancel := context.WithTimeout(context.Background(), partTime)
	defer cancel()
	if p.client.Leave(ctx) != nil {
		_ = p.client.Close()
	}
}

// connect waits for a path for media.
func (p *participant) connect(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	state := func(s *client.State) string {
		for _, m := range s.Media {
			return m.State
		}
		return ""
	}
	err := p.client.Await(ctx, func(s *client.State) bool { return state(s) == "connected" || state(s) == "failed" || s.Left != nil })
	s := p.client.State()
	switch {
	case err == nil && state(&s) == "connected":
		return nil
	case err == nil && s.Left != nil:
		return errors.New("the server put the check out of the room")
	default:
		return errNoPath
	}
}

// errNoPath says that no check of ICE came back.
var errNoPath = errors.New("no address of the server could be reached")

// echo has the own tracks sent back and counts them.
func (p *participant) echo(ctx context.Context, r *result, begun time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, mediaTime)
	defer cancel()
	var own []string
	for _, publication := range p.client.Publications() {
		if err := publication.Err(); err != nil {
			return err
		}
		own = append(own, publication.Track())
	}
	if _, err := p.client.Do(ctx, protocol.Subscribe{Tracks: own}); err != nil {
		return err
	}
	p.await(ctx, func() bool {
		r.count(p.client.Received())
		if r.first == 0 && r.audio.checked+r.video.checked > 0 {
			r.first = time.Since(begun)
		}
		return r.audio.checked >= enoughAudio && r.video.checked >= enoughVideo
	})
	return nil
}

// await looks again and again: packets announce themselves to nobody.
func (p *participant) await(ctx context.Context, ok func() bool) bool {
	look := time.NewTicker(lookInterval)
	defer look.Stop()
	for !ok() {
		select {
		case <-look.C:
		case <-p.client.Done():
			return false
		case <-ctx.Done():
			return false
		}
	}
	return true
}

func (r *result) count(lines []reception.Stats) {
	r.audio, r.video = flow{}, flow{}
	for _, s := range lines {
		f := &r.audio
		if s.Video {
			f = &r.video
		}
		f.checked += s.Checked
		f.damaged += s.Damaged
		f.lost += s.Lost + s.Recovered
		f.latency = max(f.latency, s.Latency.Quantile(0.5))
	}
}

func (p *participant) origins() []netip.AddrPort {
	if p.socket == nil {
		return nil
	}
	p.socket.mu.Lock()
	defer p.socket.mu.Unlock()
	return p.socket.from
}

// An originSocket remembers where encrypted media came from.
type originSocket struct {
	*net.UDPConn
	mu   sync.Mutex
	from []netip.AddrPort
}

// mostOrigins bounds what is remembered.
const mostOrigins = 8

// ReadFrom is net.PacketConn's.
func (s *originSocket) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := s.ReadFromUDPAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	if n > 0 && b[0] >= 128 && b[0] <= 191 { // RTP and RTCP (RFC 7983)
		s.note(netip.AddrPortFrom(from.Addr().Unmap(), from.Port()))
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

func (s *originSocket) note(from netip.AddrPort) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, known := range s.from {
		if known == from {
			return
		}
	}
	if len(s.from) < mostOrigins {
		s.from = append(s.from, from)
	}
}
