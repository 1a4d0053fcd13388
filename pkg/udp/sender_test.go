package udp

import "testing"

func TestSlabFillsUp(t *testing.T) {
	from, at := open(t, loopback4, Config{}), open(t, loopback4, Config{})
	sender, reader := from.NewSender(), at.NewReader(32)
	to := NewDestination(at.LocalAddrPort(), from)
	whole := slabBytes / MaxDatagram
	sent := 0
	for ; from.Stats().DatagramsOut == 0; sent++ {
		if len(sender.Reserve()) != MaxDatagram {
			t.Fatal("a reservation of another size")
		}
		sender.Commit(MaxDatagram, to)
	}
	if out := int(from.Stats().DatagramsOut); out != whole || sent != whole+1 {
		t.Errorf("%d datagrams were sent when %d had been collected; the slab holds %d", out, sent, whole)
	}
	receive(t, reader, 64)
}

func TestManySmallDatagrams(t *testing.T) {
	from, at := open(t, loopback4, Config{NoGSO: true}), open(t, loopback4, Config{})
	sender := from.NewSender()
	to := NewDestination(at.LocalAddrPort(), from)
	for range maxRuns {
		post(sender, []byte{1}, to)
	}
	if out := from.Stats().DatagramsOut; out != 0 {
		t.Errorf("%d were sent early", out)
	}
	sender.Reserve()
	if out := from.Stats().DatagramsOut; out != maxRuns {
		t.Errorf("%d were sent, not %d", out, maxRuns)
	}
}

func TestCommitPanics(t *testing.T) {
	s := open(t, loopback4, Config{})
	to := NewDestination(s.LocalAddrPort(), s)
	for name, misuse := range map[string]func(*Sender){
		"without Reserve": func(t *Sender) { t.Commit(1, to) },
		"twice":           func(t *Sender) { t.Reserve(); t.Commit(1, to); t.Commit(1, to) },
		"after Flush":     func(t *Sender) { t.Reserve(); t.Flush(); t.Commit(1, to) },
		"too much":        func(t *Sender) { t.Reserve(); t.Commit(MaxDatagram+1, to) },
		"too little":      func(t *Sender) { t.Reserve(); t.Commit(-1, to) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			misuse(s.NewSender())
		}()
	}
}

func TestRunTakes(t *testing.T) {
	to := &Destination{}
	to.longest.Store(1200)
	for _, c := range []struct {
		run  run
		n    int
		want bool
	}{
		{run{to: to, size: 100, segment: 100, count: 1}, 100, true},
		{run{to: to, size: 100, segment: 100, count: 1}, 99, true},
		{run{to: to, size: 100, segment: 100, count: 1}, 101, false},
		{run{to: to, size: 199, segment: 100, count: 2}, 99, false},
		{run{to: to, size: 3100, segment: 100, count: 31}, 100, true},
		{run{to: to, size: 3200, segment: 100, count: 32}, 100, false},
		{run{to: to, size: 1200, segment: 1200, count: 1}, 1200, true},
		{run{to: to, size: 1201, segment: 1201, count: 1}, 1201, false},
	} {
		if got := c.run.takes(c.n); got != c.want {
			t.Errorf("%+v takes %d: %v", c.run, c.n, got)
		}
	}
	to.longest.Store(MaxDatagram)
	if r := (&run{to: to, size: 43 * 1500, segment: 1500, count: 31}); r.takes(1500) {
		t.Error("a run is larger than an IPv4 packet")
	}
}
