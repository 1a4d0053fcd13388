package signaling

import "time"

// What a lost socket costs, and when.
const (
	// announceAfter is how long others are not told that a socket is lost.
	announceAfter = 3 * time.Second
	// seatWithMedia is how long a seat is kept while media flows.
	seatWithMedia = 60 * time.Second
	// seatWithoutMedia is how long it is kept once socket and media are both lost.
	seatWithoutMedia = 12 * time.Second
	// seatUnheard is how long it is kept for a client that has not shown that joined has come: without it the seat cannot be taken again, and
	// they have come anew by then, beside an empty one of their own.
	seatUnheard = 3 * time.Second
)

// A seat decides how long a participant stays without a socket. The zero value has a socket and no media.
type seat struct {
	// lost is when the socket was lost, zero while there is one; announced is set once others were told.
	lost      time.Time
	announced bool
	// heard is set once the client has shown that it has the secret.
	heard     bool
	media     bool
	mediaLost time.Time
}

// socketLost starts the clock.
func (s *seat) socketLost(now time.Time) {
	if s.lost.IsZero() {
		s.lost = now
	}
}

// socketBack stops it and reports whether others must be told.
func (s *seat) socketBack() (announced bool) {
	announced = s.announced
	s.lost, s.announced = time.Time{}, false
	return announced
}

// setMedia tells whether any connection is up, and since when.
func (s *seat) setMedia(up bool, since time.Time) {
	if s.media && !up {
		s.mediaLost = since
	}
	s.media = up
}

// ends returns when the seat is given up if nothing changes. It has no meaning while there is a socket.
func (s *seat) ends() time.Time {
	end := s.lost.Add(seatWithMedia)
	if s.media {
		return end
	}
	if !s.heard {
		return s.lost.Add(seatUnheard)
	}
	bothLost := s.lost
	if s.mediaLost.After(bothLost) {
		bothLost = s.mediaLost
	}
	if short := bothLost.Add(seatWithoutMedia); short.Before(end) {
		return short
	}
	return end
}

// next returns when to call due, the zero time for never.
func (s *seat) next() time.Time {
	if s.lost.IsZero() {
		return time.Time{}
	}
	if announce := s.lost.Add(announceAfter); !s.announced && announce.Before(s.ends()) {
		return announce
	}
	return s.ends()
}

// due reports what has become due: whether others must be told now, and whether the seat is given up.
func (s *seat) due(now time.Time) (announce, over bool) {
	if s.lost.IsZero() {
		return false, false
	}
	if !s.announced && !now.Before(s.lost.Add(announceAfter)) {
		s.announced, announce = true, true
	}
	return announce, !now.Before(s.ends())
}
