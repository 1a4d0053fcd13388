package synthetic

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"sfu/pkg/codec"
)

// A Stamp is at the end of every payload. What is in front of it may be rewritten on the way; what it covers may not.
type Stamp struct {
	// Publisher is the Track's own number.
	Publisher uint64
	// Encoding counts the Track's encodings from 0. Temporal is the temporal layer, 0 without.
	Encoding, Temporal uint8
	// Codec is that of the payload, so that a wrong payload type shows.
	Codec codec.Type
	// Sequence counts the packets of an encoding from 0, retransmissions not.
	Sequence uint64
	// Sent is when the packet left the publisher for the first time.
	Sent time.Time
}

// StampSize is what a Stamp takes, in bytes, the checksum included.
const StampSize = 36

// stampMagic begins a stamp.
const stampMagic = 0x73667553

// Errors of ReadStamp.
var (
	// ErrNoStamp: the payload does not end with a stamp.
	ErrNoStamp = errors.New("payload without a stamp")
	// ErrDamaged: the bytes that the stamp covers are not those that were sent.
	ErrDamaged = errors.New("payload is damaged")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Seal writes s at the end of body, which it covers whole. body has room for it.
func (s Stamp) Seal(body []byte) {
	b := body[len(body)-StampSize:]
	binary.BigEndian.PutUint32(b, stampMagic)
	binary.BigEndian.PutUint64(b[4:], s.Publisher)
	b[12], b[13] = s.Encoding, s.Temporal<<4|uint8(s.Codec)
	binary.BigEndian.PutUint16(b[14:], uint16(len(body)))
	binary.BigEndian.PutUint64(b[16:], s.Sequence)
	binary.BigEndian.PutUint64(b[24:], uint64(s.Sent.UnixNano()))
	sum := len(body) - 4
	binary.BigEndian.PutUint32(body[sum:], crc32.Checksum(body[:sum], castagnoli))
}

// ReadStamp reads the stamp of a payload and checks what it covers.
func ReadStamp(payload []byte) (Stamp, error) {
	if len(payload) < StampSize {
		return Stamp{}, ErrNoStamp
	}
	b := payload[len(payload)-StampSize:]
	if binary.BigEndian.Uint32(b) != stampMagic {
		return Stamp{}, ErrNoStamp
	}
	covered := int(binary.BigEndian.Uint16(b[14:]))
	if covered < StampSize || covered > len(payload) {
		return Stamp{}, ErrDamaged
	}
	body := payload[len(payload)-covered:]
	sum := covered - 4
	if binary.BigEndian.Uint32(body[sum:]) != crc32.Checksum(body[:sum], castagnoli) {
		return Stamp{}, ErrDamaged
	}
	return Stamp{
		Publisher: binary.BigEndian.Uint64(b[4:]), Encoding: b[12], Temporal: b[13] >> 4, Codec: codec.Type(b[13] & 0xf),
		Sequence: binary.BigEndian.Uint64(b[16:]), Sent: time.Unix(0, int64(binary.BigEndian.Uint64(b[24:]))),
	}, nil
}

// noise is what payloads are filled with: incompressible, and the same in every process.
var noise = func() []byte {
	b := make([]byte, 4096)
	x := uint32(0x9e3779b9)
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return b
}()

// fill writes noise that depends on the packet's number.
func fill(b []byte, sequence uint64) {
	for n := copy(b, noise[sequence%2048:]); n < len(b); {
		n += copy(b[n:], noise)
	}
}
