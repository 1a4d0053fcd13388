package room_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"sfu/pkg/auth"
	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
	"sfu/pkg/room"
)

func TestTracksAreAnnouncedWithTheirMedia(t *testing.T) {
	r := start(t, room.Config{})
	ada, bob := r.join(everything, "Ada"), r.join(everything, "Bob")
	slots := bob.receive(1, codec.VP8, codec.VP9)
	ada.take()
	id := ada.publish(auth.Camera, true)
	if err := ada.SetMuted(id, false); err != nil {
		t.Fatal(err)
	}
	bob.expect()
	if own := ada.snapshot().Members[0].Tracks; len(own) != 1 || own[0].Codec != codec.Unknown {
		t.Errorf("own tracks %+v", own)
	}
	if theirs := bob.snapshot().Members[0].Tracks; len(theirs) != 0 {
		t.Errorf("others know %+v", theirs)
	}
	ada.MediaArrives(id, codec.VP8)
	track := room.Track{ID: id, Participant: ada.ID(), Source: auth.Camera, Kind: forwarder.Video, Codec: codec.VP8}
	bob.expect(room.TrackChanged{Track: track}, room.SlotsBound{Bound: []room.Binding{{Down: slots[0].Video, Track: id}}})
	ada.MediaArrives(id, codec.VP8)
	bob.expect()
	track.Codec = codec.VP9
	ada.MediaArrives(id, codec.VP9)
	bob.expect(room.TrackChanged{Track: track})
	track.Muted = true
	for range 2 {
		if err := ada.SetMuted(id, true); err != nil {
			t.Fatal(err)
		}
	}
	bob.expect(room.TrackChanged{Track: track})
	late := r.join(everything, "Late")
	if tracks := late.snapshot().Members[0].Tracks; len(tracks) != 1 || tracks[0] != track {
		t.Errorf("a late joiner knows %+v", tracks)
	}
	bob.take()
	media := ada.Remember(id)
	if err := ada.Unpublish(id); err != nil {
		t.Fatal(err)
	}
	media(codec.VP8)
	bob.expect(room.TrackGone{ID: id}, room.SlotsBound{Bound: []room.Binding{{Down: slots[0].Video}}})
	ada.take()
	ada.expect()
}

func TestPublishAgain(t *testing.T) {
	r := start(t, room.Config{TracksPerParticipant: 1})
	ada, bob := r.join(everything, "Ada"), r.join(everything, "Bob")
	id := ada.share(auth.Camera)
	bob.take()
	same, err := ada.Publish(ada.peer, "1", forwarder.Video, auth.Camera, true)
	if err != nil || same != id {
		t.Errorf("the same m-line again is %q, %v", same, err)
	}
	bob.expect(room.TrackChanged{Track: room.Track{
		ID: id, Participant: ada.ID(), Source: auth.Camera, Kind: forwarder.Video, Codec: codec.VP8, Muted: true}})
	other, err := ada.Publish(ada.peer, "1", forwarder.Video, auth.Screen, false)
	if err != nil || other == id {
		t.Errorf("another source on the m-line is %q, %v", other, err)
	}
	bob.expect(room.TrackGone{ID: id})
	if _, err := ada.Publish(ada.peer, "1", forwarder.Audio, auth.Camera, false); !errors.Is(err, room.ErrNotAllowed) {
		t.Errorf("a camera of sound: %v", err)
	}
	if own := ada.snapshot().Members[0].Tracks; len(own) != 1 || own[0].ID != other {
		t.Errorf("own tracks %+v", own)
	}
}

func TestPoliced(t *testing.T) {
	r := start(t, room.Config{})
	ada, bob := r.join(everything, "Ada"), r.join(everything, "Bob")
	id := ada.share(auth.Camera)
	ada.take()
	bob.take()
	ada.TooMuch(id)
	ada.expect(room.Policed{Track: id})
	bob.expect()
}

