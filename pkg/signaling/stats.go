package signaling

import (
	"sync/atomic"
	"time"

	"sfu/pkg/signaling/protocol"
)

// Stats are counts of a Server since its start. Maps hold what is not zero; their keys come from fixed sets.
type Stats struct {
	// Sockets are open WebSockets, Sessions participants with or without one.
	Sockets, Sessions int
	// Accepted counts WebSockets; Refused counts HTTP requests that were refused, by code.
	Accepted uint64
	Refused  map[string]uint64
	// Closed counts WebSockets by why they ended: a code of the protocol, or "left", "client" (it closed without leaving) or
	// "lost" (nothing came any more).
	Closed map[string]uint64
	// Joins and Resumes count by result: "ok", a code, or "lost" when the client went away meanwhile.
	Joins, Resumes map[string]uint64
	// MessagesIn and MessagesOut count by type.
	MessagesIn, MessagesOut map[string]uint64
	// RateLimited counts refusals by what was limited: "messages", "chat", "offers", "control", "sockets", "unauthenticated",
	// "joins", "questions", "auth".
	RateLimited map[string]uint64
	// AuthFailures count refused tokens and secrets by code.
	AuthFailures map[string]uint64
	// Panics counts sessions that were ended by a bug, Abandoned goroutines that did not end in time.
	Panics, Abandoned uint64
}

// What a client may do too often; see Stats.RateLimited.
const (
	limitMessages        = "messages"
	limitChat            = "chat"
	limitOffers          = "offers"
	limitControl         = "control"
	limitSockets         = "sockets"
	limitUnauthenticated = "unauthenticated"
	limitJoins           = "joins"
	limitQuestions       = "questions"
	limitAuth            = "auth"
)

// Why a WebSocket ended that no code of the protocol ended.
const (
	closedLeft   = "left"
	closedClient = "client"
	closedLost   = "lost"
)

// resultOK is a join or resume that worked, resultLost one whose client went away.
const (
	resultOK   = "ok"
	resultLost = "lost"
)

// tally is the live form of Stats.
type tally struct {
	accepted, panics, abandoned atomic.Uint64

	refused, closed, joins, resumes        counters
	received, sent, rateLimited, authFails counters
	observeJoin                            func(d time.Duration, result string)
}

func newTally(observeJoin func(time.Duration, string)) *tally {
	codes := make([]string, 0, len(protocol.Codes())+3)
	for _, c := range protocol.Codes() {
		codes = append(codes, string(c.Code))
	}
	if observeJoin == nil {
		observeJoin = func(time.Duration, string) {}
	}
	return &tally{
		refused:  newCounters(codes...),
		closed:   newCounters(append(codes, closedLeft, closedClient, closedLost)...),
		joins:    newCounters(append(codes, resultOK, resultLost)...),
		resumes:  newCounters(append(codes, resultOK, resultLost)...),
		received: newCounters(protocol.ClientTypes()...),
		sent:     newCounters(protocol.ServerTypes()...),
		rateLimited: newCounters(limitMessages, limitChat, limitOffers, limitControl,
			limitSockets, limitUnauthenticated, limitJoins, limitQuestions, limitAuth),
		authFails:   newCounters(codes...),
		observeJoin: observeJoin,
	}
}

// joined counts the end of an attempt to join that began at began.
func (t *tally) joined(began time.Time, result string) {
	t.joins.inc(result)
	t.observeJoin(time.Since(began), result)
}

func (t *tally) stats() Stats {
	return Stats{
		Accepted:     t.accepted.Load(),
		Refused:      t.refused.values(),
		Closed:       t.closed.values(),
		Joins:        t.joins.values(),
		Resumes:      t.resumes.values(),
		MessagesIn:   t.received.values(),
		MessagesOut:  t.sent.values(),
		RateLimited:  t.rateLimited.values(),
		AuthFailures: t.authFails.values(),
		Panics:       t.panics.Load(),
		Abandoned:    t.abandoned.Load(),
	}
}
