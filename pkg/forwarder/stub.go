package forwarder

import (
	"log/slog"
	"time"
)

type router struct {
	batch Batch
	peers int
}

func (r *router) init(Limits, *slog.Logger)         {}
func (r *router) addPeer(*Peer, Instant)            { r.peers++ }
func (r *router) removePeer(*Peer, Instant)         { r.peers-- }
func (r *router) Receive(b []datagram, now Instant) {}
func (r *router) Tick(now Instant)                  {}
func (r *router) busy() bool                        { return r.peers > 0 }

type ingress struct{}
type egressState struct{ rtt time.Duration }
type upMedia struct{}
type downMedia struct{}

func (p *Peer) configure(media []Media) (downs []*DownTrack) {
	for _, m := range media {
		if m.Send {
			downs = append(downs, &DownTrack{peer: p, mid: m.Mid, kind: m.Kind, formats: m.Formats})
		}
	}
	return downs
}
func (p *Peer) publish(t *UpTrack, now Instant)        {}
func (t *UpTrack) setMuted(bool, Instant)              {}
func (t *UpTrack) close(Instant)                       {}
func (d *DownTrack) setSource(t *UpTrack, now Instant) {}
func (d *DownTrack) setView(v View, now Instant)       {}
