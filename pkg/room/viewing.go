package room

import (
	"fmt"
	"slices"
	"time"

	"sfu/pkg/forwarder"
)

// maxPriority is the highest priority of a tile.
const maxPriority = 10

// Receive adds places for remote tracks. It needs the Subscribe permission. Who has no slots does not want to receive: it is asked
// for none, and nothing is unavailable to it.
func (p *Participant) Receive(slots []forwarder.Slot) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer p.room.mu.Unlock()
	if !p.grant.Subscribe {
		return ErrNotAllowed
	}
	if len(p.viewer.slots)+len(slots) > p.room.cfg.MaxSlots {
		return ErrLimit
	}
	if len(slots) == 0 {
		return nil
	}
	p.viewer.add(slots)
	p.room.reseat(p, time.Now())
	return nil
}

// Forget takes away the places and ends the tracks that belong to peer, whose connection is gone. The bindings of these places end
// with them; no event says so.
func (p *Participant) Forget(peer *forwarder.Peer) {
	if p.enter() != nil {
		return
	}
	defer p.room.mu.Unlock()
	if p.viewer.drop(peer) {
		p.room.reseat(p, time.Now())
	}
	ending := slices.DeleteFunc(slices.Clone(p.tracks), func(t *track) bool { return t.peer != peer })
	p.room.endTracks(ending...)
}

// SetAuto says whether everything that others publish is wanted ("auto", as it is at first) or only what Subscribe names. What
// Subscribe and Unsubscribe named so far stays as it is.
func (p *Participant) SetAuto(auto bool) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer p.room.mu.Unlock()
	if p.viewer.auto != auto {
		p.viewer.auto = auto
		p.room.reseat(p, time.Now())
	}
	return nil
}

// Subscribe wants tracks. It needs the Subscribe permission. The participant's own tracks may be named too: they come back to it the
// way others get them. An unknown id is ErrNotFound; the other ids count nevertheless, because a track may end while the wish is
// on its way.
func (p *Participant) Subscribe(ids ...TrackID) error { return p.choose(ids, true) }

// Unsubscribe does not want tracks any more. It returns what Subscribe does.
func (p *Participant) Unsubscribe(ids ...TrackID) error { return p.choose(ids, false) }

func (p *Participant) choose(ids []TrackID, wanted bool) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer p.room.mu.Unlock()
	if !p.grant.Subscribe {
		return ErrNotAllowed
	}
	var refused error
	v, changed := &p.viewer, false
	for _, id := range ids {
		t, err := p.visible(id)
		if err != nil {
			refused = err
			continue
		}
		if _, known := v.named[t]; !known && len(v.named) >= p.room.cfg.SubscriptionsPerPerson {
			refused = ErrLimit
			continue
		}
		changed = changed || p.wants(t) != wanted
		v.named[t] = wanted
	}
	if changed {
		p.room.reseat(p, time.Now())
	}
	return refused
}

// visible returns the track id if p may know of it.
func (p *Participant) visible(id TrackID) (*track, error) {
	t := p.room.tracks[id]
	if t == nil || t.owner != p && !t.announced {
		return nil, fmt.Errorf("track %q: %w", id, ErrNotFound)
	}
	return t, nil
}

// A Shown says how large a viewer shows a track; Priority is 0 to 10 and decides who is seated when slots run out.
type Shown struct {
	Track    TrackID
	View     forwarder.View
	Priority int
}

// SetViews tells how large the viewer shows some tracks, all at once: a page that shows other tiles than before does not run short of
// slots in between. Views of audio tracks have no effect. It needs the Subscribe permission. An unknown id is
// ErrNotFound; the other ids count nevertheless.
func (p *Participant) SetViews(shown ...Shown) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer p.room.mu.Unlock()
	if !p.grant.Subscribe {
		return ErrNotAllowed
	}
	var refused error
	changed := false
	for _, s := range shown {
		t, err := p.visible(s.Track)
		if err != nil {
			refused = err
			continue
		}
		if t.kind == forwarder.Video && p.viewer.show(t, sane(s)) {
			changed = true
		}
	}
	if changed && !p.viewer.complete {
		p.room.reseat(p, time.Now())
	}
	return refused
}

// sane brings what a client said within bounds.
func sane(s Shown) tile {
	v := forwarder.View{Width: max(s.View.Width, 0), Height: max(s.View.Height, 0), FPS: max(s.View.FPS, 0)}
	return tile{v, min(max(s.Priority, 0), maxPriority)}
}

// show sets the tile of t and reports whether its right to a slot is another now.
func (v *viewer) show(t *track, is tile) bool {
	was := v.tile(t)
	v.tiles[t] = is
	if l := v.showing(t); l != nil && is.view != was.view {
		l.down.SetView(is.view)
	}
	return is.view.Hidden() != was.view.Hidden() || is.priority != was.priority
}

// DownTrackChanged turns what the forwarder says of a slot into a LayerChanged event. News of a source that the slot no longer has,
// or not yet, are dropped: newer ones follow.
func (p *Participant) DownTrackChanged(d *forwarder.DownTrack, s forwarder.DownTrackState) {
	if p.enter() != nil {
		return
	}
	defer p.room.mu.Unlock()
	l := p.viewer.find(d)
	if l == nil {
		return
	}
	var carried *forwarder.UpTrack
	if l.track != nil {
		carried = l.track.up
	}
	if s.Source == carried {
		p.sink.Deliver(LayerChanged{Down: d, Track: l.id(), State: s})
	}
}
