package forwarder

import (
	"encoding/binary"
	"errors"
)

var errMalformed = errors.New("malformed RTP packet")

// header is what the router reads of an RTP header (RFC 3550 section 5.1). Its slices point into the datagram.
type header struct {
	marker      bool
	payloadType uint8
	sequence    uint16
	timestamp   uint32
	ssrc        uint32
	// size is the length of the header with CSRCs and extension; padding that of the padding at the end.
	size, padding int
	// extension is the body of the header extension, oneByte its form (RFC 8285 section 4.2).
	extension []byte
	oneByte   bool
}

const (
	profileOneByte = 0xBEDE
	profileTwoByte = 0x1000 // with any value in the last four bits
)

// parse reads the header of packet b. It refuses what cannot be: another version, lengths beyond the end, padding of nothing.
func (h *header) parse(b []byte) error {
	if len(b) < 12 || b[0]>>6 != 2 {
		return errMalformed
	}
	h.marker = b[1]&0x80 != 0
	h.payloadType = b[1] & 0x7F
	h.sequence = binary.BigEndian.Uint16(b[2:])
	h.timestamp = binary.BigEndian.Uint32(b[4:])
	h.ssrc = binary.BigEndian.Uint32(b[8:])
	h.size = 12 + 4*int(b[0]&0x0F)
	h.extension = nil
	if b[0]&0x10 != 0 {
		if len(b) < h.size+4 {
			return errMalformed
		}
		profile := binary.BigEndian.Uint16(b[h.size:])
		end := h.size + 4 + 4*int(binary.BigEndian.Uint16(b[h.size+2:]))
		if len(b) < end {
			return errMalformed
		}
		h.oneByte = profile == profileOneByte
		if h.oneByte || profile&0xFFF0 == profileTwoByte {
			h.extension = b[h.size+4 : end]
		}
		h.size = end
	}
	if len(b) < h.size {
		return errMalformed
	}
	h.padding = 0
	if b[0]&0x20 != 0 {
		h.padding = int(b[len(b)-1])
		if h.padding == 0 || h.padding > len(b)-h.size {
			return errMalformed
		}
	}
	return nil
}

// element returns the header extension element with this id, nil where there is none or id is 0.
func (h *header) element(id uint8) []byte {
	e := h.extension
	if id == 0 {
		return nil
	}
	for len(e) > 0 {
		if e[0] == 0 { // padding between elements
			e = e[1:]
			continue
		}
		var got uint8
		var n, head int
		if h.oneByte {
			got, n, head = e[0]>>4, int(e[0]&0x0F)+1, 1
			if got == 15 { // RFC 8285 section 4.2: stop here
				return nil
			}
		} else {
			if len(e) < 2 {
				return nil
			}
			got, n, head = e[0], int(e[1]), 2
		}
		if len(e) < head+n {
			return nil
		}
		if got == id {
			return e[head : head+n]
		}
		e = e[head+n:]
	}
	return nil
}

// outHeader is a packet's header towards one viewer.
type outHeader struct {
	marker, padding bool
	payloadType     uint8
	sequence        uint16
	timestamp       uint32
	ssrc            uint32
	roc             uint32
	// transportCC is the id of the transport-wide sequence number extension, 0 for none.
	transportCC  uint8
	transportSeq uint16
}

// firstNumber is the outgoing number whose sequence number is 0 and whose roll-over counter is 0: numbers begin above it, so that they can be
// counted down from.
const firstNumber = 1 << 16

// number gives the packet its extended number.
func (h *outHeader) number(out uint64) {
	h.sequence, h.roc = uint16(out), uint32((out-firstNumber)>>16)
}

// marshal writes h into o.
func (h *outHeader) marshal(o *Outgoing) {
	b := &o.header
	b[0] = 2 << 6
	if h.padding {
		b[0] |= 0x20
	}
	b[1] = h.payloadType
	if h.marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], h.sequence)
	binary.BigEndian.PutUint32(b[4:], h.timestamp)
	binary.BigEndian.PutUint32(b[8:], h.ssrc)
	o.headerLen, o.ROC = 12, h.roc
	if h.transportCC != 0 {
		b[0] |= 0x10
		b[12], b[13], b[14], b[15] = profileOneByte>>8, profileOneByte&0xFF, 0, 1
		b[16] = h.transportCC<<4 | 1
		binary.BigEndian.PutUint16(b[17:], h.transportSeq)
		b[19] = 0
		o.headerLen = headerSize
	}
}
