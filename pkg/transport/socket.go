package transport

import (
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"sfu/pkg/forwarder"
	"sfu/pkg/udp"
)

// receiveSlots is how many datagrams are read at once.
const receiveSlots = 64

// A socket is one UDP socket with what is read from it. pion's mux reads it as a net.PacketConn and gets STUN and DTLS; the media of connections
// that are secured goes to the forwarder before, a batch at a time, on the same goroutine.
type socket struct {
	*udp.Socket
	index  int // in Engine.sockets
	log    *slog.Logger
	reader *udp.Reader
	slots  [receiveSlots]*forwarder.Buffer
	spaces [receiveSlots][]byte
	inlet  forwarder.Inlet
	// others are the slots of the last batch that pion gets, next is the first that it has not got yet.
	others [receiveSlots]uint8
	next   int
	count  int

	mu    sync.RWMutex
	conns map[netip.AddrPort]*Conn
}

func newSocket(s *udp.Socket, log *slog.Logger) *socket {
	k := &socket{Socket: s, log: log, reader: s.NewReader(receiveSlots), conns: map[netip.AddrPort]*Conn{}}
	for i := range k.slots {
		k.fill(i)
	}
	return k
}

func (k *socket) fill(i int) {
	k.slots[i] = forwarder.NewBuffer()
	k.spaces[i] = k.slots[i].Space()
}

// readAgain is how long reading rests after an error.
const readAgain = 10 * time.Millisecond

// ReadFromAddrPort returns the next datagram that is not media. It is called by one goroutine of pion's, which takes any error for the end of the
// socket; so only that is one.
func (k *socket) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	for told := false; k.next == k.count; {
		err := k.receive()
		if errors.Is(err, net.ErrClosed) {
			return 0, netip.AddrPort{}, err
		}
		if err == nil {
			continue
		}
		if !told {
			told = true
			k.log.Warn("a socket cannot be read for the moment", "error", err)
		}
		time.Sleep(readAgain)
	}
	i := int(k.others[k.next])
	k.next++
	size, from, _ := k.reader.Datagram(i)
	return copy(b, k.spaces[i][:size]), from, nil
}

// ReadFrom is net.PacketConn's.
func (k *socket) ReadFrom(b []byte) (int, net.Addr, error) {
	n, from, err := k.ReadFromAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(from), nil
}

// attach has media from that address be c's.
func (k *socket) attach(from netip.AddrPort, c *Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.conns[from] = c
}

// detach ends what attach began, unless the address has become another connection's.
func (k *socket) detach(from netip.AddrPort, c *Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.conns[from] == c {
		delete(k.conns, from)
	}
}
