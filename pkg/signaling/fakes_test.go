package signaling

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"sfu/pkg/auth"
	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
	"sfu/pkg/room"
	"sfu/pkg/transport"
)

// media for fakes: real handles of the forwarder that nothing flows through.
var testPool *forwarder.Pool

func TestMain(m *testing.M) {
	testPool = forwarder.NewPool(forwarder.Config{Workers: 1})
	code := m.Run()
	testPool.Close()
	if code == 0 {
		if err := goleak.Find(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

// fakeConn is a transport.Connection whose SDP is a list of commands, one per line:
//
//	send MID KIND     the client sends on this m-line
//	slot AUDIO VIDEO  a slot, "-" for an m-line that is not there
//	both MID          sendrecv
//	data MID          an application m-line
//	codec MID         no known codec
//	fail WHAT         refuse: sdp, candidates, overloaded, closed, bug
//	hang              answer when it is told to, or when its context ends
//	panic
type fakeConn struct {
	handler transport.Handler
	peer    *forwarder.Peer
	release chan struct{}

	mu       sync.Mutex
	seen     map[string]bool
	answers  int
	busy     bool
	overlaps int
	closes   int
}

func newFakeConn(h transport.Handler) *fakeConn {
	return &fakeConn{
		handler: h,
		peer:    testPool.NewGroup().NewPeer(nil, nil),
		release: make(chan struct{}),
		seen:    map[string]bool{},
	}
}

func (c *fakeConn) Peer() *forwarder.Peer { return c.peer }

func (c *fakeConn) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closes++
}

func (c *fakeConn) Answer(ctx context.Context, offer string, permit transport.Permit) (transport.Answer, error) {
	c.mu.Lock()
	if c.busy {
		c.overlaps++
	}
	c.busy = true
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		c.busy = false
		c.mu.Unlock()
	}()
	a := transport.Answer{Rejected: map[string]transport.Refusal{}}
	for _, command := range strings.Split(offer, "\n") {
		words := append(strings.Fields(command), "", "", "")
		switch words[0] {
		case "hang":
			select {
			case <-c.release:
			case <-ctx.Done():
				return a, ctx.Err()
			}
		case "panic":
			panic("a bug in the parser of SDP")
		case "fail":
			return a, failures[words[1]]
		case "both":
			a.Rejected[words[1]] = transport.RefusedDirection
		case "data":
			a.Rejected[words[1]] = transport.RefusedData
		case "codec":
			a.Rejected[words[1]] = transport.RefusedCodec
		case "send":
			kind := forwarder.Audio
			if words[2] == "video" {
				kind = forwarder.Video
			}
			if permit.Publish(words[1], kind) {
				a.Sending = append(a.Sending, transport.Line{Mid: words[1], Kind: kind})
			} else {
				a.Rejected[words[1]] = transport.RefusedPermission
			}
		case "slot":
			c.slot(&a, words[1], words[2], permit.Slots)
		}
	}
	c.mu.Lock()
	c.answers++
	first := c.answers == 1
	a.SDP = fmt.Sprintf("answer %d", c.answers)
	c.mu.Unlock()
	if first {
		c.handler.StatusChanged(transport.Status{State: transport.Connected, Path: "udp"})
	}
	return a, nil
}

var failures = map[string]error{
	"sdp":        fmt.Errorf("%w: it has no fingerprint", transport.ErrBadSDP),
	"candidates": transport.ErrTooManyCandidates,
	"overloaded": transport.ErrOverloaded,
	"closed":     transport.ErrClosed,
	"bug":        errors.New("the disk is on fire at 192.0.2.1"),
}

func (c *fakeConn) slot(a *transport.Answer, audio, video string, limit int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen[audio+"/"+video] {
		return
	}
	if len(c.seen) >= limit {
		a.Rejected[audio], a.Rejected[video] = transport.RefusedLimit, transport.RefusedLimit
		return
	}
	c.seen[audio+"/"+video] = true
	var slot forwarder.Slot
	if audio != "-" {
		slot.Audio = c.peer.Configure([]forwarder.Media{{Mid: audio, Kind: forwarder.Audio, Send: true}})[0]
	}
	if video != "-" {
		slot.Video = c.peer.Configure([]forwarder.Media{{Mid: video, Kind: forwarder.Video, Send: true}})[0]
	}
	a.Slots = append(a.Slots, slot)
}

func (c *fakeConn) closed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closes > 0
}

