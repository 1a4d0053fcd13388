package client

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"time"

	"sfu/pkg/codec"
	"sfu/pkg/reception"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/synthetic"
)

// Options say how to join. The zero value is a viewer with as many slots as the server advises.
type Options struct {
	Name, Token string
	// Manual subscribes to nothing but what Subscribe names.
	Manual bool
	// Publish is sent from the beginning.
	Publish []Publish
	// Slots is how many remote participants can be received at first; 0 takes the server's advice, NoSlots none.
	Slots int
	// NoGrow leaves the number of slots as it is when the server asks for more.
	NoGrow bool
	// VideoCodecs are offered, in order of preference. Default VP8, VP9, H264, AV1.
	VideoCodecs []codec.Type

	// Pacing is how published video leaves.
	Pacing synthetic.Pacing
	// SlowCipher prefers the SRTP profiles in Chromium's order, of which AES128_CM_HMAC_SHA1_80 is the first. It matters to servers that
	// leave the choice to the client.
	SlowCipher bool

	// Reception sets up the receiver; Receiver stands in for it.
	Reception reception.Config
	Receiver  MediaReceiver

	// Listen opens the media socket; default is a UDP socket on the address that faces the server. It may be a Served one. The Client
	// closes it.
	Listen func() (net.PacketConn, error)
	// TCP uses ICE-TCP instead of UDP, RelayOnly nothing but the TURN servers that the server names.
	TCP, RelayOnly bool
	// Tries, where it is set, says which of the server's addresses are tried; of what it turns down ICE learns nothing.
	Tries func(Candidate) bool
	// NoRestart never restarts ICE by itself. Otherwise that is done when the path is lost for 3 s.
	NoRestart bool

	// Info, where it is set, is used instead of asking the server for the room's information.
	Info *protocol.RoomInfo
	// TLS is for https and wss; nil is the system's.
	TLS *tls.Config
	// DialContext opens TCP connections to the server.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// OnMessage sees every message of the server, in order. It must not block.
	OnMessage func(protocol.ServerMessage)
	// ResumeFor is how long a lost socket is tried to be resumed. Default 60 s.
	ResumeFor time.Duration
	// Rejoin is how long to try to join anew, with another PeerConnection, when the room moves or the seat is lost; 0 does not. With
	// it the Client also watches whether the server answers, as a page does. Receiver is told with Renew, if it has that.
	Rejoin time.Duration
	Log    *slog.Logger
}

// NoSlots is the number of Options.Slots that receives nothing.
const NoSlots = -1

// A Publish is a track to publish. Source is one of protocol.Microphone, Camera, Screen, ScreenAudio.
type Publish struct {
	Source string
	Track  synthetic.Track
	Muted  bool
}

func (o Options) withDefaults() Options {
	if len(o.VideoCodecs) == 0 {
		o.VideoCodecs = []codec.Type{codec.VP8, codec.VP9, codec.H264, codec.AV1}
	}
	if o.Receiver == nil {
		o.Receiver = reception.New(o.Reception)
	}
	if o.ResumeFor == 0 {
		o.ResumeFor = 60 * time.Second
	}
	if o.DialContext == nil {
		o.DialContext = (&net.Dialer{}).DialContext
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
