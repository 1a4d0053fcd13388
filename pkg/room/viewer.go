package room

import (
	"slices"

	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
)

// A viewer is the receiving side of a participant: what it wants, the slots it has, and what they carry. It is guarded by room.mu.
type viewer struct {
	// auto is set while everything of others is wanted that was not named.
	auto bool
	// named are the tracks that Subscribe (true) and Unsubscribe (false) named.
	named map[*track]bool
	tiles map[*track]tile
	// slots and places describe the same slots, in the same order.
	slots  []slot
	places []place
	// asked is how many slots were asked for since some came, shortage how many were needed then.
	asked, shortage int

	unavailable []Unavailable
	// short is set while someone heard or seen has no slot; complete while everything wanted has its m-line.
	short, complete bool
}

// A tile is how the viewer shows a track.
type tile struct {
	view     forwarder.View
	priority int
}

// A slot is a place for one source.
type slot struct{ audio, video line }

// A line is one m-line towards the viewer; down is nil where the slot lacks it, track is nil while it is parked.
type line struct {
	down  *forwarder.DownTrack
	track *track
}

func newViewer() viewer {
	return viewer{auto: true, named: map[*track]bool{}, tiles: map[*track]tile{}, complete: true}
}

// tile returns how t is shown, which is a guess until the viewer says.
func (v *viewer) tile(t *track) tile {
	if shown, ok := v.tiles[t]; ok {
		return shown
	}
	return tile{forwarder.DefaultView, defaultPriority}
}

// forget drops what was said of t, which has ended.
func (v *viewer) forget(t *track) {
	delete(v.named, t)
	delete(v.tiles, t)
}

// add appends slots.
func (v *viewer) add(slots []forwarder.Slot) {
	for _, s := range slots {
		v.slots = append(v.slots, slot{line{down: s.Audio}, line{down: s.Video}})
		v.places = append(v.places, place{audio: accepted(s.Audio), video: accepted(s.Video)})
	}
	v.asked, v.shortage = 0, 0
}

func accepted(d *forwarder.DownTrack) (set codecs) {
	if d == nil {
		return 0
	}
	for c := codec.Opus; c <= codec.AV1; c++ {
		if d.Accepts(c) {
			set |= 1 << c
		}
	}
	return set
}

// drop takes away the slots of peer and reports whether there were any.
func (v *viewer) drop(peer *forwarder.Peer) bool {
	kept := 0
	for k := range v.slots {
		s := &v.slots[k]
		if s.audio.belongs(peer) || s.video.belongs(peer) {
			s.park()
			continue
		}
		v.slots[kept], v.places[kept] = v.slots[k], v.places[k]
		kept++
	}
	dropped := kept < len(v.slots)
	clear(v.slots[kept:])
	v.slots, v.places = v.slots[:kept], v.places[:kept]
	return dropped
}

// park ends all reception.
func (v *viewer) park() {
	for k := range v.slots {
		v.slots[k].park()
	}
	v.slots, v.places = nil, nil
}

func (s *slot) park() {
	s.audio.carry(nil, forwarder.View{})
	s.video.carry(nil, forwarder.View{})
}

// bindings lists all m-lines.
func (v *viewer) bindings() []Binding {
	var all []Binding
	for k := range v.slots {
		all = v.slots[k].video.append(v.slots[k].audio.append(all))
	}
	return all
}

// find returns the m-line of d, nil when it is none of the viewer's.
func (v *viewer) find(d *forwarder.DownTrack) *line {
	for k := range v.slots {
		switch s := &v.slots[k]; d {
		case s.audio.down:
			return &s.audio
		case s.video.down:
			return &s.video
		}
	}
	return nil
}

// showing returns the m-line that carries t, nil when there is none.
func (v *viewer) showing(t *track) *line {
	i := slices.IndexFunc(v.slots, func(s slot) bool { return s.video.track == t })
	if i < 0 {
		return nil
	}
	return &v.slots[i].video
}

func (l *line) belongs(peer *forwarder.Peer) bool { return l.down != nil && l.down.Peer() == peer }

// carry switches l to t, nil parks it, and reports whether that is a change.
func (l *line) carry(t *track, v forwarder.View) bool {
	if l.down == nil || l.track == t {
		return false
	}
	l.track = t
	if t == nil {
		l.down.SetSource(nil)
		return true
	}
	if t.kind == forwarder.Video {
		l.down.SetView(v)
	}
	l.down.SetSource(t.up)
	return true
}

// id returns the id of what l carries, "" when it is parked.
func (l *line) id() TrackID {
	if l.track == nil {
		return ""
	}
	return l.track.id
}

func (l *line) append(all []Binding) []Binding {
	if l.down == nil {
		return all
	}
	return append(all, Binding{l.down, l.id()})
}
