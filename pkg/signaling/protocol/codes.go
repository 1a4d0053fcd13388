package protocol

// A Code names why something was refused. It is API: clients act on it and translate it.
type Code string

// The codes of the table in PROTOCOL.md.
const (
	BadRequest              Code = "bad_request"
	BadMessage              Code = "bad_message"
	MessageTooBig           Code = "message_too_big"
	MessageTimeout          Code = "message_timeout"
	Unsupported             Code = "unsupported"
	UnsupportedVersion      Code = "unsupported_version"
	HelloTimeout            Code = "hello_timeout"
	BadState                Code = "bad_state"
	BadRoomName             Code = "bad_room_name"
	BadName                 Code = "bad_name"
	BadSDP                  Code = "bad_sdp"
	TooManyCandidates       Code = "too_many_candidates"
	TooManyStreams          Code = "too_many_streams"
	NoMatch                 Code = "no_match"
	NotFound                Code = "not_found"
	NotAllowed              Code = "not_allowed"
	LimitReached            Code = "limit_reached"
	OriginNotAllowed        Code = "origin_not_allowed"
	TokenRequired           Code = "token_required"
	TokenInvalid            Code = "token_invalid"
	TokenExpired            Code = "token_expired"
	TokenNotYetValid        Code = "token_not_yet_valid"
	TokenUsed               Code = "token_used"
	RoomNotAllowed          Code = "room_not_allowed"
	IdentityInUse           Code = "identity_in_use"
	ResumeInvalid           Code = "resume_invalid"
	RoomFull                Code = "room_full"
	Overloaded              Code = "overloaded"
	Draining                Code = "draining"
	RoomUnavailable         Code = "room_unavailable"
	RateLimited             Code = "rate_limited"
	BitrateLimited          Code = "bitrate_limited"
	CodecUnsupported        Code = "codec_unsupported"
	DataChannelsUnsupported Code = "data_channels_unsupported"
	SlowConsumer            Code = "slow_consumer"
	Moved                   Code = "moved"
	Replaced                Code = "replaced"
	Removed                 Code = "removed"
	Shutdown                Code = "shutdown"
	Internal                Code = "internal"
)

// A CodeInfo is one row of the table.
type CodeInfo struct {
	Code Code
	// Close is the WebSocket close code, 0 where the code closes nothing of itself.
	Close int
	// HTTP is the status, 0 where the code never answers an HTTP request.
	HTTP int
	// Sentence tells a person what happened and, where there is something, what to do.
	Sentence string
}

// CloseLeft closes the socket of someone who left.
const CloseLeft = 1000

// closeRefused closes the socket after a refused first message whose code has no close code of its own.
const closeRefused = 4400

var codes = []CodeInfo{
	{BadRequest, 4400, 400, "The message could not be understood."},
	{BadMessage, 1007, 0, "The frame is not a UTF-8 text frame."},
	{MessageTooBig, 1009, 413, "The message is too big."},
	{MessageTimeout, 1008, 0, "A message took too long to arrive."},
	{Unsupported, 0, 0, "The server does not know this type of message."},
	{UnsupportedVersion, 0, 400, "The page and the server speak different protocol versions; reload the page."},
	{HelloTimeout, 4001, 0, "Nothing was said within 5 seconds of connecting."},
	{BadState, 4400, 0, "This is not possible now."},
	{BadRoomName, 4400, 400, "A room name has 1 to 64 letters, digits, hyphens and underscores."},
	{BadName, 4400, 0, "The name is longer than 64 characters."},
	{BadSDP, 4400, 0, "The offer cannot be used."},
	{TooManyCandidates, 4400, 0, "The offer lists too many ICE candidates."},
	{TooManyStreams, 0, 0, "The connection used too many streams and was closed."},
	{NoMatch, 0, 0, "This belongs to no open negotiation."},
	{NotFound, 0, 404, "There is no such thing here."},
	{NotAllowed, 4403, 403, "This is not permitted to you."},
	{LimitReached, 4403, 0, "You have as many of these as you may have."},
	{OriginNotAllowed, 0, 403, "Pages of this origin may not use this server."},
	{TokenRequired, 4401, 401, "This server wants a token."},
	{TokenInvalid, 4401, 401, "The token is not valid."},
	{TokenExpired, 4401, 401, "The token has expired."},
	{TokenNotYetValid, 4401, 401, "The token is not valid yet."},
	{TokenUsed, 4401, 401, "The token can be used only once, and has been."},
	{RoomNotAllowed, 4403, 403, "The token is for another room."},
	{IdentityInUse, 4403, 403, "Someone with this identity is in the room."},
	{ResumeInvalid, 4401, 0, "The session is over; join again."},
	{RoomFull, 4403, 403, "The room is full."},
	{Overloaded, 4503, 503, "The server is busy; try again in a moment."},
	{Draining, 4503, 503, "The server is about to end; try again in a moment."},
	{RoomUnavailable, 4503, 503, "The server cannot open this room at the moment."},
	{RateLimited, 4029, 429, "Too many requests; slow down."},
	{BitrateLimited, 0, 0, "A track sends more than it may and is thinned out."},
	{CodecUnsupported, 0, 0, "The server knows no codec of this m-line."},
	{DataChannelsUnsupported, 0, 0, "The server does not offer data channels."},
	{SlowConsumer, 4008, 0, "The connection was too slow for what had to be sent."},
	{Moved, 4002, 0, "The room has moved to another server."},
	{Replaced, 4009, 0, "The session goes on in another connection."},
	{Removed, 4010, 0, "A moderator removed you."},
	{Shutdown, 1001, 0, "The server ends."},
	{Internal, 1011, 500, "Something went wrong in the server."},
}

var codeIndex = func() map[Code]int {
	index := make(map[Code]int, len(codes))
	for i, c := range codes {
		index[c.Code] = i
	}
	return index
}()

// Codes returns the table in the order of PROTOCOL.md.
func Codes() []CodeInfo { return append([]CodeInfo(nil), codes...) }

// Info returns the row of c, that of Internal for a code which is not in the table.
func (c Code) Info() CodeInfo {
	if i, ok := codeIndex[c]; ok {
		return codes[i]
	}
	return codes[codeIndex[Internal]]
}

// CloseAfterRefusal returns the close code for a socket whose first message was refused with c.
func (c Code) CloseAfterRefusal() int {
	if n := c.Info().Close; n != 0 {
		return n
	}
	return closeRefused
}

// Status returns the HTTP status of c, 400 where the table has none.
func (c Code) Status() int {
	if n := c.Info().HTTP; n != 0 {
		return n
	}
	return 400
}

// unavailableRetry is when to ask again for a room that no server can open now, in milliseconds.
const unavailableRetry = 2000

// Refuse returns an Error with the sentence of c.
func (c Code) Refuse() *Error { return c.Because(c.Info().Sentence) }

// Because returns an Error with a sentence of its own. That of RoomUnavailable says to try again after 2 s.
func (c Code) Because(sentence string) *Error {
	e := &Error{Code: c, Message: sentence}
	if c == RoomUnavailable {
		e.RetryAfter = unavailableRetry
	}
	return e
}

// Error implements error.
func (e Error) Error() string { return string(e.Code) + ": " + e.Message }
