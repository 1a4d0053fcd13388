package protocol

// Version is the WebSocket subprotocol.
const Version = "sfu.v1"

// A ClientMessage is the body of a request: one of the types of this file. Type is its name on the wire.
type ClientMessage interface {
	Type() string
	fromClient()
}

// Values of Join.Subscribe.
const (
	SubscribeAuto   = "auto"
	SubscribeManual = "manual"
)

// Values of Publication.Source and Publish.Source, as auth.Source has them.
const (
	Microphone  = "microphone"
	Camera      = "camera"
	Screen      = "screen"
	ScreenAudio = "screen_audio"
)

// Join enters the room of the socket's address.
type Join struct {
	Token     string  `json:"token,omitempty"`
	Name      string  `json:"name,omitempty"`
	Offers    []Offer `json:"offers,omitempty"`
	Subscribe string  `json:"subscribe,omitempty"`
	Client    *Client `json:"client,omitempty"`
}

// A Client names the program that joins; it is logged and nothing depends on it.
type Client struct {
	Name    string `json:"name,omitempty"`
	Version string `json:"version,omitempty"`
}

// Resume takes the seat of a session whose socket was lost. Session is the secret of the last Joined.
type Resume struct {
	Session string `json:"session"`
}

// An Offer opens or changes a PeerConnection. N counts the offers of one PC from 1. Tracks names what is sent, by mid.
type Offer struct {
	PC     string                 `json:"pc"`
	N      uint64                 `json:"n"`
	SDP    string                 `json:"sdp"`
	Tracks map[string]Publication `json:"tracks,omitempty"`
}

// A Publication says what an m-line of an Offer carries.
type Publication struct {
	Source string `json:"source"`
	Muted  bool   `json:"muted,omitempty"`
}

// Applied says that the answer to offer N is in force in the client, so that media may come on the slots that were new in it.
type Applied struct {
	PC string `json:"pc"`
	N  uint64 `json:"n"`
}

// Close ends a PeerConnection.
type Close struct {
	PC string `json:"pc"`
}

// Publish says what an m-line carries that an earlier Offer did not name.
type Publish struct {
	PC     string `json:"pc"`
	Mid    string `json:"mid"`
	Source string `json:"source"`
	Muted  bool   `json:"muted,omitempty"`
}

// Unpublish ends one of one's own tracks.
type Unpublish struct {
	Track string `json:"track"`
}

// Mute mutes or unmutes one of one's own tracks.
type Mute struct {
	Track string `json:"track"`
	Muted bool   `json:"muted"`
}

// Subscribe wants tracks, of others or one's own.
type Subscribe struct {
	Tracks []string `json:"tracks"`
}

// Unsubscribe does not want them.
type Unsubscribe struct {
	Tracks []string `json:"tracks"`
}

// View says how large tracks are shown.
type View struct {
	Tracks []Tile `json:"tracks"`
}

// A Tile is the size of one track in device pixels; 0 x 0 is not visible. Priority is 0 to 10; nil stands for 1.
type Tile struct {
	Track    string `json:"track"`
	Width    int    `json:"width"`
	Height   int    `json:"height"`
	FPS      int    `json:"fps,omitempty"`
	Priority *int   `json:"priority,omitempty"`
}

// Say sends a chat message to all, or to the participant To. It is "message" on the wire.
type Say struct {
	Body string `json:"body"`
	To   string `json:"to,omitempty"`
}

// Rename changes the name that others see.
type Rename struct {
	Name string `json:"name"`
}

// Remove puts someone else out of the room.
type Remove struct {
	Participant string `json:"participant"`
}

// Ping asks for an OK.
type Ping struct{}

// Leave leaves the room.
type Leave struct{}

// Type implements ClientMessage; so do the methods below.
func (Join) Type() string        { return "join" }
func (Resume) Type() string      { return "resume" }
func (Offer) Type() string       { return "offer" }
func (Applied) Type() string     { return "applied" }
func (Close) Type() string       { return "close" }
func (Publish) Type() string     { return "publish" }
func (Unpublish) Type() string   { return "unpublish" }
func (Mute) Type() string        { return "mute" }
func (Subscribe) Type() string   { return "subscribe" }
func (Unsubscribe) Type() string { return "unsubscribe" }
func (View) Type() string        { return "view" }
func (Say) Type() string         { return "message" }
func (Rename) Type() string      { return "rename" }
func (Remove) Type() string      { return "remove" }
func (Ping) Type() string        { return "ping" }
func (Leave) Type() string       { return "leave" }

func (Join) fromClient()        {}
func (Resume) fromClient()      {}
func (Offer) fromClient()       {}
func (Applied) fromClient()     {}
func (Close) fromClient()       {}
func (Publish) fromClient()     {}
func (Unpublish) fromClient()   {}
func (Mute) fromClient()        {}
func (Subscribe) fromClient()   {}
func (Unsubscribe) fromClient() {}
func (View) fromClient()        {}
func (Say) fromClient()         {}
func (Rename) fromClient()      {}
func (Remove) fromClient()      {}
func (Ping) fromClient()        {}
func (Leave) fromClient()       {}
