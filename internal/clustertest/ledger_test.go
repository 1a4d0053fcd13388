//go:build linux

package clustertest

import (
	"testing"
	"time"

	"sfu/pkg/synthetic"
)

func TestLedger(t *testing.T) {
	start := time.Unix(1000, 0)
	ms := func(n int) time.Time { return start.Add(time.Duration(n) * time.Millisecond) }
	type packet struct{ sequence, sent, at int }
	for name, tt := range map[string]struct {
		before, after []packet // the mark at 100 ms
		now           int
		want          Heard
	}{
		"nothing":         {nil, nil, 150, Heard{Silence: 50 * time.Millisecond}},
		"in order":        {[]packet{{1, 60, 60}}, []packet{{2, 110, 111}, {3, 140, 142}}, 150, Heard{2, 0, 51 * time.Millisecond, ms(111)}},
		"one is lost":     {[]packet{{1, 60, 60}}, []packet{{2, 110, 111}, {4, 140, 142}}, 150, Heard{2, 1, 51 * time.Millisecond, ms(111)}},
		"late":            {[]packet{{1, 60, 60}}, []packet{{4, 140, 142}, {3, 120, 144}, {2, 110, 143}}, 150, Heard{3, 0, 82 * time.Millisecond, ms(142)}},
		"twice":           {[]packet{{1, 60, 60}}, []packet{{2, 110, 111}, {2, 110, 112}, {1, 60, 113}}, 120, Heard{1, 0, 51 * time.Millisecond, ms(111)}},
		"lost before":     {[]packet{{1, 60, 60}, {3, 80, 80}}, []packet{{4, 110, 110}, {2, 70, 111}}, 120, Heard{1, 0, 30 * time.Millisecond, ms(110)}},
		"sent before":     {[]packet{{1, 60, 60}}, []packet{{2, 90, 110}}, 120, Heard{1, 0, 50 * time.Millisecond, time.Time{}}},
		"silent":          {[]packet{{1, 60, 60}}, nil, 1060, Heard{0, 0, time.Second, time.Time{}}},
		"counts anew":     {[]packet{{7, 60, 60}}, []packet{{9, 110, 110}, {0, 140, 140}, {1, 150, 150}}, 150, Heard{3, 0, 50 * time.Millisecond, ms(110)}},
		"first heard now": {nil, []packet{{5, 110, 110}, {6, 120, 120}}, 120, Heard{2, 0, 10 * time.Millisecond, ms(110)}},
	} {
		t.Run(name, func(t *testing.T) {
			l := NewLedger(start)
			add := func(packets []packet) {
				for _, p := range packets {
					l.Arrived(synthetic.Stamp{Publisher: 3, Sequence: uint64(p.sequence), Sent: ms(p.sent)}, ms(p.at))
				}
			}
			add(tt.before)
			l.Mark(ms(100))
			add(tt.after)
			if got := l.Of(3, ms(tt.now)); got != tt.want {
				t.Errorf("%+v, want %+v", got, tt.want)
			}
		})
	}
}
