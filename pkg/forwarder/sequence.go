package forwarder

// maxSequenceJump is how far a sequence number may lie from the highest one before it is doubted. RFC 3550 appendix A.1 allows
// less backwards; we need as much there, because repairs come late.
const maxSequenceJump = 3000

// An extender turns the 16-bit sequence numbers of one SSRC into 64-bit ones that do not wrap (RFC 3550 appendix A.1). The first
// number n becomes 1<<16 | n, so that packets from before it are still positive; an extended number is never 0.
type extender struct {
	head     uint64
	expected uint16 // would confirm that the sender began anew
	doubted  bool
	jumped   bool
}

// extend returns the extended number of seq. A number that lies farther than maxSequenceJump from the highest one is refused
// (ok is false), unless the very packet before was refused too and seq follows it: then the sender has begun anew, see restarted.
// Retransmissions must not be given to extend, or two old ones in a row would look like a restart; near is for them.
func (e *extender) extend(seq uint16) (ext uint64, ok bool) {
	e.jumped = false
	if e.head == 0 {
		e.head = 1<<16 | uint64(seq)
		return e.head, true
	}
	if ext, ok = e.near(seq); ok {
		e.doubted = false
		e.head = max(e.head, ext)
		return ext, true
	}
	if !e.doubted || seq != e.expected {
		e.doubted, e.expected = true, seq+1
		return 0, false
	}
	// A whole cycle more keeps the new numbers out of reach of all the old ones.
	e.head += 1<<16 + uint64(seq-uint16(e.head))
	e.doubted, e.jumped = false, true
	return e.head, true
}

// near returns the extended number of seq without moving on. ok is false when seq is too far from the highest number, and
// before the first.
func (e *extender) near(seq uint16) (ext uint64, ok bool) {
	distance := int64(int16(seq - uint16(e.head)))
	if e.head == 0 || distance > maxSequenceJump || distance < -maxSequenceJump {
		return 0, false
	}
	return e.head + uint64(distance), true
}

// restarted reports whether the last call of extend found that the sender began anew. Its number is then at least 1<<16 above all
// earlier ones, and what is kept by sequence number has to be thrown away.
func (e *extender) restarted() bool { return e.jumped }