// fakeDialer makes fakeConns and remembers them.
type fakeDialer struct {
	mu    sync.Mutex
	conns []*fakeConn
	err   error
}

func (d *fakeDialer) dial(_ *forwarder.Group, h transport.Handler) (transport.Connection, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.err != nil {
		return nil, d.err
	}
	c := newFakeConn(h)
	d.conns = append(d.conns, c)
	return c, nil
}

func (d *fakeDialer) conn(i int) *fakeConn {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.conns[i]
}

func (d *fakeDialer) allClosed() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return !slices.ContainsFunc(d.conns, func(c *fakeConn) bool { return !c.closed() })
}

// fakeRooms is a small room.Registry: one lock for everything, tracks are announced when they are published, and slots are filled in
// the order in which they came.
type fakeRooms struct {
	mu      sync.Mutex
	rooms   map[string]*fakeRoom
	joinErr error
	people  int
	tracks  int
}

type fakeRoom struct {
	rooms    *fakeRooms
	name     string
	members  []*fakeMember
	messages []room.Message
	said     uint64
}

type fakeMember struct {
	room      *fakeRoom
	grant     auth.Grant
	sink      room.EventSink
	member    room.Member
	auto      bool
	named     map[room.TrackID]bool
	refused   map[room.TrackID]bool
	places    []*fakePlace
	views     map[room.TrackID]forwarder.View
	forgotten int
	panics    bool
	glimpse   func() // called before a snapshot is taken
	left      room.Reason
}

type fakePlace struct {
	down  *forwarder.DownTrack
	track room.TrackID
}

func newFakeRooms() *fakeRooms { return &fakeRooms{rooms: map[string]*fakeRoom{}} }

func (r *fakeRooms) Participants(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at := r.rooms[name]; at != nil {
		return len(at.members)
	}
	return 0
}

func (r *fakeRooms) Join(g auth.Grant, name string, sink room.EventSink) (Participant, room.Snapshot, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.joinErr != nil {
		return nil, room.Snapshot{}, r.joinErr
	}
	at := r.rooms[g.Room]
	if at == nil {
		at = &fakeRoom{rooms: r, name: g.Room}
		r.rooms[g.Room] = at
	}
	for _, m := range at.members {
		if g.Identity == "" || m.grant.Identity != g.Identity {
			continue
		}
		if m.member.Connected {
			return nil, room.Snapshot{}, room.ErrIdentityInUse
		}
		m.leave(room.Replaced)
		break
	}
	if g.Name != "" {
		name = g.Name
	}
	r.people++
	m := &fakeMember{
		room: at, grant: g, sink: sink, auto: true,
		member: room.Member{ID: room.ParticipantID(fmt.Sprintf("p%d", r.people)), Name: name, Connected: true},
		named:  map[room.TrackID]bool{}, refused: map[room.TrackID]bool{}, views: map[room.TrackID]forwarder.View{},
	}
	at.members = append(at.members, m)
	at.tell(m, room.MemberChanged{Member: m.public()})
	return m, m.snapshot(), nil
}

// named returns the member of that name in the room, for tests that look behind the curtain.
func (r *fakeRooms) named(at, name string) *fakeMember {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.rooms[at].members {
		if m.member.Name == name {
			return m
		}
	}
	return nil
}

// tell delivers e to all but one.
func (r *fakeRoom) tell(not *fakeMember, e room.Event) {
	for _, m := range r.members {
		if m != not {
			m.sink.Deliver(e)
		}
	}
}

func (r *fakeRoom) find(id room.TrackID) (*fakeMember, int) {
	for _, m := range r.members {
		for i, t := range m.member.Tracks {
			if t.ID == id {
				return m, i
			}
		}
	}
	return nil, -1
}

// lock is for the methods of Participant: it fails when the member has left.
func (m *fakeMember) lock() (unlock func(), err error) {
	m.room.rooms.mu.Lock()
	if m.left != "" {
		m.room.rooms.mu.Unlock()
		return nil, room.ErrLeft
	}
	return m.room.rooms.mu.Unlock, nil
}

