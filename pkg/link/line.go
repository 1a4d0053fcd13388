package link

import (
	"net/netip"
	"sync"
	"time"
)

// headerBytes is what IPv4 and UDP add to a datagram; the links of a Conn count it.
const headerBytes = 28

// maxWaiting bounds the packets on the way in one direction.
const maxWaiting = 1 << 14

// A packet is a datagram on its way.
type packet struct {
	at    time.Time
	order uint64
	addr  netip.AddrPort
	data  []byte
}

var packets = sync.Pool{New: func() any { return &packet{data: make([]byte, 0, 1500)} }}

// A line is one direction of a Conn: packets wait in it until they are due.
type line struct {
	deliver func(*packet)
	wake    chan struct{}

	mu        sync.Mutex
	link      *Link
	blackhole bool
	swallowed uint64
	order     uint64
	waiting   schedule
}

func newLine(cfg Config, seed uint64, deliver func(*packet)) *line {
	return &line{deliver: deliver, wake: make(chan struct{}, 1), link: New(cfg, seed)}
}

// send takes a copy of data and delivers it at its time, at once where that is now.
func (l *line) send(data []byte, addr netip.AddrPort) {
	now := time.Now()
	l.mu.Lock()
	if l.blackhole {
		l.swallowed++
		l.mu.Unlock()
		return
	}
	outcome := l.link.Send(len(data)+headerBytes, now)
	var due *packet
	for _, at := range outcome.Arrivals() {
		if len(l.waiting) >= maxWaiting {
			break
		}
		p := packets.Get().(*packet)
		p.at, p.addr, p.data, p.order = at, addr, append(p.data[:0], data...), l.order
		l.order++
		if due == nil && len(l.waiting) == 0 && !at.After(now) {
			due = p
			continue
		}
		l.waiting.push(p)
	}
	l.mu.Unlock()
	if due != nil {
		l.deliver(due)
	}
	if len(outcome.Arrivals()) > 0 {
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// run delivers what is due until quit is closed.
func (l *line) run(quit <-chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		wait := l.deliverDue()
		timer.Reset(wait)
		select {
		case <-l.wake:
		case <-timer.C:
		case <-quit:
			return
		}
	}
}

// deliverDue delivers what is due and returns how long the next packet has.
func (l *line) deliverDue() time.Duration {
	for {
		l.mu.Lock()
		if len(l.waiting) == 0 {
			l.mu.Unlock()
			return time.Hour
		}
		if wait := time.Until(l.waiting[0].at); wait > 0 {
			l.mu.Unlock()
			return wait
		}
		p := l.waiting.pop()
		l.mu.Unlock()
		l.deliver(p)
	}
}

func (l *line) set(cfg Config) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.link.Set(cfg, time.Now())
}

func (l *line) setBlackhole(on bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.blackhole = on
}

func (l *line) count() Direction {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Direction{Counters: l.link.Counters(), Swallowed: l.swallowed, OnTheWay: len(l.waiting)}
}

// A schedule is a heap of packets, the next one first.
type schedule []*packet

func (s schedule) before(i, j int) bool {
	if s[i].at.Equal(s[j].at) {
		return s[i].order < s[j].order
	}
	return s[i].at.Before(s[j].at)
}

func (s *schedule) push(p *packet) {
	*s = append(*s, p)
	h := *s
	for i := len(h) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h.before(i, parent) {
			return
		}
		h[i], h[parent] = h[parent], h[i]
		i = parent
	}
}

func (s *schedule) pop() *packet {
	h := *s
	first, last := h[0], len(h)-1
	h[0], h[last] = h[last], nil
	h = h[:last]
	*s = h
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if h.before(child, least) {
				least = child
			}
		}
		if least == i {
			return first
		}
		h[i], h[least] = h[least], h[i]
		i = least
	}
}
