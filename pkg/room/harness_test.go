package room_test

import (
	"context"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sfu/pkg/auth"
	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
	"sfu/pkg/room"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// everything is a grant without limits.
var everything = auth.Grant{
	Room: "kitchen", Subscribe: true, Chat: true, Moderate: true,
	Publish: []auth.Source{auth.Microphone, auth.Camera, auth.Screen, auth.ScreenAudio},
}

// rooms is a Registry over a real Pool.
type rooms struct {
	*room.Registry
	t    testing.TB
	pool *forwarder.Pool
}

type discard struct{}

func (discard) Flush(*forwarder.Batch) {}

// start returns a Registry that is closed, with all who are in it, when the test ends.
func start(t testing.TB, cfg room.Config) *rooms {
	pool := forwarder.NewPool(forwarder.Config{Workers: 1, NewEgress: func() forwarder.Egress { return discard{} }})
	r := &rooms{room.NewRegistry(pool, cfg, nil), t, pool}
	t.Cleanup(func() {
		r.Registry.Close()
		if n := r.Unsettled(); n > 0 && !t.Failed() {
			t.Errorf("%d rooms are not settled", n)
		}
		pool.Close()
	})
	return r
}

// A client is a participant with one connection and what it knows of the room from its events.
type client struct {
	*room.Participant
	t    testing.TB
	peer *forwarder.Peer
	sink *mirror
	mids int
	// slots are those that it brought.
	slots []forwarder.Slot
	// codecs is how many its slots accept in a model test, 0 where that varies.
	codecs int
}

type connection struct{}

func (connection) Room() int                                                       { return 1000 }
func (connection) Write(*forwarder.Outgoing)                                       {}
func (connection) DownTrackChanged(*forwarder.DownTrack, forwarder.DownTrackState) {}
func (connection) TooManyStreams()                                                 {}

// join brings a client into the room that g names; it leaves when the test ends.
func (r *rooms) join(g auth.Grant, name string) *client {
	r.t.Helper()
	c, err := r.tryJoin(g, name)
	if err != nil {
		r.t.Fatalf("join as %s: %v", name, err)
	}
	return c
}

func (r *rooms) tryJoin(g auth.Grant, name string) (*client, error) {
	sink := &mirror{}
	// Events may come before Join has returned.
	sink.mu.Lock()
	defer sink.mu.Unlock()
	p, s, err := r.Join(g, name, (*gate)(sink))
	if err != nil {
		return nil, err
	}
	sink.reset(s)
	c := &client{Participant: p, t: r.t, sink: sink}
	c.connect()
	r.t.Cleanup(func() { c.leave(room.Left) })
	return c, nil
}

func (c *client) connect() { c.peer = c.Media().NewPeer(connection{}, connection{}) }

// leave does what the owner of a participant must do in the end.
func (c *client) leave(reason room.Reason) {
	c.peer.Close()
	c.Leave(reason)
}

func (c *client) mid() string {
	c.mids++
	return strconv.Itoa(c.mids)
}

// publish publishes a track without sending anything.
func (c *client) publish(source auth.Source, muted bool) room.TrackID {
	c.t.Helper()
	kind := forwarder.Video
	if source == auth.Microphone || source == auth.ScreenAudio {
		kind = forwarder.Audio
	}
	id, err := c.Publish(c.peer, c.mid(), kind, source, muted)
	if err != nil {
		c.t.Fatalf("publish %s: %v", source, err)
	}
	return id
}

// share publishes a track and sends media.
func (c *client) share(source auth.Source) room.TrackID {
	c.t.Helper()
	id := c.publish(source, false)
	c.MediaArrives(id, usual(source))
	return id
}

func usual(source auth.Source) codec.Type {
	if source == auth.Microphone || source == auth.ScreenAudio {
		return codec.Opus
	}
	return codec.VP8
}

// receive brings slots of both kinds that take Opus and these codecs, or VP8.
func (c *client) receive(n int, video ...codec.Type) []forwarder.Slot {
	c.t.Helper()
	slots := c.makeSlots(n, video...)
	if err := c.Receive(slots); err != nil {
		c.t.Fatalf("receive: %v", err)
	}
	c.slots = append(c.slots, slots...)
	return slots
}

func (c *client) makeSlots(n int, video ...codec.Type) []forwarder.Slot {
	if len(video) == 0 {
		video = []codec.Type{codec.VP8}
	}
	var formats []forwarder.Format
	for i, v := range video {
		formats = append(formats, forwarder.Format{Codec: v, PayloadType: uint8(96 + i), NACK: true, PLI: true})
	}
	var slots []forwarder.Slot
	for range n {
		audio := c.configure(forwarder.Audio, []forwarder.Format{{Codec: codec.Opus, PayloadType: 111}})
		slots = append(slots, forwarder.Slot{Audio: audio, Video: c.configure(forwarder.Video, formats)})
	}
	return slots
}

// show tells how large c shows one track.
func (c *client) show(id room.TrackID, v forwarder.View, priority int) error {
	return c.SetViews(room.Shown{Track: id, View: v, Priority: priority})
}

func (c *client) configure(kind forwarder.Kind, formats []forwarder.Format) *forwarder.DownTrack {
	m := forwarder.Media{Mid: c.mid(), Kind: kind, Send: true, Formats: formats}
	m.Streams = []forwarder.Stream{{SSRC: uint32(1000 + c.mids)}}
	return c.peer.Configure([]forwarder.Media{m})[0]
}

// gate is the EventSink of a mirror.
type gate mirror

func (g *gate) Deliver(e room.Event) {
	m := (*mirror)(g)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, e)
	m.apply(e)
}

