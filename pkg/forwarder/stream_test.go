package forwarder

import (
	"encoding/binary"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"sfu/pkg/codec"
)

// The tests of this file run a router by hand, without worker, clock or sockets: publishers write packets with a stamp of their own,
// a viewer keeps what it is sent and judges it as a browser would.

// A bench is a worker that runs when it is told to.
type bench struct {
	worker *Worker
	group  *Group
	now    Instant
}

func newBench() *bench {
	w := &Worker{wake: make(chan struct{}, 1), quit: make(chan struct{})}
	w.packets.init(1 << 11)
	w.router.init(Limits{TrackPacketsPerSecond: 1e6, CameraBitsPerSecond: 1e9}.withDefaults(), time.Unix(1_700_000_000, 0), slog.New(slog.DiscardHandler))
	b := &bench{worker: w, group: &Group{worker: w}, now: Instant(time.Second)}
	w.egress = b
	return b
}

// Flush hands packets to the writers.
func (b *bench) Flush(batch *Batch) {
	for i := range batch.Packets {
		batch.Packets[i].To.Write(&batch.Packets[i])
	}
}

// run executes what was posted, routes what waits and ticks.
func (b *bench) run() {
	b.worker.runCommands(b.now)
	var batch [receiveBatch]datagram
	for {
		n := b.worker.packets.take(batch[:])
		if n == 0 {
			break
		}
		b.worker.router.Receive(batch[:n], b.now)
		b.worker.flush()
	}
	b.worker.flush()
}

func (b *bench) tick() {
	b.run()
	b.worker.router.Tick(b.now)
	b.worker.flush()
}

func (b *bench) receive(p *Peer, data []byte, rtcp bool) {
	buf := NewBuffer()
	buf.n = copy(buf.data[:], data)
	b.worker.packets.push([]datagram{{from: p, buf: buf, at: b.now, rtcp: rtcp}})
}

type silent struct{}

func (silent) DownTrackChanged(*DownTrack, DownTrackState) {}
func (silent) TooManyStreams()                             {}
func (silent) UpTrackStarted(*UpTrack, codec.Type)         {}
func (silent) UpTrackPoliced(*UpTrack)                     {}

const (
	testVP8, testVP8RTX = 96, 97
	testMID, testRID    = 1, 2
	testRRID            = 3
)

var testFormats = []Format{{Codec: codec.VP8, PayloadType: testVP8, RTX: testVP8RTX, NACK: true, PLI: true}}

// A publisher sends one video track of some encodings.
type publisher struct {
	bench     *bench
	peer      *Peer
	track     *UpTrack
	encodings []*source
	rtcp      [][]byte
}

// A source is one encoding of a publisher: its frames have the temporal structure of three layers.
type source struct {
	publisher *publisher
	index     int
	ssrc      uint32
	sequence  uint16
	rtx       uint16
	timestamp uint32
	picture   uint16
	tl0       uint8
	key       uint8
	frames    int
	// frame counts up over the whole life; lastKey is where the newest keyframe is.
	frame  uint32
	wanted bool
	// sent are all packets by their number since the beginning, delivered says when the server
	// got each, 0 for never.
	sent      [][]byte
	delivered []Instant
	// began is set with the first delivery that is not a retransmission; the server ignores those before.
	began bool
}

func (p *publisher) Room() int { return 1 << 10 }
func (p *publisher) Write(o *Outgoing) {
	if o.RTCP {
		p.rtcp = append(p.rtcp, append([]byte(nil), o.Payload...))
	}
}

func newPublisher(b *bench, random *rand.Rand, encodings int) *publisher {
	p := &publisher{bench: b}
	p.peer = b.group.NewPeer(p, silent{})
	m := Media{Mid: "0", Kind: Video, Formats: testFormats, Extensions: Extensions{MID: testMID, RID: testRID, RepairedRID: testRRID}}
	for i := range encodings {
		m.RIDs = append(m.RIDs, string(rune('a'+i)))
		p.encodings = append(p.encodings, &source{
			publisher: p, index: i, ssrc: random.Uint32() | 1, sequence: uint16(random.Uint32()), rtx: uint16(random.Uint32()),
			timestamp: random.Uint32(), picture: uint16(random.Uint32N(1 << 15)), tl0: uint8(random.Uint32()), wanted: true,
		})
	}
	p.peer.Configure([]Media{m})
	p.track = p.peer.Publish("0", Video, Camera, silent{})
	b.run()
	return p
}

