package codec

// NAL unit types (RFC 6184 section 5.2, ITU-T H.264 table 7-1).
const (
	nalSlice = 1
	nalIDR   = 5
	nalSPS   = 7
	nalSTAPA = 24
	nalFUA   = 28
)

// nalUnits is what the NAL units of one packet are in sum.
type nalUnits struct {
	slices, referenced bool
}

// parseH264 reads single NAL units, STAP-A and FU-A; the other packet types are not used without interleaving, which nobody
// negotiates (RFC 6184 section 5.4).
func parseH264(payload []byte, info *Info) error {
	var (
		units nalUnits
		err   error
	)
	switch payload[0] & 0x1f {
	case nalSTAPA:
		err = units.addAggregate(payload, info)
	case nalFUA:
		err = units.addFragment(payload, info)
	default:
		err = units.add(payload, info)
	}
	info.Discardable = units.slices && !units.referenced
	return err
}

// addType takes note of a NAL unit's header. The type is given apart, because in a FU-A it stands in a byte of its own.
func (u *nalUnits) addType(header, unitType uint8) error {
	const forbidden, refIDC = 0x80, 0x60
	if header&forbidden != 0 || unitType < nalSlice || unitType >= nalSTAPA {
		return errNALUnit
	}
	u.slices = u.slices || unitType <= nalIDR
	u.referenced = u.referenced || header&refIDC != 0
	return nil
}

// add takes note of a whole NAL unit of at least one byte.
func (u *nalUnits) add(unit []byte, info *Info) error {
	unitType := unit[0] & 0x1f
	if err := u.addType(unit[0], unitType); err != nil {
		return err
	}
	if len(unit) == 1 && (unitType <= nalIDR || unitType == nalSPS) {
		return errTruncated
	}
	switch unitType {
	case nalIDR:
		info.Keyframe = true
	case nalSPS:
		return readSPS(unit[1:], info)
	}
	return nil
}

// addAggregate reads a STAP-A (RFC 6184 section 5.7.1).
func (u *nalUnits) addAggregate(payload []byte, info *Info) error {
	if payload[0]&0x80 != 0 {
		return errNALUnit
	}
	r := byteReader{data: payload, pos: 1}
	for {
		size := int(r.u16())
		unit := r.rest()
		r.skip(size)
		if r.short || size == 0 {
			return errTruncated
		}
		if err := u.add(unit[:size], info); err != nil {
			return err
		}
		if len(r.rest()) == 0 {
			return nil
		}
	}
}

// addFragment reads a FU-A (RFC 6184 section 5.8). A keyframe is told where its slice begins, on the first fragment.
func (u *nalUnits) addFragment(payload []byte, info *Info) error {
	const start, headerSize = 0x80, 2
	if len(payload) < headerSize {
		return errTruncated
	}
	unitType := payload[1] & 0x1f
	if err := u.addType(payload[0], unitType); err != nil {
		return err
	}
	// A fragment may be empty, but one that says nothing is not a place to begin.
	info.Keyframe = unitType == nalIDR && payload[1]&start != 0 && len(payload) > headerSize
	return nil
}
