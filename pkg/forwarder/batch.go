package forwarder

// headerSize is the room for an RTP header with the one extension that we stamp (RFC 3550 section 5.1, RFC 8285).
const headerSize = 20

// prefixSize is the room for an RTX sequence number and a rewritten payload descriptor.
const prefixSize = 8

// An Outgoing is one packet on its way to one connection: Header, then Prefix, then Payload are what is sent.
type Outgoing struct {
	// To is the connection's writer.
	To Writer
	// RTCP is set on an RTCP compound, which stands in Payload alone.
	RTCP bool
	// Payload is shared by all viewers and valid until Flush returns.
	Payload []byte
	// ROC is the roll-over counter that belongs to an RTP packet's sequence number (RFC 3711 section 3.3.1): whoever encrypts needs it, and a
	// packet that is late may have another one than the newest.
	ROC       uint32
	header    [headerSize]byte
	prefix    [prefixSize]byte
	headerLen uint8
	prefixLen uint8
}

// Header returns the RTP header in wire format.
func (o *Outgoing) Header() []byte { return o.header[:o.headerLen] }

// Prefix returns the bytes that go between the header and the payload.
func (o *Outgoing) Prefix() []byte { return o.prefix[:o.prefixLen] }

// A Batch collects what one receive batch sends.
type Batch struct {
	Packets []Outgoing
	// retired are buffers that Packets may still point into. The pool gets them back when the batch was sent.
	retired []*Buffer
	// stale is set when a connection is gone that Packets beyond their end may still point at.
	stale bool
}

func (b *Batch) add() *Outgoing {
	if n := len(b.Packets); n < cap(b.Packets) {
		b.Packets = b.Packets[:n+1]
		return &b.Packets[n]
	}
	b.Packets = append(b.Packets, Outgoing{})
	return &b.Packets[len(b.Packets)-1]
}

// retire releases buf when nothing of the batch points into it any more.
func (b *Batch) retire(buf *Buffer) { b.retired = append(b.retired, buf) }

// reset empties b; whoever adds sets every field.
func (b *Batch) reset() {
	b.Packets = b.Packets[:0]
	for i, buf := range b.retired {
		buf.Release()
		b.retired[i] = nil
	}
	b.retired = b.retired[:0]
	if b.stale {
		clear(b.Packets[:cap(b.Packets)])
		b.stale = false
	}
}

// forget lets go of connections that are gone, with the next reset.
func (b *Batch) forget() { b.stale = true }

// A Writer takes the packets of one connection. Both methods are called on the worker's goroutine alone and must not block.
type Writer interface {
	// Room returns how many packets can be taken now. The forwarder drops what does not fit before it is numbered, so that
	// nothing behind it makes a hole.
	Room() int
	// Write sends or copies p; p is valid until the call returns.
	Write(p *Outgoing)
}

// An Egress sends what one worker has. Flush is called on the worker's goroutine, once per receive batch; it must not block.
type Egress interface{ Flush(b *Batch) }
