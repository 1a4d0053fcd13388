package room_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sfu/pkg/auth"
	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
	"sfu/pkg/room"
)

// TestAnyInterleaving lets many participants do anything in any order. After each step every client that only listened knows the room
// as it is, no viewer has a track twice or two participants in one slot, everyone is heard where slots suffice, and a refused
// act has changed nothing for anyone else.
func TestAnyInterleaving(t *testing.T) {
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			// Time stands still but where a step lets it pass.
			synctest.Test(t, func(t *testing.T) {
				p := newPlay(t, seed)
				for i := range 250 {
					what, err := p.step()
					p.check(err)
					if t.Failed() {
						t.Fatalf("step %d: %s: %v", i, what, err)
					}
				}
			})
		})
	}
}

// A play is one room and those in it.
type play struct {
	t       *testing.T
	rnd     *rand.Rand
	rooms   *rooms
	clients []*client
	// tracks are all that ever were, by owner.
	tracks []owned
	actor  *client
	before map[room.ParticipantID]string
}

type owned struct {
	owner  *client
	id     room.TrackID
	source auth.Source
	media  func(codec.Type)
}

func newPlay(t *testing.T, seed uint64) *play {
	p := &play{t: t, rnd: rand.New(rand.NewPCG(seed, 99)), rooms: start(t, room.Config{MaxSlots: 6, MaxParticipants: 9, GrowSlots: 2})}
	p.enter()
	p.enter()
	return p
}

func (p *play) enter() error {
	g := everything
	if p.rnd.IntN(4) == 0 {
		g.Moderate, g.Chat = false, false
	}
	if p.rnd.IntN(4) == 0 {
		g.Identity = fmt.Sprint("id", p.rnd.IntN(3))
	}
	c, err := p.rooms.tryJoin(g, "")
	if err == nil {
		c.codecs = p.rnd.IntN(3)
		p.clients = append(p.clients, c)
		p.replace(g.Identity)
	}
	return err
}

// replace lets the ghost go that a join with its identity has put out.
func (p *play) replace(identity string) {
	for _, c := range slices.Clone(p.clients) {
		if c.sink.ended != room.Replaced {
			continue
		}
		if c.Grant().Identity != identity {
			p.t.Errorf("%q was replaced by %q", c.Grant().Identity, identity)
		}
		p.leave(c)
	}
}

func pick[T any](rnd *rand.Rand, from []T) (v T) {
	if len(from) > 0 {
		v = from[rnd.IntN(len(from))]
	}
	return v
}

// step does one random thing.
func (p *play) step() (what string, err error) {
	if len(p.clients) == 0 {
		return "join", p.enter()
	}
	p.actor = pick(p.rnd, p.clients)
	p.before = map[room.ParticipantID]string{}
	for _, c := range p.clients {
		if c != p.actor {
			p.before[c.ID()] = fmt.Sprint(c.snapshot())
		}
	}
	c, any := p.actor, pick(p.rnd, p.tracks)
	if p.rnd.IntN(2) == 0 {
		// Few acts upon the tracks of others are allowed.
		any = pick(p.rnd, slices.DeleteFunc(slices.Clone(p.tracks), func(o owned) bool { return o.owner != c }))
	}
	switch p.rnd.IntN(21) {
	case 0:
		return "join", p.enter()
	case 1:
		return "leave", p.leave(c)
	case 2, 3:
		return "publish", p.publish(c)
	case 4, 5, 6:
		if any.media == nil {
			return "media", nil
		}
		any.media(p.codec(any.source))
		p.actor = nil
		return "media", nil
	case 7:
		return "unpublish", c.Unpublish(any.id)
	case 8, 9:
		return "mute", c.SetMuted(any.id, p.rnd.IntN(2) == 0)
	case 10, 11:
		slots := c.makeSlots(1+p.rnd.IntN(2), p.codecs(c)...)
		err := c.Receive(slots)
		if err == nil {
			c.slots = append(c.slots, slots...)
		}
		return "receive", err
	case 12:
		return "subscribe", c.Subscribe(any.id)
	case 13:
		return "unsubscribe", c.Unsubscribe(any.id)
	case 14:
		return "auto", c.SetAuto(p.rnd.IntN(3) > 0)
	case 15, 16:
		return "view", c.show(any.id, forwarder.View{Width: p.rnd.IntN(2) * 640, Height: 360}, p.rnd.IntN(11))
	case 17:
		return "message", c.Send(fmt.Sprint(p.rnd.IntN(100)), pick(p.rnd, []room.ParticipantID{"", "", c.ID(), pick(p.rnd, p.clients).ID(), "nobody"}))
	case 18:
		return "remove", p.remove(c, pick(p.rnd, p.clients))
	case 19:
		p.actor = nil
		time.Sleep(700 * time.Millisecond)
		return "time passes", nil
	default:
		return p.small(c)
	}
}

