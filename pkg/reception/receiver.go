package reception

import (
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/pion/interceptor/pkg/twcc"
	"github.com/pion/rtcp"
)

// Intervals of feedback, as Chromium's.
const (
	reportInterval   = time.Second
	feedbackInterval = 100 * time.Millisecond
)

// Config sets up a Receiver. The zero Config behaves like a browser.
type Config struct {
	// Sample, where it is above 1, decrypts and checks one packet in so many, and counts the others by their headers. Keyframes
	// and retransmissions are then not seen whole.
	Sample int
	// NoNACK never asks for lost packets, NoPLI never for keyframes.
	NoNACK, NoPLI bool
}

// A Receiver takes the media of one PeerConnection at a time.
type Receiver struct {
	cfg    Config
	ssrc   uint32 // ours, in feedback
	urgent chan struct{}

	mu       sync.Mutex
	lines    []*line
	bySSRC   map[uint32]*line
	byRTX    map[uint32]*line
	heard    publishers
	unknown  uint64
	rtt      time.Duration
	began    time.Time
	recorder *twcc.Recorder
	// nextReport and nextFeedback are zero before the first packet.
	nextReport, nextFeedback time.Time
	scratch                  []uint16
	// transportCC is the id of the extension; a bundle has one (RFC 8843 section 9).
	transportCC uint8
}

// New returns a Receiver without lines.
func New(cfg Config) *Receiver {
	ssrc := rand.Uint32()
	return &Receiver{
		cfg: cfg, ssrc: ssrc, urgent: make(chan struct{}, 1), rtt: defaultRTT,
		bySSRC: map[uint32]*line{}, byRTX: map[uint32]*line{}, heard: publishers{}, recorder: twcc.NewRecorder(ssrc),
	}
}

// Renew forgets the lines: what is configured next belongs to another PeerConnection. What is known of publishers stays.
func (r *Receiver) Renew() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lines, r.bySSRC, r.byRTX = nil, map[uint32]*line{}, map[uint32]*line{}
	r.recorder, r.rtt, r.transportCC = twcc.NewRecorder(r.ssrc), defaultRTT, 0
	r.began, r.nextReport, r.nextFeedback = time.Time{}, time.Time{}, time.Time{}
}

// Configure tells the m-lines as they are after a negotiation. Those known by their mid keep what they counted.
func (r *Receiver) Configure(lines []Line) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range lines {
		i := slices.IndexFunc(r.lines, func(known *line) bool { return known.MID == l.MID })
		if i < 0 {
			r.lines = append(r.lines, newLine(l, r.heard))
			i = len(r.lines) - 1
		} else {
			r.lines[i].Line = l
		}
		r.bySSRC[l.SSRC] = r.lines[i]
		if l.RTX != 0 {
			r.byRTX[l.RTX] = r.lines[i]
		}
		if l.TransportCC != 0 {
			r.transportCC = l.TransportCC
		}
	}
}

// SetRTT tells how long an answer takes; a lost packet is asked for again after that time.
func (r *Receiver) SetRTT(rtt time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.rtt = rtt
}

// Urgent has an element when Feedback has something to do earlier than it said.
func (r *Receiver) Urgent() <-chan struct{} { return r.urgent }

// Samples reports whether Clear wants to see the packets before they are decrypted.
func (r *Receiver) Samples() bool { return r.cfg.Sample > 1 }

// Clear takes an RTP packet as it came off the socket, encrypted, when Samples is true. It reports whether the packet is to be decrypted
// and given to RTP.
func (r *Receiver) Clear(packet []byte, at time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	h, l, rtx := r.header(packet)
	if l == nil || rtx {
		return true
	}
	r.record(&h, at)
	a, fresh := l.arrive(&h, len(packet), false, at)
	if !fresh {
		return false
	}
	r.gap(l, &h, a, at)
	if l.countdown--; l.countdown > 0 {
		return false
	}
	l.countdown = r.cfg.Sample
	l.sampled.add(a.seq, manner{at: at, count: l.media(), late: a.late})
	return true
}

