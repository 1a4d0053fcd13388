package transport

import (
	"sync"
	"sync/atomic"

	"sfu/pkg/forwarder"
)

// queuePackets bounds what may wait for one connection. A second of three 720p tiles fits.
const queuePackets = 1024

// An outPacket waits in a sendQueue.
type outPacket struct {
	rtcp   bool
	sealed bool // else the wire encrypts it
	size   int
	data   [forwarder.MaxPacket]byte
}

var outPackets = sync.Pool{New: func() any { return new(outPacket) }}

// A sendQueue lets one goroutine write to the wire, so that a slow path (TCP) or a slow cipher holds up nobody. What finds it full is dropped, which
// the forwarder avoids by asking for Room first. The goroutine is started by the first packet: most connections need none.
type sendQueue struct {
	wire     *wire
	waiting  atomic.Int32
	counters *counters
	wake     chan struct{}
	quit     chan struct{}
	finished sync.WaitGroup

	mu      sync.Mutex
	packets []*outPacket
	started bool
	stopped bool
}

func newSendQueue(c *counters) *sendQueue {
	return &sendQueue{counters: c, wake: make(chan struct{}, 1), quit: make(chan struct{})}
}

func (q *sendQueue) room() int { return max(0, queuePackets-int(q.waiting.Load())) }

// push takes p.
func (q *sendQueue) push(p *outPacket) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stopped {
		outPackets.Put(p)
		return
	}
	if !q.started {
		q.started = true
		q.finished.Go(q.run)
	}
	q.waiting.Add(1)
	q.packets = append(q.packets, p)
	if len(q.packets) == 1 {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
}

// run sends until stop.
func (q *sendQueue) run() {
	var taken []*outPacket
	for {
		select {
		case <-q.wake:
		case <-q.quit:
			return
		}
		q.mu.Lock()
		taken, q.packets = q.packets, taken[:0]
		q.mu.Unlock()
		for i, p := range taken {
			if err := q.send(p); err != nil {
				q.counters.failed.Add(1)
			}
			taken[i] = nil
			outPackets.Put(p)
			q.waiting.Add(-1)
		}
	}
}

func (q *sendQueue) send(p *outPacket) error {
	if !p.sealed {
		return q.wire.media.send(p.data[:p.size], p.rtcp)
	}
	_, err := q.wire.send(p.data[:p.size])
	return err
}

// stop ends the goroutine, wait waits for it.
func (q *sendQueue) stop() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stopped = true
	close(q.quit)
}

func (q *sendQueue) wait() { q.finished.Wait() }
