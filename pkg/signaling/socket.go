package signaling

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"time"

	"github.com/gorilla/websocket"

	"sfu/pkg/signaling/protocol"
)

// heard is the payload of pings that are sent after the first frame. A pong that carries it shows that the client has that frame.
const heard = "heard"

// maxLinger bounds what is read and thrown away after a close frame was sent.
const maxLinger = 4 * protocol.MaxMessageBytes

// A socket is one WebSocket: a reader, and a writer while there is something to send. gorilla/websocket allows one of each.
// The reader decodes, limits and refuses; what passes is handed to the session one by one.
type socket struct {
	ws    *websocket.Conn
	times timing
	tally *tally
	queue *sendQueue

	// in hands requests to the session; gone is closed when the reader has ended, quit when the socket is told to end.
	in         chan protocol.Request
	gone, quit chan struct{}
	written    chan struct{}
	pinging    *time.Timer

	deadlineMu sync.Mutex
	stopping   bool

	// payload belongs to the writer.
	payload string // of pings

	// The rest belongs to the reader.
	intake      intake
	control     bucket
	joined      bool
	frameBuffer *bytes.Buffer // nil between messages
	within      time.Time     // by when the message being read must be complete, zero between messages
	overrun     protocol.Code
	onHeard     func()
}

func newSocket(ws *websocket.Conn, times timing, t *tally, now time.Time) *socket {
	c := &socket{
		ws:      ws,
		times:   times,
		tally:   t,
		queue:   newSendQueue(),
		in:      make(chan protocol.Request),
		gone:    make(chan struct{}),
		quit:    make(chan struct{}),
		written: make(chan struct{}),
		intake:  newIntake(t, now),
		control: newBucket(controlRate, controlBurst, now),
		within:  now.Add(times.hello),
		overrun: protocol.HelloTimeout,
	}
	ws.SetReadLimit(protocol.MaxMessageBytes)
	ws.SetPingHandler(c.pinged)
	ws.SetPongHandler(c.ponged)
	ws.SetCloseHandler(func(int, string) error { return nil }) // the writer answers
	c.alive()
	return c
}

// start lets the socket send pings.
func (c *socket) start() {
	c.pinging = time.AfterFunc(never, func() {
		c.pinging.Reset(c.times.ping)
		c.queue.askPing()
		if c.queue.begin() {
			c.write()
		}
	})
	c.pinging.Reset(c.times.ping)
}

// never is the time of a timer that is not set yet.
const never = 1<<63 - 1

// send, shut, requests and lost make a socket a link.

func (c *socket) send(frame []byte) {
	if !c.queue.push(frame) {
		c.end(endingOf(protocol.SlowConsumer), true)
		return
	}
	c.wake()
}

// wake starts a writer where there is none.
func (c *socket) wake() {
	if c.queue.begin() {
		go c.write()
	}
}

func (c *socket) shut(e ending, last ...[]byte)     { c.end(e, false, last...) }
func (c *socket) requests() <-chan protocol.Request { return c.in }
func (c *socket) lost() <-chan struct{}             { return c.gone }

// end lets the writer finish and wakes the reader.
func (c *socket) end(e ending, dropped bool, last ...[]byte) {
	if !c.queue.close(e, dropped, last...) {
		return
	}
	c.wake()
	close(c.quit)
	c.deadlineMu.Lock()
	defer c.deadlineMu.Unlock()
	c.stopping = true
	c.ws.SetReadDeadline(time.Now())
}

// refuse answers a request, or nothing where re is 0, and ends the socket.
func (c *socket) refuse(re uint64, refusal *protocol.Error) {
	c.tally.sent.inc(refusal.Type())
	c.end(endingOf(refusal.Code), false, protocol.EncodeReply(re, refusal))
}

// next returns the next request, or false when the socket has ended. Before the client has joined every refusal ends it.
func (c *socket) next() (protocol.Request, bool) {
	for {
		frame, ok := c.frame()
		if !ok {
			return protocol.Request{}, false
		}
		req, refusal, closes := c.intake.read(frame, time.Now())
		c.release()
		switch {
		case refusal == nil:
			return req, true
		case closes || !c.joined:
			c.refuse(req.ID, refusal)
			return protocol.Request{}, false
		default:
			c.tally.sent.inc(refusal.Type())
			c.send(protocol.EncodeReply(req.ID, refusal))
		}
	}
}

// pump hands requests to the session until the socket ends.
func (c *socket) pump(onHeard func()) {
	c.joined, c.onHeard = true, onHeard
	for {
		req, ok := c.next()
		if !ok {
			return
		}
		select {
		case c.in <- req:
		case <-c.quit:
			return
		}
	}
}

