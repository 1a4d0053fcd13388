package transport

import (
	"bytes"
	"net"
	"os"
	"sync"
	"time"
)

// pipedDatagrams is how many datagrams may wait for DTLS. A handshake has at most six from a client at a time.
const pipedDatagrams = 16

// A dtlsPipe is the net.PacketConn of a wire's DTLS. What the wire reads is put in, what DTLS writes goes out on the wire.
type dtlsPipe struct {
	wire   *wire
	in     chan []byte
	closed chan struct{}

	mu      sync.Mutex
	over    bool
	expired chan struct{} // closed while the deadline for reading has passed

	writing sync.Mutex
	muted   bool
	last    []byte // written
}

func newDTLSPipe(w *wire) *dtlsPipe {
	return &dtlsPipe{wire: w, in: make(chan []byte, pipedDatagrams), closed: make(chan struct{}), expired: make(chan struct{})}
}

// put copies a datagram into the pipe and reports whether there was room.
func (p *dtlsPipe) put(b []byte) bool {
	select {
	case p.in <- bytes.Clone(b):
		return true
	default:
		return false
	}
}

// ReadFrom implements net.PacketConn.
func (p *dtlsPipe) ReadFrom(b []byte) (int, net.Addr, error) {
	p.mu.Lock()
	expired := p.expired
	p.mu.Unlock()
	select {
	case <-p.closed:
		return 0, nil, net.ErrClosed
	case <-expired:
		return 0, nil, os.ErrDeadlineExceeded
	case datagram := <-p.in:
		return copy(b, datagram), p.RemoteAddr(), nil
	}
}

// WriteTo implements net.PacketConn.
func (p *dtlsPipe) WriteTo(b []byte, _ net.Addr) (int, error) {
	p.writing.Lock()
	defer p.writing.Unlock()
	if p.muted {
		return len(b), nil
	}
	p.last = append(p.last[:0], b...)
	if n, err := p.wire.send(b); err == nil || p.wire.life.Err() != nil {
		return n, err
	}
	// ICE has no pair now, as after a restart. DTLS would give up at an error; what is only lost it sends again.
	return len(b), nil
}

// lastWritten is the last datagram that DTLS wrote.
func (p *dtlsPipe) lastWritten() []byte {
	p.writing.Lock()
	defer p.writing.Unlock()
	return bytes.Clone(p.last)
}

// mute lets nothing through any more, and Close tell nobody. It reports whether that was possible: while something is written it is not.
func (p *dtlsPipe) mute() bool {
	if !p.writing.TryLock() {
		return false
	}
	defer p.writing.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return false
	}
	p.over, p.muted = true, true
	close(p.closed)
	return true
}

// Close implements net.PacketConn. DTLS calls it when the client has closed the session.
func (p *dtlsPipe) Close() error {
	p.mu.Lock()
	first := !p.over
	p.over = true
	p.mu.Unlock()
	if first {
		close(p.closed)
		p.wire.hungUp()
	}
	return nil
}

// hungUp reports whether DTLS has closed the pipe.
func (p *dtlsPipe) hungUp() bool {
	p.writing.Lock()
	defer p.writing.Unlock()
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.over && !p.muted
}

// LocalAddr implements net.PacketConn. Addresses change under DTLS, which does not look at them.
func (p *dtlsPipe) LocalAddr() net.Addr { return &net.UDPAddr{} }

// RemoteAddr is where DTLS believes the client to be.
func (p *dtlsPipe) RemoteAddr() net.Addr { return &net.UDPAddr{} }

// SetDeadline implements net.PacketConn.
func (p *dtlsPipe) SetDeadline(t time.Time) error { return p.SetReadDeadline(t) }

// SetReadDeadline implements net.PacketConn for the two times that DTLS uses: one that has passed, and none.
func (p *dtlsPipe) SetReadDeadline(t time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.expired:
		if t.IsZero() {
			p.expired = make(chan struct{})
		}
	default:
		if !t.IsZero() {
			close(p.expired)
		}
	}
	return nil
}

// SetWriteDeadline implements net.PacketConn. Writes end with the wire.
func (p *dtlsPipe) SetWriteDeadline(time.Time) error { return nil }
