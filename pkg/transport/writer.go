package transport

import (
	"sync"
	"sync/atomic"

	"sfu/pkg/forwarder"
)

// queuePackets bounds what may wait for one connection. A second of three 720p tiles fits.
const queuePackets = 1024

// maxPacket is the largest packet that is sent, in bytes.
const maxPacket = 1500

type outPacket struct {
	rtcp bool
	size int
	data [maxPacket]byte
}

var outPackets = sync.Pool{New: func() any { return new(outPacket) }}

// A plainWriter copies packets into a bounded queue, and one goroutine encrypts and writes them, so that a slow path (TCP, TURN) holds up
// nobody. What finds the queue full is dropped, which the forwarder avoids by asking for Room first.
type plainWriter struct {
	// open is set while the connection can carry packets.
	open     atomic.Bool
	waiting  atomic.Int32
	wake     chan struct{}
	quit     chan struct{}
	done     chan struct{}
	counters *counters

	mu    sync.Mutex
	queue []*outPacket
}

func newPlainWriter(c *counters) *plainWriter {
	return &plainWriter{counters: c, wake: make(chan struct{}, 1), quit: make(chan struct{}), done: make(chan struct{})}
}

// Room is forwarder.Writer's.
func (w *plainWriter) Room() int {
	if !w.open.Load() {
		return 0
	}
	return queuePackets - int(w.waiting.Load())
}

// Write is forwarder.Writer's.
func (w *plainWriter) Write(o *forwarder.Outgoing) {
	if !w.open.Load() || w.waiting.Load() >= queuePackets {
		w.counters.dropped.Add(1)
		return
	}
	header, prefix := o.Header(), o.Prefix()
	p := outPackets.Get().(*outPacket)
	p.rtcp = o.RTCP
	n := copy(p.data[:], header)
	n += copy(p.data[n:], prefix)
	p.size = n + copy(p.data[n:], o.Payload)
	w.waiting.Add(1)
	w.mu.Lock()
	w.queue = append(w.queue, p)
	first := len(w.queue) == 1
	w.mu.Unlock()
	if first {
		select {
		case w.wake <- struct{}{}:
		default:
		}
	}
}

// run sends until close; send protects and writes one packet.
func (w *plainWriter) run(send func(packet []byte, rtcp bool) error) {
	defer close(w.done)
	var taken []*outPacket
	for {
		select {
		case <-w.wake:
		case <-w.quit:
			return
		}
		w.mu.Lock()
		taken, w.queue = w.queue, taken[:0]
		w.mu.Unlock()
		for i, p := range taken {
			if err := send(p.data[:p.size], p.rtcp); err != nil {
				w.counters.failed.Add(1)
			}
			taken[i] = nil
			outPackets.Put(p)
			w.waiting.Add(-1)
		}
	}
}

// stop ends run; the caller makes sure that a blocked send returns, by closing the connection.
func (w *plainWriter) stop() {
	w.open.Store(false)
	close(w.quit)
}
