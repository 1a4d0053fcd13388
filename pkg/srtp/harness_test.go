package srtp

import (
	"cmp"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
)

// profiles are those that tests run under.
var profiles = map[string]Profile{"AES-128": AES128GCM, "AES-256": AES256GCM}

func testKeys(p Profile) Keys {
	rng := rand.New(rand.NewPCG(uint64(p), 7))
	return Keys{Key: randomBytes(rng, p.KeyLen()), Salt: randomBytes(rng, p.SaltLen())}
}

// pair returns both ends of one direction.
func pair(tb testing.TB, p Profile, maxStreams int) (*Sealer, *Opener) {
	tb.Helper()
	sealer, err := NewSealer(p, testKeys(p))
	if err != nil {
		tb.Fatal(err)
	}
	opener, err := NewOpener(p, testKeys(p), maxStreams)
	if err != nil {
		tb.Fatal(err)
	}
	return sealer, opener
}

func randomBytes(rng *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	return b
}

// plainHeader is an RTP header of 12 bytes.
func plainHeader(ssrc uint32, seq uint16) []byte {
	h := []byte{0x80, 96, 0, 0, 1, 2, 3, 4, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(h[2:], seq)
	binary.BigEndian.PutUint32(h[8:], ssrc)
	return h
}

// randomRTP returns a header with anything that a header may have, and a payload with padding or without.
func randomRTP(rng *rand.Rand, ssrc uint32, seq uint16) (header, payload []byte) {
	header = plainHeader(ssrc, seq)
	header[1] = byte(rng.Uint32())
	csrcs := rng.IntN(4) * rng.IntN(6)
	header[0] |= byte(csrcs)
	header = append(header, randomBytes(rng, 4*csrcs)...)
	switch rng.IntN(4) {
	case 0: // RFC 8285, one element of 1 byte and padding
		header[0] |= 0x10
		header = append(header, 0xBE, 0xDE, 0, 1, 0x50, byte(rng.Uint32()), 0, 0)
	case 1: // RFC 8285, two-byte form
		header[0] |= 0x10
		header = append(header, 0x10, 0, 0, 2, 3, 5)
		header = append(append(header, randomBytes(rng, 5)...), 0)
	case 2: // nothing in it
		header[0] |= 0x10
		header = append(header, 0xBE, 0xDE, 0, 0)
	}
	payload = randomBytes(rng, rng.IntN(3)*rng.IntN(700))
	if rng.IntN(4) == 0 {
		header[0] |= 0x20
		padding := make([]byte, 1+rng.IntN(255))
		padding[len(padding)-1] = byte(len(padding))
		payload = append(payload, padding...)
	}
	return header, payload
}

// randomRTCP returns an RTCP compound that begins with a receiver report.
func randomRTCP(rng *rand.Rand, ssrc uint32) []byte {
	p := []byte{0x80, 201, 0, 1, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(p[4:], ssrc)
	return append(p, randomBytes(rng, 4*rng.IntN(200))...)
}

// sealIndex seals a packet under the roll-over counter in index, into memory of its own.
func sealIndex(s *Sealer, header, payload []byte, index uint64) []byte {
	return s.SealRTP(make([]byte, 0, len(header)+len(payload)+Overhead), header, payload, uint32(index>>16))
}

// transit is a packet on its way through a network that loses, doubles and reorders.
type transit struct {
	ssrc   uint32
	index  uint64
	plain  []byte
	sealed []byte
	at     uint64
}

// travel returns what arrives of packets, whose indices may change places within less than span.
func travel(rng *rand.Rand, packets []transit, span uint64) []transit {
	var arrived []transit
	for _, p := range packets {
		for range []int{0, 1, 1, 1, 1, 1, 1, 2, 3}[rng.IntN(9)] {
			p.at = p.index
			if rng.IntN(3) == 0 {
				p.at += rng.Uint64N(span)
			}
			arrived = append(arrived, p)
		}
	}
	slices.SortStableFunc(arrived, func(a, b transit) int { return cmp.Compare(a.at, b.at) })
	return arrived
}

// snapshot is what an opener knows of streams.
type snapshot struct {
	ssrcs   [2][]uint32
	states  [2][]stream
	packets [2]uint64
}

func snapshotOf(o *Opener) (s snapshot) {
	for i, t := range []*streams{&o.rtpStreams, &o.rtcpStreams} {
		s.ssrcs[i], s.states[i], s.packets[i] = slices.Clone(t.ssrcs), slices.Clone(t.states), t.packets
	}
	return s
}

func (s snapshot) equal(other snapshot) bool {
	for i := range s.ssrcs {
		if !slices.Equal(s.ssrcs[i], other.ssrcs[i]) || !slices.Equal(s.states[i], other.states[i]) {
			return false
		}
	}
	return s.packets == other.packets
}