func (m *fakeMember) public() room.Member {
	p := m.member
	p.Tracks = nil
	return p
}

func (m *fakeMember) snapshot() room.Snapshot {
	s := room.Snapshot{Self: m.member.ID, Room: m.room.name, Messages: slices.Clone(m.room.messages)}
	for _, other := range m.room.members {
		public := other.public()
		if other != m {
			public.Tracks = slices.Clone(other.member.Tracks)
		}
		s.Members = append(s.Members, public)
	}
	for _, p := range m.places {
		s.Bound = append(s.Bound, room.Binding{Down: p.down, Track: p.track})
	}
	_, _, s.Unavailable = m.seat()
	return s
}

func (m *fakeMember) wants(id room.TrackID) bool {
	owner, _ := m.room.find(id)
	return m.named[id] || m.auto && owner != m && !m.refused[id]
}

// seat fills free places with wanted tracks and says what changed.
func (m *fakeMember) seat() (bound []room.Binding, need int, missing []room.Unavailable) {
	missing = []room.Unavailable{}
	for _, other := range m.room.members {
		for _, t := range other.member.Tracks {
			if !m.wants(t.ID) || slices.ContainsFunc(m.places, func(p *fakePlace) bool { return p.track == t.ID }) {
				continue
			}
			i := slices.IndexFunc(m.places, func(p *fakePlace) bool { return p.track == "" && p.down.Kind() == t.Kind })
			if i < 0 {
				need++
				missing = append(missing, room.Unavailable{Track: t.ID})
				continue
			}
			m.places[i].track = t.ID
			bound = append(bound, room.Binding{Down: m.places[i].down, Track: t.ID})
		}
	}
	return bound, need, missing
}

// reseat tells the member what seat changed.
func (m *fakeMember) reseat(parked ...room.Binding) {
	bound, need, missing := m.seat()
	if bound = append(parked, bound...); len(bound) > 0 || need > 0 {
		m.sink.Deliver(room.SlotsBound{Bound: bound, Need: need, Unavailable: missing})
	}
	for _, b := range bound {
		if b.Track != "" && b.Down.Kind() == forwarder.Video {
			m.sink.Deliver(room.LayerChanged{Down: b.Down, Track: b.Track, State: forwarder.DownTrackState{
				Sending: true, RID: "h", Width: 640, Height: 360, Temporal: -1, FirstTimestamp: 3_000_000,
			}})
		}
	}
}

// unseat parks the places that carry one of ids.
func (m *fakeMember) unseat(ids ...room.TrackID) (parked []room.Binding) {
	for _, p := range m.places {
		if p.track != "" && slices.Contains(ids, p.track) {
			p.track = ""
			parked = append(parked, room.Binding{Down: p.down})
		}
	}
	return parked
}

func (m *fakeMember) ID() room.ParticipantID  { return m.member.ID }
func (m *fakeMember) Media() *forwarder.Group { return nil }

func (m *fakeMember) Snapshot() (room.Snapshot, error) {
	if m.glimpse != nil {
		m.glimpse()
	}
	unlock, err := m.lock()
	if err != nil {
		return room.Snapshot{}, err
	}
	defer unlock()
	return m.snapshot(), nil
}

func (m *fakeMember) Publish(_ *forwarder.Peer, _ string, kind forwarder.Kind, source auth.Source, muted bool) (room.TrackID, error) {
	unlock, err := m.lock()
	if err != nil {
		return "", err
	}
	defer unlock()
	if !m.grant.MayPublish(source) {
		return "", room.ErrNotAllowed
	}
	if len(m.member.Tracks) == 8 {
		return "", room.ErrLimit
	}
	m.room.rooms.tracks++
	t := room.Track{
		ID: room.TrackID(fmt.Sprintf("t%d", m.room.rooms.tracks)), Participant: m.member.ID,
		Source: source, Kind: kind, Muted: muted, Codec: codec.Opus,
	}
	if kind == forwarder.Video {
		t.Codec = codec.VP8
	}
	m.member.Tracks = append(m.member.Tracks, t)
	m.room.tell(m, room.TrackChanged{Track: t})
	for _, other := range m.room.members {
		if other != m {
			other.reseat()
		}
	}
	return t.ID, nil
}

