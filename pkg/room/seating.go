package room

import (
	"slices"
	"time"

	"sfu/pkg/codec"
)

// seatHold is how long a source that has begun to be heard or seen keeps its slot against those that have no more right to it.
const seatHold = 1500 * time.Millisecond

// clearlyLouder is by how much, in dB, a voice without a slot must exceed one that has a slot in order to take it.
const clearlyLouder = 6

// maxPasses bounds how often the claims are gone through.
const maxPasses = 4

// A sourceID names what can sit in a slot. Later ones are larger, 0 is nobody.
type sourceID uint64

// codecs is a set of codec.Type; the empty one stands for an m-line that does not exist.
type codecs uint16

func (s codecs) has(c codec.Type) bool { return s&(1<<c) != 0 }

// A part is the audio or the video of a source; its track is "" where the source has none or the viewer does not want it.
type part struct {
	track TrackID
	codec codec.Type
	// active is set while the track is unmuted and, if it is video, visible.
	active bool
}

// A want is one source that a viewer wants, in whole or in part.
type want struct {
	source       sourceID
	audio, video part
	// loudness is 0 to 127, as forwarder.UpTrack has it.
	loudness int
	priority int
	screen   bool
	// hidden is set when the viewer itself shows nothing of the video.
	hidden bool
}

// A place is a viewer's slot as seating sees it.
type place struct {
	// audio and video are the codecs that the m-lines accept.
	audio, video codecs
	// occupant is who sits here.
	occupant sourceID
	// since is when the occupant began to be heard or seen, zero while it never was; active says whether it is now.
	since  time.Time
	active bool
	// freed is when the place became empty, carried what its video m-line had last.
	freed   time.Time
	carried codec.Type
}

func (p *place) playsAudio(w *want) bool { return w.audio.track != "" && p.audio.has(w.audio.codec) }
func (p *place) playsVideo(w *want) bool { return w.video.track != "" && p.video.has(w.video.codec) }
func (p *place) plays(w *want) bool      { return p.playsAudio(w) || p.playsVideo(w) }

// A plan is what came of seating.
type plan struct {
	// sits is for each place the index of the want that sits there, or -1.
	sits []int
	// shortage is how many more places are needed, 0 when those that there are suffice.
	shortage int
	// contested is set while someone heard or seen has no place: loudness and time decide who gets one.
	contested bool
	// complete is set when every part of every want has its m-line: muting and hiding cannot change the seating then.
	complete    bool
	unavailable []Unavailable
}

// seat decides which source sits in which slot of one viewer. It updates places; wants hold each source once.
//
// A source is a participant's camera with its microphone, or its screen with the screen's sound. It takes one slot and shares it
// with nobody. Where the slot lacks an m-line, or the m-line lacks the codec, only the other part plays.
//
//  1. Who sits keeps its slot while it is wanted and something of it can play there, so that tiles stay where they are.
//  2. Who has no slot takes a free one: one where most of it plays; then one that wastes no m-line; then one whose video m-line
//     carried the same codec last (the browser keeps its decoder), or else nothing yet; then the one that has been free for longest.
//  3. When none is free, right to a slot goes by class, see claim: raised, heard, seen, idle. The lowest occupant that must yield
//     does. A raised source takes the slot of whoever ranks lower. A heard one takes that of anyone who is not heard, at
//     once, for nobody is heard without a slot; another heard one yields only to a clearly louder voice and after seatHold. One that is seen
//     takes the slot of a lower one and of an idle one, but where the viewer did not hide that itself only after seatHold, so
//     that a flickering mute does not make slots flap. An idle one takes nobody's.
//  4. Slots need not be alike. A source of which another slot would play more moves there if it is free, or if its occupant loses
//     nothing by going to a free one or by changing places.
//
// A heard or seen source without a slot, or without the m-line it is heard or seen on, is a shortage. When every slot is in
// use and idle sources wait, one more is asked for, so that the next one to unmute need not wait for a negotiation.
func seat(places []place, wants []want, now time.Time) plan {
	s := sitting{places: places, now: now, claims: make([]claim, len(wants))}
	for i := range places {
		s.audio |= places[i].audio
		s.video |= places[i].video
	}
	s.unequal = slices.ContainsFunc(places, func(p place) bool { return p.audio != s.audio || p.video != s.video })
	for i := range wants {
		s.claims[i] = s.claim(i, &wants[i])
	}
	s.keep(wants)
	s.rank()
	// Who moves or is put out may leave a place that suits someone else, where slots are not alike.
	for n := 0; n < maxPasses && s.pass() && s.unequal; n++ {
	}
	s.note()
	return s.plan(wants)
}

