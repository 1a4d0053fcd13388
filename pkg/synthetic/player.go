package synthetic

import (
	"slices"
	"time"
)

// A Player is a Track that a Source sends.
type Player struct {
	source  *Source
	track   Track
	streams []*stream
}

// Track returns what is played, with everything that was left open filled in.
func (p *Player) Track() Track {
	p.source.mu.Lock()
	defer p.source.mu.Unlock()
	t := p.track
	t.Encodings = slices.Clone(t.Encodings)
	return t
}

// Bind gives the encoding rid what was negotiated for it; it is sent from now on, or from Start.
func (p *Player) Bind(rid string, b Binding) {
	p.source.mu.Lock()
	defer p.source.mu.Unlock()
	if st := p.stream(rid); st != nil {
		st.bind(b, time.Now())
		p.source.kick()
	}
}

// SetActive stops an encoding, as a browser does that lacks bandwidth or whose track is muted, or lets it go on with a keyframe.
func (p *Player) SetActive(rid string, active bool) {
	p.source.mu.Lock()
	defer p.source.mu.Unlock()
	st := p.stream(rid)
	if st == nil || st.active == active {
		return
	}
	st.active = active
	if active && st.bound {
		st.encoder.start(time.Now())
	}
	p.source.kick()
}

// SetAllActive stops the whole track or lets it go on.
func (p *Player) SetAllActive(active bool) {
	for _, e := range p.track.Encodings {
		p.SetActive(e.RID, active)
	}
}

// SetAudioLevel changes what the header extension of RFC 6464 says, from 0, the loudest, to 127, silence.
func (p *Player) SetAudioLevel(level uint8) {
	p.source.mu.Lock()
	defer p.source.mu.Unlock()
	for _, st := range p.streams {
		st.level = min(level, 127)
	}
}

// SetBitrate has the whole track take bitrate bits per second from the next frame on, its encodings their share of it. NACKs of what was
// sent before may find nothing.
func (p *Player) SetBitrate(bitrate int) {
	p.source.mu.Lock()
	defer p.source.mu.Unlock()
	before := 0
	for _, e := range p.track.Encodings {
		before += e.Bitrate
	}
	for i, st := range p.streams {
		e := &p.track.Encodings[i]
		e.Bitrate = min(max(int(float64(e.Bitrate)*float64(bitrate)/float64(before)), 1), maxBitrate)
		st.setBitrate(e.Bitrate)
	}
	p.source.setPace()
}

// RequestKeyframe makes a keyframe in every encoding, as if it had been asked for.
func (p *Player) RequestKeyframe() {
	p.source.mu.Lock()
	defer p.source.mu.Unlock()
	for _, st := range p.streams {
		st.encoder.requestKeyframe(time.Now())
	}
}

// Stats returns what each encoding has sent so far.
func (p *Player) Stats() []StreamStats {
	p.source.mu.Lock()
	defer p.source.mu.Unlock()
	all := make([]StreamStats, len(p.streams))
	for i, st := range p.streams {
		all[i] = st.stats
		all[i].Active = st.active
	}
	return all
}

// stream returns the encoding rid, or the only one. The Source's lock is held.
func (p *Player) stream(rid string) *stream {
	for _, st := range p.streams {
		if st.encoder.cfg.RID == rid || len(p.streams) == 1 {
			return st
		}
	}
	return nil
}
