package forwarder

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/pion/rtcp"

	"sfu/pkg/codec"
)

// play advances the bench by frames of all encodings of p, 33 ms apart, ticking in between.
func (b *bench) play(p *publisher, frames int, random *rand.Rand, skip ...int) {
	for range frames {
		for i, s := range p.encodings {
			for _, packet := range s.next(random) {
				if !slices.Contains(skip, i) {
					s.deliver(packet, false)
				}
			}
		}
		for range 6 {
			b.now += Instant(5500 * time.Microsecond)
			b.tick()
		}
		p.heedKeyframeRequests()
	}
}

func newCall(encodings int) (*bench, *publisher, *viewer, *rand.Rand) {
	random := rand.New(rand.NewPCG(7, 7))
	b := newBench()
	p := newPublisher(b, random, encodings)
	v := newViewer(b)
	return b, p, v, random
}

// TestRetransmissionComesFirst: what arrives in the retransmission stream before the first media packet must not decide the codec, begin
// a stream with less than a keyframe, or spoil what follows.
func TestRetransmissionComesFirst(t *testing.T) {
	b, p, v, random := newCall(1)
	var codecs []codec.Type
	p.track.observer = started(func(c codec.Type) { codecs = append(codecs, c) })
	s := p.encodings[0]
	frame := s.next(random) // a keyframe
	probe := append([]byte(nil), frame[0][:20]...)
	probe[1], probe[8], probe[18] = testVP8RTX, probe[8]^0xFF, testRRID<<4 // padding alone, which has no number
	b.receive(p.peer, probe, false)
	delta := s.next(random)
	s.deliver(delta[0], true)
	v.down.SetSource(p.track)
	b.tick()
	if len(v.packets) != 0 {
		t.Fatalf("%d packets were sent without a keyframe", len(v.packets))
	}
	s.wanted = true
	b.play(p, 10, random)
	if len(v.packets) < 10 {
		t.Errorf("%d packets arrived", len(v.packets))
	}
	if !slices.Equal(codecs, []codec.Type{codec.VP8}) {
		t.Errorf("codecs %v", codecs)
	}
	v.check(p.encodings)
	if len(v.problems) > 0 {
		t.Error(v.problems)
	}
}

type started func(codec.Type)

func (f started) UpTrackStarted(_ *UpTrack, c codec.Type) { f(c) }
func (f started) UpTrackPoliced(*UpTrack)                 {}

func TestUnpublishedIsDropped(t *testing.T) {
	b, p, v, random := newCall(1)
	v.down.SetSource(p.track)
	b.play(p, 3, random)
	p.track.Close()
	b.tick()
	had := len(v.packets)
	b.play(p, 10, random)
	if len(v.packets) != had || had == 0 {
		t.Errorf("%d packets before the end, %d after", had, len(v.packets))
	}
	if b.group.counters.Dropped[DropUnpublished] == 0 {
		t.Error("nothing was counted")
	}
}

// TestPayloadsLastUntilTheFlush: what a batch points into is given to nobody else before it was sent, also where the history has let go of
// it meanwhile, because the publisher began anew.
func TestPayloadsLastUntilTheFlush(t *testing.T) {
	b, p, v, random := newCall(1)
	v.down.SetSource(p.track)
	b.play(p, 10, random)
	s := p.encodings[0]
	s.wanted = true
	var expected [][]byte
	for _, packet := range s.next(random) {
		b.receive(p.peer, packet, false)
		expected = append(expected, packet[len(packet)-8:])
	}
	for n := range uint16(2) {
		far := slices.Clone(s.sent[0])
		binary.BigEndian.PutUint16(far[2:], s.sequence+20_000+n)
		b.receive(p.peer, far, false)
	}
	var batch [receiveBatch]datagram
	b.worker.router.Receive(batch[:b.worker.packets.take(batch[:])], b.now)
	if s := b.worker.router.peers[0].ingress.lines[0].encodings[0]; s.generation < 2 {
		t.Fatalf("the publisher did not begin anew: generation %d", s.generation)
	}
	for range 100 { // as those do who receive
		for i, other := 0, NewBuffer(); i < len(other.data); i++ {
			other.data[i] = 0xEE
		}
	}
	sent := b.worker.router.batch.Packets
	if len(sent) < len(expected) {
		t.Fatalf("%d packets of %d are sent", len(sent), len(expected))
	}
	for i, want := range expected {
		if got := sent[i].Payload; !bytes.HasSuffix(got, want) {
			t.Errorf("packet %d ends with % x, not % x", i, got[len(got)-8:], want)
		}
	}
	b.worker.flush()
}

