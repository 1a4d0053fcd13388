package reception

import (
	"errors"
	"time"

	"sfu/pkg/codec"
	"sfu/pkg/synthetic"
)

// A Format is one payload type of a Line.
type Format struct {
	PayloadType uint8
	Codec       codec.Type
	// RTX is the payload type of retransmissions, 0 without.
	RTX uint8
	// NACK and PLI tell what was negotiated.
	NACK, PLI bool
}

// A Line is one m-line that a client receives on.
type Line struct {
	MID   string
	Video bool
	// SSRC and RTX are what the sender announced; RTX is 0 without retransmissions.
	SSRC, RTX uint32
	Formats   []Format
	// TransportCC is the id of the extension with the transport-wide sequence number, 0 without.
	TransportCC uint8
}

// Stats are what arrived on a Line.
type Stats struct {
	MID   string
	Video bool
	SSRC  uint32

	// Packets and Bytes count each packet once, also when it came by retransmission; bytes are those of whole RTP packets.
	Packets, Bytes uint64
	// Lost are missing in the sequence numbers now, after repair. Recovered came by retransmission.
	Lost, Recovered   uint64
	Duplicates, Late  uint64
	Retransmissions   uint64 // packets in the RTX stream
	Padding           uint64 // packets without payload
	GivenUp           uint64 // packets that were asked for in vain
	NACKs, PLIs       uint64 // sequence numbers asked for, keyframes asked for
	SenderReports     uint64
	Frames, Keyframes uint64
	Codec             codec.Type
	Width, Height     int

	// Checked stamps were right. Damaged payloads did not match theirs, Foreign ones came under the wrong payload type, Unstamped
	// had none.
	Checked, Damaged, Foreign, Unstamped uint64
	// Publisher, Encoding and Temporal are those of the last stamp.
	Publisher          uint64
	Encoding, Temporal uint8
	// Switches counts changes of publisher or encoding.
	Switches uint64
	// Abrupt counts those of them, and the beginning, that came with another packet than a keyframe's first: what follows cannot be
	// decoded, unless that packet was lost and comes yet. Not with Config.Sample.
	Abrupt uint64
	// Published counts the packets that the publishers sent between the first and the last that arrived of each run of one
	// encoding, MissingOfThem those that did not come, whatever the sequence numbers say.
	Published, MissingOfThem uint64

	// First and Last packet, and the longest time between two.
	First, Last time.Time
	LongestGap  time.Duration
	// Latency is from the publisher's socket to this one, without what came by retransmission.
	Latency Histogram
}

// A line is a Line and what is known of it.
type line struct {
	Line
	sequences sequences
	rtx       sequences
	missing   missing
	report    reportState
	stats     Stats
	run       run
	key       keyframeWish
	heard     publishers

	// countdown and sampled belong to sampling.
	countdown int
	sampled   sampledPackets
}

// sampledPackets are those that are being decrypted, in a ring: of many that arrive at once, several.
type sampledPackets struct {
	ring [8]sampledPacket
	next int
}

type sampledPacket struct {
	seq uint64
	how manner
	set bool
}

func (s *sampledPackets) add(seq uint64, how manner) {
	s.ring[s.next] = sampledPacket{seq, how, true}
	s.next = (s.next + 1) % len(s.ring)
}

// take returns how the packet with a number came, once, and false if it was not sampled.
func (s *sampledPackets) take(sequence uint16) (manner, bool) {
	for i := range s.ring {
		if p := &s.ring[i]; p.set && uint16(p.seq) == sequence {
			p.set = false
			return p.how, true
		}
	}
	return manner{}, false
}

// A run is a stretch of stamps of one publisher and encoding.
type run struct {
	publisher   uint64
	encoding    uint8
	first, last uint64 // stamps
	// began is how many packets of the line came before the first, counted how many up to the last.
	began, counted uint64
	set            bool
	from           *Publisher
}

func newLine(l Line, heard publishers) *line {
	return &line{Line: l, heard: heard, stats: Stats{MID: l.MID, Video: l.Video, SSRC: l.SSRC}}
}

func (l *line) format(payloadType uint8) *Format {
	for i := range l.Formats {
		if l.Formats[i].PayloadType == payloadType {
			return &l.Formats[i]
		}
	}
	return nil
}

// original returns the format whose retransmissions have payloadType.
func (l *line) original(payloadType uint8) *Format {
	for i := range l.Formats {
		if l.Formats[i].RTX == payloadType && payloadType != 0 {
			return &l.Formats[i]
		}
	}
	return nil
}

