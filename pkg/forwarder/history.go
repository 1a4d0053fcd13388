package forwarder

import (
	"time"

	"sfu/pkg/codec"
)

// historySpan is how far back packets are kept: as long as viewers may ask for them, and they may have been sent as late as freshKeyframe
// after they came. historyMin and historyMax bound the ring, in packets.
const (
	historySpan = answerSpan + freshKeyframe + 100*time.Millisecond
	historyMin  = 64
	historyMax  = 4096
)

// A packet is one received RTP packet, parsed once and shared read-only by all viewers until the history lets go of it.
type packet struct {
	seq       uint64
	timestamp uint32
	arrival   Instant
	format    *Format
	info      codec.Info
	payload   []byte
	buf       *Buffer
	marker    bool
	// frameStart is set on the first packet of a frame.
	frameStart bool
	// recovered is set on a packet that came as a retransmission.
	recovered bool
}

// empty reports whether p carries padding alone.
func (p *packet) empty() bool { return len(p.payload) == 0 }

// history keeps the packets of one encoding for retransmission: a ring by sequence number that grows until it reaches historySpan back.
type history struct {
	ring    []packet
	highest uint64
}

// get returns the packet with this number, nil when it is not or no longer here.
func (h *history) get(seq uint64) *packet {
	if len(h.ring) == 0 {
		return nil
	}
	if p := &h.ring[seq&uint64(len(h.ring)-1)]; p.buf != nil && p.seq == seq {
		return p
	}
	return nil
}

// put stores p, which takes the place of one that is a ring's length older, and returns where. It returns nil for a packet that is
// older than the ring reaches. batch is what may still send the one that went.
func (h *history) put(p packet, batch *Batch) *packet {
	if h.ring == nil {
		h.ring = make([]packet, historyMin)
	}
	if p.seq+uint64(len(h.ring)) <= h.highest {
		return nil
	}
	slot := &h.ring[p.seq&uint64(len(h.ring)-1)]
	if slot.buf != nil {
		if len(h.ring) < historyMax && p.arrival.Sub(slot.arrival) < historySpan {
			h.grow()
			slot = &h.ring[p.seq&uint64(len(h.ring)-1)]
		}
		if slot.buf != nil {
			batch.retire(slot.buf)
		}
	}
	h.highest = max(h.highest, p.seq)
	*slot = p
	return slot
}

func (h *history) grow() {
	old := h.ring
	h.ring = make([]packet, 2*len(old))
	for _, p := range old {
		if p.buf != nil {
			h.ring[p.seq&uint64(len(h.ring)-1)] = p
		}
	}
}

// clear lets go of everything that batch does not send.
func (h *history) clear(batch *Batch) {
	for i := range h.ring {
		if h.ring[i].buf != nil {
			batch.retire(h.ring[i].buf)
		}
	}
	h.ring, h.highest = nil, 0
}