func TestPacketsThatAreTooLargeAreCounted(t *testing.T) {
	b, p, v, _ := newCall(1)
	v.down.SetSource(p.track)
	b.tick()
	large := make([]byte, MaxPacket+1)
	large[0] = 2 << 6
	p.peer.Receive(large, false)
	p.peer.Receive(large, true)
	b.tick()
	if n := b.group.counters.Dropped[DropMalformed]; n != 2 {
		t.Errorf("%d were dropped as malformed", n)
	}
}

// TestWithheldBeginsWithTheStream: a connection that has carried nothing yet is not full, it is not there. What it misses is not counted.
func TestWithheldBeginsWithTheStream(t *testing.T) {
	b, p, v, random := newCall(1)
	v.down.SetSource(p.track)
	b.run()
	v.room = 0
	b.play(p, 10, random)
	if n := b.group.counters.Withheld; n != 0 {
		t.Errorf("%d packets were withheld before the connection was ready", n)
	}
	v.room = 1 << 10
	p.encodings[0].wanted = true
	b.play(p, 10, random)
	if len(v.packets) == 0 || b.group.counters.Withheld != 0 {
		t.Fatalf("%d packets arrived, %d were withheld", len(v.packets), b.group.counters.Withheld)
	}
	v.room = 0
	b.play(p, 1, random)
	if b.group.counters.Withheld == 0 {
		t.Error("nothing was withheld by a full connection")
	}
}

func TestMuteStopsAndUnmuteAsksForKeyframe(t *testing.T) {
	b, p, v, random := newCall(1)
	v.down.SetSource(p.track)
	b.play(p, 10, random)
	p.track.SetMuted(true)
	b.tick()
	had := len(v.packets)
	b.play(p, 30, random)
	if len(v.packets) != had {
		t.Errorf("%d packets were sent while muted", len(v.packets)-had)
	}
	p.track.SetMuted(false)
	b.play(p, 5, random)
	if len(v.packets) == had {
		t.Fatal("nothing came after unmuting")
	}
	first := v.packets[had]
	if !first.stamp.keyframe || first.stamp.part != 0 || first.seq != v.packets[had-1].seq+1 {
		t.Errorf("resumed with %+v after %d", first, v.packets[had-1].seq)
	}
	// The clock went on: the timestamp steps by what has passed, or a little less.
	passed := 90 * int64(first.at.Sub(v.packets[had-1].at)/time.Millisecond)
	if step := int64(first.timestamp - v.packets[had-1].timestamp); step > passed || step < passed-90*100 {
		t.Errorf("the timestamp stepped by %d, %d ticks have passed", step, passed)
	}
}

// TestDriedEncodingIsReplaced: a viewer of an encoding that is no longer sent gets the next lower one within 500 ms.
func TestDriedEncodingIsReplaced(t *testing.T) {
	b, p, v, random := newCall(3)
	v.down.SetView(View{Width: 1280, Height: 720})
	v.down.SetSource(p.track)
	b.play(p, 60, random)
	if rid := v.down.media.state.RID; rid != "c" {
		t.Fatalf("the viewer gets %q", rid)
	}
	last := v.packets[len(v.packets)-1]
	for range 15 {
		b.play(p, 1, random, 2)
		if n := len(v.packets); v.packets[n-1].seq != last.seq {
			break
		}
	}
	first := v.packets[slices.IndexFunc(v.packets, func(r received) bool { return r.seq == last.seq+1 })]
	if first.stamp.encoding != p.encodings[1].ssrc {
		t.Errorf("encoding %x came next, want that of %q", first.stamp.encoding, "b")
	}
	if gap := first.at.Sub(last.at); gap > 500*time.Millisecond {
		t.Errorf("nothing was sent for %v", gap)
	}
}

