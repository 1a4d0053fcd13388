package room

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"sfu/pkg/codec"
)

var (
	opus   = codecs(1 << codec.Opus)
	vp8    = codecs(1 << codec.VP8)
	origin = time.Unix(1_000_000, 0)
)

// The wants of the tables below: who is heard, seen, both, or neither.

func voice(id sourceID, loudness int) want {
	return want{source: id, priority: 1, loudness: loudness, audio: part{trackOf(id, "a"), codec.Opus, true}}
}

func picture(id sourceID, priority int) want {
	return want{source: id, priority: priority, video: part{trackOf(id, "v"), codec.VP8, true}}
}

func person(id sourceID, loudness int) want {
	w := voice(id, loudness)
	w.video = part{trackOf(id, "v"), codec.VP8, true}
	return w
}

func silent(id sourceID) want {
	w := person(id, 0)
	w.audio.active, w.video.active = false, false
	return w
}

func hidden(w want) want {
	w.hidden, w.video.active = true, false
	return w
}

func screen(id sourceID, priority int) want {
	w := picture(id, priority)
	w.screen = true
	return w
}

func in(w want, c codec.Type) want {
	w.video.codec = c
	return w
}

func trackOf(id sourceID, kind string) TrackID { return TrackID(fmt.Sprint(kind, id)) }

// full returns n free slots of both kinds.
func full(n int) []place {
	places := make([]place, n)
	for i := range places {
		places[i] = place{audio: opus, video: vp8}
	}
	return places
}

// taken returns slots in which these wants have been sitting for that long.
func taken(since time.Duration, wants ...want) []place {
	places := full(len(wants))
	for i := range wants {
		seat(places, wants[:i+1], origin.Add(-since))
	}
	return places
}

func occupants(places []place) []sourceID {
	ids := make([]sourceID, len(places))
	for i, p := range places {
		ids[i] = p.occupant
	}
	return ids
}