// A sitting is the state of one call of seat.
type sitting struct {
	places []place
	claims []claim
	now    time.Time
	// audio and video are what any place accepts; unequal is set when some accept less.
	audio, video codecs
	unequal      bool
}

// keep leaves those where they are who are still wanted and playable there, and frees all other places.
func (s *sitting) keep(wants []want) {
	for k := range s.places {
		p := &s.places[k]
		if p.occupant == 0 {
			continue
		}
		i := slices.IndexFunc(wants, func(w want) bool { return w.source == p.occupant })
		if i < 0 || !p.plays(&wants[i]) {
			s.free(k)
			continue
		}
		s.claims[i].place = k
	}
}

func (s *sitting) free(k int) {
	p := &s.places[k]
	p.occupant, p.active, p.since, p.freed = 0, false, time.Time{}, s.now
}

// move puts c into the place k, which is free.
func (s *sitting) move(c *claim, k int) {
	if c.place >= 0 {
		s.free(c.place)
	}
	c.place = k
	s.places[k].occupant = c.want.source
}

// pass settles each claim in turn and reports whether someone moved.
func (s *sitting) pass() (moved bool) {
	for i := range s.claims {
		if s.settle(i) {
			moved = true
		}
	}
	return moved
}

// settle gives the i-th claim the best place that it may have, and reports whether it is another one. Claims before it rank higher.
func (s *sitting) settle(i int) bool {
	c := &s.claims[i]
	if k := s.bestFree(c); k >= 0 && s.worth(c, k) > s.worth(c, c.place) {
		s.move(c, k)
		return true
	}
	if c.tier == idle || s.worth(c, c.place) == c.best() {
		return false
	}
	if s.unequal && (s.displace(c) || s.swap(i)) {
		return true
	}
	if s.primary(c, c.place) {
		return false
	}
	x := s.victim(i)
	if x == nil {
		return false
	}
	k := x.place
	s.free(k)
	x.place = -1
	s.move(c, k)
	return true
}

// victim returns the lowest claim whose place the i-th may take, nil when there is none.
func (s *sitting) victim(i int) *claim {
	c := &s.claims[i]
	for j := len(s.claims) - 1; j > i; j-- {
		x := &s.claims[j]
		if x.place < 0 {
			continue
		}
		if !outranks(c, x) {
			return nil
		}
		if s.primary(c, x.place) && s.yields(x, c) {
			return x
		}
	}
	return nil
}

// outranks reports whether c has more right to a place than x. Where it has not, it has no more than anyone who ranks above x.
func outranks(c, x *claim) bool {
	if c.tier == heard && x.tier == heard {
		return c.key >= x.key+clearlyLouder
	}
	return c.tier > x.tier || c.key > x.key
}

// yields reports whether x, whom c outranks, gives up its place now.
func (s *sitting) yields(x, c *claim) bool {
	voices := c.tier == heard && x.tier == heard
	flicker := c.tier == seen && x.tier == idle && !x.want.hidden
	return !voices && !flicker || s.now.Sub(s.places[x.place].since) >= seatHold
}

// note writes down who is active where, and since when.
func (s *sitting) note() {
	for i := range s.claims {
		c := &s.claims[i]
		if c.place < 0 {
			continue
		}
		p := &s.places[c.place]
		if c.tier > idle && !p.active {
			p.since = s.now
		}
		p.active = c.tier > idle
		if p.playsVideo(c.want) {
			p.carried = c.want.video.codec
		}
	}
}
