package forwarder

import (
	"math"
	"math/bits"
	"time"

	"github.com/pion/rtcp"
)

const (
	// receptionWindow is how many sequence numbers are remembered, to tell duplicates from late packets.
	receptionWindow = 4096
	// receptionGrace is how long after it was overtaken a packet may still arrive before it counts as lost for good.
	receptionGrace = time.Second
	// maxCumulativeLost is the largest number that fits the report's signed 24 bits.
	maxCumulativeLost = 1<<23 - 1
)

// A reception keeps the statistics of one SSRC (RFC 3550 appendices A.3 and A.8). Two kinds of loss are counted: what a report tells
// the sender is the loss before repair, so that its estimate of the path stays honest; lostTotal is what is left after repair.
// Duplicates count for neither.
type reception struct {
	ssrc uint32
	// first is the number at which the sender began, base the lowest one that counts; highest is 0 before the first packet.
	first, base, highest uint64
	// settled is the lowest number whose loss is not decided yet.
	settled uint64
	seen    [receptionWindow / 64]uint64
	// received counts packets that came by themselves since base, recovered ones do not count.
	received, receivedBefore uint64
	expectedBefore           uint64
	lost                     uint64
	// packets and bytes count what was neither a duplicate nor too late, repaired the retransmissions among it; they never fall.
	packets, bytes, repaired uint64

	// overtaken was the highest number at overtakenAt.
	overtaken   uint64
	overtakenAt Instant

	jitter   jitterMeter
	reportAt Instant // arrival of the sender report, of which lastSR is the middle of its time
	lastSR   uint32
	reported bool
}

func newReception(ssrc uint32) reception { return reception{ssrc: ssrc} }

// insert takes a packet: its extended sequence number, RTP timestamp with the clock rate in Hz, size in bytes, and whether it came
// as a retransmission. A number receptionWindow or more above the highest begins the statistics anew (see extender.restarted).
func (r *reception) insert(seq uint64, ts uint32, clockRate uint32, size int, recovered bool, at Instant) {
	switch {
	case r.highest == 0 || seq >= r.highest+receptionWindow:
		r.begin(seq, at)
	case seq > r.highest:
		r.advance(seq)
	case seq < r.base:
		// Overtaken by the very first packet. A retransmission from before we listened says nothing about loss.
		if recovered || r.settled != r.base || r.highest-seq >= receptionWindow {
			return
		}
		r.base, r.settled = seq, seq
	case seq < r.settled || r.has(seq):
		return
	}
	r.seen[seq/64%uint64(len(r.seen))] |= 1 << (seq % 64)
	r.packets++
	r.bytes += uint64(size)
	if recovered {
		r.repaired++
		return
	}
	r.received++
	if seq == r.highest {
		r.jitter.packet(ts, clockRate, at)
	}
}

func (r *reception) begin(seq uint64, at Instant) {
	if r.highest != 0 {
		r.settle(r.highest + 1)
	}
	clear(r.seen[:])
	r.first, r.base, r.highest, r.settled = seq, seq, seq, seq
	r.received, r.receivedBefore, r.expectedBefore = 0, 0, 0
	r.overtaken, r.overtakenAt = seq, at
	r.jitter = jitterMeter{}
}

func (r *reception) advance(seq uint64) {
	if seq >= receptionWindow {
		r.settle(seq - receptionWindow + 1)
	}
	for s := r.highest + 1; s <= seq; s++ {
		r.seen[s/64%uint64(len(r.seen))] &^= 1 << (s % 64)
	}
	r.highest = seq
}

func (r *reception) has(seq uint64) bool { return r.seen[seq/64%uint64(len(r.seen))]>>(seq%64)&1 != 0 }

// settle decides that what is missing below end is lost.
func (r *reception) settle(end uint64) {
	for r.settled < end {
		word := r.seen[r.settled/64%uint64(len(r.seen))] >> (r.settled % 64)
		n := min(64-r.settled%64, end-r.settled)
		r.lost += n - uint64(bits.OnesCount64(word&(1<<n-1)))
		r.settled += n
	}
}

// senderReport takes the NTP time of a sender report that arrived at the given time.
func (r *reception) senderReport(ntp uint64, at Instant) {
	r.lastSR, r.reportAt, r.reported = uint32(ntp>>16), at, true
}

// report returns the report block about the time since the last call. It has to be called about once a second; lostTotal moves
// on by it.
func (r *reception) report(now Instant) rtcp.ReceptionReport {
	block := rtcp.ReceptionReport{SSRC: r.ssrc}
	if r.highest == 0 {
		return block
	}
	if now.Sub(r.overtakenAt) >= receptionGrace {
		r.settle(r.overtaken + 1)
		r.overtaken, r.overtakenAt = r.highest, now
	}
	expected := r.highest - r.base + 1
	block.FractionLost = fractionLost(expected-r.expectedBefore, r.received-r.receivedBefore)
	r.expectedBefore, r.receivedBefore = expected, r.received
	block.TotalLost = uint32(min(expected-r.received, maxCumulativeLost))
	// The count of cycles begins with 0 on the wire.
	block.LastSequenceNumber = uint32(r.highest - r.first&^0xffff)
	block.Jitter = r.jitter.value()
	if r.reported {
		block.LastSenderReport = r.lastSR
		block.Delay = sinceSenderReport(now.Sub(r.reportAt))
	}
	return block
}

// fractionLost returns the lost part in 1/256. More than was expected may arrive, by packets that were overtaken by the last report.
func fractionLost(expected, received uint64) uint8 {
	if received >= expected {
		return 0
	}
	return uint8(min((expected-received)*256/expected, math.MaxUint8))
}

// sinceSenderReport returns d in 1/65536 s.
func sinceSenderReport(d time.Duration) uint32 {
	return uint32(min(max(d.Seconds(), 0)*65536, math.MaxUint32))
}

// lostTotal returns how many packets never arrived, not even as retransmissions. It never falls: a packet counts one to two seconds
// after it was overtaken, and what comes after that is not taken back.
func (r *reception) lostTotal() uint64 { return r.lost }

// A jitterMeter is the interarrival jitter of RFC 3550 appendix A.8. Of each timestamp only the first packet counts: the others
// are spread by the sender's pacer, not by the network.
type jitterMeter struct {
	scaled  uint32 // 16 times the jitter, in timestamp units
	ts      uint32
	at      Instant
	started bool
}

func (j *jitterMeter) packet(ts uint32, clockRate uint32, at Instant) {
	if j.started && ts == j.ts {
		return
	}
	elapsed, advanced := at.Sub(j.at), int64(int32(ts-j.ts))
	begun := j.started
	j.ts, j.at, j.started = ts, at, true
	if !begun {
		return
	}
	d := clockTicks(elapsed, clockRate) - advanced
	if d < 0 {
		d = -d
	}
	// A pause or a new clock is not jitter.
	if d >= 5*int64(clockRate) {
		return
	}
	j.scaled += uint32(d) - (j.scaled+8)>>4
}

func (j *jitterMeter) value() uint32 { return j.scaled >> 4 }
