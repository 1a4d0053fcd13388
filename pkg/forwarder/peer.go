package forwarder

import (
	"sync"
	"time"
)

// A PeerObserver is told what happens to the media of one connection. It is called on the worker's goroutine and must not block or
// call the forwarder back.
type PeerObserver interface {
	// DownTrackChanged tells what a viewer's m-line now carries.
	DownTrackChanged(d *DownTrack, s DownTrackState)
	// TooManyStreams tells that the client used more SSRCs than it may; the connection should be closed.
	TooManyStreams()
}

// A Peer is the media of one PeerConnection: what the client sends and what it is sent.
type Peer struct {
	group    *Group
	worker   *Worker
	writer   Writer
	observer PeerObserver
	ingress  ingress
	egress   egressState
	closed   bool

	controlMu sync.Mutex

	byMid map[string]*DownTrack
}

// Configure replaces what is known of the m-lines by those of the latest answer. It returns a DownTrack for each slot m-line that
// is new, in the order of media. M-lines are told apart by mid and keep their DownTrack for good.
func (p *Peer) Configure(media []Media) []*DownTrack {
	return p.configure(media)
}

// Receive takes one decrypted RTP packet, or with rtcp one compound, that came in at this moment. It copies data and never
// blocks. What is larger than 1500 bytes counts as malformed.
func (p *Peer) Receive(data []byte, rtcp bool) {
	if len(data) > MaxPacket {
		data = nil // for the worker to count: it is malformed
	}
	b := NewBuffer()
	b.n = copy(b.data[:], data)
	one := [1]datagram{{from: p, buf: b, at: p.worker.now(), rtcp: rtcp}}
	p.worker.packets.push(one[:])
	p.worker.poke()
}

// SetRTT tells the round-trip time to the client as the transport measured it.
func (p *Peer) SetRTT(rtt time.Duration) {
	p.worker.do(func(Instant) { p.egress.rtt = rtt })
}

// Ready tells that the connection can carry packets from now on.
func (p *Peer) Ready() {
	p.worker.do(func(now Instant) {
		for _, d := range p.egress.downs {
			d.retarget(now)
		}
	})
}

// Publish begins to forward what the client sends on the m-line mid. The UpTrack has no viewers yet.
// A second call for the same mid ends the first UpTrack.
func (p *Peer) Publish(mid string, kind Kind, source Source, o UpTrackObserver) *UpTrack {
	t := &UpTrack{peer: p, mid: mid, kind: kind, source: source, observer: o}
	p.worker.do(func(now Instant) { p.publish(t, now) })
	return t
}

// Close ends the connection's media: its UpTracks end, its DownTracks send nothing more.
func (p *Peer) Close() {
	p.worker.do(func(now Instant) { p.worker.router.removePeer(p, now) })
}