func TestForget(t *testing.T) {
	r := start(t, room.Config{})
	ada, bob := r.join(everything, "Ada"), r.join(everything, "Bob")
	mike := ada.share(auth.Microphone)
	gone := bob.share(auth.Camera)
	old := bob.receive(2)
	bob.take()
	ada.take()
	first := bob.peer
	bob.connect()
	kept := bob.share(auth.Microphone)
	ada.take()
	fresh := bob.receive(1)
	bob.Forget(first)
	first.Close()
	ada.expect(room.TrackGone{ID: gone})
	bob.expect(room.SlotsBound{Bound: []room.Binding{{Down: fresh[0].Audio, Track: mike}}})
	s := bob.snapshot()
	if len(s.Bound) != 2 || s.Bound[0] != (room.Binding{Down: fresh[0].Audio, Track: mike}) {
		t.Errorf("bound %+v", s.Bound)
	}
	if own := s.Members[1].Tracks; len(own) != 1 || own[0].ID != kept {
		t.Errorf("own tracks %+v", own)
	}
	bob.DownTrackChanged(old[0].Audio, forwarder.DownTrackState{Source: ada.UpTrack(mike), Sending: true})
	bob.expect()
	bob.Forget(first)
	ada.expect()
}

func TestLayerChanged(t *testing.T) {
	r := start(t, room.Config{})
	ada, bob := r.join(everything, "Ada"), r.join(everything, "Bob")
	slot := bob.receive(1)[0]
	camera := ada.share(auth.Camera)
	up := ada.UpTrack(camera)
	bob.take()
	state := forwarder.DownTrackState{Source: up, Sending: true, RID: "h", Width: 640, Height: 360}
	bob.DownTrackChanged(slot.Video, state)
	bob.expect(room.LayerChanged{Down: slot.Video, Track: camera, State: state})
	bob.DownTrackChanged(slot.Audio, state)
	bob.DownTrackChanged(slot.Video, forwarder.DownTrackState{})
	bob.expect()
	if err := ada.Unpublish(camera); err != nil {
		t.Fatal(err)
	}
	bob.take()
	bob.DownTrackChanged(slot.Video, state)
	bob.expect()
}

// The worker forwards the media of many rooms: none of them may wait for one that is busy, nor may what it said get lost.
func TestTheWorkerNeverWaitsForARoom(t *testing.T) {
	r := start(t, room.Config{})
	ada, bob := r.join(everything, "Ada"), r.join(everything, "Bob")
	slots := bob.receive(1)
	id := ada.publish(auth.Camera, false)
	ada.take()
	worker := ada.Observer(id)
	returned := make(chan struct{})
	ada.WithRoomLocked(func() {
		go func() {
			defer close(returned)
			worker.UpTrackStarted(nil, codec.VP9)
			worker.UpTrackPoliced(nil)
			worker.UpTrackStarted(nil, codec.VP8)
		}()
		select {
		case <-returned:
		case <-time.After(10 * time.Second):
			t.Error("the worker waits for the lock of a room")
		}
	})
	<-returned
	ada.Heed()
	track := room.Track{ID: id, Participant: ada.ID(), Source: auth.Camera, Kind: forwarder.Video, Codec: codec.VP9}
	last := track
	last.Codec = codec.VP8
	bob.expect(room.TrackChanged{Track: track}, room.TrackChanged{Track: last},
		room.SlotsBound{Bound: []room.Binding{{Down: slots[0].Video, Track: id}}})
	ada.expect(room.Policed{Track: id})
}

// What the forwarder says is heeded though nobody asks for it, and without a tick.
func TestNoticesAreHeededAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := start(t, room.Config{})
		ada, bob := r.join(everything, "Ada"), r.join(everything, "Bob")
		id := ada.publish(auth.Microphone, false)
		bob.take()
		began := time.Now()
		ada.Observer(id).UpTrackStarted(nil, codec.Opus)
		synctest.Wait()
		track := room.Track{ID: id, Participant: ada.ID(), Source: auth.Microphone, Kind: forwarder.Audio, Codec: codec.Opus}
		bob.expect(room.TrackChanged{Track: track})
		if waited := time.Since(began); waited > 0 {
			t.Errorf("announced after %v", waited)
		}
	})
}