// arrive counts a packet by its header and reports whether it is new. recovered packets came by retransmission.
func (l *line) arrive(h *header, size int, recovered bool, at time.Time) (a arrival, ok bool) {
	a = l.sequences.add(h.sequence)
	if a.duplicate {
		l.stats.Duplicates++
		return a, false
	}
	if a.late && !recovered {
		l.stats.Late++
	}
	if a.late {
		l.missing.arrived(a.seq)
	}
	l.stats.Packets++
	l.stats.Bytes += uint64(size)
	if recovered {
		l.stats.Recovered++
	} else {
		l.report.received(h, l.Video, at)
	}
	if l.stats.First.IsZero() {
		l.stats.First = at
		l.key.want(at)
	} else {
		l.stats.LongestGap = max(l.stats.LongestGap, at.Sub(l.stats.Last))
	}
	l.stats.Last = at
	if h.marker && l.Video {
		l.stats.Frames++
	}
	if f := l.format(h.payloadType); f != nil {
		l.stats.Codec = f.Codec
	}
	return a, true
}

// gap asks for the packets that were left out before a.
func (l *line) gap(h *header, a arrival, at time.Time) {
	if a.ahead == 0 {
		return
	}
	if f := l.format(h.payloadType); f == nil || !f.NACK {
		return
	}
	if !l.missing.add(a.seq, a.ahead, at) {
		l.key.want(at)
	}
}

// A manner is how a packet came: when, as the how-manieth of its line, after packets with higher numbers, by retransmission.
type manner struct {
	at              time.Time
	count           uint64
	late, recovered bool
}

// inspect reads the payload of a packet.
func (l *line) inspect(h *header, payload []byte, how manner) {
	if len(payload) == 0 {
		l.stats.Padding++
		return
	}
	f := l.format(h.payloadType)
	if f == nil {
		l.stats.Foreign++
		return
	}
	var info codec.Info
	begins := codec.Parse(f.Codec, payload, &info) == nil && info.Keyframe && info.Start
	if begins {
		l.stats.Keyframes++
		l.key.arrived()
		if info.Width != 0 {
			l.stats.Width, l.stats.Height = int(info.Width), int(info.Height)
		}
	}
	stamp, err := synthetic.ReadStamp(payload)
	switch {
	case errors.Is(err, synthetic.ErrNoStamp):
		l.stats.Unstamped++
	case err != nil:
		l.stats.Damaged++
	case stamp.Codec != f.Codec:
		l.stats.Foreign++
	default:
		l.stats.Checked++
		if l.note(stamp, how) && l.Video && !begins {
			l.stats.Abrupt++
		}
		if !how.recovered {
			l.stats.Latency.Add(how.at.Sub(stamp.Sent))
		}
	}
}

// media is how many packets with a payload came.
func (l *line) media() uint64 { return l.sequences.unique - l.stats.Padding }

// note follows the stamps of the line and reports whether another publisher or encoding begins. The packet that carries s was counted
// before.
func (l *line) note(s synthetic.Stamp, how manner) (begins bool) {
	same := l.run.set && l.run.publisher == s.Publisher && l.run.encoding == s.Encoding
	switch {
	case same && s.Sequence > l.run.last:
		l.run.last, l.run.counted = s.Sequence, how.count
	case same:
		l.run.first = min(l.run.first, s.Sequence)
		l.run.counted++
	case how.late:
		l.run.began++ // it belongs to a run that is over
		return false
	default:
		if l.run.set {
			l.settle()
			l.stats.Switches++
		}
		l.run = run{
			publisher: s.Publisher, encoding: s.Encoding, first: s.Sequence, last: s.Sequence,
			began: how.count - 1, counted: how.count, set: true, from: l.heard.of(s.Publisher),
		}
		begins = true
	}
	l.run.from.note(s, how.at)
	l.stats.Publisher, l.stats.Encoding, l.stats.Temporal = s.Publisher, s.Encoding, s.Temporal
	return begins
}

// settle adds the present run to the totals.
func (l *line) settle() {
	published, missing := l.runTotals()
	l.stats.Published += published
	l.stats.MissingOfThem += missing
}

// runTotals returns what the publisher sent in the present run and how much of it is missing.
func (l *line) runTotals() (published, missing uint64) {
	if !l.run.set {
		return 0, 0
	}
	published = l.run.last - l.run.first + 1
	arrived := l.run.counted - min(l.run.began, l.run.counted)
	return published, published - min(published, arrived)
}

func (l *line) snapshot() Stats {
	s := l.stats
	published, missing := l.runTotals()
	s.Published += published
	s.MissingOfThem += missing
	s.Lost = l.sequences.lost()
	s.GivenUp = l.missing.givenUp
	s.Retransmissions = l.rtx.unique
	return s
}