func TestSeat(t *testing.T) {
	long, justNow := time.Minute, time.Second
	freed := func(p place, ago time.Duration, carried codec.Type) place {
		p.freed, p.carried = origin.Add(-ago), carried
		return p
	}
	both := place{audio: opus, video: vp8 | 1<<codec.VP9}
	sound := place{audio: opus}
	image := place{video: vp8}
	tests := []struct {
		name     string
		places   []place
		wants    []want
		want     []sourceID
		shortage int
		missing  []Unavailable
	}{
		{name: "the first come take the slots in order", places: full(3), wants: []want{person(1, 0), person(2, 0)},
			want: []sourceID{1, 2, 0}},
		{name: "who sits stays where it is", places: taken(long, person(1, 0), person(2, 0), person(3, 0)), wants: []want{person(3, 0)},
			want: []sourceID{0, 0, 3}},
		{name: "the slot free for longest is taken", places: []place{
			freed(both, 1*time.Second, codec.VP8), freed(both, 3*time.Second, codec.VP8), freed(both, 2*time.Second, codec.VP8)},
			wants: []want{person(1, 0)}, want: []sourceID{0, 1, 0}},
		{name: "a slot with the same decoder is taken before that", places: []place{
			freed(both, 9*time.Second, codec.VP9), {audio: both.audio, video: both.video}, freed(both, 1*time.Second, codec.VP8)},
			wants: []want{person(1, 0)}, want: []sourceID{0, 0, 1}},
		{name: "a decoder is made rather than replaced", places: []place{
			freed(both, 9*time.Second, codec.VP9), {audio: both.audio, video: both.video}},
			wants: []want{person(1, 0)}, want: []sourceID{0, 1}},
		{name: "sound alone takes a slot of its kind", places: []place{both, sound}, wants: []want{voice(1, 0)},
			want: []sourceID{0, 1}},
		{name: "a slot for sound plays the sound only", places: []place{sound}, wants: []want{person(1, 0)},
			want: []sourceID{1}, missing: []Unavailable{{Track: "v1"}}},
		{name: "a slot for pictures plays the picture only", places: []place{image}, wants: []want{person(1, 0)},
			want: []sourceID{1}, missing: []Unavailable{{Track: "a1"}}},
		{name: "a codec that no slot takes", places: full(1), wants: []want{in(person(1, 0), codec.AV1)},
			want: []sourceID{1}, missing: []Unavailable{{Track: "v1", Codec: codec.AV1}}},
		{name: "nothing to play takes no slot and asks for none", places: full(1), wants: []want{in(picture(1, 10), codec.AV1), silent(2)},
			want: []sourceID{2}, missing: []Unavailable{{Track: "v1", Codec: codec.AV1}}},
		{name: "someone heard is seated before someone seen", places: full(1), wants: []want{picture(1, 1), voice(2, 0)},
			want: []sourceID{2}, shortage: 1, missing: []Unavailable{{Track: "v1"}}},
		{name: "someone heard takes the slot of someone seen at once", places: taken(justNow, picture(1, 1)), wants: []want{picture(1, 1), voice(2, 0)},
			want: []sourceID{2}, shortage: 1, missing: []Unavailable{{Track: "v1"}}},
		{name: "someone heard takes the slot of an idle one first", places: taken(long, picture(1, 0), silent(2)),
			wants: []want{picture(1, 0), silent(2), voice(3, 0)}, want: []sourceID{1, 3}, shortage: 1},
		{name: "of those seen the lowest priority yields", places: taken(long, picture(1, 1), picture(2, 0), picture(3, 1)),
			wants: []want{picture(1, 1), picture(2, 0), picture(3, 1), voice(4, 0)},
			want:  []sourceID{1, 4, 3}, shortage: 1, missing: []Unavailable{{Track: "v2"}}},
		{name: "the loudest are seated", places: full(2), wants: []want{voice(1, 20), voice(2, 60), voice(3, 40)},
			want: []sourceID{2, 3}, shortage: 1, missing: []Unavailable{{Track: "a1"}}},
		{name: "a little louder is not enough", places: taken(long, voice(1, 20)), wants: []want{voice(1, 20), voice(2, 25)},
			want: []sourceID{1}, shortage: 1, missing: []Unavailable{{Track: "a2"}}},
		{name: "clearly louder is", places: taken(long, voice(1, 20), voice(2, 30)), wants: []want{voice(1, 20), voice(2, 30), voice(3, 36)},
			want: []sourceID{3, 2}, shortage: 1, missing: []Unavailable{{Track: "a1"}}},
		{name: "but not when the other has just begun", places: taken(justNow, voice(1, 20)), wants: []want{voice(1, 20), voice(2, 60)},
			want: []sourceID{1}, shortage: 1, missing: []Unavailable{{Track: "a2"}}},
		{name: "a pinned tile takes the slot of a voice at once", places: taken(justNow, voice(1, 90), voice(2, 10)),
			wants: []want{voice(1, 90), voice(2, 10), picture(3, 10)}, want: []sourceID{1, 3}, shortage: 1, missing: []Unavailable{{Track: "a2"}}},
		{name: "a screen does so with the default priority", places: taken(justNow, voice(1, 90), voice(2, 10)),
			wants: []want{voice(1, 90), voice(2, 10), screen(3, 1)}, want: []sourceID{1, 3}, shortage: 1, missing: []Unavailable{{Track: "a2"}}},
		{name: "pinned tiles have half of the slots at most", places: full(4),
			wants: []want{picture(1, 10), picture(2, 10), picture(3, 10), voice(4, 0), voice(5, 0)},
			want:  []sourceID{1, 2, 4, 5}, shortage: 1, missing: []Unavailable{{Track: "v3"}}},
		{name: "the higher pin wins", places: taken(justNow, picture(1, 5)), wants: []want{picture(1, 5), picture(2, 10)},
			want: []sourceID{2}, shortage: 1, missing: []Unavailable{{Track: "v1"}}},
		{name: "an equal pin does not", places: taken(long, picture(2, 5)), wants: []want{picture(1, 5), picture(2, 5)},
			want: []sourceID{2}, shortage: 1, missing: []Unavailable{{Track: "v1"}}},
		{name: "someone seen waits for one who has just been muted", places: taken(justNow, voice(1, 0)), wants: []want{silent(1), picture(2, 1)},
			want: []sourceID{1}, shortage: 1, missing: []Unavailable{{Track: "v2"}}},
		{name: "and takes the slot of one muted for longer", places: taken(long, voice(1, 0)), wants: []want{silent(1), picture(2, 1)},
			want: []sourceID{2}, shortage: 1},
		{name: "and at once that of one whom the viewer hid", places: taken(justNow, picture(1, 1)), wants: []want{hidden(picture(1, 1)), picture(2, 1)},
			want: []sourceID{2}, shortage: 1},
		{name: "someone heard and hidden keeps the slot", places: taken(long, person(1, 0)), wants: []want{hidden(person(1, 0)), picture(2, 1)},
			want: []sourceID{1}, shortage: 1, missing: []Unavailable{{Track: "v2"}}},
		{name: "an idle one takes nobody's slot but leaves a spare one asked for", places: taken(long, picture(1, 0)), wants: []want{picture(1, 0), silent(2)},
			want: []sourceID{1}, shortage: 1},
		{name: "no spare one while an idle one sits", places: taken(long, silent(1)), wants: []want{silent(1), silent(2)},
			want: []sourceID{1}},
		{name: "a picture moves to where it plays", places: []place{{audio: opus, occupant: 1}, both}, wants: []want{person(1, 0)},
			want: []sourceID{0, 1}},
		{name: "or swaps with someone who needs less",
			places: []place{{audio: opus, occupant: 1}, {audio: opus, video: vp8, occupant: 2}}, wants: []want{person(1, 9), voice(2, 0)},
			want: []sourceID{2, 1}},
		{name: "or sends someone to a free slot who loses nothing",
			places: []place{{audio: opus, video: vp8, occupant: 1}, sound}, wants: []want{voice(1, 0), picture(2, 1)},
			want: []sourceID{2, 1}},
		{name: "but nobody who would lose",
			places: []place{{audio: opus, video: vp8, occupant: 1}, sound}, wants: []want{person(1, 0), picture(2, 1)},
			want: []sourceID{1, 0}, shortage: 1, missing: []Unavailable{{Track: "v2"}}},
		{name: "but not with someone who would lose",
			places: []place{{audio: opus, occupant: 1}, {audio: opus, video: vp8, occupant: 2}}, wants: []want{person(1, 9), person(2, 0)},
			want: []sourceID{1, 2}, shortage: 1, missing: []Unavailable{{Track: "v1"}}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := seat(test.places, test.wants, origin)
			if ids := occupants(test.places); !slices.Equal(ids, test.want) {
				t.Errorf("occupants %v, want %v", ids, test.want)
			}
			if got.shortage != test.shortage {
				t.Errorf("shortage %d, want %d", got.shortage, test.shortage)
			}
			if !slices.Equal(got.unavailable, test.missing) {
				t.Errorf("unavailable %v, want %v", got.unavailable, test.missing)
			}
		})
	}
}

