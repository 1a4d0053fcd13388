package protocol

import (
	"maps"
	"slices"
)

// Bounds of single fields.
const (
	maxPixels    = 16_384
	maxFPS       = 1000
	maxPriority  = 10
	maxPCName    = 16
	maxMidLength = 32
)

var clientMessages = map[string]func(*reader, object) ClientMessage{
	"join":        func(r *reader, o object) ClientMessage { return decodeJoin(r, o) },
	"resume":      func(r *reader, o object) ClientMessage { return Resume{Session: r.filled(o, "session")} },
	"offer":       func(r *reader, o object) ClientMessage { return decodeOffer(r, o) },
	"applied":     func(r *reader, o object) ClientMessage { return Applied{PC: r.pc(o), N: r.positive(o, "n")} },
	"close":       func(r *reader, o object) ClientMessage { return Close{PC: r.pc(o)} },
	"publish":     func(r *reader, o object) ClientMessage { return decodePublish(r, o) },
	"unpublish":   func(r *reader, o object) ClientMessage { return Unpublish{Track: r.filled(o, "track")} },
	"mute":        func(r *reader, o object) ClientMessage { return Mute{r.filled(o, "track"), r.flag(o, "muted")} },
	"subscribe":   func(r *reader, o object) ClientMessage { return Subscribe{Tracks: r.texts(o, "tracks")} },
	"unsubscribe": func(r *reader, o object) ClientMessage { return Unsubscribe{Tracks: r.texts(o, "tracks")} },
	"view":        func(r *reader, o object) ClientMessage { return decodeView(r, o) },
	"message":     func(r *reader, o object) ClientMessage { return Say{r.filled(o, "body"), r.textOr(o, "to")} },
	"rename":      func(r *reader, o object) ClientMessage { return Rename{Name: r.text(o, "name")} },
	"remove":      func(r *reader, o object) ClientMessage { return Remove{Participant: r.filled(o, "participant")} },
	"ping":        func(*reader, object) ClientMessage { return Ping{} },
	"leave":       func(*reader, object) ClientMessage { return Leave{} },
}

func decodeJoin(r *reader, o object) Join {
	j := Join{Token: r.textOr(o, "token"), Name: r.textOr(o, "name")}
	if o.optional("offers") {
		for _, c := range r.children(o, "offers") {
			j.Offers = append(j.Offers, decodeOffer(r, c))
		}
	}
	if o.optional("subscribe") {
		j.Subscribe = r.oneOf(o, "subscribe", SubscribeAuto, SubscribeManual)
	}
	if o.optional("client") {
		c := r.child(o, "client")
		j.Client = &Client{Name: r.textOr(c, "name"), Version: r.textOr(c, "version")}
	}
	return j
}

func decodeOffer(r *reader, o object) Offer {
	offer := Offer{PC: r.pc(o), N: r.positive(o, "n"), SDP: r.filled(o, "sdp")}
	if !o.optional("tracks") {
		return offer
	}
	tracks := r.child(o, "tracks")
	offer.Tracks = make(map[string]Publication, len(tracks.members))
	for _, mid := range slices.Sorted(maps.Keys(tracks.members)) { // sorted, so that the field named in a refusal is always the same
		r.checkMid(tracks, mid, mid)
		p := r.child(tracks, mid)
		offer.Tracks[mid] = Publication{Source: r.source(p), Muted: r.flagOr(p, "muted")}
	}
	return offer
}

func decodePublish(r *reader, o object) Publish {
	p := Publish{PC: r.pc(o), Mid: r.filled(o, "mid"), Source: r.source(o), Muted: r.flagOr(o, "muted")}
	r.checkMid(o, "mid", p.Mid)
	return p
}

func decodeView(r *reader, o object) View {
	tiles := r.children(o, "tracks")
	v := View{Tracks: make([]Tile, len(tiles))}
	for i, t := range tiles {
		v.Tracks[i] = Tile{
			Track:  r.filled(t, "track"),
			Width:  r.integer(t, "width", maxPixels),
			Height: r.integer(t, "height", maxPixels),
		}
		if t.optional("fps") {
			v.Tracks[i].FPS = r.integer(t, "fps", maxFPS)
		}
		if t.optional("priority") {
			priority := r.integer(t, "priority", maxPriority)
			v.Tracks[i].Priority = &priority
		}
	}
	return v
}

func (r *reader) source(o object) string {
	return r.oneOf(o, "source", Microphone, Camera, Screen, ScreenAudio)
}

// pc returns the name of a PeerConnection.
func (r *reader) pc(o object) string {
	name := r.text(o, "pc")
	if !IsName(name, maxPCName) {
		r.fail(o, "pc", "1 to 16 of A-Z a-z 0-9 _ -")
	}
	return name
}

// checkMid fails for what no SDP can have as a mid (a token of RFC 8866) or no browser makes.
func (r *reader) checkMid(o object, key, mid string) {
	if len(mid) > maxMidLength {
		r.fail(o, key[:min(len(key), maxMidLength)], "at most 32 characters long")
	}
}

// IsRoomName reports whether s may be the name of a room.
func IsRoomName(s string) bool { return IsName(s, 64) }

// IsName reports whether s has 1 to most of A-Z a-z 0-9 _ -.
func IsName(s string, most int) bool {
	if len(s) == 0 || len(s) > most {
		return false
	}
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}