// A mirror is the room as one client knows it: a snapshot, and what events have made of it.
type mirror struct {
	mu          sync.Mutex
	self        room.ParticipantID
	members     map[room.ParticipantID]room.Member
	tracks      map[room.TrackID]room.Track
	bound       map[*forwarder.DownTrack]room.TrackID
	unavailable []room.Unavailable
	messages    []room.Message
	ended       room.Reason
	// broken says what no client should ever see.
	broken []string
	// events are those since the last call of take.
	events []room.Event
}

func (m *mirror) reset(s room.Snapshot) {
	m.self = s.Self
	m.members, m.tracks, m.bound = map[room.ParticipantID]room.Member{}, map[room.TrackID]room.Track{}, map[*forwarder.DownTrack]room.TrackID{}
	for _, member := range s.Members {
		for _, t := range member.Tracks {
			if member.ID != s.Self {
				m.tracks[t.ID] = t
			}
		}
		member.Tracks = nil
		m.members[member.ID] = member
	}
	for _, b := range s.Bound {
		if b.Track != "" {
			m.bound[b.Down] = b.Track
		}
	}
	m.unavailable, m.messages = s.Unavailable, s.Messages
}

func (m *mirror) apply(e room.Event) {
	if m.ended != "" {
		m.broken = append(m.broken, "an event after the end")
	}
	switch e := e.(type) {
	case room.MemberChanged:
		m.members[e.Member.ID] = e.Member
	case room.MemberGone:
		if _, known := m.members[e.ID]; !known {
			m.broken = append(m.broken, "someone unknown is gone")
		}
		for _, t := range m.tracks {
			if t.Participant == e.ID {
				m.broken = append(m.broken, "someone went before a track did")
			}
		}
		delete(m.members, e.ID)
	case room.TrackChanged:
		if _, known := m.members[e.Track.Participant]; !known || e.Track.Participant == m.self {
			m.broken = append(m.broken, "a track of oneself or of someone unknown")
		}
		m.tracks[e.Track.ID] = e.Track
	case room.TrackGone:
		if _, known := m.tracks[e.ID]; !known {
			m.broken = append(m.broken, "a track that was never announced is gone")
		}
		delete(m.tracks, e.ID)
	case room.SlotsBound:
		if len(e.Bound) == 0 && e.Need == 0 && e.Unavailable == nil {
			m.broken = append(m.broken, "an empty event")
		}
		for _, b := range e.Bound {
			if m.bound[b.Down] == b.Track {
				m.broken = append(m.broken, "a binding that is none")
			}
			if delete(m.bound, b.Down); b.Track != "" {
				m.bound[b.Down] = b.Track
			}
		}
		if e.Unavailable != nil {
			m.unavailable = e.Unavailable
		}
	case room.MessageReceived:
		m.messages = append(m.messages, e.Message)
	case room.Ended:
		m.ended = e.Reason
	}
}

// take returns the events since the last call.
func (c *client) take() []room.Event {
	c.sink.mu.Lock()
	defer c.sink.mu.Unlock()
	events := c.sink.events
	c.sink.events = nil
	return events
}

// bindings returns for each slot what its audio and its video carry, as the client knows it.
func (c *client) bindings() [][2]room.TrackID {
	c.sink.mu.Lock()
	defer c.sink.mu.Unlock()
	all := make([][2]room.TrackID, 0, len(c.slots))
	for _, s := range c.slots {
		all = append(all, [2]room.TrackID{c.sink.bound[s.Audio], c.sink.bound[s.Video]})
	}
	return all
}

func (c *client) snapshot() room.Snapshot {
	c.t.Helper()
	s, err := c.Snapshot()
	if err != nil {
		c.t.Fatalf("snapshot: %v", err)
	}
	return s
}

// checkMirror checks that a client which only listened knows the room as it is.
func (c *client) checkMirror() {
	c.t.Helper()
	s := c.snapshot()
	now := &mirror{}
	now.reset(s)
	c.sink.mu.Lock()
	defer c.sink.mu.Unlock()
	known := c.sink
	if len(known.broken) > 0 {
		c.t.Errorf("%s saw: %v", c.ID(), known.broken)
	}
	// Nobody is told of its own socket.
	me := known.members[known.self]
	me.Connected = now.members[known.self].Connected
	known.members[known.self] = me
	var public []room.Message
	for _, m := range known.messages {
		if m.To == "" {
			public = append(public, m)
		}
	}
	public = public[max(0, len(public)-len(now.messages)):]
	for _, part := range []struct {
		name      string
		got, want any
	}{
		{"members", known.members, now.members},
		{"tracks", known.tracks, now.tracks},
		{"bindings", known.bound, now.bound},
		{"unavailable", slices.Clone(known.unavailable), slices.Clone(now.unavailable)},
		{"messages", slices.Clone(public), slices.Clone(now.messages)},
	} {
		if !reflect.DeepEqual(part.got, part.want) && reflect.ValueOf(part.got).Len()+reflect.ValueOf(part.want).Len() > 0 {
			c.t.Errorf("%s knows other %s than there are:\n%v\n%v", c.ID(), part.name, part.got, part.want)
		}
	}
}

// expect checks the events since the last call.
func (c *client) expect(want ...room.Event) {
	c.t.Helper()
	got := c.take()
	if len(got) != len(want) {
		c.t.Fatalf("got %d events %+v, want %d %+v", len(got), got, len(want), want)
	}
	for i := range got {
		if !reflect.DeepEqual(got[i], want[i]) {
			c.t.Errorf("event %d is %T%+v, want %T%+v", i, got[i], got[i], want[i], want[i])
		}
	}
}

func (r *rooms) stats() room.Stats {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	return r.Stats(ctx)
}
