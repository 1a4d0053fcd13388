package portmux

import "encoding/binary"

// A protocol is what the first bytes of a connection say.
type protocol uint8

const (
	undecided protocol = iota
	unknown
	plainHTTP
	tlsHello
	iceTCP
)

// decisiveBytes is how many bytes decide at the latest.
const decisiveBytes = 10

const (
	tlsHandshake       = 0x16       // RFC 8446 section 5.1, content type
	tlsMajorVersion    = 0x03       // the same for every version of TLS
	stunBindingRequest = 0x0001     // RFC 8489 section 5
	stunHeaderBytes    = 20         // RFC 8489 section 5
	stunMagicCookie    = 0x2112A442 // RFC 8489 section 5
	maxSTUNFrame       = 2048
)

// classify says what begins with b; undecided asks for more bytes. The three kinds differ in their first byte: a letter, 0x16, or the
// high byte of a length below 2048.
func classify(b []byte) protocol {
	switch {
	case len(b) == 0:
		return undecided
	case b[0] >= 'A' && b[0] <= 'Z':
		return plainHTTP
	case b[0] == tlsHandshake:
		return classifyTLS(b)
	case b[0] < maxSTUNFrame>>8:
		return classifySTUN(b)
	default:
		return unknown
	}
}

func classifyTLS(b []byte) protocol {
	switch {
	case len(b) < 2:
		return undecided
	case b[1] == tlsMajorVersion:
		return tlsHello
	default:
		return unknown
	}
}

// classifySTUN wants the length of the frame (RFC 4571) and a STUN header of a message that fills it: an ICE-TCP client opens with a
// connectivity check (RFC 6544 section 7).
func classifySTUN(b []byte) protocol {
	if len(b) < decisiveBytes {
		return undecided
	}
	frame := int(binary.BigEndian.Uint16(b))
	kind := binary.BigEndian.Uint16(b[2:])
	attributes := int(binary.BigEndian.Uint16(b[4:]))
	cookie := binary.BigEndian.Uint32(b[6:])
	if kind != stunBindingRequest || cookie != stunMagicCookie || frame != stunHeaderBytes+attributes || attributes%4 != 0 {
		return unknown
	}
	return iceTCP
}