func TestViewChoosesEncoding(t *testing.T) {
	b, p, v, random := newCall(3)
	v.down.SetSource(p.track)
	b.play(p, 30, random)
	for _, test := range []struct {
		view View
		rid  string
	}{
		{View{Width: 320, Height: 180}, "a"}, {View{Width: 1280, Height: 720}, "c"}, {View{Width: 640, Height: 360}, "b"}, {View{Width: 90, Height: 50}, "a"},
	} {
		v.down.SetView(test.view)
		b.play(p, 60, random)
		if rid := v.down.media.state.RID; rid != test.rid {
			t.Errorf("%+v gets %q, want %q", test.view, rid, test.rid)
		}
	}
	v.down.SetView(View{})
	b.play(p, 2, random)
	had := len(v.packets)
	b.play(p, 10, random)
	if len(v.packets) != had || v.down.media.state.Reason != ReasonView {
		t.Errorf("%d packets were sent to a hidden tile, reason %q", len(v.packets)-had, v.down.media.state.Reason)
	}
	v.check(p.encodings)
	if len(v.problems) > 0 {
		t.Error(v.problems)
	}
}

func TestMissingCodecIsSaid(t *testing.T) {
	b, p, v, random := newCall(1)
	v.down.formats[0].Codec = codec.VP9
	v.down.SetSource(p.track)
	b.play(p, 5, random)
	if s := v.down.media.state; len(v.packets) != 0 || s.Reason != ReasonCodec || s.Sending {
		t.Errorf("%d packets, state %+v", len(v.packets), s)
	}
}

// TestKeyframeRequestsAreCoalesced: 50 viewers that ask 20 times a second cost the publisher at most what one would.
func TestKeyframeRequestsAreCoalesced(t *testing.T) {
	b, p, _, random := newCall(1)
	var viewers []*viewer
	for range 50 {
		v := newViewer(b)
		v.down.SetSource(p.track)
		viewers = append(viewers, v)
	}
	b.play(p, 5, random)
	pli, _ := (&rtcp.PictureLossIndication{SenderSSRC: 1, MediaSSRC: viewerSSRC}).Marshal()
	before := b.group.counters.KeyframeRequestsOut
	start := b.now
	for range 90 {
		for _, v := range viewers {
			b.receive(v.peer, pli, true)
			b.run()
		}
		b.play(p, 1, random)
	}
	seconds := b.now.Sub(start).Seconds()
	if sent := b.group.counters.KeyframeRequestsOut - before; float64(sent) > 2*seconds+4 {
		t.Errorf("%d requests in %.1f s", sent, seconds)
	}
	for i, v := range viewers {
		if len(v.packets) < 90 {
			t.Errorf("viewer %d got %d packets", i, len(v.packets))
		}
	}
}

// TestLossIsAskedFor: what is missing is asked of the publisher, and takes the number that was kept for it.
func TestLossIsAskedFor(t *testing.T) {
	b, p, v, random := newCall(1)
	v.down.SetSource(p.track)
	b.play(p, 10, random)
	s := p.encodings[0]
	var lost []byte
	for len(s.sent) == 0 || lost == nil {
		for i, packet := range s.next(random) {
			if i == 1 && lost == nil {
				lost = packet
				continue
			}
			s.deliver(packet, false)
		}
	}
	p.rtcp = nil
	for range 10 {
		b.now += Instant(5 * time.Millisecond)
		b.tick()
	}
	var h header
	_ = h.parse(lost)
	asked := false
	for _, compound := range p.rtcp {
		packets, err := rtcp.Unmarshal(compound)
		if err != nil {
			t.Fatal(err)
		}
		for _, packet := range packets {
			if n, ok := packet.(*rtcp.TransportLayerNack); ok && n.MediaSSRC == s.ssrc && slices.Contains(n.Nacks[0].PacketList(), h.sequence) {
				asked = true
			}
		}
	}
	if !asked {
		t.Fatal("the missing packet was not asked for")
	}
	s.deliver(lost, true)
	b.play(p, 5, random)
	v.check(p.encodings)
	if len(v.problems) > 0 {
		t.Error(v.problems)
	}
	for i := 1; i < len(v.packets); i++ {
		if !slices.ContainsFunc(v.packets, func(r received) bool { return r.seq == v.packets[0].seq+uint64(i) }) {
			t.Errorf("number %d is missing", v.packets[0].seq+uint64(i))
		}
	}
}

