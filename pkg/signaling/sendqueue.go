package signaling

import "sync"

// What may wait for a client that reads slowly.
const (
	maxQueuedFrames = 256
	maxQueuedBytes  = 1 << 20
)

// An ending is why and how a socket ends. Code 0 closes without a word, as there is nobody to hear it.
type ending struct {
	code int
	// why is a code of the protocol or one of the closed constants; it is the close frame's text and the name in Stats.Closed.
	why string
}

// A sendQueue holds what a socket's writer still has to send. Anyone may add; one writer takes. There is a writer only while there is
// something to send: whoever finds that there is none, see begin, becomes or starts it.
type sendQueue struct {
	mu      sync.Mutex
	frames  [][]byte
	bytes   int
	end     *ending
	pong    *string // the payload of a pong that is due
	ping    bool    // one is due
	writing bool
}

func newSendQueue() *sendQueue { return &sendQueue{} }

// begin reports whether the caller must see to it that someone writes. It is true once until pop has returned nothing.
func (q *sendQueue) begin() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	first := !q.writing
	q.writing = true
	return first
}

// askPong asks for a pong. One that is asked for before is not sent any more; RFC 6455 section 5.5.3 allows that.
func (q *sendQueue) askPong(payload string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.pong = &payload
}

// askPing asks for a ping.
func (q *sendQueue) askPing() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.ping = true
}

// push adds a frame and reports whether it fits. A frame that finds the queue empty always fits. After the end nothing is added.
func (q *sendQueue) push(frame []byte) (fits bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.end != nil {
		return true
	}
	if len(q.frames) > 0 && (len(q.frames) == maxQueuedFrames || q.bytes+len(frame) > maxQueuedBytes) {
		return false
	}
	q.frames = append(q.frames, frame)
	q.bytes += len(frame)
	return true
}

// close ends the queue behind the frames that wait and those of last, or instead of them where dropped is set. Only the first call
// counts; it reports whether this was it.
func (q *sendQueue) close(e ending, dropped bool, last ...[]byte) (first bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.end != nil {
		return false
	}
	if dropped {
		q.frames = nil
	}
	q.frames = append(q.frames, last...)
	q.end = &e
	return true
}

// A due is what to send next, one of its fields. It is zero when there is nothing; then the caller is the writer no more.
type due struct {
	frame []byte
	end   *ending // after it the caller stays the writer, so that there is none again
	pong  *string
	ping  bool
}

// pop takes what is to be sent next: pongs and pings first, the end last.
func (q *sendQueue) pop() due {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.pong != nil:
		d := due{pong: q.pong}
		q.pong = nil
		return d
	case q.ping:
		q.ping = false
		return due{ping: true}
	case len(q.frames) > 0:
		d := due{frame: q.frames[0]}
		q.frames[0] = nil
		q.frames = q.frames[1:]
		q.bytes -= len(d.frame)
		if len(q.frames) == 0 {
			q.frames = nil
		}
		return d
	case q.end != nil:
		return due{end: q.end}
	}
	q.writing = false
	return due{}
}

// ended returns the ending, nil before it.
func (q *sendQueue) ended() *ending {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.end
}
