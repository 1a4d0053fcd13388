package codec

import "math"

// The bits of the AV1 aggregation header (AV1 RTP specification section 4.4).
const (
	av1Continued   = 0x80 // Z: the first element continues an OBU of the packet before
	av1Open        = 0x40 // Y: the last element goes on in the next packet
	av1NewSequence = 0x08 // N: first packet of a coded video sequence
)

// OBU types (AV1 specification section 6.2.2).
const (
	obuSequenceHeader       = 1
	obuTemporalDelimiter    = 2
	obuTileGroup            = 4
	obuRedundantFrameHeader = 7
	obuTileList             = 8
	obuPadding              = 15
)

// parseAV1 reads the aggregation header and the headers of the OBUs that begin in the packet.
//
// The payload does not say outright where a temporal unit starts; the RTP timestamp does. Start is set unless the packet begins with
// the rest of an OBU or with one that never comes first (tile group, redundant frame header, tile list, padding). A sender that
// spreads the headers of one frame over several packets makes each of them look like a start; browsers do not.
//
// Keyframe takes the N bit and a sequence header in front, both on one packet. Layers are known where an OBU with an extension header
// begins; a packet from the middle of an OBU has none. Which frame refers to which stands in the dependency descriptor alone, a
// header extension that is not part of the payload.
func parseAV1(payload []byte, info *Info) error {
	if len(payload) == 1 {
		return errTruncated
	}
	first := payload[0]
	continued := first&av1Continued != 0
	p := av1Packet{newSequence: first&av1NewSequence != 0, leading: !continued}
	if p.newSequence && continued {
		return errFragment
	}
	elements := obuElements{r: byteReader{data: payload, pos: 1}, count: int(first >> 4 & 3)}
	for elements.more() {
		element, err := elements.next()
		if err != nil {
			return err
		}
		if elements.n == 1 && continued {
			continue
		}
		open := first&av1Open != 0 && !elements.more()
		if err := p.addOBU(element, open, info); err != nil {
			return err
		}
	}
	return nil
}

// obuElements walks over the OBU elements of a packet: count of them, the last without a length, or with count 0 as many as there
// are, each with a length (AV1 RTP specification section 4.4, field W).
type obuElements struct {
	r        byteReader
	count, n int
}

func (e *obuElements) more() bool { return len(e.r.rest()) > 0 }

func (e *obuElements) next() ([]byte, error) {
	e.n++
	size := len(e.r.rest())
	if e.n != e.count {
		var err error
		if size, err = readLEB128(&e.r); err != nil {
			return nil, err
		}
	}
	element := e.r.rest()
	e.r.skip(size)
	if e.r.short || !e.more() && e.n < e.count {
		return nil, errTruncated
	}
	return element[:size], nil
}

// An av1Packet is what is known of a packet while its OBUs are read.
type av1Packet struct {
	newSequence bool
	// leading is true until an OBU other than a temporal delimiter was seen; receivers ignore those.
	leading bool
}

// addOBU reads the OBU that begins with element; open tells that it goes on in the next packet, so that even its header may be cut.
func (p *av1Packet) addOBU(element []byte, open bool, info *Info) error {
	const forbidden, extended, sized = 0x80, 0x04, 0x02
	if len(element) == 0 {
		return nil
	}
	r := byteReader{data: element}
	header := r.u8()
	if header&forbidden != 0 {
		return errOBU
	}
	if header&extended != 0 {
		if layer := r.u8(); !r.short && info.Temporal < 0 {
			info.Temporal = int8(layer >> 5)
			info.Spatial = int8(layer >> 3 & 3)
		}
	}
	size := len(r.rest())
	if header&sized != 0 {
		var err error
		if size, err = readLEB128(&r); err != nil && !open {
			return err
		}
	}
	body := r.rest()
	r.skip(size)
	if r.short && !open {
		return errTruncated
	}
	return p.addType(header>>3&0xf, body[:min(size, len(body))], open, info)
}

func (p *av1Packet) addType(obuType uint8, body []byte, open bool, info *Info) error {
	if !p.leading {
		return nil
	}
	p.leading = obuType == obuTemporalDelimiter
	switch obuType {
	case obuTileGroup, obuRedundantFrameHeader, obuTileList, obuPadding:
		return nil
	}
	info.Start = true
	if obuType != obuSequenceHeader {
		return nil
	}
	complete := readSequenceHeader(body, info)
	if !complete && !open {
		return errTruncated
	}
	info.Keyframe = complete && p.newSequence
	return nil
}

// readLEB128 reads a size of at most eight bytes and 32 bits (AV1 specification section 4.10.5).
func readLEB128(r *byteReader) (int, error) {
	v := uint64(0)
	for i := range 8 {
		b := r.u8()
		if r.short {
			return 0, errTruncated
		}
		v |= uint64(b&0x7f) << (7 * i)
		if b&0x80 != 0 {
			continue
		}
		if v > math.MaxUint32 {
			return 0, errLEB128
		}
		// No payload is that long, but an int may have 32 bits.
		return int(min(v, math.MaxInt32)), nil
	}
	return 0, errLEB128
}
