package forwarder

import "sync"

// maxPacket is the largest datagram that is taken, in bytes; larger ones are dropped.
const maxPacket = 1500

// receiveBatch is how many datagrams are routed between two flushes.
const receiveBatch = 64

// A buffer holds one decrypted datagram.
type buffer struct {
	n    int
	data [maxPacket]byte
}

func (b *buffer) bytes() []byte { return b.data[:b.n] }

var buffers = sync.Pool{New: func() any { return new(buffer) }}

func newBuffer() *buffer   { return buffers.Get().(*buffer) }
func (b *buffer) release() { buffers.Put(b) }

// A datagram is one decrypted RTP packet or RTCP compound as it came off a connection.
type datagram struct {
	from *Peer
	buf  *buffer
	at   Instant
	rtcp bool
}

// packetQueue hands datagrams from the connections' goroutines to a worker. It is bounded: what finds it full is dropped.
type packetQueue struct {
	mu      sync.Mutex
	ring    []datagram
	head    int
	size    int
	dropped uint64
}

func (q *packetQueue) init(capacity int) { q.ring = make([]datagram, capacity) }

// push takes d and reports whether the queue had been empty. A datagram that finds no room is released.
func (q *packetQueue) push(d datagram) (wasEmpty bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.size == len(q.ring) {
		q.dropped++
		d.buf.release()
		return false
	}
	i := q.head + q.size
	if i >= len(q.ring) {
		i -= len(q.ring)
	}
	q.ring[i] = d
	q.size++
	return q.size == 1
}

// take moves up to len(dst) datagrams to dst.
func (q *packetQueue) take(dst []datagram) int {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(dst), q.size)
	for i := range n {
		dst[i] = q.ring[q.head]
		q.ring[q.head] = datagram{}
		if q.head++; q.head == len(q.ring) {
			q.head = 0
		}
	}
	q.size -= n
	return n
}

func (q *packetQueue) droppedTotal() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}
