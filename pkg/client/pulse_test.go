package client

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"sfu/pkg/signaling/protocol"
)

// beat runs a pulse from the moment of a ping that is not answered and returns after how long it gives up. packets tells what has come by a
// time, flowing whether more should come.
func beat(packets func(time.Duration) uint64, flowing bool) time.Duration {
	var p pulse
	began := time.Now()
	asked := time.Duration(-1)
	for d := time.Duration(0); d < time.Minute; d += lookEvery {
		now := began.Add(d)
		switch {
		case p.due(now):
			asked = d
		case p.doubtful(now) && p.lost(now, packets(d-asked), flowing):
			return d - asked
		}
	}
	return 0
}

func TestAPulseThatIsNotAnsweredIsLost(t *testing.T) {
	still := func(time.Duration) uint64 { return 7 }
	coming := func(d time.Duration) uint64 { return uint64(d / (200 * time.Millisecond)) }
	// Media that go on for a while after the ping.
	until := func(end time.Duration) func(time.Duration) uint64 {
		return func(d time.Duration) uint64 { return coming(min(d, end)) }
	}
	for _, c := range []struct {
		name    string
		packets func(time.Duration) uint64
		flowing bool
		want    time.Duration
	}{
		{"nothing need come", still, false, pongWithin},
		{"media come", coming, true, pongWithin},
		{"none come", still, true, silentWithin},
		{"they stop a little later", until(1500 * time.Millisecond), true, 2500 * time.Millisecond},
		{"they stop late", until(4 * time.Second), true, 5 * time.Second},
	} {
		if got := beat(c.packets, c.flowing); got != c.want {
			t.Errorf("%s: lost after %v, not %v", c.name, got, c.want)
		}
	}
}

func TestAPulseIsAskedEveryTwoSeconds(t *testing.T) {
	var p pulse
	began := time.Now()
	var asked []time.Duration
	for d := time.Duration(0); d < 9*time.Second; d += lookEvery {
		now := began.Add(d)
		if p.due(now) {
			asked = append(asked, d)
			p.answered(now.Add(lookEvery / 2))
		}
		if p.doubtful(now) {
			t.Fatalf("a doubt after %v though every answer came", d)
		}
	}
	if got := fmt.Sprint(asked); got != "[2s 4.25s 6.5s 8.75s]" {
		t.Errorf("asked after %s", got)
	}
}

func TestWhatShouldFlow(t *testing.T) {
	place := Place{"main", "1"}
	for _, c := range []struct {
		track   protocol.Track
		sending bool
		want    bool
	}{
		{protocol.Track{ID: "t", Participant: "b", Kind: "audio"}, false, true},
		{protocol.Track{ID: "t", Participant: "b", Kind: "audio", Muted: true}, true, false},
		{protocol.Track{ID: "t", Participant: "b", Kind: "video"}, false, false},
		{protocol.Track{ID: "t", Participant: "b", Kind: "video"}, true, true},
	} {
		s := newState()
		s.Participants["b"] = protocol.Participant{ID: "b", Tracks: []protocol.Track{c.track}}
		if s.flowing() {
			t.Error("something should flow that is bound nowhere")
		}
		s.Bound[place], s.Layers[place] = "t", protocol.Layer{Sending: c.sending}
		if s.flowing() != c.want {
			t.Errorf("%+v, sending %v: %v", c.track, c.sending, s.flowing())
		}
	}
}

func TestRefusalsOfARejoin(t *testing.T) {
	now := time.Now()
	for code, final := range map[protocol.Code]bool{
		protocol.RoomUnavailable: false, protocol.Overloaded: false, protocol.Draining: false, protocol.RateLimited: false,
		protocol.TokenExpired: true, protocol.RoomNotAllowed: true, protocol.BadSDP: true,
	} {
		r := &rejoining{}
		for _, at := range []time.Duration{0, contested, time.Hour} {
			if r.refused(fmt.Errorf("join: %w", code.Refuse()), now.Add(at)) != final {
				t.Errorf("%s after %v: final %v", code, at, !final)
			}
		}
	}
	for _, code := range []protocol.Code{protocol.IdentityInUse, protocol.RoomFull} {
		r := &rejoining{}
		if r.refused(code.Refuse(), now) || r.refused(code.Refuse(), now.Add(contested-1)) || !r.refused(code.Refuse(), now.Add(contested)) {
			t.Errorf("%s is not tried for %v", code, contested)
		}
	}
	if r := (&rejoining{}); r.refused(errors.New("no route"), now) {
		t.Error("a server that is not there is no refusal")
	}
	if got := retryAfter(fmt.Errorf("x: %w", protocol.RoomUnavailable.Refuse())); got != 2*time.Second {
		t.Errorf("to be tried after %v", got)
	}
}

// TestNewSocketHasItsOwnPulse: the ping that made the client give up the last socket must not end the next one too, and so on for ever.
func TestNewSocketHasItsOwnPulse(t *testing.T) {
	now := time.Now()
	last, next := &socket{}, &socket{}
	l := &line{socket: last, open: true}
	l.pulse.due(now)
	if !l.pulse.due(now.Add(pingEvery)) || !l.pulse.lost(now.Add(pingEvery+pongWithin), 0, false) {
		t.Fatal("the last socket is not given up")
	}
	if l.use(next) != last || l.present() != next {
		t.Error("the next socket is not used")
	}
	if l.pulse.doubtful(now.Add(pingEvery + pongWithin + lookEvery)) {
		t.Error("the next socket is doubted at once")
	}
}
