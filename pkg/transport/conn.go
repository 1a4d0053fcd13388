package transport

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/sdp/v3"

	"sfu/pkg/forwarder"
)

// Conn is one PeerConnection. The client always offers; Conn only answers.
type Conn struct {
	engine  *Engine
	wire    *wire
	peer    *forwarder.Peer
	handler Handler
	inbound inbound
	routes  routes
	writer  *writer
	closing sync.Once
	closed  chan struct{}
	ending  atomic.Bool // Close was called

	// The rest down to telling belongs to Answer. lines are the kinds of all m-lines so far, out those towards the client.
	lines   map[string]forwarder.Kind
	out     map[string]outLine
	slots   int // made so far
	session uint64
	answers uint64

	// telling orders what the handler is told; it is taken before mu.
	telling sync.Mutex

	mu       sync.Mutex
	status   Status
	held     bool // a place in engine.connecting
	watchdog *time.Timer
	silence  *time.Timer // looks whether something comes while ICE hears nothing
	ice      bool        // connected
	err      error
	began    time.Time // of the first answer
}

// NewConn makes a connection whose media belongs to group. It has no m-lines until the first Answer.
func (e *Engine) NewConn(group *forwarder.Group, h Handler) (*Conn, error) {
	c := &Conn{
		engine: e, handler: h, writer: newWriter(&e.counters), lines: map[string]forwarder.Kind{}, out: map[string]outLine{},
		session: rand.Uint64() >> 1, closed: make(chan struct{}),
	}
	c.inbound.conn = c
	c.inbound.limit.dropped = &e.counters.policed
	var err error
	if c.wire, err = newWire(e, c); err != nil {
		return nil, err
	}
	c.peer = group.NewPeer(c.writer, observer{c})
	c.writer.queue.wire = c.wire
	e.mu.Lock()
	e.conns[c] = struct{}{}
	e.mu.Unlock()
	return c, nil
}

var processStart = time.Now()

// sinceStart returns the time since the process started, in ns.
func sinceStart() int64 { return int64(time.Since(processStart)) }

// observer passes on what the forwarder says of the connection's media.
type observer struct{ c *Conn }

func (o observer) DownTrackChanged(d *forwarder.DownTrack, s forwarder.DownTrackState) {
	o.c.handler.DownTrackChanged(d, s)
}
func (o observer) TooManyStreams() { o.c.abort(ErrTooManyStreams) }

// Peer is the connection's media.
func (c *Conn) Peer() *forwarder.Peer { return c.peer }

// Answer negotiates one offer, see Connection.
func (c *Conn) Answer(ctx context.Context, text string, permit Permit) (Answer, error) {
	o, err := parseOffer(text)
	if err != nil {
		return Answer{}, err
	}
	o.allow(c.engine.cfg.VideoCodecs)
	o.judge(permit, c.slots, c.receives)
	if !o.any() {
		return Answer{}, badSDP("no m-line of it can be accepted")
	}
	if err := c.checkLines(o); err != nil {
		return Answer{}, err
	}
	if _, fingerprint := o.transport(); !c.wire.agrees(fingerprint) {
		return Answer{}, badSDP("the certificate changed, which needs another connection")
	}
	if err := c.hold(ctx); err != nil {
		return Answer{}, err
	}
	described, err := c.negotiate(o)
	if err != nil {
		c.abort(err)
		return Answer{}, err
	}
	final, err := described.Marshal()
	if err != nil {
		c.abort(err)
		return Answer{}, fmt.Errorf("write the answer: %w", err)
	}
	a := Answer{SDP: string(final), Rejected: map[string]Refusal{}}
	for _, s := range o.sections {
		switch {
		case s.refused != 0:
			a.Rejected[s.mid] = s.refused
		case s.sends && !s.disabled:
			a.Sending = append(a.Sending, Line{Mid: s.mid, Kind: s.kind})
		}
	}
	a.Slots = pair(c.peer.Configure(describe(o, described)))
	return a, nil
}

// receives reports whether the client receives on an m-line already.
func (c *Conn) receives(mid string) bool {
	_, ok := c.out[mid]
	return ok
}

// checkLines refuses an offer in which an m-line is not the kind that it was, and one with more new m-lines than a connection may still have.
func (c *Conn) checkLines(o *offer) error {
	lines := len(c.lines)
	for _, s := range o.sections {
		kind, known := c.lines[s.mid]
		if known && s.kind != kind && !s.disabled {
			return badSDP("m-line %s changed what it is", s.mid)
		}
		if !known && s.refused == 0 && !s.disabled {
			lines++
		}
	}
	if lines > maxLines {
		return badSDP("a connection has at most %d m-lines in its life", maxLines)
	}
	return nil
}

