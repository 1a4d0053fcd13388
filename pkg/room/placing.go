package room

import (
	"time"

	"sfu/pkg/codec"
)

// bestFree returns the free place that suits c best, -1 when there is none where anything of it plays.
func (s *sitting) bestFree(c *claim) int {
	best := -1
	for k := range s.places {
		if s.places[k].occupant != 0 || s.worth(c, k) == 0 {
			continue
		}
		if best < 0 || s.suits(c, k, best) {
			best = k
		}
	}
	return best
}

// suits reports whether c had better sit in the free place k than in the free place l.
func (s *sitting) suits(c *claim, k, l int) bool {
	if a, b := s.worth(c, k), s.worth(c, l); a != b {
		return a > b
	}
	if a, b := s.waste(c, k), s.waste(c, l); a != b {
		return a < b
	}
	if a, b := s.kinship(c, k), s.kinship(c, l); a != b {
		return a > b
	}
	return s.places[k].freed.Before(s.places[l].freed)
}

// waste counts the m-lines of the place k that c has no use for, less those that it uses.
func (s *sitting) waste(c *claim, k int) (n int) {
	p := &s.places[k]
	for _, line := range [...]struct{ there, used bool }{
		{p.audio != 0, p.playsAudio(c.want)}, {p.video != 0, p.playsVideo(c.want)},
	} {
		switch {
		case line.used:
			n--
		case line.there:
			n++
		}
	}
	return n
}

// kinship prefers a decoder that is there to one that must be made, and that to one that must be replaced.
func (s *sitting) kinship(c *claim, k int) int {
	p := &s.places[k]
	switch {
	case !p.playsVideo(c.want):
		return 0
	case p.carried == c.want.video.codec:
		return 2
	case p.carried == codec.Unknown:
		return 1
	}
	return 0
}

// displace gives c a place where more of it plays and whose occupant loses nothing by going to a free one.
func (s *sitting) displace(c *claim) bool {
	for j := range s.claims {
		x := &s.claims[j]
		if x.place < 0 || s.worth(c, x.place) <= s.worth(c, c.place) {
			continue
		}
		if l := s.bestFree(x); l >= 0 && s.worth(x, l) >= s.worth(x, x.place) {
			k := x.place
			s.move(x, l)
			s.move(c, k)
			return true
		}
	}
	return false
}

// swap exchanges the i-th claim's place for one where more of it plays and whose occupant loses nothing.
func (s *sitting) swap(i int) bool {
	c := &s.claims[i]
	for j := i + 1; j < len(s.claims); j++ {
		x := &s.claims[j]
		if x.place < 0 || c.place < 0 || s.worth(c, x.place) <= s.worth(c, c.place) || s.worth(x, c.place) < s.worth(x, x.place) {
			continue
		}
		c.place, x.place = x.place, c.place
		for _, y := range []*claim{c, x} {
			p := &s.places[y.place]
			p.occupant, p.active, p.since = y.want.source, false, time.Time{}
		}
		return true
	}
	return false
}
