package link

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"sync"
	"time"
)

// A Socket is what a Conn sends and receives on; *net.UDPConn is one.
type Socket interface {
	ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToUDPAddrPort(b []byte, addr netip.AddrPort) (int, error)
	LocalAddr() net.Addr
	Close() error
}

// arrivedPackets is what may wait to be read, like a socket's receive buffer.
const arrivedPackets = 1024

// A Conn is a net.PacketConn whose packets pass a Link in each direction. Write errors of the socket are losses, as on any network.
type Conn struct {
	open    func() (Socket, error)
	local   net.Addr
	up      *line
	down    *line
	arrived chan *packet
	quit    chan struct{}
	closing sync.Once
	ended   sync.WaitGroup
	readBy  deadline

	mu     sync.Mutex
	socket Socket
	closed bool
}

// A Direction counts what one direction did. Swallowed packets met a blackhole; OnTheWay have not arrived yet.
type Direction struct {
	Counters
	Swallowed uint64
	OnTheWay  int
}

// readBufferBytes holds what comes while the process waits for a processor.
const readBufferBytes = 4 << 20

// ListenUDP returns a Conn on a UDP socket at address, such as "127.0.0.1:0".
func ListenUDP(address string, up, down Config, seed uint64) (*Conn, error) {
	local, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", address, err)
	}
	return Open(func() (Socket, error) {
		conn, err := net.ListenUDP("udp", local)
		if err != nil {
			return nil, err // not a nil *net.UDPConn in an interface
		}
		// What is lost here is lost on purpose. A system that gives less is no reason to fail.
		_ = conn.SetReadBuffer(readBufferBytes)
		return conn, nil
	}, up, down, seed)
}

// Open returns a Conn on the socket that open makes. Rebind calls open again.
func Open(open func() (Socket, error), up, down Config, seed uint64) (*Conn, error) {
	socket, err := open()
	if err != nil {
		return nil, fmt.Errorf("open a socket: %w", err)
	}
	c := &Conn{
		open: open, local: socket.LocalAddr(), socket: socket,
		arrived: make(chan *packet, arrivedPackets), quit: make(chan struct{}),
	}
	c.readBy.changed = make(chan struct{})
	c.up = newLine(up, 2*seed, c.transmit)
	c.down = newLine(down, 2*seed+1, c.arrive)
	c.ended.Go(func() { c.up.run(c.quit) })
	c.ended.Go(func() { c.down.run(c.quit) })
	c.ended.Go(func() { c.receive(socket) })
	return c, nil
}

// Set changes both directions from now on.
func (c *Conn) Set(up, down Config) {
	c.up.set(up)
	c.down.set(down)
}

// Blackhole swallows every packet in both directions, or lets them pass again. Packets on the way still arrive.
func (c *Conn) Blackhole(on bool) {
	c.up.setBlackhole(on)
	c.down.setBlackhole(on)
}

// Rebind moves to a new local socket, as a phone does that changes networks. LocalAddr stays what it was at first, for those who
// took the Conn for one fixed address; SocketAddr tells the new one.
func (c *Conn) Rebind() error {
	socket, err := c.open()
	if err != nil {
		return fmt.Errorf("open a socket: %w", err)
	}
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return errors.Join(net.ErrClosed, socket.Close())
	}
	old := c.socket
	c.socket = socket
	c.ended.Go(func() { c.receive(socket) })
	c.mu.Unlock()
	if err := old.Close(); err != nil {
		return fmt.Errorf("close the old socket: %w", err)
	}
	return nil
}

// SocketAddr is the local address of the present socket.
func (c *Conn) SocketAddr() net.Addr { return c.current().LocalAddr() }

// Counters returns what both directions did so far.
func (c *Conn) Counters() (up, down Direction) { return c.up.count(), c.down.count() }

func (c *Conn) current() Socket {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.socket
}

// receive feeds the downward line from one socket until it is closed.
func (c *Conn) receive(socket Socket) {
	buf := make([]byte, 1<<16)
	for {
		n, addr, err := socket.ReadFromUDPAddrPort(buf)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			select {
			case <-c.quit:
				return
			case <-time.After(time.Millisecond): // an ICMP error, say; it must not spin
			}
			continue
		}
		c.down.send(buf[:n], addr)
	}
}

// transmit is where the upward line ends.
func (c *Conn) transmit(p *packet) {
	_, _ = c.current().WriteToUDPAddrPort(p.data, p.addr)
	packets.Put(p)
}

// arrive is where the downward line ends.
func (c *Conn) arrive(p *packet) {
	select {
	case c.arrived <- p:
	default:
		packets.Put(p)
	}
}

// ReadFromAddrPort is ReadFrom without allocations; with WriteToAddrPort it makes a Conn an ice.AddrPortReaderWriter.
func (c *Conn) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		changed, expired, stop := c.readBy.wait()
		select {
		case p := <-c.arrived:
			stop()
			n, addr := copy(b, p.data), p.addr
			packets.Put(p)
			return n, addr, nil
		case <-c.quit:
			stop()
			return 0, netip.AddrPort{}, net.ErrClosed
		case <-expired:
			return 0, netip.AddrPort{}, os.ErrDeadlineExceeded
		case <-changed:
			stop()
		}
	}
}

// WriteToAddrPort sends b. It reports success whatever becomes of the packet.
func (c *Conn) WriteToAddrPort(b []byte, addr netip.AddrPort) (int, error) {
	select {
	case <-c.quit:
		return 0, net.ErrClosed
	default:
	}
	c.up.send(b, addr)
	return len(b), nil
}

// ReadFrom implements net.PacketConn.
func (c *Conn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, addr, err := c.ReadFromAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(addr), nil
}

// WriteTo implements net.PacketConn.
func (c *Conn) WriteTo(b []byte, addr net.Addr) (int, error) {
	udp, ok := addr.(*net.UDPAddr)
	if !ok {
		return 0, fmt.Errorf("write to %s: not a UDP address", addr)
	}
	return c.WriteToAddrPort(b, udp.AddrPort())
}

// LocalAddr is the address of the first socket.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// SetDeadline implements net.PacketConn.
func (c *Conn) SetDeadline(t time.Time) error { return c.SetReadDeadline(t) }

// SetReadDeadline implements net.PacketConn.
func (c *Conn) SetReadDeadline(t time.Time) error {
	c.readBy.set(t)
	return nil
}

// SetWriteDeadline implements net.PacketConn. Writes never block.
func (c *Conn) SetWriteDeadline(time.Time) error { return nil }

// Close closes the socket and waits for the goroutines. Packets on the way are gone.
func (c *Conn) Close() error {
	var err error
	c.closing.Do(func() {
		close(c.quit)
		c.mu.Lock()
		c.closed = true
		err = c.socket.Close()
		c.mu.Unlock()
	})
	c.ended.Wait()
	return err
}

// A deadline may be moved while someone waits for it.
type deadline struct {
	mu      sync.Mutex
	at      time.Time
	changed chan struct{}
}

func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = t
	close(d.changed)
	d.changed = make(chan struct{})
}

// wait returns a channel that is closed when the deadline is moved, and one that fires when it has come, nil without a deadline.
func (d *deadline) wait() (changed <-chan struct{}, expired <-chan time.Time, stop func()) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.at.IsZero() {
		return d.changed, nil, func() {}
	}
	timer := time.NewTimer(time.Until(d.at))
	return d.changed, timer.C, func() { timer.Stop() }
}