// layers is the temporal structure: 0 2 1 2.
var layers = [4]uint8{0, 2, 1, 2}

// next makes the packets of the next frame.
func (s *source) next(random *rand.Rand) [][]byte {
	keyframe := s.wanted
	s.wanted = false
	if keyframe {
		s.frames = 0
		s.key++
	}
	temporal := layers[s.frames%4]
	sync := temporal > 0 && s.frames < 4
	if temporal == 0 {
		s.tl0++
	}
	var packets [][]byte
	n := 1 + random.IntN(4)
	for i := range n {
		b := make([]byte, 0, 64)
		b = append(b, 2<<6|1<<4, testVP8)
		if i == n-1 {
			b[1] |= 0x80
		}
		b = binary.BigEndian.AppendUint16(b, s.sequence)
		b = binary.BigEndian.AppendUint32(b, s.timestamp)
		b = binary.BigEndian.AppendUint32(b, s.ssrc)
		b = append(b, 0xBE, 0xDE, 0, 1, testMID<<4, '0', testRID<<4, 'a'+byte(s.index))
		start := byte(0)
		if i == 0 {
			start = 0x10
		}
		b = append(b, 0x80|start, 0xF0, 0x80|byte(s.picture>>8), byte(s.picture), s.tl0, temporal<<6|s.key&0x1F)
		if sync {
			b[len(b)-1] |= 0x20
		}
		if i == 0 {
			if keyframe {
				width := uint16(320 << s.index)
				b = append(b, 0x10, 0, 0, 0x9D, 0x01, 0x2A, byte(width), byte(width>>8), byte(width*9/16), byte(width*9/16>>8))
			} else {
				b = append(b, 0x11, 0, 0, 0, 0, 0, 0, 0, 0, 0)
			}
		}
		b = appendStamp(b, stamp{encoding: s.ssrc, packet: uint32(len(s.sent)), frame: s.frame, part: uint8(i), temporal: temporal, keyframe: keyframe, last: i == n-1})
		packets = append(packets, b)
		s.sent = append(s.sent, b)
		s.delivered = append(s.delivered, 0)
		s.sequence++
	}
	s.frame++
	s.frames++
	s.picture = (s.picture + 1) & pictureMask
	s.timestamp += 3000
	return packets
}

// deliver gives a packet to the server, as a retransmission if rtx is set.
func (s *source) deliver(packet []byte, rtx bool) {
	h := &header{}
	if err := h.parse(packet); err != nil {
		panic(err)
	}
	s.began = s.began || !rtx
	if at := &s.delivered[readStamp(packet).packet]; *at == 0 && s.began {
		*at = s.publisher.bench.now
	}
	if rtx {
		b := append([]byte(nil), packet[:h.size]...)
		b[1] = b[1]&0x80 | testVP8RTX
		b[18] = testRRID << 4
		binary.BigEndian.PutUint16(b[2:], s.rtx)
		binary.BigEndian.PutUint32(b[8:], s.ssrc^0xFFFF0000)
		s.rtx++
		b = binary.BigEndian.AppendUint16(b, h.sequence)
		packet = append(b, packet[h.size:]...)
	}
	s.publisher.bench.receive(s.publisher.peer, packet, false)
}

// A stamp tells what a packet is, at its end.
type stamp struct {
	encoding, packet, frame uint32
	part, temporal          uint8
	keyframe, last          bool
}

func appendStamp(b []byte, s stamp) []byte {
	b = binary.BigEndian.AppendUint32(b, s.encoding)
	b = binary.BigEndian.AppendUint32(b, s.packet)
	b = binary.BigEndian.AppendUint32(b, s.frame)
	flags := byte(0)
	if s.keyframe {
		flags |= 1
	}
	if s.last {
		flags |= 2
	}
	return append(b, s.part, s.temporal, flags)
}

const stampSize = 15

