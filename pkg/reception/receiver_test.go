package reception

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"sfu/pkg/codec"
	"sfu/pkg/link"
	"sfu/pkg/synthetic"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A path carries the packets of a Source to a Receiver over a link, and feedback back without loss.
type path struct {
	mu       sync.Mutex
	link     *link.Link
	receiver *Receiver
	wg       sync.WaitGroup
	// damage changes one packet in so many, skip takes away so many at the beginning.
	damage int
	skip   int
	count  int
}

func (p *path) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	b, err := (&rtp.Packet{Header: *h, Payload: payload}).Marshal()
	if err != nil {
		return 0, err
	}
	p.mu.Lock()
	if p.count++; p.damage > 0 && p.count%p.damage == 0 {
		b[len(b)-50] ^= 1
	}
	outcome, skipped := p.link.Send(len(b), time.Now()), p.count <= p.skip
	p.mu.Unlock()
	if skipped {
		return len(b), nil
	}
	for _, at := range outcome.Arrivals() {
		p.wg.Add(1)
		time.AfterFunc(time.Until(at), func() {
			defer p.wg.Done()
			if !p.receiver.Samples() || p.receiver.Clear(b, time.Now()) {
				p.receiver.RTP(b, time.Now())
			}
		})
	}
	return len(b), nil
}

const mid, ssrc, rtx = "4", 1000, 2000

var extensions = synthetic.Extensions{TransportCC: 3}

func lineOf(c codec.Type) Line {
	return Line{MID: mid, Video: c.Video(), SSRC: ssrc, RTX: rtx, TransportCC: 3, Formats: []Format{
		{PayloadType: 96, RTX: 97, Codec: c, NACK: c.Video(), PLI: true}, {PayloadType: 98, RTX: 99, Codec: codec.H264, NACK: true, PLI: true},
	}}
}

// call runs a track over a link for d and returns what arrived, and all feedback.
func call(t *testing.T, track synthetic.Track, over link.Config, cfg Config, d time.Duration, meddle func(*path)) (s Stats, sent synthetic.StreamStats, feedback []rtcp.Packet) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := &path{link: link.New(over, 1), receiver: New(cfg)}
		if meddle != nil {
			meddle(p)
		}
		p.receiver.Configure([]Line{lineOf(track.Codec)})
		source := synthetic.NewSource("x", func(r []rtcp.Packet) error { p.receiver.RTCP(r, time.Now()); return nil })
		player, err := source.Add(track)
		if err != nil {
			t.Fatal(err)
		}
		player.Bind("", synthetic.Binding{SSRC: ssrc, PayloadType: 96, RTX: rtx, RTXPayloadType: 97, Extensions: extensions, Writer: p})
		quit := make(chan struct{})
		var loop sync.WaitGroup
		loop.Go(func() {
			for {
				packets, next := p.receiver.Feedback(time.Now())
				feedback = append(feedback, packets...)
				source.Feedback(packets)
				select {
				case <-time.After(time.Until(next)):
				case <-p.receiver.Urgent():
				case <-quit:
					return
				}
			}
		})
		source.Start()
		time.Sleep(d)
		player.SetAllActive(false)
		time.Sleep(3 * time.Second)
		close(quit)
		loop.Wait()
		source.Close()
		p.wg.Wait()
		s, sent = p.receiver.Stats()[0], player.Stats()[0]
	})
	return s, sent, feedback
}

func TestCleanCall(t *testing.T) {
	for _, c := range []codec.Type{codec.VP8, codec.VP9, codec.H264, codec.AV1} {
		track := synthetic.Camera(1_000_000, 360, 30)
		track.Codec = c
		s, sent, _ := call(t, track, link.Config{Delay: 25 * time.Millisecond}, Config{}, 10*time.Second, nil)
		if s.Packets != sent.Packets || s.Checked != sent.Packets || s.Published != sent.Packets || s.Frames != sent.Frames || s.Keyframes != 1 {
			t.Errorf("%v: %+v, sent %+v", c, s, sent)
		}
		if s.Lost+s.MissingOfThem+s.Duplicates+s.Damaged+s.Foreign+s.Unstamped+s.NACKs+s.PLIs != 0 {
			t.Errorf("%v: %+v", c, s)
		}
		if s.Codec != c || s.Width != 640 || s.Height != 360 || s.Latency.Max() != 25*time.Millisecond || s.SenderReports < 9 {
			t.Errorf("%v: codec %v, %dx%d, latency %v, %d sender reports", c, s.Codec, s.Width, s.Height, s.Latency.Max(), s.SenderReports)
		}
	}
}

