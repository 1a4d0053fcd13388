//go:build linux && (amd64 || arm64)

package load

import (
	"net"
	"net/netip"
	"sync"

	"sfu/pkg/polling"
)

// sockets are the participants' media sockets, read by a few goroutines for all.
type sockets struct {
	pool *polling.Pool

	mu  sync.Mutex
	all []*polling.Socket
}

func openSockets() (*sockets, error) {
	pool, err := polling.New()
	if err != nil {
		return nil, err
	}
	return &sockets{pool: pool}, nil
}

// listen opens a socket on a free port of local.
func (s *sockets) listen(local netip.Addr) (net.PacketConn, error) {
	socket, err := s.pool.Listen(local)
	if err != nil {
		return nil, err // not a nil *polling.Socket in an interface
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, socket)
	return socket, nil
}

// dropped is how many datagrams the sockets had no room for: they were lost here and not on the way.
func (s *sockets) dropped() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	var n uint64
	for _, one := range s.all {
		n += one.Dropped()
	}
	return n
}

// close ends the goroutines. The sockets are closed by those who use them, before.
func (s *sockets) close() error { return s.pool.Close() }