func (m *fakeMember) Unpublish(id room.TrackID) error {
	unlock, err := m.lock()
	if err != nil {
		return err
	}
	defer unlock()
	i := slices.IndexFunc(m.member.Tracks, func(t room.Track) bool { return t.ID == id })
	if i < 0 {
		return room.ErrNotFound
	}
	m.member.Tracks = slices.Delete(m.member.Tracks, i, i+1)
	m.room.tell(m, room.TrackGone{ID: id})
	for _, other := range m.room.members {
		other.reseat(other.unseat(id)...)
	}
	return nil
}

func (m *fakeMember) SetMuted(id room.TrackID, muted bool) error {
	unlock, err := m.lock()
	if err != nil {
		return err
	}
	defer unlock()
	owner, i := m.room.find(id)
	if owner != m {
		return room.ErrNotFound
	}
	m.member.Tracks[i].Muted = muted
	m.room.tell(m, room.TrackChanged{Track: m.member.Tracks[i]})
	return nil
}

func (m *fakeMember) Forget(*forwarder.Peer) {
	unlock, err := m.lock()
	if err != nil {
		return
	}
	defer unlock()
	m.forgotten++
}

func (m *fakeMember) Receive(slots []forwarder.Slot) error {
	unlock, err := m.lock()
	if err != nil {
		return err
	}
	defer unlock()
	for _, s := range slots {
		if s.Audio != nil {
			m.places = append(m.places, &fakePlace{down: s.Audio})
		}
		if s.Video != nil {
			m.places = append(m.places, &fakePlace{down: s.Video})
		}
	}
	m.reseat()
	return nil
}

func (m *fakeMember) SetAuto(auto bool) error {
	unlock, err := m.lock()
	if err != nil {
		return err
	}
	defer unlock()
	m.auto = auto
	return nil
}

func (m *fakeMember) Subscribe(ids ...room.TrackID) error {
	return m.subscription(ids, func(id room.TrackID) { m.named[id] = true; delete(m.refused, id) })
}

func (m *fakeMember) Unsubscribe(ids ...room.TrackID) error {
	return m.subscription(ids, func(id room.TrackID) { m.refused[id] = true; delete(m.named, id) })
}

func (m *fakeMember) subscription(ids []room.TrackID, change func(room.TrackID)) error {
	unlock, err := m.lock()
	if err != nil {
		return err
	}
	defer unlock()
	for _, id := range ids {
		if owner, _ := m.room.find(id); owner == nil {
			return room.ErrNotFound
		}
	}
	var dropped []room.TrackID
	for _, id := range ids {
		if change(id); !m.wants(id) {
			dropped = append(dropped, id)
		}
	}
	m.reseat(m.unseat(dropped...)...)
	return nil
}

func (m *fakeMember) SetViews(shown ...room.Shown) error {
	unlock, err := m.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if m.panics {
		panic("a bug")
	}
	var failed error
	for _, is := range shown {
		if owner, _ := m.room.find(is.Track); owner == nil {
			failed = room.ErrNotFound
			continue
		}
		m.views[is.Track] = is.View
	}
	return failed
}

func (m *fakeMember) DownTrackChanged(d *forwarder.DownTrack, s forwarder.DownTrackState) {
	unlock, err := m.lock()
	if err != nil {
		return
	}
	defer unlock()
	for _, p := range m.places {
		if p.down == d {
			m.sink.Deliver(room.LayerChanged{Down: d, Track: p.track, State: s})
		}
	}
}

func (m *fakeMember) Send(body string, to room.ParticipantID) error {
	unlock, err := m.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if !m.grant.Chat {
		return room.ErrNotAllowed
	}
	m.room.said++
	message := room.Message{ID: m.room.said, From: m.member.ID, Name: m.member.Name, Body: body, At: time.Now(), To: to}
	if to == "" {
		m.room.messages = append(m.room.messages, message)
		m.room.messages = m.room.messages[max(0, len(m.room.messages)-10):]
		m.room.tell(nil, room.MessageReceived{Message: message})
		return nil
	}
	for _, other := range m.room.members {
		if other.member.ID == to {
			other.sink.Deliver(room.MessageReceived{Message: message})
			m.sink.Deliver(room.MessageReceived{Message: message})
			return nil
		}
	}
	return room.ErrNotFound
}