func TestSSRCsAreBounded(t *testing.T) {
	b, p, _, _ := newCall(1)
	exceeded := 0
	p.peer.observer = tooMany(func() { exceeded++ })
	s := p.encodings[0]
	random := rand.New(rand.NewPCG(1, 1))
	for range 1000 {
		s.ssrc = random.Uint32()
		s.wanted = true
		s.deliver(s.next(random)[0], false)
		b.run()
	}
	if exceeded != 1 {
		t.Errorf("told %d times", exceeded)
	}
	if n := len(p.peer.ingress.streams); n > 32 {
		t.Errorf("%d streams are kept", n)
	}
}

type tooMany func()

func (tooMany) DownTrackChanged(*DownTrack, DownTrackState) {}
func (f tooMany) TooManyStreams()                           { f() }

// TestFloodIsPoliced: a track that sends far more than it may is thinned out, counted and said, and others do not notice.
func TestFloodIsPoliced(t *testing.T) {
	b, p, v, random := newCall(1)
	told := 0
	p.track.observer = policed(func() { told++ })
	p.track.media.police = newPolicer(20, 100_000)
	v.down.SetSource(p.track)
	b.play(p, 300, random)
	if told == 0 || b.group.counters.Dropped[DropPoliced] == 0 {
		t.Errorf("told %d times, %d dropped", told, b.group.counters.Dropped[DropPoliced])
	}
	if told > 6 {
		t.Errorf("told %d times in 10 s", told)
	}
}

type policed func()

func (policed) UpTrackStarted(*UpTrack, codec.Type) {}
func (f policed) UpTrackPoliced(*UpTrack)           { f() }

// TestSenderReportsFollowThePublisher: the report to the viewer names the timestamp that the publisher's report names, moved.
func TestSenderReportsFollowThePublisher(t *testing.T) {
	b, p, v, random := newCall(1)
	v.down.SetSource(p.track)
	b.play(p, 5, random)
	s := p.encodings[0]
	ntp := ntpFromTime(time.Unix(1_600_000_000, 0)) // the publisher's clock is years behind
	base := s.timestamp
	for i := range 4 {
		at := time.Duration(i) * time.Second
		sr, _ := (&rtcp.SenderReport{SSRC: s.ssrc, NTPTime: uint64(ntp.add(at)), RTPTime: base + uint32(i)*90_000}).Marshal()
		b.receive(p.peer, sr, true)
		b.play(p, 30, random)
	}
	packets := v.down.senderReport(nil, b.now)
	report := packets[0].(*rtcp.SenderReport)
	if report.SSRC != viewerSSRC || report.PacketCount == 0 {
		t.Errorf("%+v", report)
	}
	// The last report came 30 frames ago; the media clock went on as fast as ours.
	last := v.packets[len(v.packets)-1]
	age := int32(report.RTPTime - last.timestamp)
	if age < 0 || age > 90*100 {
		t.Errorf("the report's timestamp is %d ticks after that of the last frame", age)
	}
}

