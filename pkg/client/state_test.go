package client

import (
	"testing"

	"sfu/pkg/signaling/protocol"
)

func joinedExample() protocol.Joined {
	return protocol.Joined{
		Session: "secret", Self: "a", Room: "kitchen",
		Participants: []protocol.Participant{
			{ID: "a", Name: "Ann", Connected: true},
			{ID: "b", Name: "Bob", Connected: true, Tracks: []protocol.Track{{ID: "t1", Participant: "b", Kind: "audio"}}},
		},
		Bound:    []protocol.Binding{{PC: "main", Mid: "1", Track: "t1"}, {PC: "main", Mid: "2"}},
		Messages: []protocol.Message{{ID: 1, Body: "hi"}},
	}
}

func TestStateFollowsEvents(t *testing.T) {
	s := newState()
	s.apply(joinedExample())
	if p, ok := s.PlaceOf("t1"); !ok || p != (Place{"main", "1"}) || len(s.Bound) != 1 || !s.Online || s.Resumed != 0 {
		t.Fatalf("%+v", s)
	}
	before := s.clone()
	s.apply(protocol.Track{ID: "t2", Participant: "b", Kind: "video"})
	s.apply(protocol.Track{ID: "t1", Participant: "b", Kind: "audio", Muted: true})
	s.apply(protocol.Participant{ID: "b", Name: "Robert"})
	s.apply(protocol.Layers{Layers: []protocol.Layer{{PC: "main", Mid: "1", Track: "t1", Sending: true}}})
	if x, ok := s.Track("t1"); !ok || !x.Muted || len(s.Participants["b"].Tracks) != 2 || s.Participants["b"].Name != "Robert" || s.Participants["b"].Connected {
		t.Errorf("%+v", s)
	}
	s.apply(protocol.Slots{Bound: []protocol.Binding{{PC: "main", Mid: "1"}, {PC: "main", Mid: "2", Track: "t2"}}, Unavailable: []protocol.Unavailable{{Track: "t1"}}})
	s.apply(protocol.Slots{})
	if _, still := s.PlaceOf("t1"); still || len(s.Layers) != 0 || len(s.Unavailable) != 1 {
		t.Errorf("%+v", s)
	}
	s.apply(protocol.Slots{Unavailable: []protocol.Unavailable{}})
	s.apply(protocol.Untrack{Track: "t1"})
	s.apply(protocol.Message{ID: 2, Body: "ho"})
	s.apply(protocol.Media{PC: "main", State: "connected"})
	s.apply(protocol.Error{Code: protocol.BitrateLimited})
	s.apply(protocol.Drain{})
	if _, still := s.Track("t1"); still || len(s.Unavailable) != 0 || len(s.Messages) != 2 || s.Media["main"].State != "connected" || len(s.Errors) != 1 || !s.Draining {
		t.Errorf("%+v", s)
	}
	s.apply(protocol.Undrain{})
	if s.Draining {
		t.Error("a drain that was taken back is still on")
	}
	s.apply(protocol.Gone{Participant: "b"})
	s.apply(protocol.Left{Reason: "removed"})
	if len(s.Participants) != 1 || s.Left == nil {
		t.Errorf("%+v", s)
	}
	// What was copied before has not changed.
	if x, _ := before.Track("t1"); x.Muted || len(before.Participants) != 2 || len(before.Messages) != 1 || len(before.Bound) != 1 || before.Draining {
		t.Errorf("the copy changed: %+v", before)
	}
}

func TestSnapshotReplacesEverything(t *testing.T) {
	s := newState()
	s.apply(joinedExample())
	s.apply(protocol.Media{PC: "main", State: "connected"})
	s.apply(protocol.Participant{ID: "c", Name: "Cem", Connected: true})
	again := joinedExample()
	again.Resumed = true
	again.Bound = nil
	s.apply(again)
	if len(s.Participants) != 2 || len(s.Bound) != 0 || s.Resumed != 1 || s.Media["main"].State != "connected" {
		t.Errorf("%+v", s)
	}
}

func TestStateCountsResumesAndRejoins(t *testing.T) {
	s := newState()
	s.apply(joinedExample())
	s.apply(protocol.Media{PC: "main", State: "connected"})
	resumed := joinedExample()
	resumed.Resumed = true
	s.apply(resumed)
	if s.Resumed != 1 || s.Rejoins != 0 || len(s.Media) != 1 {
		t.Errorf("after a resume: %+v", s)
	}
	s.apply(protocol.Left{Reason: "moved"})
	s.apply(joinedExample())
	if s.Resumed != 1 || s.Rejoins != 1 || len(s.Media) != 0 || s.Left != nil || !s.Online {
		t.Errorf("after a rejoin: %+v", s)
	}
}