func readStamp(b []byte) stamp {
	b = b[len(b)-stampSize:]
	return stamp{
		encoding: binary.BigEndian.Uint32(b), packet: binary.BigEndian.Uint32(b[4:]), frame: binary.BigEndian.Uint32(b[8:]),
		part: b[12], temporal: b[13], keyframe: b[14]&1 != 0, last: b[14]&2 != 0,
	}
}

// A viewer keeps what it is sent.
type viewer struct {
	bench    *bench
	peer     *Peer
	down     *DownTrack
	room     int
	packets  []received
	repairs  []received
	extend   extender
	repair   extender
	epoch    int
	asked    map[uint64]int
	problems []string
}

// received is one packet at a viewer.
type received struct {
	seq       uint64
	timestamp uint32
	marker    bool
	void      bool
	raw       []byte // the payload as it was sent
	info      codec.Info
	stamp     stamp
	at        Instant
	// epoch counts the keyframes that came as the newest packet: an interruption ends with one.
	epoch int
}

const (
	viewerSSRC, viewerRTX = 1000, 1001
	viewerVP8             = 120
	viewerVP8RTX          = 124
)

func newViewer(b *bench) *viewer {
	v := &viewer{bench: b, room: 1 << 10}
	v.peer = b.group.NewPeer(v, silent{})
	downs := v.peer.Configure([]Media{{
		Mid: "1", Kind: Video, Send: true, Extensions: Extensions{TransportCC: 5}, Streams: []Stream{{SSRC: viewerSSRC, RTX: viewerRTX}},
		Formats: []Format{{Codec: codec.VP8, PayloadType: viewerVP8, RTX: viewerVP8RTX, NACK: true, PLI: true}},
	}})
	v.down = downs[0]
	b.run()
	return v
}

func (v *viewer) fail(format string, args ...any) {
	if len(v.problems) < 5 {
		v.problems = append(v.problems, fmt.Sprintf(format, args...))
	}
}

func (v *viewer) Room() int { return v.room }

func (v *viewer) Write(o *Outgoing) {
	if o.RTCP {
		return
	}
	b := append(append(append([]byte(nil), o.Header()...), o.Prefix()...), o.Payload...)
	var h header
	if err := h.parse(b); err != nil {
		v.fail("unreadable packet: %v", err)
		return
	}
	payload := b[h.size : len(b)-h.padding]
	r := received{timestamp: h.timestamp, marker: h.marker, void: len(payload) == 0, raw: payload}
	if h.ssrc == viewerRTX {
		if h.payloadType != viewerVP8RTX || len(payload) < 2 {
			v.fail("bad retransmission: payload type %d, %d bytes", h.payloadType, len(payload))
			return
		}
		if seq, ok := v.repair.extend(h.sequence); !ok || uint64(o.ROC) != (seq-firstNumber)>>16 {
			v.fail("retransmission %d has roll-over counter %d", h.sequence, o.ROC)
		}
		r.seq, r.raw = uint64(binary.BigEndian.Uint16(payload)), payload[2:]
		v.repairs = append(v.repairs, r)
		return
	}
	if h.payloadType != viewerVP8 || h.ssrc != viewerSSRC {
		v.fail("payload type %d, SSRC %d", h.payloadType, h.ssrc)
	}
	seq, ok := v.extend.extend(h.sequence)
	if !ok {
		seq, ok = v.extend.near(h.sequence)
	}
	if !ok || v.extend.restarted() {
		v.fail("sequence number %d does not continue %d", h.sequence, v.extend.highest())
	}
	if uint64(o.ROC) != (seq-firstNumber)>>16 {
		v.fail("number %d has roll-over counter %d", seq, o.ROC)
	}
	r.seq = seq
	if !r.void {
		if err := codec.Parse(codec.VP8, payload, &r.info); err != nil {
			v.fail("unreadable payload: %v", err)
		}
		if len(payload) < stampSize {
			return // made up by a fuzzer
		}
		r.stamp = readStamp(payload)
		if r.stamp.keyframe && r.stamp.part == 0 && (len(v.packets) == 0 || r.seq > v.packets[len(v.packets)-1].seq) {
			v.epoch++
		}
	}
	r.epoch, r.at = v.epoch, v.bench.now
	v.packets = append(v.packets, r)
}

