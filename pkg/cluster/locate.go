package cluster

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"sfu/pkg/cluster/mesh"
	"sfu/pkg/cluster/ownership"
)

// A Location is where a room is served.
type Location struct {
	// Here: by this node. Otherwise Elsewhere passes a request on, and URL is that node's own address for clients, "" if it has none.
	Here      bool
	Elsewhere http.Handler
	URL       string
}

// A Refused says that nobody serves a room now, and why.
type Refused struct {
	Reason     ownership.Refusal
	RetryAfter time.Duration
}

func (r *Refused) Error() string { return "no node serves the room now: " + string(r.Reason) }

// Locate finds the node that serves a room, or decides which one will; where this one shall, it owns the room when Locate returns. It waits for
// as long as it takes to replace an owner that is gone, 6 s at most. Its errors are *Refused and that of ctx.
func (n *Node) Locate(ctx context.Context, room string) (Location, error) {
	if mesh.Proxied(ctx) {
		return n.here(room)
	}
	outcome, err := n.want(ctx, room)
	if err != nil {
		return Location{}, err
	}
	return n.location(room, outcome)
}

// here is for requests that another node passed on: they are served or refused.
func (n *Node) here(room string) (Location, error) {
	owned := false
	n.query(func(core *ownership.Node, now time.Time) {
		if _, owned = core.Owned(ownership.RID(room)); owned {
			core.Want(room, now) // keeps it while they come in
		}
	})
	if !owned {
		return Location{}, &Refused{Reason: ownership.NoAnswer, RetryAfter: n.cfg.Rules.Retry}
	}
	return Location{Here: true}, nil
}

// local marks a request for information that the owner did not answer.
type local struct{}

// Find returns where a room is, and Here for one that is nowhere, or at a node that has not been heard of: nothing is decided.
func (n *Node) Find(ctx context.Context, room string) (Location, error) {
	if mesh.Proxied(ctx) || ctx.Value(local{}) != nil {
		return Location{Here: true}, nil
	}
	var outcome ownership.Outcome
	known := false
	if !n.query(func(core *ownership.Node, now time.Time) { outcome, known = core.Look(room, now) }) {
		return Location{}, &Refused{Reason: ownership.Draining, RetryAfter: time.Second}
	}
	if !known {
		record, epoch, err := n.records.find(ctx, ownership.RID(room))
		if err != nil || record.Owner.Incarnation == n.self.Incarnation {
			return Location{Here: true}, nil
		}
		outcome = ownership.Outcome{Owner: record.Owner, Epoch: epoch}
	}
	if outcome.Here {
		return Location{Here: true}, nil
	}
	fresh := false
	n.query(func(core *ownership.Node, now time.Time) { fresh = core.Fresh(outcome.Owner.Incarnation, now) })
	if !fresh { // it may be gone, and is replaced where somebody wants to come in; to know how many there are is not worth waiting for
		return Location{Here: true}, nil
	}
	peer, rid, epoch := peerOf(outcome.Owner), ownership.RID(room), outcome.Epoch.String()
	return Location{URL: outcome.Owner.URL, Elsewhere: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.mesh.Proxy(w, r, peer, rid, epoch) != nil {
			// Whoever wants to come in learns more.
			n.serve.Serve.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), local{}, true)))
		}
	})}, nil
}

// want asks the core and waits for its answer.
func (n *Node) want(ctx context.Context, room string) (ownership.Outcome, error) {
	rid := ownership.RID(room)
	answer := n.waiting.add(rid)
	n.post(func(core *ownership.Node, now time.Time) { core.Want(room, now) })
	select {
	case o := <-answer:
		if o.Refused != "" {
			return o, &Refused{Reason: o.Refused, RetryAfter: o.RetryAfter}
		}
		return o, nil
	case <-n.done:
		return ownership.Outcome{}, &Refused{Reason: ownership.Draining, RetryAfter: time.Second}
	case <-ctx.Done():
		n.waiting.remove(rid, answer)
		return ownership.Outcome{}, fmt.Errorf("find the room: %w", ctx.Err())
	}
}

func (n *Node) location(room string, o ownership.Outcome) (Location, error) {
	if o.Here {
		return Location{Here: true}, nil
	}
	return Location{URL: o.Owner.URL, Elsewhere: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { n.pass(w, r, room, o) })}, nil
}

// pass takes a request to the owner of its room, and looks again where that has just changed.
func (n *Node) pass(w http.ResponseWriter, r *http.Request, room string, o ownership.Outcome) {
	rid := ownership.RID(room)
	for range passes {
		err := n.mesh.Proxy(w, r, peerOf(o.Owner), rid, o.Epoch.String())
		if err == nil {
			return
		}
		n.log.Debug("pass a request on", "node", o.Owner.Node, "error", err)
		if r.Context().Err() != nil {
			return // the client is gone, which says nothing about the owner
		}
		var other *mesh.NotOwnerError
		inc := o.Owner.Incarnation
		switch {
		case errors.As(err, &other):
			n.post(func(core *ownership.Node, _ time.Time) { core.Stale(rid) })
		case unreached(err):
			n.post(func(core *ownership.Node, now time.Time) { core.Unreachable(inc, now) })
		}
		if o, err = n.want(r.Context(), room); err != nil {
			var refused *Refused
			if errors.As(err, &refused) {
				n.serve.Refuse(w, r, refused)
			}
			return
		}
		if o.Here {
			n.serve.Serve.ServeHTTP(w, r)
			return
		}
	}
	n.serve.Refuse(w, r, &Refused{Reason: ownership.NoAnswer, RetryAfter: time.Second})
}

// unreached reports whether an error of the mesh means that the peer cannot be reached.
func unreached(err error) bool {
	for _, reason := range []error{mesh.ErrRefused, mesh.ErrWrongNode, mesh.ErrTimeout, mesh.ErrUnreachable, mesh.ErrUntrusted} {
		if errors.Is(err, reason) {
			return true
		}
	}
	return false
}

// RoomBegan tells that the first participant came into a room here, RoomEnded that the last one left. They wait for the loop at most, never for others.
func (n *Node) RoomBegan(room string) {
	n.post(func(core *ownership.Node, now time.Time) { core.Begun(room, now) })
}

// RoomEnded is described with RoomBegan.
func (n *Node) RoomEnded(room string) {
	n.post(func(core *ownership.Node, now time.Time) { core.Emptied(room, now) })
}