func (m *fakeMember) Rename(name string) error {
	unlock, err := m.lock()
	if err != nil {
		return err
	}
	defer unlock()
	m.member.Name = name
	m.room.tell(nil, room.MemberChanged{Member: m.public()})
	return nil
}

func (m *fakeMember) Remove(id room.ParticipantID) error {
	unlock, err := m.lock()
	if err != nil {
		return err
	}
	defer unlock()
	if !m.grant.Moderate {
		return room.ErrNotAllowed
	}
	for _, other := range m.room.members {
		if other.member.ID == id {
			other.leave(room.Removed)
			return nil
		}
	}
	return room.ErrNotFound
}

func (m *fakeMember) SetConnected(connected bool) {
	unlock, err := m.lock()
	if err != nil {
		return
	}
	defer unlock()
	m.member.Connected = connected
	m.room.tell(m, room.MemberChanged{Member: m.public()})
}

func (m *fakeMember) Leave(reason room.Reason) {
	unlock, err := m.lock()
	if err != nil {
		return
	}
	defer unlock()
	m.leave(reason)
}

func (m *fakeMember) leave(reason room.Reason) {
	m.left = reason
	m.room.members = slices.DeleteFunc(m.room.members, func(o *fakeMember) bool { return o == m })
	ids := make([]room.TrackID, 0, len(m.member.Tracks))
	for _, t := range m.member.Tracks {
		ids = append(ids, t.ID)
		m.room.tell(m, room.TrackGone{ID: t.ID})
	}
	m.room.tell(m, room.MemberGone{ID: m.member.ID, Reason: reason})
	for _, other := range m.room.members {
		other.reseat(other.unseat(ids...)...)
	}
	m.sink.Deliver(room.Ended{Reason: reason})
}

// leftAs returns why the member is gone, "" while it is not.
func (m *fakeMember) leftAs() room.Reason {
	m.room.rooms.mu.Lock()
	defer m.room.rooms.mu.Unlock()
	return m.left
}

// fakeTokens knows "ROOM:IDENTITY" as a token; "expired", "used" and the like are refused for that. With open set no token is needed.
type fakeTokens struct {
	open     bool
	limited  bool // tokens without "mod:" in front may publish nothing but a microphone, and may not chat
	mu       sync.Mutex
	redeemed map[string]bool
	onRedeem func()
}

func (f *fakeTokens) Open() bool { return f.open }

func (f *fakeTokens) Verify(token, roomName string, _ time.Time) (auth.Grant, error) {
	all := []auth.Source{auth.Microphone, auth.Camera, auth.Screen, auth.ScreenAudio}
	g := auth.Grant{Room: roomName, Publish: all, Subscribe: true, Chat: true}
	token, g.Moderate = strings.CutPrefix(token, "mod:")
	switch at, identity, ok := strings.Cut(token, ":"); {
	case token == "" && f.open:
		return g, nil
	case token == "":
		return g, auth.ErrTokenRequired
	case token == "expired":
		return g, fmt.Errorf("%w: at noon", auth.ErrTokenExpired)
	case token == "early":
		return g, auth.ErrTokenNotYetValid
	case token == "bug":
		return g, errors.New("no key at /etc/keys")
	case !ok:
		return g, auth.ErrTokenInvalid
	case at != roomName:
		return g, auth.ErrRoomNotAllowed
	default:
		g.Identity, g.TokenID = identity, token
	}
	if f.limited && !g.Moderate {
		g.Publish, g.Chat = []auth.Source{auth.Microphone}, false
	}
	return g, nil
}

func (f *fakeTokens) Redeem(g auth.Grant, _ time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.onRedeem != nil {
		f.onRedeem()
	}
	if !strings.HasSuffix(g.TokenID, "once") {
		return nil
	}
	if f.redeemed[g.TokenID] {
		return auth.ErrTokenUsed
	}
	if f.redeemed == nil {
		f.redeemed = map[string]bool{}
	}
	f.redeemed[g.TokenID] = true
	return nil
}