// check judges everything that was received. sources are all encodings there were.
func (v *viewer) check(sources []*source) {
	byEncoding := map[uint32]*source{}
	for _, s := range sources {
		byEncoding[s.ssrc] = s
	}
	seen := map[uint64]*received{}
	var first, last uint64
	for i := range v.packets {
		p := &v.packets[i]
		if seen[p.seq] != nil {
			v.fail("number %d was used twice", p.seq)
		}
		seen[p.seq] = p
		if first == 0 {
			first = p.seq
		}
		last = max(last, p.seq)
		if p.seq < first {
			v.fail("number %d is before the first one", p.seq)
		}
	}
	ends := map[int]Instant{} // when the newest packet of each epoch came
	for _, p := range v.packets {
		ends[p.epoch] = max(ends[p.epoch], p.at)
	}
	var before *received // the newest media packet below seq
	missing := 0
	frames := map[[2]uint32]uint32{}
	for seq := first; seq <= last && first != 0; seq++ {
		p := seen[seq]
		if p == nil {
			missing++
			continue
		}
		if p.void {
			continue
		}
		s := p.stamp
		frame := [2]uint32{s.encoding, s.frame}
		if ts, ok := frames[frame]; ok && ts != p.timestamp {
			v.fail("frame %v has timestamps %d and %d", frame, ts, p.timestamp)
		}
		frames[frame] = p.timestamp
		if p.marker != s.last {
			v.fail("number %d: marker %v", seq, p.marker)
		}
		switch {
		case before == nil || before.stamp.encoding != s.encoding:
			if !s.keyframe || s.part != 0 {
				v.fail("number %d begins encoding %x with frame %d part %d", seq, s.encoding, s.frame, s.part)
			}
			// Holes of the stream before may remain: its missing packets are never sent after the switch.
		default:
			lost := 0
			for n := before.stamp.packet + 1; n < s.packet; n++ {
				// A packet that came after the viewer was done with the stream is as good as lost.
				if at := byEncoding[s.encoding].delivered[n]; at == 0 || before.epoch != p.epoch || at >= ends[p.epoch] {
					lost++
				}
			}
			if missing > lost && s.packet > before.stamp.packet {
				v.fail("%d numbers are missing before %d, but the publisher's losses are %d (packets %d to %d)", missing, seq, lost, before.stamp.packet, s.packet)
			}
			if s.packet <= before.stamp.packet {
				v.fail("number %d carries packet %d after %d", seq, s.packet, before.stamp.packet)
			}
		}
		if before != nil && (before.stamp.encoding != s.encoding || before.stamp.frame != s.frame) && int32(p.timestamp-before.timestamp) <= 0 {
			v.fail("number %d: timestamp %d after %d", seq, p.timestamp, before.timestamp)
		}
		missing = 0
		before = p
	}
}

// nack asks for one packet again.
func (v *viewer) nack(b *bench, seq uint16) {
	n := []byte{2<<6 | 1, 205, 0, 3, 0, 0, 0, 9}
	n = binary.BigEndian.AppendUint32(n, viewerSSRC)
	n = binary.BigEndian.AppendUint16(n, seq)
	b.receive(v.peer, append(n, 0, 0), true)
	b.run()
}

func sequences(t *testing.T) int {
	switch {
	case longTest():
		return 1_000_000
	case testing.Short():
		return 300
	}
	return 3000
}

// TestStreamProperties plays random calls: loss, reordering, duplicates, repairs, switches of encoding and source, wrap-around of every number.
func TestStreamProperties(t *testing.T) {
	seeds := []uint64{52_718, 122_987} // found something once
	for n := range sequences(t) {
		seeds = append(seeds, uint64(n))
	}
	for _, seed := range seeds {
		if v := randomCall(seed); len(v.problems) > 0 {
			t.Fatalf("seed %d: %q", seed, v.problems)
		}
	}
}

