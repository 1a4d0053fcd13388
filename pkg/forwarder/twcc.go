package forwarder

import (
	"math"
	"time"

	"github.com/pion/rtcp"
)

const (
	// twccWindow is the largest span of sequence numbers that one feedback can cover; a gap above it begins anew.
	twccWindow    = 8192
	twccMinWindow = 256
	// twccTick is the unit of arrival times, twccReferenceTicks that of the reference time, 64 ms.
	twccTick           = 250 * time.Microsecond
	twccReferenceTicks = 256
	// twccBudget bounds the chunks and deltas of one packet, in bytes, so that it fits a datagram with others.
	twccBudget = 1000
	// twccReorder is how long after the feedback about its place a packet that was overtaken is still reported.
	twccReorder     = 500 * time.Millisecond
	twccMinInterval = 50 * time.Millisecond
	twccMaxInterval = 250 * time.Millisecond
	// twccPacketBits is what a feedback costs with its lower layers, twccShare what all of them may take of the media's rate.
	twccPacketBits = 68 * 8
	twccShare      = 0.05
)

// A feedbackRecorder notes when the packets of one connection arrive and tells the sender
// (draft-holmer-rmcat-transport-wide-cc-extensions-01). A packet that comes after the feedback about its place is reported by going
// back to it; the sender learns some arrivals twice then, which it ignores.
type feedbackRecorder struct {
	// arrivals are in ticks plus 1, 0 for none, by sequence number modulo the length, which is a power of two.
	arrivals []int64
	// floor is the lowest number that can still be reported, base where the next feedback begins. highest is 0 at the start.
	floor, base, highest uint64
	fresh                bool // something arrived since the last feedback
	count                uint8
	builtAt              Instant
	built                bool
	// reported is what base was at reportedAt; floor follows it after twccReorder.
	reported   uint64
	reportedAt Instant
	out        feedbackBuffers
}

// record notes that the packet with the transport-wide number seq arrived. Of duplicates the first counts. After a gap of more than
// twccWindow the recorder begins anew, and what was not reported is forgotten.
func (r *feedbackRecorder) record(seq uint16, at Instant) {
	distance := int64(int16(seq - uint16(r.highest)))
	if r.highest == 0 || distance > twccWindow || distance < -twccWindow {
		r.begin(seq, at)
		distance = 0
	}
	ext := r.highest + uint64(distance)
	if ext < r.floor {
		return
	}
	r.advance(ext)
	slot := r.slot(ext)
	if *slot != 0 {
		return
	}
	*slot = int64(at)/int64(twccTick) + 1
	r.base = min(r.base, ext)
	r.fresh = true
}

func (r *feedbackRecorder) index(ext uint64) int { return int(ext & uint64(len(r.arrivals)-1)) }

func (r *feedbackRecorder) slot(ext uint64) *int64 { return &r.arrivals[r.index(ext)] }

func (r *feedbackRecorder) begin(seq uint16, at Instant) {
	if r.arrivals == nil {
		r.arrivals = make([]int64, twccMinWindow)
	}
	clear(r.arrivals)
	r.highest = 1<<16 | uint64(seq)
	r.base = r.highest
	// The very first packet may have overtaken others.
	r.floor = r.highest - twccMinWindow + 1
	r.reported, r.reportedAt = r.floor, at
}

func (r *feedbackRecorder) advance(ext uint64) {
	if ext <= r.highest {
		return
	}
	r.floor = max(r.floor, ext-twccWindow+1)
	r.base = max(r.base, r.floor)
	r.grow(ext - r.floor + 1)
	first, last := r.index(r.highest+1), r.index(ext)
	if first <= last {
		clear(r.arrivals[first : last+1])
	} else {
		clear(r.arrivals[first:])
		clear(r.arrivals[:last+1])
	}
	r.highest = ext
}

func (r *feedbackRecorder) grow(span uint64) {
	size := len(r.arrivals)
	for uint64(size) < span {
		size *= 2
	}
	if size == len(r.arrivals) {
		return
	}
	old := *r
	r.arrivals = make([]int64, size)
	for s := r.floor; s <= r.highest; s++ {
		*r.slot(s) = *old.slot(s)
	}
}

// due reports whether feedback should be sent: something new has arrived, and the last feedback is so long ago that all of them
// take 5 % of rate, the bits/s that arrive, within 50 to 250 ms.
func (r *feedbackRecorder) due(now Instant, rate int) bool {
	if !r.fresh {
		return false
	}
	interval := twccMaxInterval
	if rate > 0 {
		seconds := twccPacketBits / (twccShare * float64(rate))
		interval = min(max(time.Duration(seconds*float64(time.Second)), twccMinInterval), twccMaxInterval)
	}
	return !r.built || now.Sub(r.builtAt) >= interval
}

// build returns feedback about everything that arrived since the last call, none when nothing did. All packets are
// *rtcp.TransportLayerCC and valid until the next call.
func (r *feedbackRecorder) build(now Instant, senderSSRC, mediaSSRC uint32) []rtcp.Packet {
	r.out.reset()
	r.builtAt, r.built = now, true
	if !r.fresh {
		return nil
	}
	r.fresh = false
	for next := r.base; next <= r.highest; {
		f := r.out.add()
		f.SenderSSRC, f.MediaSSRC = senderSSRC, mediaSSRC
		f.BaseSequenceNumber = uint16(next)
		f.FbPktCount = r.count
		r.count++
		next = r.describe(f, next)
	}
	r.base = r.highest + 1
	if now.Sub(r.reportedAt) >= twccReorder {
		r.floor = max(r.floor, r.reported)
		r.reported, r.reportedAt = r.base, now
	}
	return r.out.packets
}