// TestAbruptBeginning: what does not begin with the first packet of a keyframe is noticed.
func TestAbruptBeginning(t *testing.T) {
	inOrder := link.Config{Rate: 10_000_000} // no two packets arrive at once
	for skip, abrupt := range []uint64{0, 1, 1} {
		s, _, _ := call(t, synthetic.Camera(1_000_000, 360, 30), inOrder, Config{}, 2*time.Second, func(p *path) { p.skip = skip })
		if s.Abrupt != abrupt || s.Packets == 0 {
			t.Errorf("without the first %d packets: %d of %d beginnings are abrupt", skip, s.Abrupt, s.Packets)
		}
	}
	s, _, _ := call(t, synthetic.Microphone(), inOrder, Config{}, 2*time.Second, func(p *path) { p.skip = 1 })
	if s.Abrupt != 0 || s.Packets == 0 {
		t.Errorf("sound has no keyframes; %d abrupt beginnings", s.Abrupt)
	}
}

func TestLossIsRepaired(t *testing.T) {
	over := link.Config{Delay: 30 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.05, Burst: link.Burst{Loss: 0.02, Length: 4}}
	s, sent, _ := call(t, synthetic.Camera(1_000_000, 360, 30), over, Config{}, 20*time.Second, nil)
	if s.Lost != 0 || s.MissingOfThem != 0 || s.Packets != sent.Packets && s.Packets+2 < sent.Packets {
		t.Errorf("lost %d, missing %d, %d of %d arrived", s.Lost, s.MissingOfThem, s.Packets, sent.Packets)
	}
	if share := float64(s.Recovered) / float64(sent.Packets); share < 0.03 || share > 0.12 {
		t.Errorf("%d of %d packets recovered", s.Recovered, sent.Packets)
	}
	// A packet is not asked for again when it has come: about one question for each loss.
	if s.NACKs > 2*s.Recovered || sent.Resent > 2*s.Recovered {
		t.Errorf("%d numbers asked for, %d packets sent again for %d recovered", s.NACKs, sent.Resent, s.Recovered)
	}
}

func TestLossWithoutNACK(t *testing.T) {
	s, sent, _ := call(t, synthetic.Camera(1_000_000, 360, 30), link.Config{Loss: 0.05}, Config{NoNACK: true}, 20*time.Second, nil)
	if s.NACKs != 0 || s.Recovered != 0 || sent.Resent != 0 {
		t.Errorf("%+v", s)
	}
	want := sent.Packets - s.Packets
	for name, got := range map[string]uint64{"lost": s.Lost, "missing": s.MissingOfThem} {
		if got+3 < want || got > want {
			t.Errorf("%s %d, want %d", name, got, want)
		}
	}
	if share := float64(s.Lost) / float64(sent.Packets); share < 0.03 || share > 0.07 {
		t.Errorf("lost %d of %d", s.Lost, sent.Packets)
	}
}

func TestReorderingIsNotLoss(t *testing.T) {
	over := link.Config{Delay: 20 * time.Millisecond, Reorder: 0.05, Duplicate: 0.02}
	s, sent, _ := call(t, synthetic.Camera(1_000_000, 360, 30), over, Config{}, 20*time.Second, nil)
	if s.Packets != sent.Packets || s.Lost != 0 || s.MissingOfThem != 0 || s.Late == 0 || s.Duplicates == 0 || s.Switches != 0 {
		t.Errorf("%+v, sent %d", s, sent.Packets)
	}
	if s.Recovered > s.Late/2 {
		t.Errorf("%d packets asked for that were only late", s.Recovered)
	}
}

