package signaling

import (
	"context"
	"crypto/sha256"
	"log/slog"
	"strings"
	"sync"
	"time"

	"sfu/pkg/auth"
	"sfu/pkg/forwarder"
	"sfu/pkg/room"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/transport"
)

const (
	// maxLines is how many PeerConnections a participant may have.
	maxLines = 4
	// maxClosed is how many names of PeerConnections that failed are remembered.
	maxClosed = 16
)

// A line is one PeerConnection of a client, by the name that the client gave it.
type line struct {
	name       string
	negotiator *negotiator
	hangUp     context.CancelFunc
	conn       transport.Connection // nil until the first offer was answered
	status     transport.Status
	told       bool                      // status was told by the transport
	sending    map[string]forwarder.Kind // m-lines that the client sends on
	own        map[string]ownTrack       // of them those that carry something, by mid
	slots      int
	// held are slots whose answer the client has not applied yet, as far as is known.
	held []forwarder.Slot

	// The offer that is being answered, and the last one that was.
	pending  *pendingOffer
	lastN    uint64
	lastSum  [sha256.Size]byte
	answered *protocol.Answer
}

// An ownTrack is what the client publishes on an m-line.
type ownTrack struct {
	id     room.TrackID
	source string
}

// A pendingOffer waits for its answer. re is the request to reply to, 0 when the socket that it came on is gone.
type pendingOffer struct {
	re     uint64
	n      uint64
	tracks map[string]protocol.Publication
	join   bool
}

// media is what one session has of connections, tracks and slots. It belongs to the session's goroutine; each line has a negotiator,
// which works on goroutines of its own.
type media struct {
	member  Participant
	grant   auth.Grant
	dial    Dial
	post    func(any)
	log     *slog.Logger
	timeout time.Duration
	slots   int

	ctx     context.Context
	hangUp  context.CancelFunc
	running sync.WaitGroup

	lines  map[string]*line
	closed []string // names that must not be used again, the oldest first
	downs  map[*forwarder.DownTrack]*line
}

func newMedia(member Participant, grant auth.Grant, env *environment, post func(any), log *slog.Logger) *media {
	m := &media{
		member:  member,
		grant:   grant,
		dial:    env.dial,
		post:    post,
		log:     log,
		timeout: env.times.negotiation,
		lines:   map[string]*line{},
		downs:   map[*forwarder.DownTrack]*line{},
	}
	if grant.Subscribe {
		m.slots = env.opts.Slots
	}
	m.ctx, m.hangUp = context.WithCancel(context.Background())
	return m
}

// offer begins to answer o for the request re. An offer that was answered before and comes again is answered at once.
func (m *media) offer(re uint64, o protocol.Offer, join bool) (again *protocol.Answer, err error) {
	if strings.Count(o.SDP, "\n") > maxSDPLines {
		return nil, protocol.BadSDP.Because("The offer has more than 8000 lines.")
	}
	l, err := m.lineFor(o.PC)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(o.SDP))
	repeated := o.N == l.lastN && sum == l.lastSum
	switch {
	case repeated && l.pending != nil && l.pending.re == 0 && !l.pending.join:
		l.pending.re = re
		return nil, nil
	case l.pending != nil:
		return nil, protocol.BadState.Because("An offer of this PeerConnection is being answered.")
	case repeated && l.answered != nil && l.answered.N == o.N:
		return l.answered, nil
	case o.N <= l.lastN:
		return nil, protocol.NoMatch.Because("The number of the offer must be larger than that of the one before.")
	}
	m.release(l) // who can offer again has applied the answer before
	l.lastN, l.lastSum = o.N, sum
	l.pending = &pendingOffer{re: re, n: o.N, tracks: o.Tracks, join: join}
	offer := offered{n: o.N, sdp: o.SDP, permit: m.permit(l, o.Tracks)}
	m.running.Go(func() { l.negotiator.take(offer) })
	return nil, nil
}