// describe fills f with the packets from number from on and returns the first one that does not fit.
func (r *feedbackRecorder) describe(f *rtcp.TransportLayerCC, from uint64) (next uint64) {
	var last int64
	size, started, gap := 0, false, false
	for next = from; next <= r.highest; next++ {
		arrival := *r.slot(next) - 1
		if arrival < 0 {
			gap = true
			r.out.symbols = append(r.out.symbols, rtcp.TypeTCCPacketNotReceived)
			continue
		}
		if !started {
			reference := arrival / twccReferenceTicks
			f.ReferenceTime = uint32(reference) & 0xff_ffff
			last, started = reference*twccReferenceTicks, true
		}
		// What it costs at most: a delta, a chunk of its own, a chunk for the gap before.
		size += 4
		if gap {
			size += 2
		}
		delta := arrival - last
		if size > twccBudget || delta != int64(int16(delta)) {
			break
		}
		last, gap = arrival, false
		symbol := uint16(rtcp.TypeTCCPacketReceivedLargeDelta)
		if delta >= 0 && delta <= math.MaxUint8 {
			symbol = rtcp.TypeTCCPacketReceivedSmallDelta
		}
		r.out.arrival(symbol, delta)
	}
	f.PacketStatusCount = uint16(next - from)
	r.out.finish(f)
	return next
}

// feedbackBuffers hold what build returns, to be used again. All slices only grow; the packets point into them.
type feedbackBuffers struct {
	packets  []rtcp.Packet
	feedback []*rtcp.TransportLayerCC
	deltas   []rtcp.RecvDelta
	runs     []rtcp.RunLengthChunk
	vectors  []rtcp.StatusVectorChunk
	// symbols, chunks and pointers are cut into one piece for each packet; the last one begins at the marks.
	symbols                             []uint16
	chunks                              []rtcp.PacketStatusChunk
	pointers                            []*rtcp.RecvDelta
	symbolMark, chunkMark, pointersMark int
}

func (b *feedbackBuffers) reset() {
	b.packets, b.deltas, b.runs, b.vectors = b.packets[:0], b.deltas[:0], b.runs[:0], b.vectors[:0]
	b.symbols, b.chunks, b.pointers = b.symbols[:0], b.chunks[:0], b.pointers[:0]
	b.symbolMark, b.chunkMark, b.pointersMark = 0, 0, 0
}

func (b *feedbackBuffers) add() *rtcp.TransportLayerCC {
	if len(b.packets) == len(b.feedback) {
		b.feedback = append(b.feedback, new(rtcp.TransportLayerCC))
	}
	f := b.feedback[len(b.packets)]
	*f = rtcp.TransportLayerCC{}
	b.packets = append(b.packets, f)
	return f
}

func (b *feedbackBuffers) arrival(symbol uint16, ticks int64) {
	b.symbols = append(b.symbols, symbol)
	b.deltas = append(b.deltas, rtcp.RecvDelta{Type: symbol, Delta: ticks * rtcp.TypeTCCDeltaScaleFactor})
	b.pointers = append(b.pointers, &b.deltas[len(b.deltas)-1])
}

// finish turns the symbols since the last packet into chunks and completes f.
func (b *feedbackBuffers) finish(f *rtcp.TransportLayerCC) {
	for rest := b.symbols[b.symbolMark:]; len(rest) > 0; {
		rest = rest[b.chunk(rest):]
	}
	f.PacketChunks = b.chunks[b.chunkMark:]
	f.RecvDeltas = b.pointers[b.pointersMark:]
	b.symbolMark, b.chunkMark, b.pointersMark = len(b.symbols), len(b.chunks), len(b.pointers)
	// MarshalSize rounds up to words; the length in the header counts them without the first.
	size := f.MarshalSize()
	f.Header = rtcp.Header{
		Padding: size != 20+2*len(f.PacketChunks)+deltaBytes(f.RecvDeltas),
		Count:   rtcp.FormatTCC,
		Type:    rtcp.TypeTransportSpecificFeedback,
		Length:  uint16(size/4 - 1),
	}
}

func deltaBytes(deltas []*rtcp.RecvDelta) (n int) {
	for _, d := range deltas {
		n += int(d.Type) // 1 is a small delta, 2 a large one
	}
	return n
}

// chunk adds the chunk that covers most of the coming symbols and returns how many it covers.
func (b *feedbackBuffers) chunk(symbols []uint16) int {
	run, large := 1, false
	for run < len(symbols) && symbols[run] == symbols[0] {
		run++
	}
	for _, s := range symbols[:min(14, len(symbols))] {
		large = large || s == rtcp.TypeTCCPacketReceivedLargeDelta
	}
	vector, size := 14, uint16(rtcp.TypeTCCSymbolSizeOneBit)
	if large {
		vector, size = 7, rtcp.TypeTCCSymbolSizeTwoBit
	}
	vector = min(vector, len(symbols))
	if run >= vector {
		run = min(run, 1<<13-1)
		b.runs = append(b.runs, rtcp.RunLengthChunk{
			Type: rtcp.TypeTCCRunLengthChunk, PacketStatusSymbol: symbols[0], RunLength: uint16(run),
		})
		b.chunks = append(b.chunks, &b.runs[len(b.runs)-1])
		return run
	}
	b.vectors = append(b.vectors, rtcp.StatusVectorChunk{
		Type: rtcp.TypeTCCStatusVectorChunk, SymbolSize: size, SymbolList: symbols[:vector],
	})
	b.chunks = append(b.chunks, &b.vectors[len(b.vectors)-1])
	return vector
}