// TestParkedMemoryIsGivenBack: an m-line without a source lets go of what it sent.
func TestParkedMemoryIsGivenBack(t *testing.T) {
	b, p, v, random := newCall(1)
	v.down.SetSource(p.track)
	b.play(p, 5, random)
	v.down.SetSource(nil)
	b.play(p, 100, random)
	if v.down.media.sent.ring != nil || v.down.media.from != nil {
		t.Error("the parked m-line still holds what it sent")
	}
	if v.down.media.state != (DownTrackState{Temporal: -1}) {
		t.Errorf("state %+v", v.down.media.state)
	}
}

// TestBadRTCP: whatever a client sends as RTCP is bounded work and touches nobody else.
func TestBadRTCP(t *testing.T) {
	b, p, v, random := newCall(1)
	other := newViewer(b)
	v.down.SetSource(p.track)
	other.down.SetSource(p.track)
	b.play(p, 10, random)
	marshal := func(p rtcp.Packet) []byte {
		m, err := p.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	var pairs []rtcp.NackPair
	for i := range 250 {
		pairs = append(pairs, rtcp.NackPair{PacketID: uint16(i * 17), LostPackets: 0xFFFF})
	}
	for _, data := range [][]byte{
		marshal(&rtcp.TransportLayerNack{MediaSSRC: viewerSSRC, Nacks: pairs}),
		marshal(&rtcp.TransportLayerNack{MediaSSRC: 12345, Nacks: pairs}),
		marshal(&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 1 << 63, SSRCs: []uint32{viewerSSRC}}),
		marshal(&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 0, SSRCs: []uint32{viewerSSRC}}),
		marshal(&rtcp.SenderReport{SSRC: viewerSSRC}),
		marshal(&rtcp.SenderReport{SSRC: p.encodings[0].ssrc, NTPTime: 0}),
		marshal(&rtcp.Goodbye{Sources: []uint32{p.encodings[0].ssrc, viewerSSRC}}),
		marshal(&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: viewerSSRC, TotalLost: 0xFFFFFF, LastSenderReport: 1, Delay: 1 << 31}}}),
		{0x8F, 205, 0, 5, 0, 0, 0, 1, 0, 0, 3, 0xE8, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0},
		{0x80, 200}, {}, {0xFF, 0xFF, 0xFF, 0xFF}, make([]byte, 1400),
	} {
		for range 100 {
			b.receive(v.peer, data, true)
			b.run()
		}
	}
	if n := b.group.counters.NACKsIn; n > nacksPerSecond+nacksPerPacket {
		t.Errorf("%d packets were looked for", n)
	}
	had := len(other.packets)
	b.play(p, 10, random)
	if len(other.packets) < had+10 {
		t.Errorf("the other viewer got %d packets", len(other.packets)-had)
	}
	for _, v := range []*viewer{v, other} {
		v.check(p.encodings)
		if len(v.problems) > 0 {
			t.Error(v.problems)
		}
	}
}

// FuzzReceive feeds raw datagrams of one client, RTP and RTCP, while another one watches.
func FuzzReceive(f *testing.F) {
	random := rand.New(rand.NewPCG(1, 1))
	_, p, _, _ := newCall(2)
	for _, packet := range p.encodings[1].next(random) {
		f.Add(packet, false)
	}
	nack, _ := (&rtcp.TransportLayerNack{MediaSSRC: viewerSSRC, Nacks: []rtcp.NackPair{{PacketID: 1, LostPackets: 7}}}).Marshal()
	f.Add(nack, true)
	f.Fuzz(func(t *testing.T, data []byte, control bool) {
		if len(data) > MaxPacket {
			return
		}
		b, p, v, random := newCall(2)
		v.down.SetSource(p.track)
		b.play(p, 2, random)
		b.receive(p.peer, data, control)
		b.receive(v.peer, data, control)
		b.play(p, 2, random)
		for _, problem := range v.problems {
			t.Error(problem)
		}
	})
}

