package signaling

import (
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sfu/pkg/auth"
	"sfu/pkg/room"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/transport"
)

// refusals is how errors of other packages appear to a client. The first that matches counts.
var refusals = []struct {
	err  error
	code protocol.Code
}{
	{room.ErrFull, protocol.RoomFull},
	{room.ErrOverloaded, protocol.Overloaded},
	{room.ErrDraining, protocol.Draining},
	{room.ErrIdentityInUse, protocol.IdentityInUse},
	{room.ErrNotAllowed, protocol.NotAllowed},
	{room.ErrNotFound, protocol.NotFound},
	{room.ErrLimit, protocol.LimitReached},
	{room.ErrTooBig, protocol.MessageTooBig},
	{room.ErrBadName, protocol.BadName},
	{room.ErrLeft, protocol.BadState},
	{auth.ErrTokenRequired, protocol.TokenRequired},
	{auth.ErrTokenInvalid, protocol.TokenInvalid},
	{auth.ErrTokenExpired, protocol.TokenExpired},
	{auth.ErrTokenNotYetValid, protocol.TokenNotYetValid},
	{auth.ErrTokenUsed, protocol.TokenUsed},
	{auth.ErrRoomNotAllowed, protocol.RoomNotAllowed},
	{transport.ErrBadSDP, protocol.BadSDP},
	{transport.ErrTooManyCandidates, protocol.TooManyCandidates},
	{transport.ErrTooManyStreams, protocol.TooManyStreams},
	{transport.ErrOverloaded, protocol.Overloaded},
	{transport.ErrClosed, protocol.NoMatch},
	{context.DeadlineExceeded, protocol.Overloaded},
}

// refusalOf returns what a client is told of err. What is not in the table becomes internal and is not shown; known is false then, so
// that the caller logs it.
func refusalOf(err error, now time.Time) (refusal *protocol.Error, known bool) {
	var already *protocol.Error
	if errors.As(err, &already) {
		return already, true
	}
	for _, r := range refusals {
		if errors.Is(err, r.err) {
			return refuse(r.code, err, now), true
		}
	}
	return protocol.Internal.Refuse(), false
}

func refuse(code protocol.Code, err error, now time.Time) *protocol.Error {
	e := code.Refuse()
	switch code {
	case protocol.BadSDP, protocol.TooManyCandidates:
		e.Message = sentence(err.Error())
	case protocol.TokenExpired, protocol.TokenNotYetValid:
		e.Message = strings.TrimSuffix(e.Message, ".") + "; the server's time is " + now.UTC().Format(time.RFC3339) + "."
	case protocol.Overloaded, protocol.Draining:
		e.RetryAfter = retryAfter()
	}
	return e
}

// retryAfter returns 1 to 3 seconds in milliseconds, so that those who are sent away together do not come back together.
func retryAfter() int64 { return 1000 + rand.Int64N(2000) }

// maxSentence bounds what of an error's text is shown.
const maxSentence = 200

// sentence makes an error's text presentable.
func sentence(s string) string {
	if len(s) > maxSentence {
		s = strings.ToValidUTF8(s[:maxSentence], "") + "…"
	}
	first, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[size:] + "."
}
