package protocol

// Values of RoomInfo.Auth.
const (
	AuthOpen  = "open"
	AuthToken = "token"
)

// RoomInfo answers "GET v1/rooms/{room}". Participants is nil and ICEServers has no credentials for those who may not join. Signal is where
// the room's socket is, an absolute ws or wss URL, where that is another server's; "" where it is this one's.
type RoomInfo struct {
	Room         string      `json:"room"`
	Protocol     string      `json:"protocol"`
	Auth         string      `json:"auth"`
	Participants *int        `json:"participants,omitempty"`
	ICEServers   []ICEServer `json:"iceServers"`
	Codecs       Codecs      `json:"codecs"`
	Limits       Limits      `json:"limits"`
	Signal       string      `json:"signal,omitempty"`
}

// Codecs are what the server forwards, in the order in which publishers should choose.
type Codecs struct {
	Audio []string `json:"audio"`
	Video []string `json:"video"`
}

// Limits are what a client must know to stay within them.
type Limits struct {
	MessageBytes int `json:"messageBytes"`
	SDPLines     int `json:"sdpLines"`
	Slots        int `json:"slots"`
	SlotsFirst   int `json:"slotsFirst"`
	SlotsGrow    int `json:"slotsGrow"`
	NameLength   int `json:"nameLength"`
	ChatBytes    int `json:"chatBytes"`
}

// A Refusal is the body of every HTTP answer that is not 200. RetryAfter is in milliseconds.
type Refusal struct {
	Code       Code   `json:"code"`
	Message    string `json:"message"`
	RetryAfter int64  `json:"retryAfter,omitempty"`
}
