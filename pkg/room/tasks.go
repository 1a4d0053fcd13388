package room

import "sync"

// tasks are the goroutines that a Registry owns. Its lock is the last in the order: nothing is called with it held.
type tasks struct {
	quit chan struct{}

	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

func newTasks() *tasks { return &tasks{quit: make(chan struct{})} }

// start runs f on a goroutine of its own and reports whether it did: after close it does not.
func (t *tasks) start(f func()) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return false
	}
	t.running.Go(f)
	return true
}

// close tells those that watch quit to end, and waits for all.
func (t *tasks) close() {
	t.mu.Lock()
	if !t.closed {
		t.closed = true
		close(t.quit)
	}
	t.mu.Unlock()
	t.running.Wait()
}

// ended reports whether close was called.
func (t *tasks) ended() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed
}
