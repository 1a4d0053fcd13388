package room_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"sfu/pkg/auth"
	"sfu/pkg/forwarder"
	"sfu/pkg/room"
)

func TestJoinTellsTheOthers(t *testing.T) {
	r := start(t, room.Config{})
	ada := r.join(everything, "Ada")
	bob := r.join(everything, " Bob\u202E ")
	ada.expect(room.MemberChanged{Member: room.Member{ID: bob.ID(), Name: "Bob", Connected: true}})
	bob.expect()
	s := bob.snapshot()
	if s.Self != bob.ID() || s.Room != "kitchen" || len(s.Members) != 2 || s.Members[0].Name != "Ada" {
		t.Errorf("snapshot %+v", s)
	}
	if n := r.Participants("kitchen"); n != 2 {
		t.Errorf("%d participants", n)
	}
	bob.leave(room.Lost)
	bob.leave(room.Left)
	ada.expect(room.MemberGone{ID: bob.ID(), Reason: room.Lost})
	if _, err := bob.Snapshot(); !errors.Is(err, room.ErrLeft) {
		t.Errorf("snapshot after leaving: %v", err)
	}
	if n := r.Participants("garden"); n != 0 {
		t.Errorf("%d participants in no room", n)
	}
}

func TestNames(t *testing.T) {
	r := start(t, room.Config{})
	named := everything
	named.Name = "Dr. Token"
	ada, token := r.join(everything, "Ada"), r.join(named, "Eve")
	if name := token.snapshot().Members[1].Name; name != "Dr. Token" {
		t.Errorf("the grant's name lost to %q", name)
	}
	if _, err := r.tryJoin(everything, strings.Repeat("x", 65)); !errors.Is(err, room.ErrBadName) {
		t.Errorf("a long name: %v", err)
	}
	if err := ada.Rename(strings.Repeat("x", 65)); !errors.Is(err, room.ErrBadName) {
		t.Errorf("a long new name: %v", err)
	}
	if err := token.Rename("Eve"); !errors.Is(err, room.ErrNotAllowed) {
		t.Errorf("rename against the grant: %v", err)
	}
	ada.take()
	token.take()
	if err := ada.Rename("  Ada   L. "); err != nil {
		t.Fatal(err)
	}
	renamed := room.MemberChanged{Member: room.Member{ID: ada.ID(), Name: "Ada L.", Connected: true}}
	ada.expect(renamed)
	token.expect(renamed)
	if err := ada.Rename("Ada L."); err != nil {
		t.Fatal(err)
	}
	token.expect()
}

func TestConnected(t *testing.T) {
	r := start(t, room.Config{})
	ada, bob := r.join(everything, "Ada"), r.join(everything, "Bob")
	ada.take()
	ada.SetConnected(true)
	ada.SetConnected(false)
	ada.SetConnected(false)
	ada.expect()
	bob.expect(room.MemberChanged{Member: room.Member{ID: ada.ID(), Name: "Ada"}})
}

func TestIdentities(t *testing.T) {
	r := start(t, room.Config{})
	g := everything
	g.Identity = "ada@example.org"
	first := r.join(g, "Ada")
	if _, err := r.tryJoin(g, "Ada"); !errors.Is(err, room.ErrIdentityInUse) {
		t.Fatalf("the same identity again: %v", err)
	}
	first.expect()
	elsewhere := g
	elsewhere.Room = "garden"
	r.join(elsewhere, "Ada")
	r.join(everything, "Ada")
	r.join(everything, "Ada")
	first.leave(room.Left)
	r.join(g, "Ada")
}

// Who lost the page cannot resume, and needs not wait until its ghost is given up.
func TestAGhostIsReplaced(t *testing.T) {
	for _, alone := range []bool{true, false} {
		r := start(t, room.Config{MaxParticipants: 2})
		g := everything
		g.Identity = "ada@example.org"
		ghost := r.join(g, "Ada")
		ghost.receive(1)
		ghost.share(auth.Camera)
		var bob *client
		if !alone {
			bob = r.join(everything, "Bob")
			bob.take()
		}
		ghost.SetConnected(false)
		ghost.take()
		back := r.join(g, "Ada")
		back.checkMirror()
		back.expect()
		ghost.expect(room.Ended{Reason: room.Replaced})
		if err := ghost.Rename("Boo"); !errors.Is(err, room.ErrLeft) {
			t.Errorf("the ghost still acts: %v", err)
		}
		if bob != nil {
			bob.checkMirror()
			events := bob.take()
			if last := events[len(events)-1]; !reflect.DeepEqual(last, room.MemberChanged{Member: room.Member{ID: back.ID(), Name: "Ada", Connected: true}}) {
				t.Errorf("the last that Bob heard is %+v", last)
			}
			if gone := events[len(events)-2]; gone != (room.MemberGone{ID: ghost.ID(), Reason: room.Replaced}) {
				t.Errorf("Bob heard of the ghost %+v", gone)
			}
			bob.leave(room.Left)
		}
		ghost.leave(room.Replaced)
		back.share(auth.Camera)
		if _, err := r.tryJoin(g, "Ada"); !errors.Is(err, room.ErrIdentityInUse) {
			t.Errorf("one with a socket is replaced: %v", err)
		}
		back.leave(room.Left)
		if s := r.stats(); s.RoomsStarted != 1 || len(s.Rooms) != 0 {
			t.Errorf("%d rooms were started, %d are there", s.RoomsStarted, len(s.Rooms))
		}
	}
}

