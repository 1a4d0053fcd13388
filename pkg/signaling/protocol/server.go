package protocol

import "encoding/json"

// A ServerMessage is what the server says: one of the types of this file. Type is its name on the wire.
type ServerMessage interface {
	Type() string
	fromServer()
}

// Joined is the whole room, after a join and after a resume. None of its lists is nil on the wire.
type Joined struct {
	// Session is the secret with which a lost socket is replaced.
	Session      string        `json:"session"`
	Self         string        `json:"self"`
	Room         string        `json:"room"`
	Resumed      bool          `json:"resumed"`
	Permissions  Permissions   `json:"permissions"`
	Participants []Participant `json:"participants"`
	Answers      []Answer      `json:"answers"`
	Bound        []Binding     `json:"bound"`
	Unavailable  []Unavailable `json:"unavailable"`
	Messages     []Message     `json:"messages"`
	ICEServers   []ICEServer   `json:"iceServers"`
	// ServerTime is in milliseconds since 1970.
	ServerTime int64 `json:"serverTime"`
}

// Permissions are what oneself may do.
type Permissions struct {
	Publish   []string `json:"publish"`
	Subscribe bool     `json:"subscribe"`
	Chat      bool     `json:"chat"`
	Moderate  bool     `json:"moderate"`
}

// An ICEServer is one as RTCPeerConnection takes it.
type ICEServer struct {
	URLs       []string `json:"urls"`
	Username   string   `json:"username,omitempty"`
	Credential string   `json:"credential,omitempty"`
}

// An Answer is what came of the Offer with the same PC and N.
type Answer struct {
	PC        string               `json:"pc"`
	N         uint64               `json:"n"`
	SDP       string               `json:"sdp"`
	Published map[string]string    `json:"published,omitempty"`
	Rejected  map[string]Rejection `json:"rejected,omitempty"`
	Slots     []Slot               `json:"slots,omitempty"`
}

// A Rejection says why one m-line was turned down.
type Rejection struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

// A Slot is a pair of m-lines for one remote participant; either may be "".
type Slot struct {
	Audio string `json:"audio,omitempty"`
	Video string `json:"video,omitempty"`
}

// Published answers Publish.
type Published struct {
	Track string `json:"track"`
}

// A Participant is someone in the room. Tracks is nil in the message of that name.
type Participant struct {
	ID        string  `json:"id"`
	Name      string  `json:"name"`
	Connected bool    `json:"connected"`
	Tracks    []Track `json:"tracks,omitzero"`
}

// Gone: a participant is no more.
type Gone struct {
	Participant string `json:"participant"`
	Reason      string `json:"reason"`
}

// A Track is what someone else publishes.
type Track struct {
	ID          string `json:"id"`
	Participant string `json:"participant"`
	Kind        string `json:"kind"`
	Source      string `json:"source"`
	Muted       bool   `json:"muted"`
	Codec       string `json:"codec"`
}

// Untrack: a track is no more.
type Untrack struct {
	Track string `json:"track"`
}

// Slots: m-lines carry other tracks. Unavailable is nil where it did not change and empty when everything is seated.
type Slots struct {
	Bound       []Binding     `json:"bound,omitempty"`
	Need        int           `json:"need,omitempty"`
	Unavailable []Unavailable `json:"unavailable,omitzero"`
}

// A Binding says what an m-line carries from now on.
type Binding struct {
	PC    string     `json:"pc"`
	Mid   string     `json:"mid"`
	Track NullableID `json:"track"`
}

// A NullableID is an id that is null on the wire where it is "".
type NullableID string

// MarshalJSON implements json.Marshaler.
func (id NullableID) MarshalJSON() ([]byte, error) {
	if id == "" {
		return []byte("null"), nil
	}
	return json.Marshal(string(id))
}

// Values of Unavailable.Reason.
const (
	UnavailableCodec = "codec"
	UnavailableSlots = "slots"
)

// An Unavailable track is wanted but not seated.
type Unavailable struct {
	Track  string `json:"track"`
	Reason string `json:"reason"`
	Codec  string `json:"codec,omitempty"`
}

// Layers say what is sent on m-lines.
type Layers struct {
	Layers []Layer `json:"layers"`
}

// A Layer is what is sent on one m-line. Temporal is nil where the codec does not say, Timestamp before the first packet.
type Layer struct {
	PC        string  `json:"pc"`
	Mid       string  `json:"mid"`
	Track     string  `json:"track"`
	Sending   bool    `json:"sending"`
	Reason    string  `json:"reason,omitempty"`
	RID       string  `json:"rid,omitempty"`
	Width     int     `json:"width,omitempty"`
	Height    int     `json:"height,omitempty"`
	Temporal  *int    `json:"temporal,omitempty"`
	Timestamp *uint32 `json:"timestamp,omitempty"`
}

// Media tells how far a PeerConnection is.
type Media struct {
	PC      string `json:"pc"`
	State   string `json:"state"`
	Step    string `json:"step,omitempty"`
	Path    string `json:"path,omitempty"`
	Code    Code   `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

// A Message is a chat message. At is in milliseconds since 1970.
type Message struct {
	ID   uint64 `json:"id"`
	From string `json:"from"`
	Name string `json:"name"`
	Body string `json:"body"`
	At   int64  `json:"at"`
	To   string `json:"to,omitempty"`
}

// Drain: the server is about to end. Deadline is in milliseconds from now.
type Drain struct {
	Deadline int64 `json:"deadline"`
}

// Undrain: the server goes on; the last Drain is taken back.
type Undrain struct{}

// Left: oneself is out of the room. The socket closes.
type Left struct {
	Reason  string `json:"reason"`
	Code    Code   `json:"code,omitempty"`
	Message string `json:"message,omitempty"`
}

// OK: done.
type OK struct{}

// An Error is a request that was refused, or something that went wrong by itself. RetryAfter is in milliseconds.
type Error struct {
	Code       Code   `json:"code"`
	Message    string `json:"message"`
	RetryAfter int64  `json:"retryAfter,omitempty"`
	Track      string `json:"track,omitempty"`
	PC         string `json:"pc,omitempty"`
	N          uint64 `json:"n,omitempty"`
}

// Type implements ServerMessage; so do the methods below.
func (Joined) Type() string      { return "joined" }
func (Answer) Type() string      { return "answer" }
func (Published) Type() string   { return "published" }
func (Participant) Type() string { return "participant" }
func (Gone) Type() string        { return "gone" }
func (Track) Type() string       { return "track" }
func (Untrack) Type() string     { return "untrack" }
func (Slots) Type() string       { return "slots" }
func (Layers) Type() string      { return "layers" }
func (Media) Type() string       { return "media" }
func (Message) Type() string     { return "message" }
func (Drain) Type() string       { return "drain" }
func (Undrain) Type() string     { return "undrain" }
func (Left) Type() string        { return "left" }
func (OK) Type() string          { return "ok" }
func (Error) Type() string       { return "error" }

func (Joined) fromServer()      {}
func (Answer) fromServer()      {}
func (Published) fromServer()   {}
func (Participant) fromServer() {}
func (Gone) fromServer()        {}
func (Track) fromServer()       {}
func (Untrack) fromServer()     {}
func (Slots) fromServer()       {}
func (Layers) fromServer()      {}
func (Media) fromServer()       {}
func (Message) fromServer()     {}
func (Drain) fromServer()       {}
func (Undrain) fromServer()     {}
func (Left) fromServer()        {}
func (OK) fromServer()          {}
func (Error) fromServer()       {}
