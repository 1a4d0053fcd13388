package signaling

import (
	"time"

	"sfu/pkg/signaling/protocol"
)

// How many messages a client may send. Refusals are answered too, so they are limited in turn; who exceeds that is flooding.
const (
	messageRate, messageBurst = 50, 200
	refusalRate, refusalBurst = 5, 100
	controlRate, controlBurst = 10, 50
)

// An intake turns the frames of one socket into requests. It is the same for every client that is well-behaved or not: it has no
// socket and no clock of its own.
type intake struct {
	messages, refusals bucket
	tally              *tally
}

func newIntake(t *tally, now time.Time) intake {
	return intake{
		messages: newBucket(messageRate, messageBurst, now),
		refusals: newBucket(refusalRate, refusalBurst, now),
		tally:    t,
	}
}

// read decodes a frame. A refusal is what to answer instead of acting; closes is set where the socket must end with it.
func (i *intake) read(frame []byte, now time.Time) (req protocol.Request, refusal *protocol.Error, closes bool) {
	allowed := i.messages.take(now)
	if !allowed && !i.refusals.take(now) {
		i.tally.rateLimited.inc(limitMessages)
		return req, protocol.RateLimited.Refuse(), true
	}
	req, err := protocol.Decode(frame)
	if err != nil {
		i.tally.received.inc(other)
		refusal, _ := refusalOf(err, now)
		return req, refusal, refusal.Code == protocol.BadMessage
	}
	i.tally.received.inc(req.Body.Type())
	if !allowed {
		i.tally.rateLimited.inc(limitMessages)
		return req, protocol.RateLimited.Refuse(), false
	}
	return req, nil, false
}