// With sampling, everything is counted and one packet in so many is checked.
func TestSampling(t *testing.T) {
	over := link.Config{Delay: 20 * time.Millisecond, Loss: 0.02}
	s, sent, _ := call(t, synthetic.Camera(1_000_000, 360, 30), over, Config{Sample: 16}, 20*time.Second, nil)
	if s.Lost != 0 || s.Packets+3 < sent.Packets || s.Recovered == 0 {
		t.Errorf("%+v, sent %d", s, sent.Packets)
	}
	checked := (s.Packets-s.Recovered)/16 + s.Recovered
	if s.Checked+3 < checked || s.Checked > checked+3 {
		t.Errorf("%d checked, want %d", s.Checked, checked)
	}
	if s.MissingOfThem > 0 || s.Published+20 < sent.Packets {
		t.Errorf("published %d, missing %d", s.Published, s.MissingOfThem)
	}
	if s.Latency.Quantile(0.5) < 20*time.Millisecond || s.Latency.Quantile(0.5) > 22*time.Millisecond {
		t.Errorf("latency %v", s.Latency.Quantile(0.5))
	}
}

func TestDamageIsSeen(t *testing.T) {
	s, _, _ := call(t, synthetic.Camera(1_000_000, 360, 30), link.Config{}, Config{}, 5*time.Second, func(p *path) { p.damage = 50 })
	if s.Damaged < 5 || s.Damaged > s.Packets/40 || s.Checked+s.Damaged != s.Packets {
		t.Errorf("%+v", s)
	}
}

func TestKeyframesAreAskedFor(t *testing.T) {
	// Two seconds of nothing in the middle: more is lost than can be repaired.
	s, sent, _ := call(t, synthetic.Camera(2_000_000, 360, 30), link.Config{}, Config{}, 10*time.Second, func(p *path) {
		time.AfterFunc(3*time.Second, func() { p.set(link.Config{Loss: 1}) })
		time.AfterFunc(6*time.Second, func() { p.set(link.Config{}) })
	})
	if s.GivenUp == 0 || s.PLIs == 0 || s.Keyframes != 2 || sent.KeyframeRequests != s.PLIs {
		t.Errorf("given up %d, PLIs %d, keyframes %d, asked %d", s.GivenUp, s.PLIs, s.Keyframes, sent.KeyframeRequests)
	}
	if s.LongestGap < 2*time.Second {
		t.Errorf("longest gap %v", s.LongestGap)
	}
}

func (p *path) set(c link.Config) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.link.Set(c, time.Now())
}

func TestFeedback(t *testing.T) {
	s, _, feedback := call(t, synthetic.Camera(1_000_000, 360, 30), link.Config{Delay: 10 * time.Millisecond, Loss: 0.1}, Config{NoNACK: true, NoPLI: true}, 10*time.Second, nil)
	var reports, transport int
	var last rtcp.ReceptionReport
	received, fractions := 0, 0
	for _, p := range feedback {
		switch p := p.(type) {
		case *rtcp.ReceiverReport:
			reports++
			last = p.Reports[0]
			fractions += int(last.FractionLost)
		case *rtcp.TransportLayerCC:
			transport++
			received += len(p.RecvDeltas)
		default:
			t.Errorf("%T", p)
		}
	}
	if reports < 10 || reports > 12 || transport < 95 || transport > 140 {
		t.Errorf("%d reports and %d transport-wide ones in 10 s", reports, transport)
	}
	if last.SSRC != ssrc || uint64(last.TotalLost) != s.Lost || last.LastSenderReport == 0 {
		t.Errorf("%+v, lost %d", last, s.Lost)
	}
	if mean := float64(fractions) / float64(reports) / 256; mean < 0.07 || mean > 0.15 {
		t.Errorf("reports a loss of %.3f", mean)
	}
	// What arrives at the same instant may change places, and what is late is reported with its neighbours once more.
	if n := uint64(received); n < s.Packets || n > s.Packets+s.Packets/20 {
		t.Errorf("transport-wide feedback speaks of %d packets, %d arrived", received, s.Packets)
	}
}

