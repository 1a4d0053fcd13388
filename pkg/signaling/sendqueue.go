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

// A sendQueue holds what a socket's writer still has to send. Anyone may add; one writer takes.
type sendQueue struct {
	mu     sync.Mutex
	frames [][]byte
	bytes  int
	end    *ending
	ready  chan struct{}
}

func newSendQueue() *sendQueue { return &sendQueue{ready: make(chan struct{}, 1)} }

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
	q.signal()
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
	q.signal()
	return true
}

// pop returns the next frame, or the end when nothing is left before it, or neither.
func (q *sendQueue) pop() (frame []byte, end *ending) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.frames) == 0 {
		return nil, q.end
	}
	frame = q.frames[0]
	q.frames[0] = nil
	q.frames = q.frames[1:]
	q.bytes -= len(frame)
	return frame, nil
}

// ended returns the ending, nil before it.
func (q *sendQueue) ended() *ending {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.end
}

func (q *sendQueue) signal() {
	select {
	case q.ready <- struct{}{}:
	default:
	}
}
