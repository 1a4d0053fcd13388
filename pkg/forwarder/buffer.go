package forwarder

import "sync"

// MaxPacket is the largest datagram that is taken, in bytes; larger ones are dropped.
const MaxPacket = 1500

// maxPayload is the largest payload that is forwarded, in bytes: with what a viewer's header, a retransmission and encryption add, it still
// is a datagram of MaxPacket.
const maxPayload = MaxPacket - headerSize - prefixSize - maxSealing

// maxSealing is what SRTP may add to a packet (RFC 7714 section 8.2), in bytes.
const maxSealing = 16

// A Buffer holds one datagram: whoever receives fills it, and from Inlet.Add on it belongs to the forwarder.
type Buffer struct {
	n    int
	data [MaxPacket]byte
}

var buffers = sync.Pool{New: func() any { return new(Buffer) }}

// NewBuffer returns a buffer that belongs to the caller.
func NewBuffer() *Buffer { return buffers.Get().(*Buffer) }

// Space returns all MaxPacket bytes of b, to receive into.
func (b *Buffer) Space() []byte { return b.data[:] }

// SetLen says that the first n bytes of Space are the datagram.
func (b *Buffer) SetLen(n int) { b.n = n }

// Release gives b back.
func (b *Buffer) Release() { buffers.Put(b) }

func (b *Buffer) bytes() []byte { return b.data[:b.n] }