// packetOf returns an RTP packet with a stamp.
func packetOf(t *testing.T, payloadType uint8, ssrc uint32, sequence uint16, payload []byte) []byte {
	t.Helper()
	b, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: payloadType, SSRC: ssrc, SequenceNumber: sequence}, Payload: payload}).Marshal()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestForeignPayloadTypes(t *testing.T) {
	var tape [][]byte
	synctest.Test(t, func(t *testing.T) {
		source := synthetic.NewSource("x", func([]rtcp.Packet) error { return nil })
		defer source.Close()
		player, err := source.Add(synthetic.Camera(500_000, 360, 30))
		if err != nil {
			t.Fatal(err)
		}
		player.Bind("", synthetic.Binding{SSRC: ssrc, PayloadType: 96, Writer: writerFunc(func(p []byte) { tape = append(tape, append([]byte(nil), p...)) })})
		source.Start()
		time.Sleep(time.Second)
		synctest.Wait()
	})
	r := New(Config{})
	r.Configure([]Line{lineOf(codec.VP8)})
	now := time.Now()
	r.RTP(packetOf(t, 96, ssrc, 1, tape[0]), now)
	r.RTP(packetOf(t, 98, ssrc, 2, tape[1]), now) // VP8 as H.264
	r.RTP(packetOf(t, 55, ssrc, 3, tape[2]), now)
	again := append([]byte{0, 4}, tape[3]...)
	r.RTP(packetOf(t, 99, rtx, 1, again), now) // a retransmission of H.264
	again[1] = 5
	r.RTP(packetOf(t, 97, rtx, 2, again), now)
	r.RTP(packetOf(t, 97, rtx, 3, nil), now)
	r.RTP(packetOf(t, 96, 77, 1, tape[0]), now)
	s := r.Stats()[0]
	if s.Checked != 2 || s.Foreign != 3 || s.Recovered != 2 || s.Retransmissions != 3 || r.Unknown() != 1 {
		t.Errorf("%+v, unknown %d", s, r.Unknown())
	}
}

// TestSamplesOfOneBatch has the sampled packets of a batch decrypted only after all of them were counted.
func TestSamplesOfOneBatch(t *testing.T) {
	r := New(Config{Sample: 4})
	r.Configure([]Line{lineOf(codec.VP8)})
	now := time.Now()
	var sampled [][]byte
	for n := range 24 {
		payload := make([]byte, 100)
		copy(payload, []byte{0x10, 0, 1})
		synthetic.Stamp{Codec: codec.VP8, Sequence: uint64(n), Sent: now}.Seal(payload[3:])
		packet, err := (&rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: ssrc, SequenceNumber: uint16(n)}, Payload: payload}).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if r.Clear(packet, now) {
			sampled = append(sampled, packet)
		}
	}
	for _, packet := range sampled {
		r.RTP(packet, now)
	}
	if s := r.Stats()[0]; len(sampled) != 6 || s.Checked != 6 || s.Packets != 24 || s.MissingOfThem != 0 {
		t.Errorf("%d sampled, %+v", len(sampled), s)
	}
}

type writerFunc func([]byte)

func (f writerFunc) WriteRTP(_ *rtp.Header, payload []byte) (int, error) {
	f(payload)
	return len(payload), nil
}

func BenchmarkClear(b *testing.B) {
	r := New(Config{Sample: 16})
	r.Configure([]Line{lineOf(codec.VP8)})
	h := rtp.Header{Version: 2, PayloadType: 96, SSRC: ssrc}
	_ = h.SetExtension(3, []byte{0, 0})
	packet, _ := (&rtp.Packet{Header: h, Payload: make([]byte, 1100)}).Marshal()
	now := time.Now()
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		packet[2], packet[3] = byte(n>>8), byte(n)
		packet[17], packet[18] = byte(n>>8), byte(n)
		r.Clear(packet, now)
		if n%50 == 0 {
			now = now.Add(10 * time.Millisecond)
		}
		if n%1000 == 0 {
			r.Feedback(now)
		}
	}
}
