package signaling

import (
	"time"

	"sfu/pkg/signaling/protocol"
	"sfu/pkg/turn"
)

// Options set up a Server. A zero field takes the default that stands with it. Requests are taken as they are: behind proxies, whoever serves
// has put the client's address into RemoteAddr and the host it asked for into Host.
type Options struct {
	// AllowedOrigins are pages of other servers that may use this one, as scheme://host[:port]. Default none.
	AllowedOrigins []string
	// Locator knows where rooms live. Default: all are here.
	Locator Locator
	// Admit may refuse who wants to join, not who comes back, with an error as a Locator's. Default: everybody may.
	Admit func() error
	// ICEServers are given to clients. TURN, where it is not nil, adds credentials of its own for each.
	ICEServers []protocol.ICEServer
	TURN       *turn.Issuer
	// VideoCodecs is the order in which publishers should choose. Default VP8, VP9, H264, AV1.
	VideoCodecs []string
	// Slots bound what a client may be sent on all its connections; SlotsFirst and SlotsGrow tell it how to begin and to go
	// on. Defaults 32, 4, 4.
	Slots, SlotsFirst, SlotsGrow int
	// ChatBytes bounds a chat message. Default 4096.
	ChatBytes int
	Addresses AddressLimits
	// Sockets bounds the WebSockets of the node. Default 10 000.
	Sockets int
	// Joins is how many joins are worked on at a time, JoinQueue how many more may wait for up to 3 s. Defaults 64 and 256.
	Joins, JoinQueue int
	// ObserveJoin is told how long each join took, from the upgrade to the answer, and its result as in Stats.Joins.
	ObserveJoin func(d time.Duration, result string)
}

func (o Options) withDefaults() Options {
	if o.Locator == nil {
		o.Locator = here{}
	}
	if o.Admit == nil {
		o.Admit = func() error { return nil }
	}
	if len(o.VideoCodecs) == 0 {
		o.VideoCodecs = []string{"VP8", "VP9", "H264", "AV1"}
	}
	o.Slots = orDefault(o.Slots, 32)
	o.SlotsFirst = orDefault(o.SlotsFirst, 4)
	o.SlotsGrow = orDefault(o.SlotsGrow, 4)
	o.ChatBytes = orDefault(o.ChatBytes, 4096)
	o.Sockets = orDefault(o.Sockets, 10_000)
	o.Joins = orDefault(o.Joins, 64)
	o.JoinQueue = orDefault(o.JoinQueue, 256)
	return o
}

func (o Options) limits() protocol.Limits {
	return protocol.Limits{
		MessageBytes: protocol.MaxMessageBytes,
		SDPLines:     maxSDPLines,
		Slots:        o.Slots,
		SlotsFirst:   o.SlotsFirst,
		SlotsGrow:    o.SlotsGrow,
		NameLength:   maxNameLength,
		ChatBytes:    o.ChatBytes,
	}
}

// maxNameLength is in code points; rooms enforce it.
const maxNameLength = 64

// maxSDPLines bounds an offer.
const maxSDPLines = 8000

// timing holds the times of PROTOCOL.md, so that tests can shorten them.
type timing struct {
	hello       time.Duration // from the upgrade to the first message
	ping        time.Duration // between two pings
	silence     time.Duration // without a byte before a socket is taken for dead
	message     time.Duration // for one message to arrive
	write       time.Duration // for one frame to be taken by the kernel
	linger      time.Duration // for the client to close after us
	negotiation time.Duration // for one offer to be answered
	closing     time.Duration // for a session's connections to close
	patience    time.Duration // in the queue of joins
}

var defaultTiming = timing{
	hello:       5 * time.Second,
	ping:        5 * time.Second,
	silence:     15 * time.Second,
	message:     10 * time.Second,
	write:       5 * time.Second,
	linger:      time.Second,
	negotiation: 10 * time.Second,
	closing:     5 * time.Second,
	patience:    3 * time.Second,
}
