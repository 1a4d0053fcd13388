package srtp

import (
	"encoding/binary"
	"fmt"
)

const (
	minHeader  = 12 // of RTP, RFC 3550 section 5.1
	headerRTCP = 8  // what stays in the clear of RTCP, RFC 7714 section 9.2
)

// encrypted is the E bit in the word behind an SRTCP packet (RFC 3711 section 3.4).
const encrypted = 1 << 31

// maxIndexRTCP is the last index that RTCP may use under one key (RFC 3711 section 9.2).
const maxIndexRTCP = 1<<31 - 1

// A Sealer encrypts and authenticates the packets of one direction. It belongs to one goroutine at a time.
type Sealer struct {
	rtp, rtcp session
	// nextIndex is the index of the next RTCP packet; all SSRCs share it.
	nextIndex uint32
	// associated is what RTCP authenticates besides the ciphertext.
	associated [headerRTCP + wordSize]byte
}

// NewSealer returns a Sealer for what is sent under master keys k. They are not kept. An error says that p is not supported or that
// k does not have its lengths.
func NewSealer(p Profile, k Keys) (*Sealer, error) {
	rtp, rtcp, err := newSessions(p, k)
	if err != nil {
		return nil, fmt.Errorf("make sealer: %w", err)
	}
	return &Sealer{rtp: rtp, rtcp: rtcp}, nil
}

// SealRTP writes the SRTP packet of header and plaintext to the beginning of dst and returns it: header, ciphertext and tag (RFC 7714
// section 8). header is a complete RTP header in wire format, with CSRCs and extension; plaintext is payload and padding. roc is the
// roll-over counter of this very packet, that is, how often the sequence numbers of its SSRC had passed 65535 when it was numbered.
// The caller never seals different packets under the same SSRC, roc and sequence number.
//
// dst needs a capacity of len(header)+len(plaintext)+Overhead. plaintext may lie in dst, but then exactly where its ciphertext will be;
// header may lie at the beginning of dst. SealRTP panics when dst is too small, header has fewer than 12 bytes, or plaintext overlaps
// its ciphertext otherwise.
func (s *Sealer) SealRTP(dst, header, plaintext []byte, roc uint32) []byte {
	size := len(header)
	dst = dst[:size+len(plaintext)+Overhead]
	index := uint64(roc)<<16 | uint64(binary.BigEndian.Uint16(header[2:]))
	nonce := s.rtp.nonceOf(binary.BigEndian.Uint32(header[8:]), index)
	copy(dst, header)
	s.rtp.aead.Seal(dst[size:size], nonce, plaintext, dst[:size])
	return dst
}

// SealRTCP writes the SRTCP packet of packet, an RTCP compound in wire format, to the beginning of dst and returns it: the first 8
// bytes, ciphertext, tag, and the word with the E bit and the index (RFC 7714 section 9). Indices begin at 0 and are never used
// again. The error is ErrShort for a packet of fewer than 8 bytes and ErrExhausted when all 2^31 indices were used.
//
// dst needs a capacity of len(packet)+OverheadRTCP. packet may be the beginning of dst, and may not overlap it otherwise. SealRTCP
// panics when dst is too small or overlaps packet otherwise.
func (s *Sealer) SealRTCP(dst, packet []byte) ([]byte, error) {
	if len(packet) < headerRTCP {
		return nil, ErrShort
	}
	if s.nextIndex > maxIndexRTCP {
		return nil, ErrExhausted
	}
	dst = dst[:len(packet)+OverheadRTCP]
	word := encrypted | s.nextIndex
	nonce := s.rtcp.nonceOf(binary.BigEndian.Uint32(packet[4:]), uint64(s.nextIndex))
	s.nextIndex++
	copy(s.associated[:], packet[:headerRTCP])
	binary.BigEndian.PutUint32(s.associated[headerRTCP:], word)
	copy(dst, packet[:headerRTCP])
	s.rtcp.aead.Seal(dst[headerRTCP:headerRTCP], nonce, packet[headerRTCP:], s.associated[:])
	binary.BigEndian.PutUint32(dst[len(dst)-wordSize:], word)
	return dst, nil
}
