package forwarder

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// tickInterval is the resolution of every timer of the media path while packets arrive: a worker that they wake looks at its timers.
	tickInterval = 5 * time.Millisecond
	// idleInterval is the resolution while nothing arrives. Waking a sleeping process costs more than most packets.
	idleInterval = 20 * time.Millisecond
	// roundBatches is how many batches are routed between two looks at commands and timers.
	roundBatches = 8
)

// Config sets up a Pool. The zero value is usable.
type Config struct {
	// Workers is how many goroutines share the rooms, 0 for one per processor.
	Workers int
	// QueuePackets bounds the datagrams that may wait for one worker; more are dropped and counted. 0 means 4096.
	QueuePackets int
	// Limits bound what one client may send.
	Limits Limits
	// NewEgress makes what sends a worker's packets. It is called once for each worker and must not be nil where packets flow.
	NewEgress func() Egress
	Log       *slog.Logger
}

// A Pool owns the workers of a process.
type Pool struct {
	workers []*Worker
}

// NewPool starts the workers. Close ends them.
func NewPool(cfg Config) *Pool {
	if cfg.Workers <= 0 {
		cfg.Workers = runtime.GOMAXPROCS(0)
	}
	if cfg.QueuePackets <= 0 {
		cfg.QueuePackets = 4096
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	cfg.Limits = cfg.Limits.withDefaults()
	p := &Pool{}
	origin := time.Now()
	for range cfg.Workers {
		p.workers = append(p.workers, newWorker(cfg, origin))
	}
	return p
}

// NewGroup returns the media of a new room, on the worker that has the fewest.
func (p *Pool) NewGroup() *Group {
	best := p.workers[0]
	for _, w := range p.workers[1:] {
		if w.groups.Load() < best.groups.Load() {
			best = w
		}
	}
	best.groups.Add(1)
	return &Group{worker: best}
}

// Stats returns what the workers' queues did since the start.
func (p *Pool) Stats() PoolStats {
	var s PoolStats
	for _, w := range p.workers {
		s.QueueDropped += w.packets.droppedTotal()
	}
	return s
}

// Close ends the workers and waits for them. Peers must be closed before.
func (p *Pool) Close() {
	for _, w := range p.workers {
		w.close()
	}
}

// A Worker owns the media state of some rooms: its goroutine is the only one that touches it.
type Worker struct {
	router   router
	packets  packetQueue
	taken    [receiveBatch]datagram // by route
	egress   Egress
	origin   time.Time
	wake     chan struct{}
	quit     chan struct{}
	finished sync.WaitGroup
	groups   atomic.Int64

	commandsMu sync.Mutex
	commands   []func(now Instant)
}

func newWorker(cfg Config, origin time.Time) *Worker {
	w := &Worker{origin: origin, wake: make(chan struct{}, 1), quit: make(chan struct{})}
	if cfg.NewEgress != nil {
		w.egress = cfg.NewEgress()
	}
	w.packets.init(cfg.QueuePackets)
	w.router.init(cfg.Limits, w.origin, cfg.Log)
	w.finished.Go(w.run)
	return w
}

func (w *Worker) now() Instant { return Instant(time.Since(w.origin)) }

func (w *Worker) close() {
	close(w.quit)
	w.finished.Wait()
}

// do posts a command. Commands run in the order of their posting, before packets that were received later.
func (w *Worker) do(command func(now Instant)) {
	w.commandsMu.Lock()
	w.commands = append(w.commands, command)
	w.commandsMu.Unlock()
	w.poke()
}

func (w *Worker) poke() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// ask runs a question on the worker and waits for it.
func (w *Worker) ask(ctx context.Context, question func(now Instant)) error {
	done := make(chan struct{})
	w.do(func(now Instant) { question(now); close(done) })
	select {
	case <-done:
		return nil
	case <-w.quit:
		return context.Canceled
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *Worker) run() {
	ticker := time.NewTicker(idleInterval)
	ticking := true
	defer ticker.Stop()
	var nextTick Instant
	for {
		select {
		case <-w.wake:
		case <-ticker.C:
		case <-w.quit:
			w.runCommands(w.now())
			return
		}
		now := w.now()
		w.runCommands(now)
		if w.route(now) {
			w.poke()
		}
		if now >= nextTick {
			nextTick = now.Add(tickInterval)
			w.router.Tick(now)
		}
		w.flush()
		// A worker without connections sleeps: an idle server must cost nothing.
		if busy := w.router.busy(); busy != ticking {
			ticking = busy
			if busy {
				ticker.Reset(idleInterval)
			} else {
				ticker.Stop()
			}
		}
	}
}

// route routes what waits, and reports whether there may be more: a worker that never catches up has to do its other work all the same, or
// whoever leaves stays a burden.
func (w *Worker) route(now Instant) (more bool) {
	for range roundBatches {
		n := w.packets.take(w.taken[:])
		if n == 0 {
			return false
		}
		w.router.Receive(w.taken[:n], now)
		w.flush()
		clear(w.taken[:n])
	}
	return true
}

func (w *Worker) runCommands(now Instant) {
	w.commandsMu.Lock()
	commands := w.commands
	w.commands = nil
	w.commandsMu.Unlock()
	for _, c := range commands {
		c(now)
	}
}

func (w *Worker) flush() {
	if len(w.router.batch.Packets) > 0 {
		w.egress.Flush(&w.router.batch)
	}
	w.router.batch.reset()
}
