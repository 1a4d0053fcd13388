package forwarder

import "sfu/pkg/codec"

// The rewriter gives the packets of changing encodings and sources the numbers of one continuous stream.
//
// Outgoing sequence numbers rise by one per packet that is sent. What is withheld leaves no hole: the numbers after it move up. A
// hole is left only for a packet that is missing from the publisher and may still come; its number is kept in holes. Picture
// numbers (VP8, VP9) are moved the same way, by whole frames. Within one epoch, which is one encoding of one source without a
// restart, out = in - offset; begin starts the next epoch at lastOut + 1, so numbers never go back and never jump.
type rewriter struct {
	started bool
	// lastOut and highestIn are the newest packet's numbers.
	lastOut, highestIn uint64
	offset             uint64

	pictures pictureNumbers
	// droppedFrame is the timestamp of the last frame that was withheld, so that its picture number is taken back once.
	droppedFrame    uint32
	hasDroppedFrame bool

	// holes is allocated with the first loss; most m-lines of a viewer are idle.
	holes []hole
}

// holeCount is how many missing packets of the publisher a viewer keeps numbers for.
const holeCount = 256

// maxGap is the longest run of missing packets that is kept open, in packets. Longer ones are closed up: they will not be repaired.
const maxGap = 128

// A hole is a number kept for a packet that is missing. in is 0 when it is not one.
type hole struct {
	in, out  uint64
	pictures pictureNumbers
}

// firstOut is the first outgoing number; below 2^15 so that the loss of the first packets cannot be taken for a roll-over
// (RFC 3711 section 3.3.1).
func (r *rewriter) start(firstOut uint64) {
	r.lastOut = firstOut - 1
	r.started = true
}

// begin starts an epoch whose first packet is in, and returns its outgoing number.
func (r *rewriter) begin(in uint64, n codec.Numbers) uint64 {
	r.offset = in - (r.lastOut + 1)
	r.highestIn = in
	r.lastOut++
	r.hasDroppedFrame = false
	clear(r.holes)
	r.pictures.begin(n)
	return r.lastOut
}

// pass returns the outgoing number of a packet that is to be sent, and the picture numbers to write into it. ok is false for a
// packet that has no number: it is older than the epoch or its number is used up.
func (r *rewriter) pass(in uint64, n codec.Numbers) (out uint64, numbers codec.Numbers, ok bool) {
	if in <= r.highestIn {
		h := r.takeHole(in)
		if h == nil {
			return 0, n, false
		}
		return h.out, h.pictures.apply(n), true
	}
	r.open(in)
	r.highestIn = in
	r.lastOut = in - r.offset
	return r.lastOut, r.pictures.pass(n), true
}

// withhold closes up over a packet of a frame that is not to be sent. If a number was kept for it, fill is true and void must be filled
// with padding.
func (r *rewriter) withhold(in uint64, timestamp uint32, n codec.Numbers) (void uint64, fill bool) {
	newest := in > r.highestIn
	// What is missing between two packets of a frame that is withheld belongs to that frame.
	sameFrame := r.hasDroppedFrame && r.droppedFrame == timestamp
	void, fill = r.closeUp(in, sameFrame)
	if newest && !sameFrame {
		r.pictures.withhold(n)
		r.droppedFrame, r.hasDroppedFrame = timestamp, true
	}
	return void, fill
}

// skip closes up over a packet that carries nothing. The results are those of withhold.
func (r *rewriter) skip(in uint64) (void uint64, fill bool) { return r.closeUp(in, false) }

func (r *rewriter) closeUp(in uint64, gapToo bool) (void uint64, fill bool) {
	if in <= r.highestIn {
		if h := r.takeHole(in); h != nil {
			return h.out, true
		}
		return 0, false
	}
	if gapToo {
		r.offset += in - r.highestIn - 1
	} else {
		r.open(in)
		r.lastOut = in - 1 - r.offset
	}
	r.offset++
	r.highestIn = in
	return 0, false
}

// open keeps numbers for what is missing before in.
func (r *rewriter) open(in uint64) {
	missing := in - r.highestIn - 1
	if missing > maxGap {
		r.offset += missing
		return
	}
	if missing > 0 && r.holes == nil {
		r.holes = make([]hole, holeCount)
	}
	for s := r.highestIn + 1; s < in; s++ {
		r.holes[s%holeCount] = hole{in: s, out: s - r.offset, pictures: r.pictures}
	}
}

func (r *rewriter) takeHole(in uint64) *hole {
	if r.holes == nil {
		return nil
	}
	h := &r.holes[in%holeCount]
	if h.in != in {
		return nil
	}
	h.in = 0
	return h
}

// pictureNumbers moves picture ids, TL0PICIDX and KEYIDX of one epoch (RFC 7741 section 4.2, RFC 9628 section 4.2).
type pictureNumbers struct {
	// last are the newest numbers sent.
	last codec.Numbers
	// picture, tl0 and key are added to incoming numbers.
	picture uint16
	tl0     uint8
	key     uint8
	// lastIn extends 7 bit picture ids.
	lastIn uint16
}

const pictureMask = 1<<15 - 1

func (p *pictureNumbers) begin(n codec.Numbers) {
	p.lastIn = n.PictureID
	p.picture = p.last.PictureID + 1 - p.lastIn
	p.tl0 = p.last.TL0 + 1 - n.TL0
	p.key = p.last.KeyIndex + 1 - n.KeyIndex
	p.pass(n)
}

// pass returns the numbers to send and takes note of them as the newest.
func (p *pictureNumbers) pass(n codec.Numbers) codec.Numbers {
	if n.HasPictureID {
		p.lastIn = extendPicture(p.lastIn, n)
	}
	out := p.apply(n)
	if n.HasPictureID {
		p.last.PictureID = out.PictureID
	}
	if n.HasTL0 {
		p.last.TL0 = out.TL0
	}
	if n.HasKeyIndex {
		p.last.KeyIndex = out.KeyIndex
	}
	return out
}

// withhold takes the picture number of a frame back that is not sent.
func (p *pictureNumbers) withhold(n codec.Numbers) {
	if n.HasPictureID {
		p.lastIn = extendPicture(p.lastIn, n)
		p.picture--
	}
}

// apply moves n.
func (p *pictureNumbers) apply(n codec.Numbers) codec.Numbers {
	n.PictureID = (extendPicture(p.lastIn, n) + p.picture) & pictureMask
	n.TL0 += p.tl0
	n.KeyIndex = (n.KeyIndex + p.key) & 0x1F
	return n
}

// extendPicture returns the picture id of n with at least 15 bits: a 7 bit one is the value nearest to last.
func extendPicture(last uint16, n codec.Numbers) uint16 {
	if n.LongID || !n.HasPictureID {
		return n.PictureID
	}
	delta := int8(uint8(n.PictureID)<<1-uint8(last)<<1) >> 1
	return last + uint16(int16(delta))
}
