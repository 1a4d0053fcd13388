//go:build linux && (amd64 || arm64)

package polling

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// interval is how often relaxed sockets are looked at, and their users asked whether they have something to do. Waking up costs far more
// than looking, and what is late by this is feedback only, for packets have the kernel's timestamps.
const interval = 5 * time.Millisecond

// A Pool reads the sockets that it made.
type Pool struct {
	prompt  *reader
	watched *os.File // the epoll instance of prompt, which Go's poller watches
	relaxed []*reader
	next    atomic.Uint32 // of relaxed
	closed  atomic.Bool
	ended   sync.WaitGroup
}

// New starts a Pool without sockets. It must be closed, after its sockets.
func New() (*Pool, error) {
	p := &Pool{}
	var err error
	if p.prompt, err = newReader(); err != nil {
		return nil, err
	}
	for range runtime.GOMAXPROCS(0) {
		r, err := newReader()
		if err != nil {
			return nil, errors.Join(err, p.release())
		}
		p.relaxed = append(p.relaxed, r)
	}
	// Go's poller watches only what does not block.
	if err := unix.SetNonblock(p.prompt.fd, true); err != nil {
		return nil, errors.Join(fmt.Errorf("watch for new sockets: %w", err), p.release())
	}
	p.watched = os.NewFile(uintptr(p.prompt.fd), "epoll")
	p.ended.Go(p.wait)
	for _, r := range p.relaxed {
		p.ended.Go(func() { p.look(r) })
	}
	return p, nil
}

// Close ends the goroutines and waits for them.
func (p *Pool) Close() error {
	p.closed.Store(true)
	for _, r := range p.relaxed {
		r.wake()
	}
	err := p.watched.Close() // this ends the waiting
	p.ended.Wait()
	return errors.Join(err, p.release())
}

// release closes what no *os.File closes.
func (p *Pool) release() error {
	var err error
	for _, r := range p.relaxed {
		err = errors.Join(err, unix.Close(r.fd))
	}
	if p.watched == nil {
		err = errors.Join(err, unix.Close(p.prompt.fd))
	}
	return err
}

// Listen opens a socket on a free port of the address local, which may be unspecified.
func (p *Pool) Listen(local netip.Addr) (*Socket, error) {
	fd, at, err := openUDP(local)
	if err != nil {
		return nil, fmt.Errorf("open a UDP socket on %v: %w", local, err)
	}
	s := newSocket(p, fd, at)
	if err := p.prompt.add(s); err != nil {
		return nil, errors.Join(fmt.Errorf("watch a UDP socket: %w", err), unix.Close(fd))
	}
	return s, nil
}

// wait reads new sockets as soon as they have something. While it waits it takes no thread: the epoll instance, which can be read when one
// of them can, is watched like any other file.
func (p *Pool) wait() {
	raw, err := p.watched.SyscallConn()
	for err == nil {
		var ready []*Socket
		err = raw.Read(func(uintptr) bool {
			ready, _ = p.prompt.ready() // the others are asked for next
			return len(ready) > 0
		})
		for _, s := range ready {
			p.prompt.drain(s)
		}
	}
}

// look reads sockets once in a while.
func (p *Pool) look(r *reader) {
	for r.await(&p.closed) {
		for more := true; more; {
			var ready []*Socket
			ready, more = r.ready()
			for _, s := range ready {
				r.drain(s)
			}
		}
		r.attend(time.Now())
		time.Sleep(interval)
	}
}
