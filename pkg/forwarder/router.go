package forwarder

import (
	"log/slog"
	"slices"
	"time"
)

// A router is the media path of one worker: Receive takes what came in, Tick runs what is due; both leave what is to be sent in batch.
// It owns no goroutine, clock or socket.
type router struct {
	batch     Batch
	peers     []*Peer
	limits    Limits
	log       *slog.Logger
	nextSteer Instant
	// wallclock is the time of day at Instant 0, for sender reports.
	wallclock time.Time
	// sequences and encodings are scratch space.
	sequences []uint16
	encodings []int
}

func (r *router) init(limits Limits, wallclock time.Time, log *slog.Logger) {
	r.limits, r.wallclock, r.log = limits, wallclock, log
}

func (r *router) busy() bool { return len(r.peers) > 0 }

// Receive routes a batch of datagrams. Their buffers belong to the router from now on.
func (r *router) Receive(batch []datagram, now Instant) {
	for i := range batch {
		d := &batch[i]
		switch {
		case d.from.closed:
			d.buf.Release()
		case d.rtcp:
			d.from.receiveRTCP(d.buf.bytes(), d.at)
			d.buf.Release()
		default:
			d.from.receiveRTP(d, &r.limits)
		}
	}
}

// Tick runs the timers that are due.
func (r *router) Tick(now Instant) {
	steer := now >= r.nextSteer
	if steer {
		r.nextSteer = now.Add(steerInterval)
	}
	for _, p := range r.peers {
		if steer {
			for _, d := range p.egress.downs {
				d.steer(now)
			}
		}
		p.report(now, steer)
	}
}

func (r *router) addPeer(p *Peer) { r.peers = append(r.peers, p) }

func (r *router) removePeer(p *Peer, now Instant) {
	if p.closed {
		return
	}
	p.closed = true
	r.peers = slices.DeleteFunc(r.peers, func(other *Peer) bool { return other == p })
	r.batch.forget()
	for _, l := range p.ingress.lines {
		if l.track != nil {
			l.track.close(now)
		}
		for _, e := range l.encodings {
			e.countLost()
		}
	}
	for _, d := range p.egress.downs {
		d.park()
	}
}