// RTP takes a decrypted packet.
func (r *Receiver) RTP(packet []byte, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	h, l, rtx := r.header(packet)
	switch {
	case l == nil:
		r.unknown++
	case rtx:
		r.record(&h, at)
		r.repair(l, &h, packet, at)
	case r.Samples():
		if how, sampled := l.sampled.take(h.sequence); sampled {
			l.inspect(&h, h.payload(packet), how)
		}
	default:
		r.record(&h, at)
		if a, fresh := l.arrive(&h, len(packet), false, at); fresh {
			r.gap(l, &h, a, at)
			l.inspect(&h, h.payload(packet), manner{at: at, count: l.media(), late: a.late})
		}
	}
}

// header reads the header of a packet and finds its line. r.mu is held.
func (r *Receiver) header(packet []byte) (h header, l *line, rtx bool) {
	h, ok := parseHeader(packet, r.transportCC)
	if !ok {
		return h, nil, false
	}
	if l = r.bySSRC[h.ssrc]; l != nil {
		return h, l, false
	}
	return h, r.byRTX[h.ssrc], true
}

// record takes note of a packet for transport-wide feedback.
func (r *Receiver) record(h *header, at time.Time) {
	if r.began.IsZero() {
		r.began = at
		r.nextReport, r.nextFeedback = at.Add(reportInterval), at.Add(feedbackInterval)
		r.wake()
	}
	if h.hasTransport {
		r.recorder.Record(h.ssrc, h.transportSeq, at.Sub(r.began).Microseconds())
	}
}

func (r *Receiver) wake() {
	select {
	case r.urgent <- struct{}{}:
	default:
	}
}

func (r *Receiver) gap(l *line, h *header, a arrival, at time.Time) {
	if r.cfg.NoNACK || a.ahead == 0 {
		return
	}
	l.gap(h, a, at)
	r.wake()
}

// repair takes a packet of an RTX stream (RFC 4588 section 4).
func (r *Receiver) repair(l *line, h *header, packet []byte, at time.Time) {
	if a := l.rtx.add(h.sequence); a.duplicate {
		return
	}
	payload := h.payload(packet)
	if len(payload) < 2 {
		return // a probe
	}
	f := l.original(h.payloadType)
	if f == nil {
		l.stats.Foreign++
		return
	}
	original := *h
	original.payloadType, original.ssrc = f.PayloadType, l.SSRC
	original.sequence = uint16(payload[0])<<8 | uint16(payload[1])
	if a, fresh := l.arrive(&original, len(packet)-2, true, at); fresh {
		l.inspect(&original, payload[2:], manner{at: at, count: l.media(), late: a.late, recovered: true})
	}
}

// RTCP takes RTCP packets. What is not about reception is ignored.
func (r *Receiver) RTCP(packets []rtcp.Packet, at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, p := range packets {
		if sr, ok := p.(*rtcp.SenderReport); ok {
			if l := r.bySSRC[sr.SSRC]; l != nil {
				l.stats.SenderReports++
				l.report.sent(sr, at)
			}
		}
	}
}

// RequestKeyframe asks for a keyframe on a line with the next Feedback.
func (r *Receiver) RequestKeyframe(mid string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lines {
		if l.MID == mid && l.Video {
			l.key.force()
			r.wake()
		}
	}
}

// Stats returns what arrived on each line so far.
func (r *Receiver) Stats() []Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := make([]Stats, len(r.lines))
	for i, l := range r.lines {
		all[i] = l.snapshot()
	}
	return all
}

// Publisher returns what came of the publisher whose stamps have that number, false where nothing did.
func (r *Receiver) Publisher(id uint64) (Publisher, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.heard[id]; p != nil {
		return *p, true
	}
	return Publisher{}, false
}

// ResetGaps forgets the longest gaps, so that the next ones can be measured. The time since the last packet counts for them.
func (r *Receiver) ResetGaps() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, l := range r.lines {
		l.stats.LongestGap = 0
	}
	for _, p := range r.heard {
		p.LongestGap, p.MissingInGap = 0, 0
	}
}

// Unknown counts the packets that belong to no line.
func (r *Receiver) Unknown() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.unknown
}