// Who may not come in puts nobody out.
func TestARefusedJoinReplacesNobody(t *testing.T) {
	r := start(t, room.Config{})
	g := everything
	g.Identity = "ada@example.org"
	ghost := r.join(g, "Ada")
	ghost.SetConnected(false)
	if _, err := r.tryJoin(g, strings.Repeat("x", 1000)); !errors.Is(err, room.ErrBadName) {
		t.Fatal(err)
	}
	ghost.expect()
	ghost.SetConnected(true)
	if _, err := r.tryJoin(g, "Ada"); !errors.Is(err, room.ErrIdentityInUse) {
		t.Errorf("one who came back is replaced: %v", err)
	}
}

func TestLimits(t *testing.T) {
	r := start(t, room.Config{MaxRooms: 2, MaxParticipants: 3, MaxVideoPublishers: 1, TracksPerParticipant: 3, MaxSlots: 4, SubscriptionsPerPerson: 1})
	in := func(name string) auth.Grant { g := everything; g.Room = name; return g }
	ada, bob, eve := r.join(in("a"), "Ada"), r.join(in("a"), "Bob"), r.join(in("a"), "Eve")
	fay := r.join(in("b"), "Fay")
	refuse := func(want error, err error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	_, err := r.tryJoin(in("a"), "Gus")
	refuse(room.ErrFull, err)
	_, err = r.tryJoin(in("c"), "Gus")
	refuse(room.ErrOverloaded, err)

	camera := ada.share(auth.Camera)
	_, err = bob.Publish(bob.peer, "9", forwarder.Video, auth.Camera, false)
	refuse(room.ErrFull, err)
	ada.share(auth.Screen)
	microphone := ada.share(auth.Microphone)
	_, err = ada.Publish(ada.peer, "9", forwarder.Audio, auth.ScreenAudio, false)
	refuse(room.ErrLimit, err)
	_, err = bob.Publish(bob.peer, "9", forwarder.Audio, auth.Camera, false)
	refuse(room.ErrNotAllowed, err)

	eve.receive(3)
	refuse(room.ErrLimit, eve.Receive(eve.makeSlots(2)))
	if n := len(eve.snapshot().Bound); n != 6 {
		t.Errorf("%d m-lines after a refusal", n)
	}
	eve.receive(1)
	refuse(nil, eve.Unsubscribe(camera))
	refuse(room.ErrLimit, eve.Unsubscribe(microphone))
	refuse(nil, eve.Subscribe(camera))

	fay.leave(room.Left)
	r.join(in("c"), "Gus")
	r.Drain()
	bob.leave(room.Left)
	_, err = r.tryJoin(in("a"), "Hal")
	refuse(room.ErrDraining, err)
	eve.checkMirror()
}

func TestPermissions(t *testing.T) {
	r := start(t, room.Config{})
	ada := r.join(everything, "Ada")
	track := ada.share(auth.Camera)
	guest := r.join(auth.Grant{Room: "kitchen", Publish: []auth.Source{auth.Microphone}}, "Guest")
	ada.take()
	_, camera := guest.Publish(guest.peer, "1", forwarder.Video, auth.Camera, false)
	for name, err := range map[string]error{
		"publish":     camera,
		"chat":        guest.Send("hello", ""),
		"remove":      guest.Remove(ada.ID()),
		"receive":     guest.Receive(guest.makeSlots(1)),
		"subscribe":   guest.Subscribe(track),
		"unsubscribe": guest.Unsubscribe(track),
		"view":        guest.show(track, forwarder.View{}, 1),
	} {
		if !errors.Is(err, room.ErrNotAllowed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := guest.SetAuto(false); err != nil {
		t.Errorf("auto: %v", err)
	}
	ada.expect()
	guest.expect()
	guest.share(auth.Microphone)
}

// Ids of others are as unknown as those of nobody.
func TestForeignIDs(t *testing.T) {
	r := start(t, room.Config{})
	g := everything
	g.Room = "garden"
	ada, bob, far := r.join(everything, "Ada"), r.join(everything, "Bob"), r.join(g, "Far")
	of := ada.share(auth.Camera)
	quiet := ada.publish(auth.Microphone, false)
	elsewhere := far.share(auth.Camera)
	bob.receive(2)
	ada.take()
	bob.take()
	before := fmt.Sprint(ada.snapshot(), bob.snapshot(), far.snapshot())
	for name, err := range map[string]error{
		"unpublish another's":       bob.Unpublish(of),
		"mute another's":            bob.SetMuted(of, true),
		"subscribe to another room": bob.Subscribe(elsewhere),
		"subscribe to a secret":     bob.Subscribe(quiet),
		"view nothing":              bob.show("", forwarder.View{}, 10),
		"unsubscribe from nothing":  bob.Unsubscribe("nothing"),
		"message to another room":   bob.Send("hello", far.ID()),
		"remove from another room":  bob.Remove(far.ID()),
	} {
		if !errors.Is(err, room.ErrNotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := bob.Remove(bob.ID()); !errors.Is(err, room.ErrNotAllowed) {
		t.Errorf("remove oneself: %v", err)
	}
	ada.expect()
	bob.expect()
	if after := fmt.Sprint(ada.snapshot(), bob.snapshot(), far.snapshot()); after != before {
		t.Errorf("refused acts changed\n%s\ninto\n%s", before, after)
	}
}

func TestRemove(t *testing.T) {
	r := start(t, room.Config{})
	mod, bob, eve := r.join(everything, "Mod"), r.join(everything, "Bob"), r.join(everything, "Eve")
	slots := eve.receive(1)
	bob.receive(1)
	bobs, mods := bob.share(auth.Camera), mod.share(auth.Camera)
	mod.take()
	bob.take()
	if got := eve.bindings()[0][1]; got != bobs {
		t.Fatalf("bound to %q", got)
	}
	eve.take()
	if err := mod.Remove(bob.ID()); err != nil {
		t.Fatal(err)
	}
	mod.expect(room.TrackGone{ID: bobs}, room.MemberGone{ID: bob.ID(), Reason: room.Removed})
	bob.expect(room.Ended{Reason: room.Removed})
	events := eve.take()
	if len(events) != 3 || events[1] != (room.MemberGone{ID: bob.ID(), Reason: room.Removed}) {
		t.Fatalf("events %+v", events)
	}
	if b := events[2].(room.SlotsBound).Bound; len(b) != 1 || b[0] != (room.Binding{Down: slots[0].Video, Track: mods}) {
		t.Errorf("bound %+v", b)
	}
	if err := mod.Remove(bob.ID()); !errors.Is(err, room.ErrNotFound) {
		t.Errorf("remove again: %v", err)
	}
	for name, err := range map[string]error{
		"unpublish": bob.Unpublish(bobs), "send": bob.Send("", ""), "receive": bob.Receive(nil), "rename": bob.Rename("B"),
		"remove": bob.Remove(mod.ID()), "mute": bob.SetMuted(bobs, true), "auto": bob.SetAuto(false),
		"subscribe": bob.Subscribe(mods), "view": bob.show(mods, forwarder.View{}, 1),
	} {
		if !errors.Is(err, room.ErrLeft) {
			t.Errorf("%s after the end: %v", name, err)
		}
	}
	bob.SetConnected(false)
	bob.Forget(bob.peer)
	bob.DownTrackChanged(slots[0].Video, forwarder.DownTrackState{})
	mod.expect()
	bob.leave(room.Left)
	mod.expect()
}

func TestChat(t *testing.T) {
	r := start(t, room.Config{ChatTail: 3, ChatBytes: 10})
	ada, bob, eve := r.join(everything, "Ada"), r.join(everything, "Bob"), r.join(everything, "Eve")
	for _, c := range []*client{ada, bob, eve} {
		c.take()
	}
	if err := ada.Send(strings.Repeat("x", 11), ""); !errors.Is(err, room.ErrTooBig) {
		t.Errorf("a long message: %v", err)
	}
	say := func(body string, to room.ParticipantID) {
		t.Helper()
		if err := ada.Send(body, to); err != nil {
			t.Fatal(err)
		}
	}
	say("one", "")
	say("secret", bob.ID())
	say("myself", ada.ID())
	say("two", "")
	ids := func(c *client) (ids []uint64) {
		for _, e := range c.take() {
			m := e.(room.MessageReceived).Message
			if m.From != ada.ID() || m.Name != "Ada" || m.At.IsZero() {
				t.Errorf("message %+v", m)
			}
			ids = append(ids, m.ID)
		}
		return ids
	}
	for _, test := range []struct {
		who  *client
		want []uint64
	}{{ada, []uint64{1, 2, 3, 4}}, {bob, []uint64{1, 2, 4}}, {eve, []uint64{1, 4}}} {
		if got := ids(test.who); fmt.Sprint(got) != fmt.Sprint(test.want) {
			t.Errorf("got %v, want %v", got, test.want)
		}
	}
	say("three", "")
	say("four", "")
	var bodies []string
	for _, m := range r.join(everything, "Late").snapshot().Messages {
		bodies = append(bodies, m.Body)
	}
	if got := strings.Join(bodies, " "); got != "two three four" {
		t.Errorf("a late joiner reads %q", got)
	}
	eve.checkMirror()
}
