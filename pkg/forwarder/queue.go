package forwarder

import "sync"

// receiveBatch is how many datagrams are routed between two flushes.
const receiveBatch = 64

// A datagram is one decrypted RTP packet or RTCP compound as it came off a connection.
type datagram struct {
	from *Peer
	buf  *Buffer
	at   Instant
	rtcp bool
}

// packetQueue hands datagrams from the goroutines that receive to a worker. It is bounded: what finds it full is dropped.
type packetQueue struct {
	mu      sync.Mutex
	ring    []datagram
	head    int
	size    int
	dropped uint64
}

func (q *packetQueue) init(capacity int) { q.ring = make([]datagram, capacity) }

// push takes batch. Datagrams that find no room are released.
func (q *packetQueue) push(batch []datagram) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, d := range batch {
		if q.size == len(q.ring) {
			q.dropped++
			d.buf.Release()
			continue
		}
		i := q.head + q.size
		if i >= len(q.ring) {
			i -= len(q.ring)
		}
		q.ring[i] = d
		q.size++
	}
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

// An Inlet hands what one goroutine receives to the workers, in one go per worker and batch. It belongs to that goroutine.
type Inlet struct{ lanes []lane }

// A lane is what waits for one worker. It is urgent when the worker is to be woken for it.
type lane struct {
	worker *Worker
	batch  []datagram
	at     Instant
	urgent bool
}

// Add takes one decrypted RTP packet of p, or with rtcp one compound. All datagrams between two calls of Flush came in at the moment of the
// first.
func (in *Inlet) Add(p *Peer, b *Buffer, rtcp bool) {
	l := in.lane(p.worker)
	if len(l.batch) == 0 {
		l.at = p.worker.now()
	}
	l.batch = append(l.batch, datagram{from: p, buf: b, at: l.at, rtcp: rtcp})
	l.urgent = l.urgent || !rtcp || urgent(b.bytes())
}

// lane returns the one of w. There are as many as workers, which are few.
func (in *Inlet) lane(w *Worker) *lane {
	for i := range in.lanes {
		if in.lanes[i].worker == w {
			return &in.lanes[i]
		}
	}
	in.lanes = append(in.lanes, lane{worker: w})
	return &in.lanes[len(in.lanes)-1]
}

// Flush hands everything over. It never blocks.
func (in *Inlet) Flush() {
	for i := range in.lanes {
		l := &in.lanes[i]
		if len(l.batch) == 0 {
			continue
		}
		l.worker.packets.push(l.batch)
		if l.urgent {
			l.worker.poke()
		}
		clear(l.batch)
		l.batch, l.urgent = l.batch[:0], false
	}
}
