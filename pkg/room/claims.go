package room

import (
	"cmp"
	"slices"
)

// A tier is a class of right to a slot.
type tier int

const (
	// idle: muted or hidden, or in no codec that the viewer knows.
	idle tier = iota
	// seen: visible video. The higher priority first, a screen before a camera.
	seen
	// heard: unmuted sound. The louder first.
	heard
	// raised: visible video that the viewer gave more than the default priority, or a screen with no less than it. Half of the
	// slots can be had by this right, so that pinned tiles never silence a room.
	raised
)

// defaultPriority is what a tile is worth until the viewer says otherwise.
const defaultPriority = 1

// A claim is a want with its right to a slot.
type claim struct {
	want  *want
	index int
	tier  tier
	// key orders claims of one tier.
	key int
	// hears and sees are set for the parts that are active and that some place can play.
	hears, sees bool
	// place is where it sits, -1 for nowhere.
	place int
}

func (s *sitting) claim(i int, w *want) claim {
	c := claim{want: w, index: i, place: -1}
	c.hears = w.audio.track != "" && w.audio.active && s.audio.has(w.audio.codec)
	c.sees = w.video.track != "" && w.video.active && s.video.has(w.video.codec)
	c.sort(true)
	return c
}

// sort sets the tier and the key; mayRaise is false for one that found the raised half taken.
func (c *claim) sort(mayRaise bool) {
	worth := 2 * c.want.priority
	if c.want.screen {
		worth++
	}
	switch {
	case c.sees && mayRaise && worth > 2*defaultPriority:
		c.tier, c.key = raised, worth
	case c.hears:
		c.tier, c.key = heard, c.want.loudness
	case c.sees:
		c.tier, c.key = seen, worth
	default:
		c.tier, c.key = idle, 0
	}
}

// rank puts the claims in order, the greatest right first. Of equals those who sit go first, the one
// that has done so for longer before the other, then the older source.
func (s *sitting) rank() {
	s.order()
	most := (len(s.places) + 1) / 2
	if len(s.claims) <= most || s.claims[most].tier != raised {
		return
	}
	for i := most; i < len(s.claims) && s.claims[i].tier == raised; i++ {
		s.claims[i].sort(false)
	}
	s.order()
}

func (s *sitting) order() {
	slices.SortFunc(s.claims, func(a, b claim) int {
		if a.tier != b.tier {
			return int(b.tier - a.tier)
		}
		if a.key != b.key {
			return b.key - a.key
		}
		return cmp.Or(s.sitsLonger(&a, &b), cmp.Compare(a.want.source, b.want.source))
	})
}

func (s *sitting) sitsLonger(a, b *claim) int {
	switch {
	case a.place >= 0 && b.place >= 0:
		return s.places[a.place].since.Compare(s.places[b.place].since)
	case a.place >= 0:
		return -1
	case b.place >= 0:
		return 1
	}
	return 0
}

// worth says how much of c plays in the place k: 4 for the part that its tier stands for, 2 for the other if it is active, 1 for
// anything at all.
func (s *sitting) worth(c *claim, k int) (n int) {
	if k < 0 || !s.places[k].plays(c.want) {
		return 0
	}
	if s.primary(c, k) {
		n += 4
	}
	p := &s.places[k]
	if c.tier == heard && c.sees && p.playsVideo(c.want) || c.tier == raised && c.hears && p.playsAudio(c.want) {
		n += 2
	}
	return n + 1
}

// best is the worth of a place that lacks nothing.
func (c *claim) best() (n int) {
	if c.tier == idle {
		return 1
	}
	if c.hears && c.sees {
		return 7
	}
	return 5
}

// primary reports whether the place k plays the part that c's tier stands for.
func (s *sitting) primary(c *claim, k int) bool {
	if k < 0 {
		return false
	}
	p := &s.places[k]
	switch c.tier {
	case raised, seen:
		return p.playsVideo(c.want)
	case heard:
		return p.playsAudio(c.want)
	}
	return false
}

// plan tells what came of it.
func (s *sitting) plan(wants []want) plan {
	out := plan{sits: make([]int, len(s.places)), complete: true}
	for k := range out.sits {
		out.sits[k] = -1
	}
	seats := make([]int, len(wants))
	waiting := false
	for i := range s.claims {
		c := &s.claims[i]
		seats[c.index] = c.place
		if c.place >= 0 {
			out.sits[c.place] = c.index
		}
		switch {
		case c.tier > idle && s.worth(c, c.place) < c.best():
			out.shortage++
			out.contested = true
		case c.place < 0 && s.playable(c.want):
			waiting = true
		}
	}
	if out.shortage == 0 && waiting && !slices.ContainsFunc(s.places, func(p place) bool { return !p.active }) {
		out.shortage = 1
	}
	for i := range wants {
		s.report(&out, &wants[i], seats[i])
	}
	return out
}

func (s *sitting) playable(w *want) bool {
	return w.audio.track != "" && s.audio.has(w.audio.codec) || w.video.track != "" && s.video.has(w.video.codec)
}

// report lists the parts of w, which sits at k, that do not play.
func (s *sitting) report(out *plan, w *want, k int) {
	none := place{}
	at := &none
	if k >= 0 {
		at = &s.places[k]
	}
	if w.audio.track != "" && !at.playsAudio(w) {
		out.miss(w.audio, at.audio, s.audio)
	}
	if w.video.track != "" && !at.playsVideo(w) {
		out.miss(w.video, at.video, s.video)
	}
}

// miss records that p does not play. here are the codecs of the m-line it should play on, anywhere those of all.
func (o *plan) miss(p part, here, anywhere codecs) {
	o.complete = false
	if !p.active {
		return
	}
	u := Unavailable{Track: p.track}
	if here != 0 || anywhere != 0 && !anywhere.has(p.codec) {
		u.Codec = p.codec
	}
	o.unavailable = append(o.unavailable, u)
}
