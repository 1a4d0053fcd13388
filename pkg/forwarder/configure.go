package forwarder

import (
	"math/rand/v2"
	"slices"
)

// configure makes new DownTracks at once, on the caller's side, and hands the rest to the worker.
func (p *Peer) configure(media []Media) (added []*DownTrack) {
	p.controlMu.Lock()
	defer p.controlMu.Unlock()
	downs := make([]*DownTrack, len(media))
	for i, m := range media {
		if !m.Send {
			continue
		}
		if p.byMid == nil {
			p.byMid = map[string]*DownTrack{}
		}
		d := p.byMid[m.Mid]
		if d == nil {
			d = &DownTrack{peer: p, mid: m.Mid, kind: m.Kind, formats: m.Formats}
			d.media.selector.reset()
			d.media.view = DefaultView
			d.media.asked = none
			p.byMid[m.Mid] = d
			added = append(added, d)
		}
		downs[i] = d
	}
	p.worker.do(func(now Instant) {
		for i := range media {
			if media[i].Send {
				p.configureSend(downs[i], &media[i], now)
			} else {
				p.configureReceive(&media[i])
			}
		}
	})
	return added
}

// configureSend tells a DownTrack its SSRCs. They never change afterwards.
func (p *Peer) configureSend(d *DownTrack, m *Media, now Instant) {
	if p.closed || d.media.stream.SSRC != 0 || len(m.Streams) == 0 {
		return
	}
	d.media.stream = m.Streams[0]
	d.media.transportCC = m.Extensions.TransportCC
	d.media.timeline.clockRate = m.Formats[0].Codec.ClockRate()
	d.media.rewriter.start(firstOut())
	d.media.rtx = newRTXStream(now)
	p.egress.downs = append(p.egress.downs, d)
}

// firstOut returns a stream's first number. RFC 3550 wants a random start; the upper half is left out so that losing the first packets cannot
// look like a roll-over (RFC 3711 section 3.3.1).
func firstOut() uint64 { return firstNumber + uint64(rand.Uint32N(1<<15)) }

// configureReceive adds or updates an m-line that the client sends on.
func (p *Peer) configureReceive(m *Media) {
	if p.closed {
		return
	}
	in := &p.ingress
	in.ids = m.Extensions.or(in.ids)
	var l *line
	for _, known := range in.lines {
		if known.media.Mid == m.Mid {
			l = known
		}
	}
	if l == nil {
		l = &line{peer: p}
		in.lines = append(in.lines, l)
	}
	formats := l.media.Formats
	l.media = *m
	if slices.Equal(formats, m.Formats) {
		l.media.Formats = formats // packets in the histories point at them
	} else {
		for _, e := range l.encodings {
			e.format = nil // a payload type may mean another codec now
		}
	}
	if len(l.encodings) == 0 {
		rids := m.RIDs
		if len(rids) == 0 {
			rids = []string{""}
		}
		for i, rid := range rids {
			l.encodings = append(l.encodings, newEncoding(l, i, rid))
		}
	}
	if len(m.RIDs) > 0 || len(m.Streams) == 0 {
		return
	}
	e, named := l.encodings[0], m.Streams[0]
	if named.SSRC != e.ssrc {
		in.assign(named.SSRC, e, false)
	}
	if named.RTX != 0 {
		in.assign(named.RTX, e, true)
	}
}

// or fills the ids that e lacks from f; in a bundle they mean the same on every m-line (RFC 8843 section 9.2).
func (e Extensions) or(f Extensions) Extensions {
	fill := func(a *uint8, b uint8) {
		if *a == 0 {
			*a = b
		}
	}
	fill(&e.MID, f.MID)
	fill(&e.RID, f.RID)
	fill(&e.RepairedRID, f.RepairedRID)
	fill(&e.TransportCC, f.TransportCC)
	fill(&e.AudioLevel, f.AudioLevel)
	return e
}
