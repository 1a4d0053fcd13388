package synthetic

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// A Writer encrypts and sends one RTP packet; it does not keep what it is given. A pion TrackLocalWriter is one.
type Writer interface {
	WriteRTP(header *rtp.Header, payload []byte) (int, error)
}

// Extensions are the ids of the header extensions that were negotiated, 0 for those that were not.
type Extensions struct {
	MID, RID, RepairedRID, TransportCC, AudioLevel uint8
}

// A Binding is what was negotiated for one encoding.
type Binding struct {
	SSRC        uint32
	PayloadType uint8
	// RTX and RTXPayloadType are those of retransmissions; without them NACKs are not answered.
	RTX            uint32
	RTXPayloadType uint8
	MID            string
	Extensions     Extensions
	Writer         Writer
}

// StreamStats is what one encoding has sent.
type StreamStats struct {
	RID    string
	SSRC   uint32
	Active bool
	// Packets and Bytes of payload, without retransmissions. The Sequence of the last stamp is Packets-1.
	Packets, Bytes    uint64
	Frames, Keyframes uint64
	// NACKed counts the packets that were asked for again, Resent those that were sent again.
	NACKed, Resent   uint64
	KeyframeRequests uint64
	// ReportedLoss is the fraction lost of the last receiver report, 0 to 1.
	ReportedLoss float64
}

// A stream is one encoding as RTP. The Source's lock guards it.
type stream struct {
	encoder   *encoder
	shape     shape
	publisher uint64
	index     uint8
	level     uint8 // audio level

	binding Binding
	bound   bool
	active  bool
	// identified is set when the receiver has shown that it knows the SSRC, so that mid and rid are not needed any more.
	identified bool

	header, rtxHeader rtp.Header
	transportSeq      [2]byte
	audioLevel        [1]byte

	sequence    uint16 // of the next packet
	rtxSequence uint16
	history     history
	rtxPayload  []byte
	octets      uint32
	// before is how many packets left on SSRCs before this one.
	before uint64
	stats  StreamStats
}

func newStream(t *Track, index int) *stream {
	cfg := t.Encodings[index]
	s := &stream{
		encoder:   newEncoder(t.Codec, cfg, t.KeyframeInterval, rand.Uint32(), uint16(rand.Uint32())),
		shape:     shapeOf(t.Codec),
		publisher: t.Publisher, index: uint8(index), level: t.AudioLevel, active: true,
	}
	s.stats.RID = cfg.RID
	s.unbind()
	return s
}

// unbind begins RTP anew; the stamps go on.
func (s *stream) unbind() {
	s.bound = false
	// Below 2^15, so that the receiver's first index cannot be guessed wrong (RFC 3711 section 3.3.1).
	s.sequence, s.rtxSequence = uint16(rand.Uint32N(1<<15)), uint16(rand.Uint32N(1<<15))
	s.history = s.newHistory()
	s.octets, s.before = 0, s.stats.Packets
}

// newHistory returns a history that is long enough for the bitrate.
func (s *stream) newHistory() history {
	cfg := &s.encoder.cfg
	if !s.encoder.kind.Video() {
		return newHistory(1)
	}
	perSecond := cfg.Bitrate/8/maxPayload + int(cfg.FPS) + 1
	return newHistory(perSecond * 3 / 2)
}

// setBitrate changes the bitrate from the next frame on.
func (s *stream) setBitrate(bitrate int) {
	s.encoder.cfg.Bitrate = bitrate
	if longer := s.newHistory(); len(longer) > len(s.history) {
		s.history = longer
	}
}

// bind makes the stream ready to send.
func (s *stream) bind(b Binding, now time.Time) {
	s.binding, s.bound, s.identified = b, true, false
	s.stats.SSRC = b.SSRC
	s.header = rtp.Header{Version: 2, SSRC: b.SSRC, PayloadType: b.PayloadType}
	s.rtxHeader = rtp.Header{Version: 2, SSRC: b.RTX, PayloadType: b.RTXPayloadType}
	rid := s.encoder.cfg.RID
	for _, x := range []struct {
		header *rtp.Header
		id     uint8
		value  []byte
	}{
		{&s.header, b.Extensions.TransportCC, s.transportSeq[:]},
		{&s.rtxHeader, b.Extensions.TransportCC, s.transportSeq[:]},
		{&s.header, b.Extensions.AudioLevel, s.audioLevel[:]},
		{&s.header, b.Extensions.MID, []byte(b.MID)},
		{&s.rtxHeader, b.Extensions.MID, []byte(b.MID)},
		{&s.header, b.Extensions.RID, []byte(rid)},
		{&s.rtxHeader, b.Extensions.RepairedRID, []byte(rid)},
	} {
		if x.id != 0 && len(x.value) > 0 {
			_ = x.header.SetExtension(x.id, x.value) // ids and values are those of an SDP, which fit
		}
	}
	s.encoder.start(now)
}

// sending reports whether frames are to be made.
func (s *stream) sending() bool { return s.bound && s.active }