// frame reads one message, which is good until release.
func (c *socket) frame() ([]byte, bool) {
	kind, r, err := c.ws.NextReader()
	if err != nil {
		c.readFailed(err)
		return nil, false
	}
	if kind != websocket.TextMessage {
		c.refuse(0, protocol.BadMessage.Refuse())
		return nil, false
	}
	if c.within.IsZero() {
		c.within, c.overrun = time.Now().Add(c.times.message), protocol.MessageTimeout
	}
	c.alive()
	c.frameBuffer = frameBuffers.Get().(*bytes.Buffer)
	if _, err := c.frameBuffer.ReadFrom(r); err != nil {
		c.readFailed(err)
		return nil, false
	}
	c.within = time.Time{}
	c.alive()
	return c.frameBuffer.Bytes(), true
}

// frameBuffers are for messages while they are decoded. They come to the size of the largest, an offer.
var frameBuffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// release gives the buffer of the last frame back.
func (c *socket) release() {
	c.frameBuffer.Reset()
	frameBuffers.Put(c.frameBuffer)
	c.frameBuffer = nil
}

// alive moves the read deadline: something was received.
func (c *socket) alive() {
	deadline := time.Now().Add(c.times.silence)
	if !c.within.IsZero() && c.within.Before(deadline) {
		deadline = c.within
	}
	c.deadlineMu.Lock()
	defer c.deadlineMu.Unlock()
	if !c.stopping {
		c.ws.SetReadDeadline(deadline)
	}
}

var errControlFlood = errors.New("too many control frames")

func (c *socket) pinged(payload string) error {
	if !c.control.take(time.Now()) {
		return errControlFlood
	}
	c.alive()
	c.queue.askPong(payload)
	c.wake()
	return nil
}

func (c *socket) ponged(payload string) error {
	if !c.control.take(time.Now()) {
		return errControlFlood
	}
	c.alive()
	if payload == heard && c.onHeard != nil {
		c.onHeard()
		c.onHeard = nil
	}
	return nil
}

// readFailed ends the socket for what the reader met.
func (c *socket) readFailed(err error) {
	var closed *websocket.CloseError
	var timeout net.Error
	switch {
	case errors.As(err, &closed) && closed.Code != websocket.CloseAbnormalClosure: // that is a connection cut off
		c.end(ending{closed.Code, closedClient}, false)
	case errors.Is(err, errControlFlood):
		c.tally.rateLimited.inc(limitControl)
		c.refuse(0, protocol.RateLimited.Refuse())
	case errors.Is(err, websocket.ErrReadLimit): // gorilla has sent 1009
		c.end(endingOf(protocol.MessageTooBig), true)
	case errors.As(err, &timeout) && timeout.Timeout() && !c.within.IsZero() && !time.Now().Before(c.within):
		c.refuse(0, c.overrun.Refuse())
	default:
		c.end(ending{0, closedLost}, true)
	}
}

// finish ends a reader: it waits for the writer and for the client to close, and closes the connection.
func (c *socket) finish() {
	close(c.gone)
	<-c.written
	c.pinging.Stop()
	e := c.queue.ended()
	if e.code != 0 {
		// Closing while something is unread would reset the connection and destroy the close frame under way.
		raw := c.ws.NetConn()
		raw.SetReadDeadline(time.Now().Add(c.times.linger))
		io.CopyN(io.Discard, raw, maxLinger)
	}
	c.ws.Close()
	c.tally.closed.inc(e.why)
}

// write is the writer: it sends what is due.
func (c *socket) write() {
	for {
		d := c.queue.pop()
		deadline := time.Now().Add(c.times.write)
		var err error
		switch {
		case d.frame != nil:
			err = c.writeFrame(d.frame, deadline)
		case d.pong != nil:
			err = c.ws.WriteControl(websocket.PongMessage, []byte(*d.pong), deadline)
		case d.ping:
			err = c.ws.WriteControl(websocket.PingMessage, []byte(c.payload), deadline)
		case d.end != nil:
			if d.end.code != 0 {
				c.ws.WriteControl(websocket.CloseMessage, websocket.FormatCloseMessage(d.end.code, d.end.why), deadline)
			}
			close(c.written)
			return
		default:
			return
		}
		if err != nil {
			c.writeFailed(err)
			close(c.written)
			return
		}
	}
}

// writeFrame sends a message. The first one is followed by a ping, whose pong shows that it was received.
func (c *socket) writeFrame(frame []byte, deadline time.Time) error {
	c.ws.SetWriteDeadline(deadline)
	if err := c.ws.WriteMessage(websocket.TextMessage, frame); err != nil {
		return err
	}
	if c.payload != "" {
		return nil
	}
	c.payload = heard
	return c.ws.WriteControl(websocket.PingMessage, []byte(heard), deadline)
}

// writeFailed ends the socket. No close frame can follow what was written in part.
func (c *socket) writeFailed(err error) {
	var timeout net.Error
	switch {
	case errors.Is(err, websocket.ErrCloseSent): // by gorilla, for what it read; the reader is about to say why
	case errors.As(err, &timeout) && timeout.Timeout():
		c.end(endingOf(protocol.SlowConsumer), true)
	default:
		c.end(ending{0, closedLost}, true)
	}
}
