package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// An Engine is a connection to the bucket and to the other nodes. All methods may be called at any time, by several goroutines at once.
type Engine struct {
	config   Config
	log      *slog.Logger
	observer Observer
	mode     Mode
	server   *embedded // nil with an external one
	nc       *nats.Conn
	js       jetstream.JetStream

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	closed chan struct{} // nats.go has let go of the connection

	session atomic.Pointer[session] // nil without a connection
	refusal atomic.Pointer[error]   // the last failure to dial
	wake    chan struct{}           // the supervisor shall look
	doubted atomic.Bool             // the bucket may be gone

	markerTTL  atomic.Bool  // the bucket takes messages that expire
	roundTrip  atomic.Int64 // ns
	replicas   atomic.Int32
	clustered  atomic.Bool
	counters   counters
	complained string // belongs to nats.go's goroutine for callbacks

	firstUp sync.Once
	upOnce  chan struct{} // closed by the first Up

	closeOnce sync.Once

	mu      sync.Mutex
	closing bool
	running sync.WaitGroup // incremented with mu held, and not when closing
}

// Open starts a server in the process, or begins to connect to an external one. The former is up when Open returns; the latter is not waited
// for, it is connected to in the background, for ever. An error is one of the configuration, or of the server in the process.
func Open(config Config, observer Observer) (*Engine, error) {
	config, err := config.complete()
	if err != nil {
		return nil, fmt.Errorf("open the engine: %w", err)
	}
	e := &Engine{
		config: config, log: config.Log, observer: observer, mode: ModeExternal,
		closed: make(chan struct{}), wake: make(chan struct{}, 1), upOnce: make(chan struct{}),
	}
	e.ctx, e.cancel = context.WithCancel(context.Background())
	if config.External == nil {
		e.mode = ModeEmbedded
		if e.server, err = startEmbedded(config.Log); err != nil {
			e.cancel()
			return nil, fmt.Errorf("open the engine: %w", err)
		}
	}
	if err := e.start(); err != nil {
		e.Close()
		return nil, fmt.Errorf("open the engine: %w", err)
	}
	return e, nil
}

func (e *Engine) start() error {
	if err := e.connect(); err != nil {
		return fmt.Errorf("connect to NATS: %w", err)
	}
	var err error
	if e.js, err = jetstream.New(e.nc); err != nil {
		return fmt.Errorf("use JetStream: %w", err)
	}
	e.running.Add(1)
	go e.supervise()
	if e.server == nil {
		return nil
	}
	return within(e.ctx, startTimeout, func(ctx context.Context) error {
		select {
		case <-e.upOnce:
			return nil
		case <-ctx.Done():
			return errors.New("the bucket in the process does not come up")
		}
	})
}

// Close ends the connection, subscriptions and the server in the process, and waits for calls, handlers and the Observer to return. It must not be
// called by one of these. Calls that come later fail with ErrUnavailable.
func (e *Engine) Close() { e.closeOnce.Do(e.close) }

func (e *Engine) close() {
	e.mu.Lock()
	e.closing = true
	e.mu.Unlock()
	e.cancel()
	if e.nc != nil {
		e.nc.Close()
		<-e.closed
	}
	e.ended(nil)
	e.running.Wait()
	if e.server != nil {
		e.server.close()
	}
}

// join makes Close wait until done is called, or reports that Close has begun.
func (e *Engine) join() (done func(), ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing {
		return nil, false
	}
	e.running.Add(1)
	return sync.OnceFunc(e.running.Done), true
}
