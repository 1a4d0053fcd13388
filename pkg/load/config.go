package load

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"

	"sfu/pkg/codec"
	"sfu/pkg/link"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/synthetic"
)

// A Config says what to do to a server.
type Config struct {
	// URL is the server's, such as http://127.0.0.1:8080. Token is given by every participant.
	URL, Token string
	// From are own addresses that participants come from, in turns; without them, the one that faces the server.
	From []netip.Addr
	// RoomPrefix is what the names of the rooms begin with.
	RoomPrefix string
	// Rooms, and the Publishers and Viewers of each. With Watch, publishers receive each other, as in a meeting.
	Rooms, Publishers, Viewers int
	Watch                      bool
	// Silent participants of each room are connected, and neither send media nor receive any. With Page they offer what the page does, slots,
	// a microphone and a camera in simulcast; without, one microphone.
	Silent int
	Page   bool
	// Slots is how many others a participant may receive, 0 for as many as there are publishers.
	Slots int

	// Bitrate is that of one publisher's video in bits per second, all encodings together; 0 sends no video. Codec is VP8 with
	// Simulcast.
	Bitrate   int
	FPS       float64
	Codec     codec.Type
	Simulcast bool
	Audio     bool
	Pacing    synthetic.Pacing
	// SlowCipher prefers SRTP profiles as Chromium does; see client.Options.
	SlowCipher bool
	// Saturate raises the bitrate step by step, to find the most that the server carries. Each step is measured for Duration.
	Saturate bool

	// Duration is measured, after everyone has joined and Settle has passed.
	Duration, Settle time.Duration
	// JoinRate is how many participants join in a second.
	JoinRate float64
	// Sample is how many packets a viewer counts for one that it checks.
	Sample int
	// Up and Down impair the path of every viewer, where Impaired is set.
	Impaired bool
	Up, Down link.Config

	// Process measures the server, nil does not.
	Process Process
}

// Bounds of a Config.
const (
	maxParticipants = 20_000
	maxJoinRate     = 10_000
	maxSlots        = 32
)

func (c Config) validate() error {
	at, err := url.Parse(c.URL)
	if err != nil {
		return fmt.Errorf("--url: %w", err)
	}
	participants := c.participants()
	switch {
	case at.Scheme != "http" && at.Scheme != "https" || at.Host == "":
		return fmt.Errorf("--url is %q, not http:// or https:// and an address", c.URL)
	case c.Rooms < 1 || c.Publishers < 0 || c.Viewers < 0 || c.Silent < 0 || participants < 1 || participants > maxParticipants:
		return fmt.Errorf("%d rooms of %d publishers, %d viewers and %d silent; 1 to %d participants are possible",
			c.Rooms, c.Publishers, c.Viewers, c.Silent, maxParticipants)
	case c.Page && c.Silent == 0:
		return errors.New("--page is about silent participants, and there are none")
	case c.Slots < 0 || c.Slots > maxSlots:
		return fmt.Errorf("--slots is from 0 to %d", maxSlots)
	case c.Saturate && (c.Publishers == 0 || c.Bitrate == 0 || c.Viewers == 0 && !c.Watch):
		return errors.New("--saturate needs publishers of video and someone who receives it")
	case c.Publishers > 0 && c.Bitrate == 0 && !c.Audio:
		return errors.New("--bitrate 0 without --audio publishes nothing")
	case c.Bitrate < 0 || !(c.FPS > 0):
		return errors.New("--bitrate and --fps must be positive")
	case c.Simulcast && c.Codec != codec.VP8:
		return errors.New("--simulcast needs --codec VP8")
	case !c.Codec.Video():
		return errors.New("--codec is one of VP8, VP9, H264, AV1")
	case c.Duration < time.Second || c.Settle < 0:
		return errors.New("--duration must be 1s or more")
	case !(c.JoinRate > 0 && c.JoinRate <= maxJoinRate):
		return fmt.Errorf("--join-rate is from above 0 to %d", maxJoinRate)
	case c.Sample < 1:
		return errors.New("--sample must be 1 or more")
	case !protocol.IsRoomName(c.room(c.Rooms - 1)):
		return fmt.Errorf("--room %q does not begin a room's name", c.RoomPrefix)
	}
	return nil
}

// room is the name of room i.
func (c Config) room(i int) string { return fmt.Sprintf("%s%d", c.RoomPrefix, i) }

// participants are all of them.
func (c Config) participants() int { return c.Rooms * (c.Publishers + c.Viewers + c.Silent) }

// slots is how many others a participant of a room may receive.
func (c Config) slots() int {
	if c.Slots > 0 {
		return c.Slots
	}
	return max(1, min(c.Publishers, maxSlots))
}
