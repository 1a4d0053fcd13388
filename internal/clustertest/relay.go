//go:build linux

package clustertest

import (
	"errors"
	"math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// A Relay passes TCP connections on to one address, as badly as it is told to.
type Relay struct {
	listener net.Listener
	target   string
	serving  sync.WaitGroup

	mu      sync.Mutex
	line    line
	random  *rand.Rand
	conns   map[net.Conn]bool
	changed chan struct{} // closed and replaced when line changes
	closed  bool
}

// A line is how a Relay carries bytes, in each direction.
type line struct {
	delay time.Duration
	// stalls is the share of pieces that arrive stall late, with all that is behind them: what TCP makes of a lost packet.
	stalls float64
	stall  time.Duration
	cut    bool
}

// retransmission is how long the kernel waits at least before it sends a lost packet again.
const retransmission = 200 * time.Millisecond

// NewRelay accepts on listen and passes on to target, until the test ends.
func NewRelay(t testing.TB, listen, target string) *Relay {
	t.Helper()
	l, err := net.Listen("tcp", listen)
	if err != nil {
		t.Fatal(err)
	}
	r := &Relay{
		listener: l, target: target, random: rand.New(rand.NewPCG(1, 2)), conns: map[net.Conn]bool{}, changed: make(chan struct{}),
	}
	r.serving.Go(r.serve)
	t.Cleanup(r.close)
	return r
}

// Delay holds every byte for d, in each direction.
func (r *Relay) Delay(d time.Duration) { r.set(func(l *line) { l.delay = d }) }

// Lose loses this share of the packets, which TCP then repeats.
func (r *Relay) Lose(share float64) {
	r.set(func(l *line) { l.stalls, l.stall = share, retransmission })
}

// Cut lets nothing through, and says so to nobody. Mend lets through what was held up, and new connections.
func (r *Relay) Cut() { r.set(func(l *line) { l.cut = true }) }

// Mend is described with Cut. It ends delay and loss as well.
func (r *Relay) Mend() { r.set(func(l *line) { *l = line{} }) }

func (r *Relay) set(change func(*line)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(&r.line)
	close(r.changed)
	r.changed = make(chan struct{})
}

// wait returns once the line is not cut, with how late the next piece is; false is the end.
func (r *Relay) wait(ended <-chan struct{}) (late time.Duration, ok bool) {
	for {
		r.mu.Lock()
		l, changed, closed := r.line, r.changed, r.closed
		if l.stalls > 0 && r.random.Float64() < l.stalls {
			late = l.stall
		}
		r.mu.Unlock()
		if closed {
			return 0, false
		}
		if !l.cut {
			return l.delay + late, true
		}
		select {
		case <-changed:
		case <-ended:
			return 0, false
		}
	}
}

func (r *Relay) serve() {
	for {
		conn, err := r.listener.Accept()
		if err != nil {
			return
		}
		if !r.keep(conn) {
			return
		}
		r.serving.Go(func() {
			defer r.drop(conn)
			r.carry(conn)
		})
	}
}

// carry joins a connection with one to the target.
func (r *Relay) carry(conn net.Conn) {
	if _, ok := r.wait(nil); !ok {
		return
	}
	onward, err := net.DialTimeout("tcp", r.target, time.Second)
	if err != nil || !r.keep(onward) {
		return
	}
	defer r.drop(onward)
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{conn, onward}, {onward, conn}} {
		both.Go(func() {
			r.pump(way[0], way[1])
			_ = way[0].Close()
			_ = way[1].Close()
		})
	}
	both.Wait()
}

// A piece is what was read at once, and when it is due.
type piece struct {
	bytes []byte
	due   time.Time
}

// pump carries bytes one way, in order.
func (r *Relay) pump(from, to net.Conn) {
	pieces, ended := make(chan piece, 1024), make(chan struct{})
	var writing sync.WaitGroup
	writing.Go(func() {
		defer close(ended)
		for p := range pieces {
			time.Sleep(time.Until(p.due)) // this is the delay itself
			if _, ok := r.wait(nil); !ok {
				return
			}
			if _, err := to.Write(p.bytes); err != nil {
				_ = from.Close()
				return
			}
		}
	})
	var latest time.Time
	for {
		b := make([]byte, 16<<10)
		n, err := from.Read(b)
		if n > 0 {
			late, ok := r.wait(ended)
			if due := time.Now().Add(late); due.After(latest) {
				latest = due
			}
			if !ok {
				break
			}
			select {
			case pieces <- piece{b[:n], latest}:
			case <-ended:
			}
		}
		if err != nil {
			break
		}
	}
	close(pieces)
	writing.Wait()
}

func (r *Relay) keep(conn net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		_ = conn.Close()
		return false
	}
	r.conns[conn] = true
	return true
}

func (r *Relay) drop(conn net.Conn) {
	r.mu.Lock()
	delete(r.conns, conn)
	r.mu.Unlock()
	_ = conn.Close()
}

func (r *Relay) close() {
	r.set(func(l *line) { l.cut = false })
	r.mu.Lock()
	r.closed = true
	for conn := range r.conns {
		_ = conn.Close()
	}
	r.mu.Unlock()
	if err := r.listener.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		return
	}
	r.serving.Wait()
}