// negotiate returns the answer.
func (c *Conn) negotiate(o *offer) (*sdp.SessionDescription, error) {
	select {
	case <-c.closed:
		return nil, ErrClosed
	default:
	}
	restarted, err := c.wire.negotiate(o.transport())
	if err != nil {
		return nil, err
	}
	if restarted {
		c.watch()
	}
	c.addSlots(o)
	c.answers++
	at := side{credentials: c.wire.local, fingerprint: c.engine.fingerprint, candidates: c.engine.candidates}
	return o.answer(at, c.out, c.session, c.answers), nil
}

// addSlots chooses the SSRCs of each new m-line that the client receives on. The i-th new audio and the i-th new video m-line are one slot.
func (c *Conn) addSlots(o *offer) {
	made := map[forwarder.Kind]int{}
	for _, s := range o.sections {
		if s.refused != 0 || s.disabled {
			continue
		}
		c.lines[s.mid] = s.kind
		if !s.receives || c.receives(s.mid) {
			continue
		}
		line := outLine{kind: s.kind, slot: c.slots + made[s.kind], ssrc: c.newSSRC()}
		if s.kind == forwarder.Video {
			line.rtx = c.newSSRC(line.ssrc)
		}
		c.out[s.mid] = line
		made[s.kind]++
	}
	c.slots += max(made[forwarder.Audio], made[forwarder.Video])
}

// newSSRC chooses an SSRC that no m-line towards the client has, nor any of besides (RFC 3550 section 8.1).
func (c *Conn) newSSRC(besides ...uint32) uint32 {
	for {
		ssrc := rand.Uint32()
		used := ssrc == 0 || slices.Contains(besides, ssrc)
		for _, line := range c.out {
			used = used || line.ssrc == ssrc || line.rtx == ssrc
		}
		if !used {
			return ssrc
		}
	}
}

// pair makes slots of new DownTracks.
func pair(downs []*forwarder.DownTrack) []forwarder.Slot {
	var slots []forwarder.Slot
	var audio, video int
	at := func(i int) *forwarder.Slot {
		if i == len(slots) {
			slots = append(slots, forwarder.Slot{})
		}
		return &slots[i]
	}
	for _, d := range downs {
		if d.Kind() == forwarder.Audio {
			at(audio).Audio = d
			audio++
		} else {
			at(video).Video = d
			video++
		}
	}
	return slots
}

// tellRTT passes on the round-trip time that ICE measured.
func (c *Conn) tellRTT() {
	c.mu.Lock()
	connected := c.status.State == Connected
	c.mu.Unlock()
	if connected {
		c.wire.tellRTT(c.peer)
	}
}

// abort closes the connection for err, from any goroutine.
func (c *Conn) abort(err error) {
	c.mu.Lock()
	first := c.err == nil
	if first {
		c.err = err
	}
	c.mu.Unlock()
	if !first {
		return // and there may be many
	}
	if errors.Is(err, ErrTooManyStreams) {
		c.engine.counters.streams.Add(1)
	}
	go c.Close()
}

// Close ends the connection and waits for its goroutines.
func (c *Conn) Close() {
	c.closing.Do(func() {
		c.ending.Store(true)
		c.engine.mu.Lock()
		delete(c.engine.conns, c)
		c.engine.mu.Unlock()
		c.peer.Close()
		c.routes.leave(c)
		c.writer.stop()
		c.shut()
		c.writer.queue.wait()
		c.mu.Lock()
		if c.watchdog != nil {
			c.watchdog.Stop()
		}
		if c.silence != nil {
			c.silence.Stop()
		}
		c.release()
		err := c.err
		c.mu.Unlock()
		c.tell(func(s *Status) { s.State, s.Err = Closed, err })
		close(c.closed)
	})
	<-c.closed
}

// shut closes the wire, which says goodbye to the client first (DTLS's close_notify) and waits for its goroutines. A client on ICE-TCP
// that does not read holds that up until the write runs out of time. What takes longer than closeTimeout is logged and goes on by itself,
// but Close still waits for the writer, whose last packet may be stuck on the same socket.
func (c *Conn) shut() {
	done := make(chan error, 1)
	go func() { done <- c.wire.close() }()
	timeout := time.NewTimer(closeTimeout)
	defer timeout.Stop()
	select {
	case err := <-done:
		if err != nil {
			c.engine.cfg.Log.Debug("close a connection", "error", err)
		}
	case <-timeout.C:
		c.engine.cfg.Log.Error("a connection does not close")
	}
}
