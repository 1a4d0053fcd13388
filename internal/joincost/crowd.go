package main

import (
	"context"
	"fmt"
	"net"
	"slices"
	"sync"
	"time"

	"sfu/pkg/client"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/synthetic"
)

// What a participant offers, see the package.
const (
	shapeLine = "line"
	shapePage = "page"
)

const (
	// perAddress is how many participants come from one address of 127.0.0.0/8: the server limits that.
	perAddress = 20
	// pageSlots is how many slots the page offers first.
	pageSlots = 4
	// connectTimeout is how long the last one may take to connect.
	connectTimeout = 20 * time.Second
)

// A crowd is everyone who joins.
type crowd struct {
	options options
	url     string
	info    *protocol.RoomInfo

	mu      sync.Mutex
	members []*client.Client
	err     error
}

func newCrowd(o options, url string) *crowd { return &crowd{options: o, url: url} }

// join lets everyone in at the rate of the options, and waits for their answers.
func (c *crowd) join(ctx context.Context) error {
	info, err := client.Info(ctx, c.url, "joincost", "")
	if err != nil {
		return err
	}
	c.info = info
	ticker := time.NewTicker(time.Duration(float64(time.Second) / c.options.rate))
	defer ticker.Stop()
	var joining sync.WaitGroup
	for i := range c.options.participants {
		joining.Go(func() { c.enter(ctx, i) })
		select {
		case <-ticker.C:
		case <-ctx.Done():
		}
	}
	joining.Wait()
	return c.err
}

func (c *crowd) enter(ctx context.Context, number int) {
	member, err := client.Join(ctx, c.url, fmt.Sprintf("joincost-%d", number/c.options.room), c.participant(number))
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		c.err = err
		return
	}
	c.members = append(c.members, member)
}

func (c *crowd) participant(number int) client.Options {
	block := 1 + number/perAddress
	local := net.IPv4(127, 1, byte(block>>8), byte(block))
	o := client.Options{
		Name: fmt.Sprintf("silent %d", number), Info: c.info, NoGrow: true, Slots: client.NoSlots,
		Publish:     []client.Publish{{Source: protocol.Microphone, Track: synthetic.Microphone(), Muted: true}},
		DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: local}}).DialContext,
		Listen:      func() (net.PacketConn, error) { return net.ListenUDP("udp4", &net.UDPAddr{IP: local}) },
	}
	if c.options.shape == shapePage {
		o.Slots = pageSlots
		o.Publish = append(o.Publish, client.Publish{Source: protocol.Camera, Track: synthetic.Simulcast(1_500_000, 30), Muted: true})
	}
	return o
}

// connected waits until media could flow for everyone.
func (c *crowd) connected(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for _, member := range c.members {
		for member.Times().Connected.IsZero() {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return fmt.Errorf("wait for everyone to connect: %w", ctx.Err())
			}
		}
	}
	return nil
}

// took is a quantile of the time from the start of a join until media could flow, in milliseconds.
func (c *crowd) took(q float64) float64 {
	times := make([]float64, len(c.members))
	for i, member := range c.members {
		t := member.Times()
		times[i] = float64(t.Connected.Sub(t.Started)) / float64(time.Millisecond)
	}
	slices.Sort(times)
	return times[int(q*float64(len(times)-1)+0.5)]
}

// close lets everyone go.
func (c *crowd) close() {
	var closing sync.WaitGroup
	for _, member := range c.members {
		closing.Go(func() { _ = member.Close() }) // the figures are taken
	}
	closing.Wait()
}