// packetsOf returns how many packets a frame takes. Each has room for a stamp.
func (s *stream) packetsOf(f *frame) int {
	n := max(1, (f.bytes+maxPayload-1)/maxPayload)
	if f.key && n < 2 {
		n = 2 // H.264 puts its parameter sets into a packet of their own
	}
	return n
}

// send builds and sends packet i of n of f.
func (s *stream) send(f *frame, i, n int, transportSeq uint16, now time.Time) (size int, err error) {
	size = max(f.bytes*(i+1)/n-f.bytes*i/n, maxHead+StampSize)
	if !s.encoder.kind.Video() {
		size = max(f.bytes, 1+StampSize)
	}
	p := s.history.add(s.sequence, size)
	head := s.headOf(p.payload, f, i, n, size)
	body := p.payload[head:]
	fill(body[:len(body)-StampSize], s.stats.Packets)
	Stamp{
		Publisher: s.publisher, Encoding: s.index, Temporal: f.temporal, Codec: s.encoder.kind, Sequence: s.stats.Packets, Sent: now,
	}.Seal(body)
	p.timestamp, p.marker = f.timestamp, i == n-1 && s.encoder.kind.Video()

	binary.BigEndian.PutUint16(s.transportSeq[:], transportSeq)
	s.audioLevel[0] = s.level & 0x7f
	if s.level < 127 {
		s.audioLevel[0] |= 0x80 // there is voice
	}
	s.header.SequenceNumber, s.header.Timestamp, s.header.Marker = s.sequence, p.timestamp, p.marker
	s.sequence++
	s.stats.Packets++
	s.stats.Bytes += uint64(size)
	s.octets += uint32(size)
	if i == n-1 {
		s.stats.Frames++
		if f.key {
			s.stats.Keyframes++
		}
	}
	_, err = s.binding.Writer.WriteRTP(&s.header, p.payload)
	return size, err
}

// headOf writes the head. What follows it, the opaque part, is told to the shape, and depends on how long the head is.
func (s *stream) headOf(payload []byte, f *frame, i, n, size int) int {
	head := s.shape(payload, f, i, n, 0)
	return s.shape(payload, f, i, n, size-head)
}

// resend answers a NACK for one packet.
func (s *stream) resend(sequence uint16, transportSeq uint16) (sent bool, err error) {
	s.stats.NACKed++
	p := s.history.find(sequence)
	if p == nil || s.binding.RTX == 0 || !s.bound {
		return false, nil
	}
	s.rtxPayload = binary.BigEndian.AppendUint16(s.rtxPayload[:0], sequence)
	s.rtxPayload = append(s.rtxPayload, p.payload...)
	binary.BigEndian.PutUint16(s.transportSeq[:], transportSeq)
	s.rtxHeader.SequenceNumber, s.rtxHeader.Timestamp, s.rtxHeader.Marker = s.rtxSequence, p.timestamp, p.marker
	s.rtxSequence++
	s.stats.Resent++
	_, err = s.binding.Writer.WriteRTP(&s.rtxHeader, s.rtxPayload)
	return true, err
}

// known notes that the receiver has reported on the SSRC.
func (s *stream) known() {
	if s.identified {
		return
	}
	s.identified = true
	for _, id := range []uint8{s.binding.Extensions.MID, s.binding.Extensions.RID} {
		if id != 0 && s.header.GetExtension(id) != nil {
			_ = s.header.DelExtension(id)
		}
	}
}

// report returns the sender report of now (RFC 3550 section 6.4.1).
func (s *stream) report(now time.Time) *rtcp.SenderReport {
	return &rtcp.SenderReport{
		SSRC: s.binding.SSRC, NTPTime: ntp(now), RTPTime: s.encoder.timestampAt(now),
		PacketCount: uint32(s.stats.Packets - s.before), OctetCount: s.octets,
	}
}

// ntp is t as a 64-bit NTP timestamp.
func ntp(t time.Time) uint64 {
	const since1900 = 2_208_988_800
	return uint64(t.Unix()+since1900)<<32 | uint64(t.Nanosecond())<<32/1_000_000_000
}

// A history holds the last packets of a stream.
type history []sentPacket

type sentPacket struct {
	used      bool
	sequence  uint16
	marker    bool
	timestamp uint32
	payload   []byte
}

// newHistory returns a history of at least count packets.
func newHistory(count int) history {
	return make(history, 1<<min(bits.Len(uint(max(count, 1)-1)), 12))
}

// add returns the place of a new packet with a payload of size bytes, which pushes out the oldest.
func (h history) add(sequence uint16, size int) *sentPacket {
	p := &h[int(sequence)&(len(h)-1)]
	if cap(p.payload) < size {
		p.payload = make([]byte, size, max(size, maxPayload+maxHead))
	}
	p.used, p.sequence, p.payload = true, sequence, p.payload[:size]
	return p
}

func (h history) find(sequence uint16) *sentPacket {
	p := &h[int(sequence)&(len(h)-1)]
	if !p.used || p.sequence != sequence {
		return nil
	}
	return p
}
