package signaling

import "sync/atomic"

// other counts what has no name of its own, so that no client can make a new one.
const other = "other"

// counters count by name. The names are fixed when it is made; a map that is only read needs no lock.
type counters map[string]*atomic.Uint64

func newCounters(names ...string) counters {
	c := counters{other: new(atomic.Uint64)}
	for _, n := range names {
		c[n] = new(atomic.Uint64)
	}
	return c
}

func (c counters) inc(name string) {
	if n, ok := c[name]; ok {
		n.Add(1)
		return
	}
	c[other].Add(1)
}

// values returns the counts that are not zero.
func (c counters) values() map[string]uint64 {
	out := map[string]uint64{}
	for name, n := range c {
		if v := n.Load(); v != 0 {
			out[name] = v
		}
	}
	return out
}
