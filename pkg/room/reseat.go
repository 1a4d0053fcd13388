package room

import (
	"slices"
	"time"

	"sfu/pkg/forwarder"
)

// reseatInterval is how often a viewer that is short of slots is seated anew by loudness.
const reseatInterval = 500 * time.Millisecond

// reseatAll seats every viewer.
func (r *room) reseatAll(now time.Time) {
	for _, m := range r.members {
		r.reseat(m, now)
	}
}

// reseatIncomplete seats those viewers who may see a difference when a track is muted or unmuted.
func (r *room) reseatIncomplete(now time.Time) {
	for _, m := range r.members {
		if !m.viewer.complete {
			r.reseat(m, now)
		}
	}
}

// reseat seats one viewer and tells it in one event what is different.
func (r *room) reseat(p *Participant, now time.Time) {
	v := &p.viewer
	var e SlotsBound
	var unavailable []Unavailable
	shortage := 0
	if len(v.slots) == 0 {
		// Who offers no m-lines does not want to receive.
		v.short, v.complete = false, true
	} else {
		wants := r.wantsOf(p)
		seated := seat(v.places, wants, now)
		e.Bound = r.bind(v, wants, seated.sits)
		unavailable, shortage = seated.unavailable, seated.shortage
		v.short, v.complete = seated.contested, seated.complete
	}
	if !slices.Equal(unavailable, v.unavailable) {
		v.unavailable = unavailable
		e.Unavailable = append([]Unavailable{}, unavailable...)
	}
	e.Need = r.ask(v, shortage)
	if len(e.Bound) > 0 || e.Need > 0 || e.Unavailable != nil {
		p.sink.Deliver(e)
	}
	if v.short && !r.watching {
		r.watching = r.registry.tasks.start(r.watch)
	}
}

// ask returns how many slots to ask for: some when a shortage begins, and again only when more slots came and do not suffice, or when
// it has grown beyond what was asked for.
func (r *room) ask(v *viewer, shortage int) int {
	if shortage == 0 {
		v.asked, v.shortage = 0, 0
		return 0
	}
	if shortage <= max(v.asked, v.shortage) {
		return 0
	}
	v.shortage = shortage
	n := max(min(r.cfg.GrowSlots, r.cfg.MaxSlots-len(v.slots)-v.asked), 0)
	v.asked += n
	return n
}

// wantsOf lists the sources that p subscribes to, the oldest first. The result is valid until the next call.
func (r *room) wantsOf(p *Participant) []want {
	wants := r.wants[:0]
	if p.grant.Subscribe {
		for _, s := range r.sources {
			if w := r.wantOf(p, s); w.audio.track != "" || w.video.track != "" {
				wants = append(wants, w)
			}
		}
	}
	r.wants = wants
	return wants
}

func (r *room) wantOf(p *Participant, s *source) want {
	w := want{source: s.id, screen: s.screen, priority: defaultPriority}
	if t := s.audio; t != nil && t.announced && p.wants(t) {
		w.audio = part{track: t.id, codec: t.codec, active: !t.muted}
		w.loudness = r.registry.loudness(t.up)
	}
	if t := s.video; t != nil && t.announced && p.wants(t) {
		shown := p.viewer.tile(t)
		w.hidden, w.priority = shown.view.Hidden(), shown.priority
		w.video = part{track: t.id, codec: t.codec, active: !t.muted && !w.hidden}
	}
	return w
}

// bind switches the m-lines to what was decided and returns those that changed.
func (r *room) bind(v *viewer, wants []want, sits []int) (changed []Binding) {
	for k, i := range sits {
		var audio, video *track
		if i >= 0 {
			w, at := &wants[i], &v.places[k]
			if at.playsAudio(w) {
				audio = r.tracks[w.audio.track]
			}
			if at.playsVideo(w) {
				video = r.tracks[w.video.track]
			}
		}
		s := &v.slots[k]
		if s.audio.carry(audio, forwarder.View{}) {
			changed = s.audio.append(changed)
		}
		var view forwarder.View
		if video != nil {
			view = v.tile(video).view
		}
		if s.video.carry(video, view) {
			changed = s.video.append(changed)
		}
	}
	return changed
}

// watch seats the viewers that are short of slots again and again, until none is or the room ends.
func (r *room) watch() {
	ticker := time.NewTicker(reseatInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			if !r.reseatShort(time.Now()) {
				return
			}
		case <-r.done:
			return
		case <-r.registry.tasks.quit:
			return
		}
	}
}

// reseatShort seats the viewers that are short and reports whether there were any. It locks the room for one viewer at a time,
// because others may be waiting to get in.
func (r *room) reseatShort(now time.Time) bool {
	short := r.shortViewers()
	for _, p := range short {
		if p.enter() == nil {
			r.reseat(p, now)
			r.mu.Unlock()
		}
	}
	return len(short) > 0
}

// shortViewers lists who is short of slots. When nobody is, the watch is over: the next one who is starts another.
func (r *room) shortViewers() (short []*Participant) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range r.members {
		if p.viewer.short {
			short = append(short, p)
		}
	}
	r.watching = len(short) > 0
	return short
}
