package transport

import (
	"sync"
	"sync/atomic"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/webrtc/v4"

	"sfu/pkg/forwarder"
)

// queuePackets bounds what may wait for one connection. A second of three 720p tiles fits.
const queuePackets = 1024

// An outPacket waits in a sendQueue.
type outPacket struct {
	rtcp   bool
	sealed bool // and goes to route; else pion encrypts it
	header int  // its size
	size   int
	route  *route
	data   [forwarder.MaxPacket]byte
}

var outPackets = sync.Pool{New: func() any { return new(outPacket) }}

// A sendQueue lets one goroutine send, so that a slow path (TCP) or a slow encryptor (pion's) holds up nobody. What finds it full is dropped, which
// the forwarder avoids by asking for Room first. The goroutine is started by the first packet: most connections need none.
type sendQueue struct {
	waiting  atomic.Int32
	counters *counters
	wake     chan struct{}
	quit     chan struct{}
	finished sync.WaitGroup

	mu       sync.Mutex
	packets  []*outPacket
	stream   webrtc.TrackLocalWriter
	feedback func([]rtcp.Packet) error
	started  bool
	stopped  bool
}

func newSendQueue(c *counters) *sendQueue {
	return &sendQueue{counters: c, wake: make(chan struct{}, 1), quit: make(chan struct{})}
}

func (q *sendQueue) room() int { return max(0, queuePackets-int(q.waiting.Load())) }

func (q *sendQueue) bind(stream webrtc.TrackLocalWriter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.stream = stream
}

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
	var header rtp.Header
	var taken []*outPacket
	for {
		select {
		case <-q.wake:
		case <-q.quit:
			return
		}
		q.mu.Lock()
		taken, q.packets = q.packets, taken[:0]
		stream := q.stream
		q.mu.Unlock()
		for i, p := range taken {
			if err := q.send(p, stream, &header); err != nil {
				q.counters.failed.Add(1)
			}
			taken[i], p.route = nil, nil
			outPackets.Put(p)
			q.waiting.Add(-1)
		}
	}
}

func (q *sendQueue) send(p *outPacket, stream webrtc.TrackLocalWriter, header *rtp.Header) error {
	b := p.data[:p.size]
	switch {
	case p.sealed && p.route.stream != nil:
		_, err := p.route.stream.WriteTo(b, p.route.addr)
		return err
	case p.sealed:
		_, err := p.route.socket.WriteToAddrPort(b, p.route.remote)
		return err
	case p.rtcp:
		raw := rtcp.RawPacket(b)
		return q.feedback([]rtcp.Packet{&raw})
	case stream == nil:
		return nil
	}
	if _, err := header.Unmarshal(p.data[:p.header]); err != nil {
		return err
	}
	_, err := stream.WriteRTP(header, p.data[p.header:p.size])
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
