package auth

import (
	"errors"
	"time"
)

// A Source is what a participant may publish.
type Source string

// What can be published.
const (
	Microphone  Source = "microphone"
	Camera      Source = "camera"
	Screen      Source = "screen"
	ScreenAudio Source = "screen_audio"
)

// A Grant is what one participant may do in one room.
type Grant struct {
	Room string
	// Identity is who the token says this is, "" in an open room. It is unique in a room.
	Identity string
	// Name is shown to the others; "" leaves the choice to the participant.
	Name      string
	Publish   []Source
	Subscribe bool
	Chat      bool
	Moderate  bool
	// TokenID is the token's jti, "" where it has none.
	TokenID string
	// Expires is when the grant ends the right to join; zero in an open room.
	Expires time.Time
}

// MayPublish reports whether g permits s.
func (g Grant) MayPublish(s Source) bool {
	for _, p := range g.Publish {
		if p == s {
			return true
		}
	}
	return false
}

// Why a token is refused. Errors of Verify wrap one of these.
var (
	ErrTokenRequired    = errors.New("a token is required")
	ErrTokenInvalid     = errors.New("the token is not valid")
	ErrTokenExpired     = errors.New("the token has expired")
	ErrTokenNotYetValid = errors.New("the token is not valid yet")
	ErrTokenUsed        = errors.New("the token has been used")
	ErrRoomNotAllowed   = errors.New("the token is for another room")
)

// A Verifier turns a token into a Grant.
type Verifier interface {
	// Verify checks token for room at the time now. An empty token is a token that was not given. It may be asked about a
	// token any number of times.
	Verify(token, room string, now time.Time) (Grant, error)
	// Redeem is called when the holder of g enters the room for the first time, not when it resumes. It returns ErrTokenUsed
	// where a token counts for one entry only and has been redeemed before.
	Redeem(g Grant, now time.Time) error
	// Open reports whether a room can be entered without a token.
	Open() bool
}
