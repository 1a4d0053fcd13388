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

// maxPacket is the largest packet that is sent, in bytes.
const maxPacket = 1500

type outPacket struct {
	rtcp   bool
	header int
	size   int
	data   [maxPacket]byte
}

var outPackets = sync.Pool{New: func() any { return new(outPacket) }}

// A plainWriter sends through pion: packets are copied into a bounded queue and one goroutine encrypts and writes them, so that a slow
// path (TCP, TURN) holds up nobody. What finds the queue full is dropped, which the forwarder avoids by asking for Room first.
type plainWriter struct {
	// open is set while the connection can carry packets.
	open     atomic.Bool
	waiting  atomic.Int32
	wake     chan struct{}
	quit     chan struct{}
	done     chan struct{}
	counters *counters

	mu     sync.Mutex
	queue  []*outPacket
	stream webrtc.TrackLocalWriter
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
	p.rtcp, p.header = o.RTCP, len(header)
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

// bind gives the writer the stream that encrypts; any m-line's will do, for pion has one session per connection.
func (w *plainWriter) bind(stream webrtc.TrackLocalWriter) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stream = stream
}

// run sends until close. feedback sends RTCP.
func (w *plainWriter) run(feedback func([]rtcp.Packet) error) {
	defer close(w.done)
	var header rtp.Header
	var taken []*outPacket
	for {
		select {
		case <-w.wake:
		case <-w.quit:
			return
		}
		w.mu.Lock()
		taken, w.queue = w.queue, taken[:0]
		stream := w.stream
		w.mu.Unlock()
		for i, p := range taken {
			if err := w.send(p, stream, &header, feedback); err != nil {
				w.counters.failed.Add(1)
			}
			taken[i] = nil
			outPackets.Put(p)
			w.waiting.Add(-1)
		}
	}
}

func (w *plainWriter) send(p *outPacket, stream webrtc.TrackLocalWriter, header *rtp.Header, feedback func([]rtcp.Packet) error) error {
	if p.rtcp {
		raw := rtcp.RawPacket(p.data[:p.size])
		return feedback([]rtcp.Packet{&raw})
	}
	if stream == nil {
		return nil
	}
	if _, err := header.Unmarshal(p.data[:p.header]); err != nil {
		return err
	}
	_, err := stream.WriteRTP(header, p.data[p.header:p.size])
	return err
}

// stop ends run; the caller makes sure that a blocked send returns, by closing the connection.
func (w *plainWriter) stop() {
	w.open.Store(false)
	close(w.quit)
}
