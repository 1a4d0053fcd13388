package mesh

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// idleBytes is what a direction holds while it waits: most messages fit.
	idleBytes = 512
	// burstBytes is read at a time while more comes than fits. It bounds the TLS records too, and so the memory that the other end
	// keeps for them.
	burstBytes = 4 << 10
)

// bursts are the buffers of directions that have much to carry.
var bursts = sync.Pool{New: func() any { return new([burstBytes]byte) }}

// A tunnel carries the bytes of an upgraded WebSocket between a client and the owner of its room. Each direction has a goroutine, which
// reads only when it has written.
type tunnel struct {
	mesh   *Mesh
	peer   string
	client net.Conn
	owner  *tls.Conn
	// open counts directions. ownerEnded: the owner has said all, so what the client still says is only read to keep the end that is
	// under way to it from being destroyed by a reset.
	open       atomic.Int32
	ownerEnded atomic.Bool
}

// start begins to carry; what is given is written first. Mesh.busy was entered for the tunnel.
func (t *tunnel) start(toClient, toOwner []byte) {
	t.mesh.counters.edge.Add(1)
	t.open.Store(2)
	known := t.mesh.connections.add(t.peer, t)
	go t.carryToOwner(toOwner)
	go t.carryToClient(toClient)
	if !known {
		t.abort()
	}
}

// abort ends both sides without a word, so that it cannot block.
func (t *tunnel) abort() {
	if c, ok := t.client.(*tls.Conn); ok {
		_ = c.NetConn().Close()
	} else {
		_ = t.client.Close()
	}
	_ = t.owner.NetConn().Close()
}

// done is the end of a direction; the last one clears up.
func (t *tunnel) done() {
	if t.open.Add(-1) > 0 {
		return
	}
	_ = t.client.Close()
	_ = t.owner.Close()
	t.mesh.connections.remove(t.peer, t)
	t.mesh.counters.edge.Add(-1)
	t.mesh.busy.Done()
}

func (t *tunnel) carryToOwner(first []byte) {
	defer t.done()
	read, written := t.carry(t.owner, t.client, first)
	if written != nil && t.ownerEnded.Load() {
		_, read = io.Copy(io.Discard, t.client) // until the client ends too, or LingerWithin is over
	}
	t.ended(t.owner, read, written)
}

func (t *tunnel) carryToClient(first []byte) {
	defer t.done()
	read, written := t.carry(t.client, t.owner, first)
	if read == nil && written == nil {
		t.ownerEnded.Store(true)
	} else if read != nil && !errors.Is(read, net.ErrClosed) && !errors.Is(read, os.ErrDeadlineExceeded) { // neither of our doing
		t.mesh.counters.other.Add(1)
	}
	t.ended(t.client, read, written)
}

// ended passes the end of one side on to the other, dst, which then has a while to end itself.
func (t *tunnel) ended(dst net.Conn, read, written error) {
	if read != nil || written != nil {
		t.abort()
		return
	}
	_ = dst.SetReadDeadline(time.Now().Add(t.mesh.cfg.LingerWithin))
	half, ok := dst.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		t.abort()
	}
}

// carry copies from src to dst, after first, until src ends or either fails. An end of src is no error.
func (t *tunnel) carry(dst, src net.Conn, first []byte) (read, written error) {
	if len(first) > 0 {
		if err := t.write(dst, first); err != nil {
			return nil, err
		}
		first = nil
	}
	idle := make([]byte, idleBytes)
	var burst *[burstBytes]byte
	defer func() {
		if burst != nil {
			bursts.Put(burst)
		}
	}()
	for {
		buffer := idle
		if burst != nil {
			buffer = burst[:]
		}
		n, err := src.Read(buffer)
		if n > 0 {
			if err := t.write(dst, buffer[:n]); err != nil {
				return nil, err
			}
		}
		switch {
		case err == io.EOF:
			return nil, nil
		case err != nil:
			return err, nil
		case burst == nil && n == len(idle):
			burst = bursts.Get().(*[burstBytes]byte)
		case burst != nil && n < len(burst): // there is no more for now
			bursts.Put(burst)
			burst = nil
		}
	}
}

// write gives up after WriteWithin: a reader that takes nothing must not hold its tunnel for ever.
func (t *tunnel) write(dst net.Conn, p []byte) error {
	if err := dst.SetWriteDeadline(time.Now().Add(t.mesh.cfg.WriteWithin)); err != nil {
		return err
	}
	_, err := dst.Write(p)
	return err
}