func (p *play) small(c *client) (string, error) {
	switch p.rnd.IntN(3) {
	case 0:
		return "rename", c.Rename(fmt.Sprint("name", p.rnd.IntN(5)))
	case 1:
		c.SetConnected(p.rnd.IntN(2) == 0)
		return "connected", nil
	}
	old := c.peer
	c.Forget(old)
	old.Close()
	for _, s := range c.slots {
		delete(c.sink.bound, s.Audio)
		delete(c.sink.bound, s.Video)
	}
	c.slots = nil
	c.connect()
	return "forget", nil
}

func (p *play) codec(s auth.Source) codec.Type {
	if c := usual(s); c == codec.Opus {
		return c
	}
	return pick(p.rnd, []codec.Type{codec.VP8, codec.VP8, codec.VP9})
}

// codecs returns what the next slots of c accept. All slots of most clients accept the same.
func (p *play) codecs(c *client) []codec.Type {
	n := c.codecs
	if n == 0 {
		n = p.rnd.IntN(2) + 1
	}
	return []codec.Type{codec.VP8, codec.VP9}[:n]
}

func (p *play) publish(c *client) error {
	source := pick(p.rnd, everything.Publish)
	kind := forwarder.Video
	if usual(source) == codec.Opus {
		kind = forwarder.Audio
	}
	id, err := c.Publish(c.peer, c.mid(), kind, source, p.rnd.IntN(4) == 0)
	if err == nil {
		p.tracks = append(p.tracks, owned{c, id, source, c.Remember(id)})
	}
	return err
}

func (p *play) leave(c *client) error {
	c.leave(room.Left)
	p.clients = slices.DeleteFunc(p.clients, func(o *client) bool { return o == c })
	return nil
}

func (p *play) remove(c, target *client) error {
	err := c.Remove(target.ID())
	if err != nil {
		return err
	}
	if target.sink.ended != room.Removed {
		p.t.Error("the removed one was not told")
	}
	return p.leave(target)
}

func (p *play) check(err error) {
	if err != nil {
		for _, c := range p.clients {
			if was, known := p.before[c.ID()]; known && was != fmt.Sprint(c.snapshot()) {
				p.t.Errorf("refused, and yet %s knows something else", c.ID())
			}
		}
		known := []error{room.ErrNotFound, room.ErrNotAllowed, room.ErrLimit, room.ErrFull, room.ErrIdentityInUse}
		if !slices.ContainsFunc(known, func(k error) bool { return errors.Is(err, k) }) {
			p.t.Errorf("an unexpected refusal: %v", err)
		}
	}
	for _, c := range p.clients {
		c.checkMirror()
		p.checkSlots(c)
	}
	if p.rnd.IntN(3) == 0 {
		p.checkSettled()
	}
}

// checkSettled checks that nobody whom the last step concerned was overlooked.
func (p *play) checkSettled() {
	for _, c := range p.clients {
		c.take()
		c.Reseat()
		c.expect()
	}
}

