package sfutest_test

import (
	"testing"

	"sfu/pkg/client"
	"sfu/pkg/codec"
	"sfu/pkg/reception"
	"sfu/pkg/sfutest"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/synthetic"
)

// cameraOf is a small camera of a codec.
func cameraOf(c codec.Type) client.Publish {
	track := synthetic.Camera(200_000, 180, 15)
	track.Codec = c
	return client.Publish{Source: protocol.Camera, Track: track}
}

// knowing offers these video codecs only.
func knowing(codecs ...codec.Type) sfutest.Option {
	return func(o *client.Options) { o.VideoCodecs = codecs }
}

// TestMixedCodecs: everyone sends another codec and sees all others.
func TestMixedCodecs(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{})
	codecs := []codec.Type{codec.VP8, codec.VP9, codec.H264, codec.AV1}
	people := make([]*client.Client, len(codecs))
	for i, c := range codecs {
		people[i] = srv.Join(t, "kitchen", c.String(), sfutest.Publishing(cameraOf(c)))
	}
	for i, viewer := range people {
		for j, c := range codecs {
			if i == j {
				continue
			}
			var s reception.Stats
			track := people[j].Publications()[0].Track()
			sfutest.Eventually(t, "a picture of "+c.String(), func() bool { s, _ = viewer.ReceivedOf(track); return s.Frames > 15 })
			checkClean(t, s)
			if s.Codec != c || s.Keyframes == 0 || s.Publisher != people[j].Publications()[0].Player().Track().Publisher {
				t.Errorf("%v sees %v with %d keyframes of %x in place of %v", codecs[i], s.Codec, s.Keyframes, s.Publisher, c)
			}
		}
	}
}

// TestLackingCodecIsSaid: a viewer without the codec is told which one, sees everything else, and the others see it all.
func TestLackingCodecIsSaid(t *testing.T) {
	srv := sfutest.Start(t, sfutest.Options{})
	alice := srv.Join(t, "kitchen", "alice", sfutest.Publishing(sfutest.Microphone(), cameraOf(codec.VP9)))
	carol := srv.Join(t, "kitchen", "carol", sfutest.Publishing(sfutest.Camera()))
	bob := srv.Join(t, "kitchen", "bob", knowing(codec.VP8))
	sound, camera := alice.Publications()[0].Track(), alice.Publications()[1].Track()
	sfutest.Await(t, bob, "the codec is named", func(s *client.State) bool {
		return len(s.Unavailable) == 1 && s.Unavailable[0] == protocol.Unavailable{Track: camera, Reason: "codec", Codec: "VP9"}
	})
	for _, seen := range []struct {
		by    *client.Client
		track string
	}{{bob, sound}, {bob, carol.Publications()[0].Track()}, {carol, sound}, {carol, camera}} {
		var s reception.Stats
		sfutest.Eventually(t, "all others go on", func() bool { s, _ = seen.by.ReceivedOf(seen.track); return s.Packets > 30 })
		checkClean(t, s)
	}
	if _, carried := bob.ReceivedOf(camera); carried {
		t.Error("the camera is on one of bob's m-lines")
	}
}
