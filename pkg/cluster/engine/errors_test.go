package engine

import (
	"context"
	"errors"
	"io"
	"testing"

	"github.com/nats-io/nats.go"
)

func TestWhatErrorsMean(t *testing.T) {
	for name, tt := range map[string]struct {
		got    *fault
		want   error
		reason reason
		doubt  bool
	}{
		"not connected":          {requestFault(nats.ErrReconnectBufExceeded, true), ErrUnavailable, reasonUnavailable, false},
		"nobody has the stream":  {requestFault(nats.ErrNoResponders, true), ErrUnavailable, reasonUnavailable, true},
		"too slow, a write":      {requestFault(context.DeadlineExceeded, true), ErrUnknown, reasonTimeout, false},
		"too slow, a read":       {requestFault(context.DeadlineExceeded, false), ErrUnavailable, reasonTimeout, false},
		"lost, a write":          {requestFault(nats.ErrDisconnected, true), ErrUnknown, reasonTimeout, false},
		"closed under a write":   {requestFault(nats.ErrConnectionClosed, true), ErrUnknown, reasonTimeout, false},
		"fault of the socket":    {requestFault(io.ErrClosedPipe, true), ErrUnknown, reasonTimeout, false},
		"too long":               {requestFault(nats.ErrMaxPayload, true), nats.ErrMaxPayload, reasonOther, false},
		"wrong revision":         {answerFault(&apiError{Code: 400, ErrCode: 10071}), ErrConflict, reasonConflict, false},
		"a write under way":      {answerFault(&apiError{Code: 400, ErrCode: 10164}), ErrConflict, reasonConflict, false},
		"no key":                 {answerFault(&apiError{Code: 404, ErrCode: 10037}), ErrNotFound, reasonNone, false},
		"no stream":              {answerFault(&apiError{Code: 404, ErrCode: 10059}), ErrUnavailable, reasonUnavailable, true},
		"no leader of the group": {answerFault(&apiError{Code: 503, ErrCode: 10008}), ErrUnavailable, reasonUnavailable, false},
		"the bucket is full":     {answerFault(&apiError{Code: 400, ErrCode: 10077}), ErrUnavailable, reasonOther, false},
	} {
		t.Run(name, func(t *testing.T) {
			if !errors.Is(tt.got, tt.want) || tt.got.reason != tt.reason || tt.got.doubt != tt.doubt {
				t.Errorf("%v, reason %d, doubt %t; want %v, %d, %t", tt.got, tt.got.reason, tt.got.doubt, tt.want, tt.reason, tt.doubt)
			}
			for _, other := range []error{ErrUnavailable, ErrUnknown, ErrConflict, ErrNotFound, ErrNoResponders} {
				if !errors.Is(tt.want, other) && errors.Is(tt.got, other) {
					t.Errorf("%v is %v as well", tt.got, other)
				}
			}
			if tt.got.Error() == "" {
				t.Error("it says nothing")
			}
		})
	}
}
