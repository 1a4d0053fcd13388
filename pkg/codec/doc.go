// Package codec reads what an RTP payload says about itself: whether it begins a keyframe, which layer it belongs to, where frames
// begin and end, and which running numbers it carries; and it writes those numbers anew.
//
// Parse fills an Info, once per packet that comes in. Renumber writes the few bytes in which the packets of a viewer differ from the
// publisher's, once per packet and viewer; the rest of the payload is shared. Which numbers to write is the forwarder's business, and
// so is what spans several packets: this package keeps no state, and has neither goroutines nor locks.
//
// Everything here is a pure function on bytes. Nothing allocates, nothing panics on any input, and a payload that is cut short is an
// error, never a keyframe. The formats are those of RFC 7741 (VP8), RFC 9628 (VP9), RFC 6184 (H.264), the AV1 RTP payload
// specification and RFC 7587 (Opus). Header extensions are read elsewhere.
package codec
