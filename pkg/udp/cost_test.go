package udp

import (
	"testing"
)

func TestNothingAllocates(t *testing.T) {
	for _, w := range ways {
		for _, m := range modes {
			t.Run(w.name+", "+m.name, func(t *testing.T) {
				if w.sender.Is6() || w.receiver.Is6() {
					needIPv6(t)
				}
				b := newBurst(t, w, m.cfg, 3, 4, 1000)
				if n := testing.AllocsPerRun(200, func() {
					b.send()
					b.receive()
				}); n != 0 {
					t.Errorf("%v allocations for %d datagrams", n, b.size())
				}
			})
		}
	}
}