func randomCall(seed uint64) *viewer {
	random := rand.New(rand.NewPCG(seed, 1))
	b := newBench()
	publishers := []*publisher{newPublisher(b, random, 1+random.IntN(3)), newPublisher(b, random, 1+random.IntN(3))}
	v := newViewer(b)
	var sources []*source
	for _, p := range publishers {
		sources = append(sources, p.encodings...)
	}
	if random.IntN(2) == 0 { // its numbers go round soon
		v.down.media.rewriter.start(2*firstNumber - 1 - uint64(random.IntN(200)))
		v.down.media.rtx.next = 2*firstNumber - 1 - uint64(random.IntN(20))
	}
	v.down.SetSource(publishers[0].track)
	loss := []float64{0, 0, 0.02, 0.1, 0.3}[random.IntN(5)]
	reorder := []float64{0, 0, 0.05, 0.2}[random.IntN(4)]
	type later struct {
		at     int
		source *source
		packet []byte
		rtx    bool
	}
	var pending []later
	steps := 40 + random.IntN(60)
	for step := range steps + 10 {
		b.now += Instant(33 * time.Millisecond)
		if step < steps {
			for _, s := range sources {
				for _, packet := range s.next(random) {
					switch x := random.Float64(); {
					case x < loss/2: // lost for good
					case x < loss:
						pending = append(pending, later{step + 1 + random.IntN(6), s, packet, true})
					case random.Float64() < reorder:
						pending = append(pending, later{step + random.IntN(3), s, packet, false})
					default:
						s.deliver(packet, false)
						if random.Float64() < reorder/4 {
							s.deliver(packet, random.IntN(2) == 0) // a duplicate
						}
					}
				}
			}
		}
		kept := pending[:0]
		for _, l := range pending {
			if l.at <= step {
				l.source.deliver(l.packet, l.rtx)
			} else {
				kept = append(kept, l)
			}
		}
		pending = kept
		switch random.IntN(12) {
		case 0:
			v.down.SetView(View{Width: 320 << random.IntN(3), Height: 180 << random.IntN(3), FPS: []int{0, 0, 8, 15, 30}[random.IntN(5)]})
		case 1:
			v.down.SetSource(publishers[random.IntN(2)].track)
		case 2:
			v.down.SetSource(nil)
			b.run()
			v.down.SetSource(publishers[random.IntN(2)].track)
		case 3:
			publishers[random.IntN(2)].track.SetMuted(random.IntN(3) == 0)
		case 4:
			v.room = random.IntN(3) * 500
		}
		b.tick()
		for _, p := range publishers {
			p.heedKeyframeRequests()
		}
		v.askAgain(b, random)
	}
	v.check(sources)
	return v
}

// heedKeyframeRequests makes the next frame of each encoding a keyframe when its last PLI said so.
func (p *publisher) heedKeyframeRequests() {
	for _, b := range p.rtcp {
		for len(b) >= 12 {
			size := 4 * (int(binary.BigEndian.Uint16(b[2:])) + 1)
			if b[1] == 206 && b[0]&0x1F == 1 {
				for _, s := range p.encodings {
					if s.ssrc == binary.BigEndian.Uint32(b[8:]) {
						s.wanted = true
					}
				}
			}
			b = b[size:]
		}
	}
	p.rtcp = nil
}

// askAgain sends a NACK for a packet of the last second and wants the same bytes.
func (v *viewer) askAgain(b *bench, random *rand.Rand) {
	if len(v.packets) == 0 || random.IntN(3) > 0 || v.room <= audioReserve {
		return
	}
	p := v.packets[len(v.packets)-1-random.IntN(min(len(v.packets), 60))]
	if v.asked == nil {
		v.asked = map[uint64]int{}
	}
	if p.void || b.now.Sub(p.at) > 890*time.Millisecond || v.asked[p.seq] == maxResends {
		return
	}
	v.asked[p.seq]++
	v.repairs = nil
	b.now += Instant(101 * time.Millisecond) // the same packet may have been asked for just before
	v.nack(b, uint16(p.seq))
	if len(v.repairs) != 1 || uint16(v.repairs[0].seq) != uint16(p.seq) || string(v.repairs[0].raw) != string(p.raw) ||
		v.repairs[0].timestamp != p.timestamp || v.repairs[0].marker != p.marker {
		v.fail("NACK of %d, sent %v ago, was answered by %+v", p.seq, b.now.Sub(p.at), v.repairs)
	}
}