// checkSlots checks what c's slots carry against what it knows and what it publishes itself.
func (p *play) checkSlots(c *client) {
	carried := map[room.TrackID]bool{}
	tracks := maps.Clone(c.sink.tracks)
	for _, m := range c.snapshot().Members {
		for _, t := range m.Tracks {
			if m.ID == c.ID() {
				tracks[t.ID] = t
			}
		}
	}
	owner := func(id room.TrackID) string {
		t, known := tracks[id]
		if !known {
			p.t.Errorf("%s has a slot with the unknown track %q", c.ID(), id)
		}
		return fmt.Sprint(t.Participant, t.Source == auth.Screen || t.Source == auth.ScreenAudio)
	}
	sources := map[string]int{}
	for _, b := range c.bindings() {
		for _, id := range b {
			if id != "" && carried[id] {
				p.t.Errorf("%s has %q twice", c.ID(), id)
			}
			carried[id] = true
		}
		if b[0] != "" && b[1] != "" && owner(b[0]) != owner(b[1]) {
			p.t.Errorf("%s has %q and %q in one slot", c.ID(), b[0], b[1])
		}
	}
	for _, t := range tracks {
		sources[owner(t.ID)]++
	}
	// No source has more than its tracks, so where the tracks do not outnumber the slots, slots suffice.
	if len(tracks) <= len(c.slots) && len(c.slots) > 0 && c.codecs > 0 {
		for _, u := range c.sink.unavailable {
			if u.Codec == codec.Unknown {
				p.t.Errorf("%s lacks %q although slots suffice", c.ID(), u.Track)
			}
		}
	}
	for _, u := range c.sink.unavailable {
		if carried[u.Track] {
			p.t.Errorf("%s has %q and is told that it has not", c.ID(), u.Track)
		}
	}
}

// TestManyAtOnce does the same from many goroutines and looks at the end.
func TestManyAtOnce(t *testing.T) {
	r := start(t, room.Config{MaxSlots: 8, ChatTail: 5})
	var acting sync.WaitGroup
	var mu sync.Mutex
	var stayed []*client
	for n := range uint64(8) {
		acting.Go(func() {
			rnd := rand.New(rand.NewPCG(n, 5))
			for round := range 6 {
				c := r.join(everything, "")
				c.receive(1 + rnd.IntN(8))
				var own []room.TrackID
				for range 40 {
					if act(rnd, c, &own) != nil {
						break
					}
				}
				if round == 5 {
					mu.Lock()
					stayed = append(stayed, c)
					mu.Unlock()
					return
				}
				c.leave(room.Left)
			}
		})
	}
	acting.Wait()
	for _, c := range stayed {
		c.checkMirror()
	}
	if s := r.stats(); len(s.Rooms) != int(s.RoomsStarted-s.RoomsEnded) {
		t.Errorf("%d rooms, %d started, %d ended", len(s.Rooms), s.RoomsStarted, s.RoomsEnded)
	}
}

// act does one random thing in a room that others change meanwhile.
func act(rnd *rand.Rand, c *client, own *[]room.TrackID) error {
	s, err := c.Snapshot()
	if err != nil {
		return err
	}
	var all []room.TrackID
	for _, m := range s.Members {
		for _, t := range m.Tracks {
			all = append(all, t.ID)
		}
	}
	switch rnd.IntN(7) {
	case 0:
		if len(*own) < 4 {
			*own = append(*own, c.share(pick(rnd, everything.Publish)))
		}
	case 1:
		if len(*own) > 0 {
			c.SetMuted((*own)[0], rnd.IntN(2) == 0)
		}
	case 2:
		if len(*own) > 0 {
			err = c.Unpublish((*own)[0])
			*own = (*own)[1:]
		}
	case 3:
		c.Subscribe(pick(rnd, all))
	case 4:
		c.Unsubscribe(pick(rnd, all))
	case 5:
		c.show(pick(rnd, all), forwarder.View{Width: rnd.IntN(2) * 320, Height: 180}, rnd.IntN(11))
	case 6:
		err = c.Send("hello", "")
	}
	return err
}