// TestSeatProperties plays random histories of one viewer.
func TestSeatProperties(t *testing.T) {
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		places, equal := randomPlaces(rnd)
		var wants []want
		now := origin
		for range 60 {
			now = now.Add(time.Duration(rnd.IntN(1000)) * time.Millisecond)
			wants = alter(rnd, wants)
			before := slices.Clone(places)
			got := seat(places, wants, now)
			checkSeats(t, places, wants, got)
			if equal {
				checkEqualPlaces(t, before, places, wants, got)
			}
			checkRest(t, places, wants, now, got, equal)
			if t.Failed() {
				t.Fatalf("seed %d: before %+v\nwants %+v\nafter %+v", seed, before, wants, places)
			}
		}
	}
}

// checkRest checks that seating again changes nothing; where slots differ it may take some calls more.
func checkRest(t *testing.T, places []place, wants []want, now time.Time, got plan, equal bool) {
	t.Helper()
	calls := 4
	if equal {
		calls = 1
	}
	for range calls {
		before := occupants(places)
		again := seat(places, wants, now)
		if slices.Equal(before, occupants(places)) && reflect.DeepEqual(got, again) {
			return
		}
		got = again
	}
	t.Errorf("seating does not come to rest")
}

// randomPlaces returns slots, of which all are alike where equal is set.
func randomPlaces(rnd *rand.Rand) (places []place, equal bool) {
	places = full(1 + rnd.IntN(8))
	if rnd.IntN(2) == 0 {
		return places, true
	}
	for i := range places {
		switch rnd.IntN(4) {
		case 0:
			places[i].video = 0
		case 1:
			places[i].audio = 0
		case 2:
			places[i].video |= 1 << codec.VP9
		}
	}
	return places, false
}

// alter changes one or a few things in wants.
func alter(rnd *rand.Rand, wants []want) []want {
	wants = slices.Clone(wants)
	if len(wants) < 14 && rnd.IntN(2) == 0 {
		id := sourceID(1)
		for slices.ContainsFunc(wants, func(w want) bool { return w.source == id }) {
			id++
		}
		w := [...]want{voice(id, 0), picture(id, 1), person(id, 0), silent(id), screen(id, 1)}[rnd.IntN(5)]
		if rnd.IntN(6) == 0 {
			w.video.codec = codec.VP9
		}
		wants = append(wants, w)
		slices.SortFunc(wants, func(a, b want) int { return int(a.source) - int(b.source) })
	}
	for range rnd.IntN(3) {
		if len(wants) == 0 {
			break
		}
		i := rnd.IntN(len(wants))
		w := &wants[i]
		switch rnd.IntN(6) {
		case 0:
			wants = slices.Delete(wants, i, i+1)
		case 1:
			w.audio.active = !w.audio.active
		case 2:
			w.hidden = !w.hidden
			w.video.active = !w.hidden
		case 3:
			w.priority = rnd.IntN(11)
		default:
			w.loudness = rnd.IntN(128)
		}
	}
	return wants
}

