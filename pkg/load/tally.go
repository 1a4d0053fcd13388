package load

import (
	"sfu/pkg/reception"
)

// A tally sums up what all viewers have got so far.
type tally struct {
	packets, bytes      uint64
	lost                uint64 // by sequence numbers, now
	published, missing  uint64 // by stamps
	checked, bad        uint64
	recovered, nacks    uint64
	keyframes, switches uint64
	latency             reception.Histogram
}

func (t *tally) add(s *reception.Stats) {
	t.packets += s.Packets
	t.bytes += s.Bytes
	t.lost += s.Lost
	t.published += s.Published
	t.missing += s.MissingOfThem
	t.checked += s.Checked
	t.bad += s.Damaged + s.Foreign + s.Unstamped
	t.recovered += s.Recovered
	t.nacks += s.NACKs
	t.keyframes += s.Keyframes
	t.switches += s.Switches
	t.latency.Merge(&s.Latency)
}

// count sums up over sessions.
func count(sessions []session) tally {
	var t tally
	for _, s := range sessions {
		received := s.Received()
		for i := range received {
			t.add(&received[i])
		}
	}
	return t
}

// since returns what came after earlier. What is missing can become less, when it comes late.
func (t *tally) since(earlier *tally) tally {
	less := func(now, before uint64) uint64 { return now - min(now, before) }
	return tally{
		packets: less(t.packets, earlier.packets), bytes: less(t.bytes, earlier.bytes), lost: less(t.lost, earlier.lost),
		published: less(t.published, earlier.published), missing: less(t.missing, earlier.missing),
		checked: less(t.checked, earlier.checked), bad: less(t.bad, earlier.bad),
		recovered: less(t.recovered, earlier.recovered), nacks: less(t.nacks, earlier.nacks),
		keyframes: less(t.keyframes, earlier.keyframes), switches: less(t.switches, earlier.switches),
		latency: t.latency.Since(&earlier.latency),
	}
}

// share is part of whole, 0 of nothing.
func share(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
