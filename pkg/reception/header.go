package reception

import "encoding/binary"

// A header is what the first bytes of an RTP packet say (RFC 3550 section 5.1). They are in the clear under SRTP.
type header struct {
	payloadType  uint8
	marker       bool
	padded       bool
	sequence     uint16
	timestamp    uint32
	ssrc         uint32
	size         int // of the header with its extensions
	transportSeq uint16
	hasTransport bool
}

// parseHeader reads a header, and out of its extensions the transport-wide sequence number, whose id is transportCC.
func parseHeader(b []byte, transportCC uint8) (h header, ok bool) {
	const fixed = 12
	if len(b) < fixed || b[0]>>6 != 2 {
		return h, false
	}
	h.padded = b[0]&0x20 != 0
	h.marker, h.payloadType = b[1]&0x80 != 0, b[1]&0x7f
	h.sequence = binary.BigEndian.Uint16(b[2:])
	h.timestamp = binary.BigEndian.Uint32(b[4:])
	h.ssrc = binary.BigEndian.Uint32(b[8:])
	h.size = fixed + 4*int(b[0]&0xf)
	if b[0]&0x10 != 0 {
		if len(b) < h.size+4 {
			return h, false
		}
		profile, words := binary.BigEndian.Uint16(b[h.size:]), int(binary.BigEndian.Uint16(b[h.size+2:]))
		from := h.size + 4
		h.size = from + 4*words
		if len(b) < h.size {
			return h, false
		}
		if profile == 0xbede && transportCC != 0 {
			h.readTransport(b[from:h.size], transportCC)
		}
	}
	return h, len(b) >= h.size
}

// readTransport looks through extensions of the one-byte form (RFC 8285 section 4.2).
func (h *header) readTransport(b []byte, id uint8) {
	for len(b) > 0 {
		if b[0] == 0 {
			b = b[1:]
			continue
		}
		size := int(b[0]&0xf) + 1
		if len(b) < 1+size || b[0]>>4 == 15 {
			return
		}
		if b[0]>>4 == id && size == 2 {
			h.transportSeq, h.hasTransport = binary.BigEndian.Uint16(b[1:]), true
			return
		}
		b = b[1+size:]
	}
}

// payload returns what is behind the header of a decrypted packet, without padding.
func (h *header) payload(b []byte) []byte {
	p := b[h.size:]
	if !h.padded || len(p) == 0 {
		return p
	}
	padding := int(p[len(p)-1])
	if padding > len(p) {
		return nil
	}
	return p[:len(p)-padding]
}
