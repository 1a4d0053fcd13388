package transport

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/sdp/v3"
	"github.com/pion/webrtc/v4"

	"sfu/pkg/forwarder"
)

// Conn is one PeerConnection. The client always offers; Conn only answers.
type Conn struct {
	engine  *Engine
	api     *webrtc.API
	pc      *webrtc.PeerConnection
	peer    *forwarder.Peer
	handler Handler
	inbound inbound
	secrets secrets
	routes  routes
	writer  *writer
	slots   int // made so far
	// receiving are the mids of the m-lines that have a slotTrack.
	receiving map[string]bool
	closing   sync.Once
	closed    chan struct{}
	ending    atomic.Bool // Close was called

	// telling orders what the handler is told; it is taken before mu.
	telling sync.Mutex

	mu       sync.Mutex
	status   Status
	held     bool // a place in engine.connecting
	watchdog *time.Timer
	ice      bool // connected
	err      error
	began    time.Time // of the first answer
}

// NewConn makes a connection whose media belongs to group. It has no m-lines until the first Answer.
func (e *Engine) NewConn(group *forwarder.Group, h Handler) (*Conn, error) {
	c := &Conn{engine: e, handler: h, writer: newWriter(&e.counters), receiving: map[string]bool{}, closed: make(chan struct{})}
	c.inbound.conn = c
	c.inbound.limit.dropped = &e.counters.policed
	var err error
	if c.api, err = e.newAPI(c); err != nil {
		return nil, err
	}
	c.pc, err = c.api.NewPeerConnection(webrtc.Configuration{
		Certificates: []webrtc.Certificate{e.certificate}, BundlePolicy: webrtc.BundlePolicyMaxBundle,
		// RFC 9335 is not spoken by package srtp.
		RTPHeaderEncryptionPolicy: webrtc.RTPHeaderEncryptionPolicyDisable,
	})
	if err != nil {
		return nil, fmt.Errorf("make a PeerConnection: %w", err)
	}
	c.peer = group.NewPeer(c.writer, observer{c})
	c.pc.OnICEConnectionStateChange(c.iceChanged)
	c.pc.OnConnectionStateChange(c.stateChanged)
	c.writer.queue.feedback = func(p []rtcp.Packet) error { return c.pc.WriteRTCP(p) }
	dtls := c.pc.SCTP().Transport()
	dtls.OnStateChange(c.dtlsChanged)
	dtls.ICETransport().OnSelectedCandidatePairChange(c.chosen)
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
	o.judge(permit, c.slots, c.receiving)
	accepted, err := o.accepted()
	if err != nil {
		return Answer{}, err
	}
	if err := c.hold(ctx); err != nil {
		return Answer{}, err
	}
	described, err := c.negotiate(ctx, o, accepted)
	if err != nil {
		c.abort(err)
		return Answer{}, err
	}
	o.complete(described)
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

// negotiate has pion answer and returns its answer parsed.
func (c *Conn) negotiate(ctx context.Context, o *offer, accepted string) (*sdp.SessionDescription, error) {
	restarted := c.pc.RemoteDescription() != nil && !strings.Contains(c.pc.RemoteDescription().SDP, "a=ice-ufrag:"+o.ufrag())
	if err := c.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeOffer, SDP: accepted}); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadSDP, err)
	}
	if err := c.addSlots(o); err != nil {
		return nil, err
	}
	answer, err := c.pc.CreateAnswer(nil)
	if err != nil {
		return nil, fmt.Errorf("create the answer: %w", err)
	}
	gathered := webrtc.GatheringCompletePromise(c.pc)
	if err := c.pc.SetLocalDescription(answer); err != nil {
		return nil, fmt.Errorf("apply the answer: %w", err)
	}
	select {
	case <-gathered:
	case <-ctx.Done():
		return nil, fmt.Errorf("gather candidates: %w", ctx.Err())
	case <-c.closed:
		return nil, ErrClosed
	}
	if restarted {
		c.watch()
	}
	described := &sdp.SessionDescription{}
	if err := described.UnmarshalString(c.pc.LocalDescription().SDP); err != nil {
		return nil, fmt.Errorf("read the answer: %w", err)
	}
	return described, nil
}

// addSlots puts a track of ours on each new m-line that the client receives on. The i-th new audio and the i-th new video m-line are one slot.
func (c *Conn) addSlots(o *offer) error {
	transceivers := map[string]*webrtc.RTPTransceiver{}
	for _, t := range c.pc.GetTransceivers() {
		transceivers[t.Mid()] = t
	}
	made := map[forwarder.Kind]int{}
	for _, s := range o.sections {
		if !s.receives || s.refused != 0 || s.disabled || c.receiving[s.mid] {
			continue
		}
		t := transceivers[s.mid]
		if t == nil {
			return badSDP("m-line %s changed what it is", s.mid)
		}
		track := newSlotTrack(s.kind, c.slots+made[s.kind], c.writer)
		sender, err := c.api.NewRTPSender(track, c.pc.SCTP().Transport())
		if err != nil {
			return fmt.Errorf("make a sender: %w", err)
		}
		if err := t.SetSender(sender, track); err != nil {
			return badSDP("m-line %s changed what it is", s.mid)
		}
		c.receiving[s.mid] = true
		made[s.kind]++
	}
	c.slots += max(made[forwarder.Audio], made[forwarder.Video])
	return nil
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

// tellRTT passes on the round-trip time that ICE measured. Until the connection is there pion must not be asked: it starts ICE on another
// goroutine and does not guard what it looks at here.
func (c *Conn) tellRTT() {
	c.mu.Lock()
	connected := c.status.State == Connected
	c.mu.Unlock()
	if !connected {
		return
	}
	s, ok := c.pc.SCTP().Transport().ICETransport().GetSelectedCandidatePairStats()
	if ok && s.CurrentRoundTripTime > 0 {
		c.peer.SetRTT(time.Duration(s.CurrentRoundTripTime * float64(time.Second)))
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
		c.release()
		err := c.err
		c.mu.Unlock()
		c.tell(func(s *Status) { s.State, s.Err = Closed, err })
		close(c.closed)
	})
	<-c.closed
}

// shut closes pion's side, which says goodbye to the client first (DTLS's close_notify) and waits for its goroutines. A client on ICE-TCP
// that does not read holds that up until the write runs out of time. What takes longer than closeTimeout is logged and goes on by itself,
// but Close still waits for the writer, whose last packet may be stuck on the same socket.
func (c *Conn) shut() {
	done := make(chan error, 1)
	go func() { done <- c.pc.GracefulClose() }()
	timeout := time.NewTimer(closeTimeout)
	defer timeout.Stop()
	select {
	case err := <-done:
		if err != nil {
			c.engine.cfg.Log.Debug("close PeerConnection", "error", err)
		}
	case <-timeout.C:
		c.engine.cfg.Log.Error("PeerConnection does not close")
	}
}
