package synthetic

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"sfu/pkg/codec"
)

// An Encoding is one version of a video, or the sound of an audio track.
type Encoding struct {
	// RID names the encoding where there are several; "" where there is one.
	RID string
	// Width and Height are the picture's size in pixels, 0 for audio.
	Width, Height int
	// FPS is the frame rate, 30 where it is 0. Audio has 50 packets per second.
	FPS float64
	// Bitrate is what the payloads take, in bits per second.
	Bitrate int
	// TemporalLayers is 1 to 3; 0 is 1. Codecs but VP8, VP9 and AV1 do not tell their layers.
	TemporalLayers int
}

// A Track is what one m-line carries.
type Track struct {
	Codec     codec.Type
	Encodings []Encoding
	// KeyframeInterval makes keyframes without being asked; 0 makes them on request only.
	KeyframeInterval time.Duration
	// KeyframeAll makes a keyframe in every encoding when one is asked for, as Chromium does for VP8.
	KeyframeAll bool
	// AudioLevel is what the header extension of RFC 6464 says, in -dBov: 0 is loudest, 127 is silence.
	AudioLevel uint8
	// Publisher is the number in the stamps, a random one where it is 0.
	Publisher uint64
}

// Microphone returns an Opus track of 32 kbit/s.
func Microphone() Track {
	return Track{Codec: codec.Opus, Encodings: []Encoding{{Bitrate: 32_000}}, AudioLevel: 30}
}

// Camera returns a VP8 track of one encoding of 16:9 pictures.
func Camera(bitrate, height int, fps float64) Track {
	return Track{Codec: codec.VP8, Encodings: []Encoding{{Width: height * 16 / 9, Height: height, FPS: fps, Bitrate: bitrate}}}
}

// Simulcast returns a VP8 track in three encodings, q, h and f, of 1/4, 1/2 and the whole of 1280x720, with three temporal layers
// each. bitrate is that of all three.
func Simulcast(bitrate int, fps float64) Track {
	share := func(percent int) int { return bitrate * percent / 100 }
	return Track{Codec: codec.VP8, KeyframeAll: true, Encodings: []Encoding{
		{RID: "q", Width: 320, Height: 180, FPS: fps, Bitrate: share(7), TemporalLayers: 3},
		{RID: "h", Width: 640, Height: 360, FPS: fps, Bitrate: share(22), TemporalLayers: 3},
		{RID: "f", Width: 1280, Height: 720, FPS: fps, Bitrate: share(71), TemporalLayers: 3},
	}}
}

// Packets per second of audio, and the bounds of what a Track may ask for.
const (
	audioRate  = 50
	maxFPS     = 240
	maxBitrate = 100_000_000
)

// prepare checks t and puts in what is left open.
func (t Track) prepare() (Track, error) {
	if t.Codec == codec.Unknown || t.Codec > codec.AV1 {
		return t, errors.New("track without a known codec")
	}
	if n := len(t.Encodings); n == 0 || n > 4 || n > 1 && !t.Codec.Video() {
		return t, fmt.Errorf("track with %d encodings", n)
	}
	t.Encodings = append([]Encoding(nil), t.Encodings...)
	for i := range t.Encodings {
		e := &t.Encodings[i]
		if e.FPS == 0 {
			e.FPS = 30
		}
		if !t.Codec.Video() {
			e.FPS = audioRate
		}
		if e.TemporalLayers == 0 {
			e.TemporalLayers = 1
		}
		switch {
		case len(t.Encodings) > 1 && e.RID == "":
			return t, errors.New("simulcast encoding without a rid")
		case !(e.FPS > 0 && e.FPS <= maxFPS):
			return t, fmt.Errorf("%g frames per second", e.FPS)
		case e.Bitrate <= 0 || e.Bitrate > maxBitrate:
			return t, fmt.Errorf("%d bits per second", e.Bitrate)
		case e.TemporalLayers < 1 || e.TemporalLayers > 3:
			return t, fmt.Errorf("%d temporal layers", e.TemporalLayers)
		case t.Codec.Video() && (e.Width < 16 || e.Height < 16 || e.Width > 16383 || e.Height > 16383):
			return t, fmt.Errorf("pictures of %dx%d", e.Width, e.Height)
		}
	}
	if t.AudioLevel > 127 {
		return t, fmt.Errorf("audio level %d", t.AudioLevel)
	}
	for t.Publisher == 0 {
		t.Publisher = rand.Uint64()
	}
	return t, nil
}
