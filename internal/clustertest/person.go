//go:build linux

package clustertest

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sfu/pkg/client"
	"sfu/pkg/reception"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/synthetic"
)

// A Manner is how somebody takes part.
type Manner struct {
	// Talks sends a microphone of 50 and a camera of 30 packets a second.
	Talks bool
	// Hears is how many others are received.
	Hears int
}

// Silent says nothing and receives nothing: a name in the list.
var Silent = Manner{}

// Among is the manner of someone in a room of n who all send and receive each other.
func Among(n int) Manner { return Manner{Talks: true, Hears: n - 1} }

// A Person is somebody in a room, who comes back by themselves whatever happens to the servers.
type Person struct {
	*client.Client
	*Ledger
	Name string
	// Took is how long the join did.
	Took   time.Duration
	number uint64
}

// videoBitrate makes frames of one packet.
const videoBitrate = 100_000

// rejoining is how long a Person tries to come back.
const rejoining = 2 * time.Minute

// Join lets somebody in through the balancer.
func (c *Cluster) Join(t testing.TB, room, name string, m Manner) *Person {
	t.Helper()
	return c.JoinAt(t, c.Balancer.URL(), room, name, m)
}

// JoinAt lets somebody in at a node's own address, or the balancer's.
func (c *Cluster) JoinAt(t testing.TB, url, room, name string, m Manner) *Person {
	t.Helper()
	p, err := c.newPerson(name, m).join(url, room)
	if err != nil {
		t.Fatalf("%s joins %s: %v", name, room, err)
	}
	t.Cleanup(p.Leave)
	return p
}

// JoinAll lets many in at once, called prefix1 and so on.
func (c *Cluster) JoinAll(t testing.TB, room, prefix string, count int, m Manner) []*Person {
	t.Helper()
	var joining []*joiner
	for i := range count {
		joining = append(joining, c.newPerson(fmt.Sprintf("%s%d", prefix, i+1), m))
	}
	errs := make([]error, count)
	var entering sync.WaitGroup
	for i, j := range joining {
		entering.Go(func() { _, errs[i] = j.join(c.Balancer.URL(), room) })
	}
	entering.Wait()
	var all []*Person
	for i, j := range joining {
		if errs[i] != nil {
			t.Errorf("%s joins %s: %v", j.Name, room, errs[i])
			continue
		}
		all = append(all, j.Person)
		t.Cleanup(j.Leave)
	}
	if len(all) < count {
		t.FailNow()
	}
	return all
}

// LeaveAll lets people go, all at once.
func LeaveAll(people []*Person) {
	var leaving sync.WaitGroup
	for _, p := range people {
		leaving.Go(p.Leave)
	}
	leaving.Wait()
}

// A joiner is a Person that has not joined.
type joiner struct {
	*Person
	options client.Options
}

func (c *Cluster) newPerson(name string, m Manner) *joiner {
	number := int(c.people.Add(1))
	p := &Person{Name: name, number: uint64(number), Ledger: NewLedger(time.Now())}
	from := c.block.client(number)
	local, _ := netip.AddrFromSlice(from.To4())
	j := &joiner{p, client.Options{
		Name: name, Slots: client.NoSlots, Rejoin: rejoining, Receiver: ear{reception.New(reception.Config{}), p.Ledger},
		DialContext: (&net.Dialer{LocalAddr: &net.TCPAddr{IP: from}}).DialContext,
		Listen:      func() (net.PacketConn, error) { return client.ListenMedia(local) },
	}}
	if m.Hears > 0 {
		j.options.Slots = m.Hears
	}
	if m.Talks {
		sound, picture := synthetic.Microphone(), synthetic.Camera(videoBitrate, 180, 30)
		sound.Publisher, picture.Publisher = p.sound(), p.picture()
		j.options.Publish = []client.Publish{{Source: protocol.Microphone, Track: sound}, {Source: protocol.Camera, Track: picture}}
	}
	return j
}

func (j *joiner) join(url, room string) (*Person, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	began := time.Now()
	c, err := client.Join(ctx, url, room, j.options)
	j.Client, j.Took = c, time.Since(began)
	return j.Person, err
}

// ear shows what arrives to a Ledger.
type ear struct {
	*reception.Receiver
	ledger *Ledger
}

func (e ear) RTP(packet []byte, at time.Time) {
	e.Receiver.RTP(packet, at)
	if stamp, err := synthetic.ReadStamp(packet); err == nil { // it ends the packet
		e.ledger.Arrived(stamp, at)
	}
}

// sound and picture are the publishers in a person's stamps.
func (p *Person) sound() uint64   { return 2 * p.number }
func (p *Person) picture() uint64 { return 2*p.number + 1 }

// Leave leaves the room; there may be no server left to be told.
func (p *Person) Leave() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = p.Client.Leave(ctx)
}

// Roster returns the names of all in the room, in order.
func (p *Person) Roster() []string {
	var names []string
	for _, other := range p.State().Participants {
		names = append(names, other.Name)
	}
	return slices.Sorted(slices.Values(names))
}

// Names are those of people, in order.
func Names(people []*Person) []string {
	var names []string
	for _, p := range people {
		names = append(names, p.Name)
	}
	return slices.Sorted(slices.Values(names))
}

// AwaitRoster waits until everyone sees everyone, and nobody else or twice.
func AwaitRoster(t testing.TB, people []*Person) {
	t.Helper()
	want := Names(people)
	if until(patience, func() bool {
		return !slices.ContainsFunc(people, func(p *Person) bool { return !slices.Equal(p.Roster(), want) })
	}) {
		return
	}
	for _, p := range people {
		if got := p.Roster(); !slices.Equal(got, want) {
			t.Errorf("%s sees %s", p.Name, strings.Join(got, " "))
		}
	}
	t.Fatalf("the room has %s", strings.Join(want, " "))
}
