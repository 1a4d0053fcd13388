package room

import (
	"time"

	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
)

// What the forwarder would do if packets flowed, for tests of this package.

// WithRoomLocked calls f while someone else has the room of p locked.
func (p *Participant) WithRoomLocked(f func()) {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	f()
}

// Observer returns one of p's own tracks as the worker sees it.
func (p *Participant) Observer(id TrackID) forwarder.UpTrackObserver { return p.lookUp(id) }

// Heed returns when the room has acted on all that the forwarder said before.
func (p *Participant) Heed() { p.room.heed() }

// MediaArrives is the first packet of one of p's own tracks, or the first one in another codec. It returns when the room knows.
func (p *Participant) MediaArrives(id TrackID, c codec.Type) { p.Remember(id)(c) }

// TooMuch is a track of p's own that sends more than it may.
func (p *Participant) TooMuch(id TrackID) {
	t := p.lookUp(id)
	t.UpTrackPoliced(t.up)
	p.Heed()
}

// UpTrack returns what the forwarder calls one of p's own tracks.
func (p *Participant) UpTrack(id TrackID) *forwarder.UpTrack { return p.lookUp(id).up }

func (p *Participant) lookUp(id TrackID) *track {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	return p.room.tracks[id]
}

// Remember returns a MediaArrives for a track that may end meanwhile.
func (p *Participant) Remember(id TrackID) func(c codec.Type) {
	t := p.lookUp(id)
	return func(c codec.Type) {
		t.UpTrackStarted(t.up, c)
		p.Heed()
	}
}

// Reseat seats p although nothing has changed.
func (p *Participant) Reseat() {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	p.room.reseat(p, time.Now())
}

// SetLoudness stands in for UpTrack.Loudness.
func (r *Registry) SetLoudness(f func(*forwarder.UpTrack) int) { r.loudness = f }

// Unsettled returns how many rooms have not passed their counters to the total.
func (r *Registry) Unsettled() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.ledger.open)
}

// Record is an answer of the worker that a room's counters are c.
func (r *Registry) Record(room string, c forwarder.Counters) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ledger.record(r.rooms[room], c)
}

// Pass lets as much time pass for what was restored and waits.
func (r *Registry) Pass(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for name, i := range r.inherited {
		i.until = i.until.Add(-d)
		r.inherited[name] = i
	}
}

var Combine = combine
