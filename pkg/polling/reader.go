//go:build linux && (amd64 || arm64)

package polling

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// mostReady is how many sockets epoll names at once.
const mostReady = 256

// A reader is an epoll instance and the sockets in it. One goroutine reads with it.
type reader struct {
	fd    int // of epoll
	batch batch
	// events and found belong to the goroutine.
	events [mostReady]unix.EpollEvent
	found  []*Socket

	mu      sync.Mutex
	some    sync.Cond // there are sockets
	sockets map[int32]*Socket
}

func newReader() (*reader, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make an epoll instance: %w", err)
	}
	r := &reader{fd: fd, sockets: map[int32]*Socket{}}
	r.some.L = &r.mu
	r.batch.init()
	return r, nil
}

func (r *reader) add(s *Socket) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	// Edge-triggered: a socket is always read until it is empty.
	event := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET&0xffffffff, Fd: int32(s.fd)}
	if err := unix.EpollCtl(r.fd, unix.EPOLL_CTL_ADD, s.fd, &event); err != nil {
		return err
	}
	r.sockets[int32(s.fd)] = s
	r.some.Signal()
	return nil
}

func (r *reader) remove(s *Socket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.sockets, int32(s.fd))
	_ = unix.EpollCtl(r.fd, unix.EPOLL_CTL_DEL, s.fd, nil) // closing it does the same
}

// await waits until there are sockets, and reports false once closed is set.
func (r *reader) await(closed *atomic.Bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for len(r.sockets) == 0 && !closed.Load() {
		r.some.Wait()
	}
	return !closed.Load()
}

// wake ends await.
func (r *reader) wake() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.some.Signal()
}

// ready returns sockets that have something, until the next call, and whether there may be more of them.
func (r *reader) ready() (found []*Socket, more bool) {
	n := poll(r.fd, r.events[:])
	r.mu.Lock()
	defer r.mu.Unlock()
	r.found = r.found[:0]
	for i := range n {
		if s := r.sockets[r.events[i].Fd]; s != nil {
			r.found = append(r.found, s)
		}
	}
	return r.found, n == mostReady
}

// drain reads s until it is empty.
func (r *reader) drain(s *Socket) {
	s.reading.Lock()
	defer s.reading.Unlock()
	s.due = time.Time{}
	for !s.closed {
		n := r.batch.receive(s.fd)
		for i := range n {
			s.take(&r.batch, i)
		}
		if n < batchSize {
			break
		}
	}
}

// attend calls the users of the sockets whose time has come.
func (r *reader) attend(now time.Time) {
	r.mu.Lock()
	r.found = r.found[:0]
	for _, s := range r.sockets {
		r.found = append(r.found, s)
	}
	r.mu.Unlock()
	for _, s := range r.found {
		s.reading.Lock()
		if !s.closed && s.attend != nil && !now.Before(s.due) {
			s.due = s.attend(now)
		}
		s.reading.Unlock()
	}
}
