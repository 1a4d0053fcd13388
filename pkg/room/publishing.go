package room

import (
	"fmt"
	"slices"
	"time"

	"sfu/pkg/auth"
	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
)

// A track is what a participant publishes on one m-line. It is its UpTrack's observer.
type track struct {
	id     TrackID
	owner  *Participant
	source *source
	label  auth.Source
	kind   forwarder.Kind
	peer   *forwarder.Peer
	mid    string
	up     *forwarder.UpTrack

	// The fields below are guarded by room.mu.

	muted bool
	codec codec.Type
	// announced is set once media flows; nobody else knows of the track before. ended is set for good.
	announced, ended bool
}

// A source is what one slot holds: a participant's camera with its microphone, or its screen with the screen's sound. The
// second camera of a participant makes a second source, which its second microphone joins.
type source struct {
	id           sourceID
	owner        *Participant
	screen       bool
	audio, video *track
}

func (s *source) part(k forwarder.Kind) **track {
	if k == forwarder.Video {
		return &s.video
	}
	return &s.audio
}

// labels tells for each label what the forwarder calls it and which kind it must be.
var labels = map[auth.Source]struct {
	source forwarder.Source
	kind   forwarder.Kind
}{
	auth.Microphone:  {forwarder.Microphone, forwarder.Audio},
	auth.Camera:      {forwarder.Camera, forwarder.Video},
	auth.Screen:      {forwarder.Screen, forwarder.Video},
	auth.ScreenAudio: {forwarder.ScreenAudio, forwarder.Audio},
}

// Publish forwards what the client sends on the m-line mid of peer. Others are told with its first media packet. Publishing an
// m-line again changes nothing but muted, unless the source is another: then the old track ends and a new one begins.
func (p *Participant) Publish(peer *forwarder.Peer, mid string, kind forwarder.Kind, source auth.Source, muted bool) (TrackID, error) {
	t := &track{
		id: TrackID(newID()), owner: p, label: source, kind: kind, peer: peer, mid: mid, muted: muted,
	}
	published, err := p.publish(t)
	if published == t {
		p.room.log.Info("track published", "participant", p.id, "track", t.id, "source", string(source), "muted", muted)
	}
	if err != nil {
		return "", err
	}
	return published.id, nil
}

// publish brings t into the room and returns it, or the track that its m-line carries already.
func (p *Participant) publish(t *track) (*track, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.room.mu.Unlock()
	r := p.room
	old := p.onLine(t.peer, t.mid)
	if old != nil && old.kind == t.kind && old.label == t.label {
		r.mute(old, t.muted)
		return old, nil
	}
	if err := p.mayPublish(t.kind, t.label, old); err != nil {
		return nil, err
	}
	if old != nil {
		r.endTracks(old)
	}
	t.source = r.sourceFor(p, t.kind, t.label == auth.Screen || t.label == auth.ScreenAudio)
	*t.source.part(t.kind) = t
	p.tracks = append(p.tracks, t)
	r.tracks[t.id] = t
	t.up = t.peer.Publish(t.mid, t.kind, labels[t.label].source, t)
	if t.muted {
		t.up.SetMuted(true)
	}
	return t, nil
}

// onLine returns the track of p on that m-line, nil when there is none.
func (p *Participant) onLine(peer *forwarder.Peer, mid string) *track {
	i := slices.IndexFunc(p.tracks, func(t *track) bool { return t.peer == peer && t.mid == mid })
	if i < 0 {
		return nil
	}
	return p.tracks[i]
}

// mayPublish checks permission and limits for a track that takes the place of old, which may be nil.
func (p *Participant) mayPublish(kind forwarder.Kind, source auth.Source, old *track) error {
	if !p.grant.MayPublish(source) {
		return ErrNotAllowed
	}
	if labels[source].kind != kind {
		return fmt.Errorf("publish %s as %s: %w", source, kind, ErrNotAllowed)
	}
	others := len(p.tracks)
	if old != nil {
		others--
	}
	if others >= p.room.cfg.TracksPerParticipant {
		return ErrLimit
	}
	if kind == forwarder.Video && !p.publishesVideo() && p.room.videoPublishers() >= p.room.cfg.MaxVideoPublishers {
		return fmt.Errorf("publish video: %w", ErrFull)
	}
	return nil
}

func (p *Participant) publishesVideo() bool {
	return slices.ContainsFunc(p.tracks, func(t *track) bool { return t.kind == forwarder.Video })
}

func (r *room) videoPublishers() (n int) {
	for _, m := range r.members {
		if m.publishesVideo() {
			n++
		}
	}
	return n
}

// sourceFor returns the oldest source of p that lacks a track of that kind, or a new one.
func (r *room) sourceFor(p *Participant, kind forwarder.Kind, screen bool) *source {
	for _, s := range r.sources {
		if s.owner == p && s.screen == screen && *s.part(kind) == nil {
			return s
		}
	}
	r.lastSource++
	s := &source{id: r.lastSource, owner: p, screen: screen}
	r.sources = append(r.sources, s)
	return s
}

// Unpublish ends one of the participant's own tracks.
func (p *Participant) Unpublish(id TrackID) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer p.room.mu.Unlock()
	t, err := p.own(id)
	if err != nil {
		return err
	}
	p.room.endTracks(t)
	return nil
}

// SetMuted mutes or unmutes one of the participant's own tracks.
func (p *Participant) SetMuted(id TrackID, muted bool) error {
	if err := p.enter(); err != nil {
		return err
	}
	defer p.room.mu.Unlock()
	t, err := p.own(id)
	if err != nil {
		return err
	}
	p.room.mute(t, muted)
	return nil
}

func (r *room) mute(t *track, muted bool) {
	if t.muted == muted {
		return
	}
	t.muted = muted
	t.up.SetMuted(muted)
	if !t.announced {
		return
	}
	r.tell(TrackChanged{t.describe()}, t.owner)
	r.reseatIncomplete(time.Now())
}

// endTracks ends tracks of one participant and seats those anew who may have watched.
func (r *room) endTracks(tracks ...*track) {
	if r.takeOut(tracks) {
		r.reseatAll(time.Now())
	}
}

// takeOut ends tracks, tells the others, and reports whether these knew of any.
func (r *room) takeOut(tracks []*track) (known bool) {
	for _, t := range tracks {
		t.ended = true
		t.up.Close()
		delete(r.tracks, t.id)
		t.owner.tracks = slices.DeleteFunc(t.owner.tracks, func(o *track) bool { return o == t })
		*t.source.part(t.kind) = nil
		if t.source.audio == nil && t.source.video == nil {
			r.sources = slices.DeleteFunc(r.sources, func(s *source) bool { return s == t.source })
		}
		for _, m := range r.members {
			m.viewer.forget(t)
		}
		if t.announced {
			r.tell(TrackGone{t.id}, t.owner)
			known = true
		}
	}
	return known
}

func (t *track) describe() Track {
	return Track{ID: t.id, Participant: t.owner.id, Source: t.label, Kind: t.kind, Muted: t.muted, Codec: t.codec}
}