func checkSeats(t *testing.T, places []place, wants []want, got plan) {
	t.Helper()
	at := map[sourceID]int{}
	for k, p := range places {
		if p.occupant == 0 {
			if got.sits[k] != -1 {
				t.Errorf("the free slot %d is said to hold %d", k, got.sits[k])
			}
			continue
		}
		if _, twice := at[p.occupant]; twice {
			t.Errorf("%d sits twice", p.occupant)
		}
		at[p.occupant] = k
		if i := got.sits[k]; i < 0 || wants[i].source != p.occupant || !p.plays(&wants[i]) {
			t.Errorf("slot %d holds %d, said to be %d", k, p.occupant, i)
		}
	}
	listed := map[TrackID]bool{}
	for _, u := range got.unavailable {
		listed[u.Track] = true
	}
	complete := true
	for i := range wants {
		w, seatedAt := &wants[i], place{}
		if k, sits := at[w.source]; sits {
			seatedAt = places[k]
		}
		for _, x := range []struct {
			part  part
			plays bool
		}{{w.audio, seatedAt.playsAudio(w)}, {w.video, seatedAt.playsVideo(w)}} {
			if missing := x.part.track != "" && !x.plays; missing {
				complete = false
				if x.part.active != listed[x.part.track] {
					t.Errorf("%s does not play: active %v, listed %v", x.part.track, x.part.active, listed[x.part.track])
				}
			} else if listed[x.part.track] {
				t.Errorf("%s plays and is listed", x.part.track)
			}
		}
	}
	if got.complete != complete {
		t.Errorf("complete is %v, want %v", got.complete, complete)
	}
}

// checkEqualPlaces checks what holds where every slot can play the same.
func checkEqualPlaces(t *testing.T, before, places []place, wants []want, got plan) {
	t.Helper()
	playable, heardOnes, raisedOnes := 0, 0, 0
	for i := range wants {
		w := &wants[i]
		if places[0].plays(w) {
			playable++
		}
		hears := places[0].playsAudio(w) && w.audio.active
		if hears {
			heardOnes++
		} else if places[0].playsVideo(w) && w.video.active && (w.priority > 1 || w.priority == 1 && w.screen) {
			raisedOnes++
		}
	}
	seated := occupants(places)
	if playable <= len(places) {
		for i := range wants {
			if places[0].plays(&wants[i]) && !slices.Contains(seated, wants[i].source) {
				t.Errorf("%d has no slot although they suffice", wants[i].source)
			}
		}
		for k, p := range before {
			if p.occupant != 0 && slices.Contains(seated, p.occupant) && places[k].occupant != p.occupant {
				t.Errorf("%d moved", p.occupant)
			}
		}
		if got.shortage != 0 {
			t.Errorf("shortage %d although slots suffice", got.shortage)
		}
	}
	if heardOnes+min(raisedOnes, (len(places)+1)/2) <= len(places) {
		for i := range wants {
			w := &wants[i]
			if places[0].playsAudio(w) && w.audio.active && !slices.Contains(seated, w.source) {
				t.Errorf("%d is not heard: %d voices, %d raised, %d slots", w.source, heardOnes, raisedOnes, len(places))
			}
		}
	}
}

// TestSeatDoesNotFlap lets many voices with noisy levels fight for few slots.
func TestSeatDoesNotFlap(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 7))
	places := full(4)
	changes := map[sourceID][]time.Time{}
	now := origin
	for range 240 {
		now = now.Add(reseatInterval)
		var wants []want
		for id := range sourceID(20) {
			wants = append(wants, voice(id+1, rnd.IntN(128)))
		}
		before := occupants(places)
		seat(places, wants, now)
		for k, id := range occupants(places) {
			if id != before[k] {
				changes[id] = append(changes[id], now)
				if n := len(changes[before[k]]); before[k] != 0 && now.Sub(changes[before[k]][n-1]) < seatHold {
					t.Errorf("%d lost its slot after %v", before[k], now.Sub(changes[before[k]][n-1]))
				}
			}
		}
	}
	if len(changes) < 10 {
		t.Errorf("only %d voices were ever heard in two minutes", len(changes))
	}
}

func BenchmarkSeat(b *testing.B) {
	var wants []want
	for id := range sourceID(100) {
		wants = append(wants, person(id+1, int(id*37)%100))
	}
	places := full(32)
	now := origin
	b.ReportAllocs()
	for b.Loop() {
		now = now.Add(reseatInterval)
		for i := range wants {
			wants[i].loudness = (wants[i].loudness + 29) % 100
		}
		seat(places, wants, now)
	}
}