// lineFor returns the line of a name; a new one gets its negotiator.
func (m *media) lineFor(name string) (*line, error) {
	if l, ok := m.lines[name]; ok {
		return l, nil
	}
	for _, closed := range m.closed {
		if closed == name {
			return nil, protocol.NoMatch.Because("This PeerConnection is closed; make a new one with another name.")
		}
	}
	if len(m.lines) == maxLines {
		return nil, protocol.LimitReached.Because("A participant has at most four PeerConnections.")
	}
	ctx, hangUp := context.WithCancel(m.ctx)
	l := &line{name: name, hangUp: hangUp, own: map[string]ownTrack{}}
	l.negotiator = &negotiator{line: l, group: m.member.Media(), dial: m.dial, timeout: m.timeout, post: m.post, ctx: ctx}
	m.lines[name] = l
	m.running.Add(1)
	context.AfterFunc(ctx, func() {
		defer m.running.Done()
		l.negotiator.close()
	})
	return l, nil
}

// permit says what the next offer of l may contain. Its function runs on the negotiator's goroutine and therefore looks at
// copies only.
func (m *media) permit(l *line, tracks map[string]protocol.Publication) transport.Permit {
	sources := make(map[string]string, len(l.own)+len(tracks))
	for mid, own := range l.own {
		sources[mid] = own.source
	}
	for mid, p := range tracks {
		sources[mid] = p.Source
	}
	slots := m.slots
	for _, other := range m.lines {
		if other != l {
			slots -= other.slots
		}
	}
	grant := m.grant
	return transport.Permit{
		Publish: func(mid string, kind forwarder.Kind) bool {
			if source, named := sources[mid]; named {
				return kindOf(source) == kind && grant.MayPublish(auth.Source(source))
			}
			return mayPublishKind(grant, kind)
		},
		Slots: max(0, slots),
	}
}

// mayPublishKind reports whether there is anything of kind that g permits: the client names it later.
func mayPublishKind(g auth.Grant, kind forwarder.Kind) bool {
	for _, s := range g.Publish {
		if kindOf(string(s)) == kind {
			return true
		}
	}
	return false
}

// drop forgets a line with its tracks and slots and lets its negotiator close the connection. A name that is burned cannot be used
// again: the client may still believe in the PeerConnection that it named.
func (m *media) drop(l *line, burned bool) {
	delete(m.lines, l.name)
	for d, of := range m.downs {
		if of == l {
			delete(m.downs, d)
		}
	}
	if l.conn != nil {
		m.member.Forget(l.conn.Peer())
	}
	l.hangUp()
	if burned {
		if m.closed = append(m.closed, l.name); len(m.closed) > maxClosed {
			m.closed = m.closed[1:]
		}
	}
}

// connected reports whether any connection is up.
func (m *media) connected() bool {
	for _, l := range m.lines {
		if l.status.State == transport.Connected {
			return true
		}
	}
	return false
}

// binding says where d is; ok is false for a DownTrack of a connection that is gone.
func (m *media) binding(d *forwarder.DownTrack, track room.TrackID) (b protocol.Binding, ok bool) {
	l, ok := m.downs[d]
	if !ok {
		return b, false
	}
	return protocol.Binding{PC: l.name, Mid: d.Mid(), Track: protocol.NullableID(track)}, true
}

// bindings is binding for a list.
func (m *media) bindings(list []room.Binding) []protocol.Binding {
	out := make([]protocol.Binding, 0, len(list))
	for _, b := range list {
		if at, ok := m.binding(b.Down, b.Track); ok {
			out = append(out, at)
		}
	}
	return out
}

// wait waits until all connections are closed, and reports whether they were in time.
func (m *media) wait(limit time.Duration) bool {
	done := make(chan struct{})
	go func() { m.running.Wait(); close(done) }()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-done:
		return true
	case <-timer.C:
		return false
	}
}