// TestFreshKeyframeServesNewcomers: viewers that come just after a keyframe begin with it, and no other one is asked for.
func TestFreshKeyframeServesNewcomers(t *testing.T) {
	b, p, v, random := newCall(1)
	b.play(p, 3, random) // the first frame is a keyframe, about 100 ms ago
	requests := b.group.counters.KeyframeRequestsOut
	var viewers []*viewer
	for range 5 {
		viewers = append(viewers, newViewer(b))
	}
	viewers = append(viewers, v)
	for _, v := range viewers {
		v.down.SetSource(p.track)
	}
	b.tick()
	for i, v := range viewers {
		if len(v.packets) == 0 || !v.packets[0].stamp.keyframe {
			t.Fatalf("viewer %d got %d packets", i, len(v.packets))
		}
	}
	b.play(p, 10, random)
	if sent := b.group.counters.KeyframeRequestsOut - requests; sent != 0 {
		t.Errorf("%d keyframes were asked for", sent)
	}
	for _, v := range viewers {
		if v.check(p.encodings); len(v.problems) > 0 {
			t.Error(v.problems)
		}
	}
	late := newViewer(b)
	b.play(p, 10, random)
	late.down.SetSource(p.track)
	b.tick()
	if len(late.packets) != 0 {
		t.Error("an old keyframe was used")
	}
}

// TestFeedbackThatClaimsMuch: what is not read costs nothing, however much it claims to hold.
func TestFeedbackThatClaimsMuch(t *testing.T) {
	b, _, v, _ := newCall(1)
	claims := []byte{0x8F, 205, 0, 6, 0, 0, 0, 1, 0, 0, 3, 0xE8, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0, 0x3F, 0xFF, 0x3F, 0xFF, 0x3F, 0xFF, 0x3F, 0xFF}
	if n := testing.AllocsPerRun(100, func() { v.peer.receiveRTCP(claims, b.now) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestAnotherFormatOnTheSameLine: an offer may agree on as many formats as the one before, and on others.
func TestAnotherFormatOnTheSameLine(t *testing.T) {
	b, p, v, random := newCall(1)
	v.down.SetSource(p.track)
	b.play(p, 5, random)
	media := p.track.media.line.media
	media.Formats = slices.Clone(media.Formats)
	for i := range media.Formats {
		media.Formats[i].PayloadType ^= 1
	}
	p.peer.Configure([]Media{media})
	b.run()
	before := b.group.counters.Dropped[DropUnknown]
	b.play(p, 5, random)
	if b.group.counters.Dropped[DropUnknown] == before {
		t.Error("a payload type that is not agreed on any more is still taken")
	}
}

// TestCodecThatChangesWithEachPacket: everyone in the room is told of another codec, so a client that alternates is told off by loss.
func TestCodecThatChangesWithEachPacket(t *testing.T) {
	b, p, v, random := newCall(1)
	changes := 0
	p.track.observer = started(func(codec.Type) { changes++ })
	v.down.SetSource(p.track)
	media := p.track.media.line.media
	media.Formats = append(slices.Clone(media.Formats), Format{Codec: codec.VP9, PayloadType: 50, NACK: true, PLI: true})
	p.peer.Configure([]Media{media})
	b.play(p, 5, random)
	s := p.encodings[0]
	for i := range 300 {
		for _, packet := range s.next(random) {
			if i%2 == 1 {
				packet[1] = packet[1]&0x80 | 50
			}
			b.receive(p.peer, packet, false)
		}
		b.now += Instant(10 * time.Millisecond)
		b.run()
	}
	if changes < 2 || changes > 5 {
		t.Errorf("%d changes of the codec in 3 s", changes)
	}
}

// TestFloodLeavesTimeForCommands: however much arrives, a worker looks at its commands and timers in between.
func TestFloodLeavesTimeForCommands(t *testing.T) {
	w := newBench().worker
	p := &Peer{worker: w, group: &Group{worker: w}}
	for range 2*roundBatches*receiveBatch + 1 {
		w.packets.push([]datagram{{from: p, buf: NewBuffer()}})
	}
	rounds := 1
	for w.route(0) {
		rounds++
	}
	if rounds != 3 || w.packets.size != 0 {
		t.Errorf("%d rounds, %d packets left", rounds, w.packets.size)
	}
}
