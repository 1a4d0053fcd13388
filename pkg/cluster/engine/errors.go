package engine

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/nats-io/nats.go"
)

// What calls fail with; errors.Is tells them apart. Other errors are the caller's fault, such as a key that cannot be one.
var (
	// ErrNotFound says that there is no such key.
	ErrNotFound = errors.New("no such key")
	// ErrConflict says that the key is there (Create), has another revision or is gone (Update, Delete), or is being written by somebody else.
	ErrConflict = errors.New("the key was changed by somebody else")
	// ErrUnavailable says that nothing was done and nothing will be: there is no connection, or the bucket has no leader.
	ErrUnavailable = errors.New("the engine is unavailable")
	// ErrUnknown says that a write or a request was sent and not answered: it may have been done, and may still be done later.
	ErrUnknown = errors.New("the engine did not answer")
	// ErrNoResponders says that nobody subscribes to the subject of a request.
	ErrNoResponders = errors.New("nobody answers to that subject")
)

// A reason is why a call failed, as metrics tell it.
type reason uint8

const (
	reasonNone reason = iota
	reasonTimeout
	reasonUnavailable
	reasonConflict
	reasonOther
)

// A fault is why one request failed.
type fault struct {
	kind   error // one of the exported errors, nil where the caller asked for what cannot be
	reason reason
	cause  error
	doubt  bool // the bucket may be gone
}

func (f *fault) Error() string {
	switch {
	case f.kind == nil:
		return f.cause.Error()
	case f.cause == nil:
		return f.kind.Error()
	}
	return fmt.Sprintf("%v: %v", f.kind, f.cause)
}

func (f *fault) Unwrap() []error {
	var wrapped []error
	for _, err := range []error{f.kind, f.cause} {
		if err != nil {
			wrapped = append(wrapped, err)
		}
	}
	return wrapped
}

var (
	errNotConnected = errors.New("not connected")
	errSessionEnded = errors.New("the connection was lost")
)

// unsent is the fault of what was never handed to the connection.
func unsent(cause error) *fault {
	return &fault{kind: ErrUnavailable, reason: reasonUnavailable, cause: cause}
}

// unanswered is the fault of a request that was handed to the connection and got no answer. What only reads has changed nothing.
func unanswered(cause error, writes bool) *fault {
	if !writes {
		return &fault{kind: ErrUnavailable, reason: reasonTimeout, cause: cause}
	}
	return &fault{kind: ErrUnknown, reason: reasonTimeout, cause: cause}
}

// requestFault says what an error of nats.go means. Only errors that come before anything is written, and the server's word that nobody
// subscribes, are certain.
func requestFault(err error, writes bool) *fault {
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return &fault{kind: ErrUnavailable, reason: reasonUnavailable, cause: err, doubt: true}
	case errors.Is(err, nats.ErrReconnectBufExceeded):
		return unsent(errNotConnected)
	case errors.Is(err, nats.ErrMaxPayload), errors.Is(err, nats.ErrBadSubject):
		return &fault{reason: reasonOther, cause: err}
	}
	return unanswered(err, writes)
}

// Error codes of JetStream (the server's errors.json).
const (
	codeMessageNotFound       = 10037
	codeStreamNotFound        = 10059
	codeWrongLastSequence     = 10071
	codeWrongLastSequenceBusy = 10164 // a write to the same key is under way in the Raft group
)

// apiError is an error in an answer of JetStream (NATS ADR-1).
type apiError struct {
	Code        int    `json:"code"` // as of HTTP
	ErrCode     int    `json:"err_code"`
	Description string `json:"description"`
}

func (e *apiError) Error() string { return fmt.Sprintf("%s (%d)", e.Description, e.ErrCode) }

// answerFault says what an error in an answer means: whatever the server refuses, it has not done.
func answerFault(e *apiError) *fault {
	switch {
	case e.ErrCode == codeMessageNotFound:
		return &fault{kind: ErrNotFound}
	case e.ErrCode == codeWrongLastSequence, e.ErrCode == codeWrongLastSequenceBusy:
		return &fault{kind: ErrConflict, reason: reasonConflict}
	case e.ErrCode == codeStreamNotFound:
		return &fault{kind: ErrUnavailable, reason: reasonUnavailable, cause: e, doubt: true}
	case e.Code == http.StatusServiceUnavailable:
		return &fault{kind: ErrUnavailable, reason: reasonUnavailable, cause: e}
	}
	return &fault{kind: ErrUnavailable, reason: reasonOther, cause: e}
}
