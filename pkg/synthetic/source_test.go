package synthetic

import (
	"bytes"
	"encoding/binary"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"go.uber.org/goleak"

	"sfu/pkg/codec"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A tape keeps the packets that were sent.
type tape struct {
	mu      sync.Mutex
	packets []recorded
	reports []rtcp.Packet
}

type recorded struct {
	at time.Time
	rtp.Packet
}

func (w *tape) WriteRTP(h *rtp.Header, payload []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.packets = append(w.packets, recorded{time.Now(), rtp.Packet{Header: h.Clone(), Payload: bytes.Clone(payload)}})
	return len(payload), nil
}

func (w *tape) writeRTCP(p []rtcp.Packet) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.reports = append(w.reports, p...)
	return nil
}

// of returns the packets of one SSRC.
func (w *tape) of(ssrc uint32) []recorded {
	w.mu.Lock()
	defer w.mu.Unlock()
	var some []recorded
	for _, p := range w.packets {
		if p.SSRC == ssrc {
			some = append(some, p)
		}
	}
	return some
}

var ids = Extensions{MID: 1, RID: 2, RepairedRID: 3, TransportCC: 4, AudioLevel: 5}

// play runs a Source with t bound in a bubble and lets do act on it.
func play(t *testing.T, track Track, do func(*Source, *Player, *tape)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &tape{}
		s := NewSource("someone", w.writeRTCP)
		defer s.Close()
		p, err := s.Add(track)
		if err != nil {
			t.Fatal(err)
		}
		for i, e := range p.Track().Encodings {
			p.Bind(e.RID, Binding{
				SSRC: uint32(1000 + i), PayloadType: 96, RTX: uint32(2000 + i), RTXPayloadType: 97, MID: "0", Extensions: ids, Writer: w,
			})
		}
		synctest.Wait()
		if len(w.packets) != 0 {
			t.Fatal("sends before Start")
		}
		s.Start()
		do(s, p, w)
	})
}

func TestSourceSendsContinuousStreams(t *testing.T) {
	track := Simulcast(2_500_000, 30)
	play(t, track, func(_ *Source, p *Player, w *tape) {
		time.Sleep(10 * time.Second)
		synctest.Wait()
		for i, e := range p.Track().Encodings {
			packets := w.of(uint32(1000 + i))
			checkStream(t, packets, p.Track(), i)
			bytes := 0
			for _, x := range packets {
				bytes += len(x.Payload)
			}
			if got := float64(bytes) * 8 / 10; got < 0.9*float64(e.Bitrate) || got > 1.15*float64(e.Bitrate)+20_000 {
				t.Errorf("%s: %.0f bits per second, want %d", e.RID, got, e.Bitrate)
			}
			if st := p.Stats()[i]; st.Packets != uint64(len(packets)) || st.Frames < 295 || st.Frames > 301 || st.Keyframes != 1 {
				t.Errorf("%s: %+v, %d packets", e.RID, st, len(packets))
			}
		}
		checkTransportSequence(t, w)
	})
}

// checkStream wants numbers, timestamps, markers and stamps without a hole.
func checkStream(t *testing.T, packets []recorded, track Track, encoding int) {
	t.Helper()
	for i, p := range packets {
		stamp, err := ReadStamp(p.Payload)
		if err != nil || stamp.Publisher != track.Publisher || stamp.Encoding != uint8(encoding) || stamp.Sequence != uint64(i) || !stamp.Sent.Equal(p.at) {
			t.Fatalf("packet %d: %+v, %v", i, stamp, err)
		}
		if string(p.GetExtension(ids.RID)) != track.Encodings[encoding].RID || string(p.GetExtension(ids.MID)) != "0" {
			t.Fatalf("packet %d: rid %q", i, p.GetExtension(ids.RID))
		}
		var info codec.Info
		if err := codec.Parse(track.Codec, p.Payload, &info); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			if !info.Keyframe {
				t.Fatal("does not begin with a keyframe")
			}
			continue
		}
		before := packets[i-1]
		if p.SequenceNumber != before.SequenceNumber+1 || (p.Timestamp != before.Timestamp) != before.Marker || info.Start != before.Marker {
			t.Fatalf("packet %d: %v after %v", i, p.Header, before.Header)
		}
		if len(p.Payload) > maxPayload {
			t.Fatalf("payload of %d bytes", len(p.Payload))
		}
	}
}

func checkTransportSequence(t *testing.T, w *tape) {
	t.Helper()
	for i, p := range w.packets {
		if got := binary.BigEndian.Uint16(p.GetExtension(ids.TransportCC)); got != uint16(i) {
			t.Fatalf("packet %d has the transport-wide number %d", i, got)
		}
	}
}

func TestSourcePaces(t *testing.T) {
	play(t, Camera(1_500_000, 720, 30), func(_ *Source, _ *Player, w *tape) {
		time.Sleep(5 * time.Second)
		synctest.Wait()
		perSlot := map[time.Time]int{}
		for _, p := range w.packets {
			perSlot[p.at]++
		}
		most := 0
		for _, n := range perSlot {
			most = max(most, n)
		}
		// 2.5 x 1.5 Mbit/s is 2344 bytes in 5 ms.
		if most > 3 {
			t.Errorf("%d packets at once", most)
		}
		if n := len(w.packets); n < 820 || n > 950 {
			t.Errorf("%d packets in 5 s", n)
		}
	})
}

func TestSourcePacings(t *testing.T) {
	for name, c := range map[string]struct {
		pacing      Pacing
		most, least time.Duration // between two packets of a frame
	}{
		"burst": {PaceBurst, 0, 0},
		"even":  {PaceEven, 4 * time.Millisecond, 2 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			play(t, Camera(3_200_000, 720, 30), func(s *Source, _ *Player, w *tape) {
				groups := 0
				s.SetPacing(c.pacing)
				s.Together(func() { groups++ }, func() {})
				time.Sleep(3 * time.Second)
				synctest.Wait()
				packets := w.of(1000)
				if got := float64(len(packets)) / 3; got < 330 || got > 390 { // 12 a frame
					t.Errorf("%.0f packets per second", got)
				}
				for i := len(packets) / 2; i < len(packets); i++ { // the keyframe is long over
					last, p := packets[i-1], packets[i]
					if gap := p.at.Sub(last.at); p.Timestamp == last.Timestamp && (gap < c.least || gap > c.most) {
						t.Fatalf("%v after the packet before", gap)
					}
				}
				if groups == 0 {
					t.Error("packets that leave together are not enclosed")
				}
			})
		})
	}
}

func TestSetBitrate(t *testing.T) {
	play(t, Simulcast(1_000_000, 30), func(_ *Source, p *Player, w *tape) {
		time.Sleep(2 * time.Second)
		p.SetBitrate(20_000_000)
		synctest.Wait()
		before := p.Stats()[2].Bytes
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := float64(p.Stats()[2].Bytes-before) * 8 / 2; got < 13_500_000 || got > 14_900_000 { // 71 % of 20 Mbit/s
			t.Errorf("%.0f bits per second", got)
		}
		if got := p.Track().Encodings[2].Bitrate; got != 14_200_000 {
			t.Errorf("the track says %d", got)
		}
		// NACKs reach as far back as they did.
		sent := w.of(1002)
		p.source.Feedback([]rtcp.Packet{&rtcp.TransportLayerNack{
			MediaSSRC: 1002, Nacks: rtcp.NackPairsFromSequenceNumbers([]uint16{sent[len(sent)-1500].SequenceNumber}),
		}})
		if n := len(w.of(2002)); n != 1 {
			t.Errorf("%d packets sent again", n)
		}
	})
}

func TestSourceAudio(t *testing.T) {
	play(t, Microphone(), func(_ *Source, p *Player, w *tape) {
		time.Sleep(time.Second)
		p.SetAudioLevel(127)
		time.Sleep(time.Second)
		synctest.Wait()
		packets := w.of(1000)
		if n := len(packets); n < 99 || n > 101 {
			t.Fatalf("%d packets in 2 s", n)
		}
		for i, x := range packets {
			want := byte(0x80 | 30)
			if i > 52 {
				want = 127
			}
			if i < 49 || i > 52 {
				if got := x.GetExtension(ids.AudioLevel)[0]; got != want {
					t.Fatalf("packet %d: level %#x", i, got)
				}
			}
			if i > 0 && x.Timestamp-packets[i-1].Timestamp != 960 {
				t.Fatalf("packet %d: timestamp %d after %d", i, x.Timestamp, packets[i-1].Timestamp)
			}
			if len(x.Payload) != 80 {
				t.Fatalf("payload of %d bytes", len(x.Payload))
			}
		}
	})
}

func TestSourceKeyframes(t *testing.T) {
	for name, c := range map[string]struct {
		all  bool
		fir  bool
		want [3]uint64
	}{
		"one":     {false, false, [3]uint64{1, 2, 1}},
		"all":     {true, false, [3]uint64{2, 2, 2}},
		"one FIR": {false, true, [3]uint64{1, 2, 1}},
	} {
		track := Simulcast(2_500_000, 30)
		track.KeyframeAll = c.all
		t.Run(name, func(t *testing.T) {
			play(t, track, func(s *Source, p *Player, _ *tape) {
				time.Sleep(time.Second)
				if c.fir {
					s.Feedback([]rtcp.Packet{&rtcp.FullIntraRequest{FIR: []rtcp.FIREntry{{SSRC: 1001}}}})
				} else {
					s.Feedback([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: 1001}, &rtcp.PictureLossIndication{MediaSSRC: 99}})
				}
				time.Sleep(time.Second)
				synctest.Wait()
				stats := p.Stats()
				for i, st := range stats {
					if st.Keyframes != c.want[i] {
						t.Errorf("encoding %d: %d keyframes, want %d", i, st.Keyframes, c.want[i])
					}
				}
				if stats[1].KeyframeRequests != 1 {
					t.Errorf("%d requests counted", stats[1].KeyframeRequests)
				}
			})
		})
	}
}

func TestSourceAnswersNACK(t *testing.T) {
	play(t, Simulcast(2_500_000, 30), func(s *Source, p *Player, w *tape) {
		time.Sleep(time.Second)
		synctest.Wait()
		sent := w.of(1002)
		lost := sent[len(sent)-10 : len(sent)-7]
		s.Feedback([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: 1002, Nacks: rtcp.NackPairsFromSequenceNumbers([]uint16{
			lost[0].SequenceNumber, lost[1].SequenceNumber, lost[2].SequenceNumber, lost[0].SequenceNumber - 10_000,
		})}})
		again := w.of(2002)
		if len(again) != 3 {
			t.Fatalf("%d packets sent again", len(again))
		}
		for i, r := range again {
			original := lost[i]
			if r.PayloadType != 97 || r.Timestamp != original.Timestamp || r.Marker != original.Marker {
				t.Errorf("%v answers %v", r.Header, original.Header)
			}
			if binary.BigEndian.Uint16(r.Payload) != original.SequenceNumber || !bytes.Equal(r.Payload[2:], original.Payload) {
				t.Error("another payload than was sent")
			}
			if string(r.GetExtension(ids.RepairedRID)) != "f" || r.GetExtension(ids.RID) != nil {
				t.Error("the retransmission does not say of which encoding it is")
			}
			if i > 0 && r.SequenceNumber != again[i-1].SequenceNumber+1 {
				t.Error("the retransmissions are not numbered")
			}
		}
		if st := p.Stats()[2]; st.NACKed != 4 || st.Resent != 3 {
			t.Errorf("%+v", st)
		}
		checkTransportSequence(t, w)
	})
}

func TestSourceStopsNamingWhatIsKnown(t *testing.T) {
	play(t, Simulcast(2_500_000, 30), func(s *Source, p *Player, w *tape) {
		time.Sleep(time.Second)
		s.Feedback([]rtcp.Packet{&rtcp.ReceiverReport{Reports: []rtcp.ReceptionReport{{SSRC: 1000, FractionLost: 64}}}})
		time.Sleep(time.Second)
		synctest.Wait()
		for i, named := range []bool{false, true, true} {
			packets := w.of(uint32(1000 + i))
			last := packets[len(packets)-1]
			if (last.GetExtension(ids.RID) != nil) != named || (last.GetExtension(ids.MID) != nil) != named || last.GetExtension(ids.TransportCC) == nil {
				t.Errorf("encoding %d: %v", i, last.Header)
			}
		}
		if got := p.Stats()[0].ReportedLoss; got != 0.25 {
			t.Errorf("reported loss %v", got)
		}
	})
}

func TestSourceReports(t *testing.T) {
	play(t, Camera(500_000, 360, 30), func(_ *Source, _ *Player, w *tape) {
		start := time.Now()
		time.Sleep(5500 * time.Millisecond)
		synctest.Wait()
		first := w.of(1000)[0]
		var reports []*rtcp.SenderReport
		names := 0
		for _, p := range w.reports {
			switch p := p.(type) {
			case *rtcp.SenderReport:
				reports = append(reports, p)
			case *rtcp.SourceDescription:
				names++
			}
		}
		if len(reports) < 5 || len(reports) > 6 || names != len(reports) {
			t.Fatalf("%d reports and %d names in 5.5 s", len(reports), names)
		}
		for _, r := range reports {
			at := time.Unix(int64(r.NTPTime>>32)-2_208_988_800, int64(r.NTPTime&0xffffffff*1e9>>32)).Sub(start)
			want := first.Timestamp + uint32(at.Seconds()*90_000+0.5)
			if diff := int32(r.RTPTime - want); diff < -90 || diff > 90 {
				t.Errorf("timestamp %d at %v, want %d", r.RTPTime, at, want)
			}
		}
	})
}

func TestSourcePause(t *testing.T) {
	play(t, Camera(500_000, 360, 30), func(_ *Source, p *Player, w *tape) {
		time.Sleep(time.Second)
		p.SetAllActive(false)
		synctest.Wait()
		count := len(w.of(1000))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := len(w.of(1000)); got != count {
			t.Errorf("%d packets in a pause", got-count)
		}
		p.SetAllActive(true)
		time.Sleep(time.Second)
		synctest.Wait()
		packets := w.of(1000)
		before, after := packets[count-1], packets[count]
		var info codec.Info
		if err := codec.Parse(codec.VP8, after.Payload, &info); err != nil || !info.Keyframe {
			t.Errorf("goes on with %+v, %v", info, err)
		}
		if gap := float64(after.Timestamp-before.Timestamp) / 90_000; gap < 1.9 || gap > 2.1 || after.SequenceNumber != before.SequenceNumber+1 {
			t.Errorf("%v after %v", after.Header, before.Header)
		}
	})
}

func TestAddRefuses(t *testing.T) {
	s := NewSource("", func([]rtcp.Packet) error { return nil })
	defer s.Close()
	good := Camera(500_000, 360, 30)
	for name, change := range map[string]func(*Track){
		"codec":   func(t *Track) { t.Codec = codec.Unknown },
		"none":    func(t *Track) { t.Encodings = nil },
		"no rid":  func(t *Track) { t.Encodings = append(t.Encodings, t.Encodings[0]) },
		"bitrate": func(t *Track) { t.Encodings[0].Bitrate = 0 },
		"size":    func(t *Track) { t.Encodings[0].Width = 0 },
		"frames":  func(t *Track) { t.Encodings[0].FPS = -1 },
		"layers":  func(t *Track) { t.Encodings[0].TemporalLayers = 4 },
		"level":   func(t *Track) { t.AudioLevel = 200 },
		"two Opus": func(t *Track) {
			t.Codec = codec.Opus
			t.Encodings = []Encoding{{RID: "a", Bitrate: 1}, {RID: "b", Bitrate: 1}}
		},
	} {
		track := good
		track.Encodings = append([]Encoding(nil), good.Encodings...)
		change(&track)
		if _, err := s.Add(track); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := s.Add(good); err != nil {
		t.Error(err)
	}
}

type nowhere struct{}

func (nowhere) WriteRTP(_ *rtp.Header, payload []byte) (int, error) { return len(payload), nil }

func TestSendDoesNotAllocate(t *testing.T) {
	track, err := Simulcast(2_500_000, 30).prepare()
	if err != nil {
		t.Fatal(err)
	}
	s := newStream(&track, 2)
	s.bind(Binding{SSRC: 1, RTX: 2, MID: "0", Extensions: ids, Writer: nowhere{}}, origin)
	now := origin
	var f frame
	if n := testing.AllocsPerRun(5000, func() {
		f = s.encoder.next(s.encoder.due())
		for i, n := 0, s.packetsOf(&f); i < n; i++ {
			_, _ = s.send(&f, i, n, 1, now)
		}
		_, _ = s.resend(s.sequence-1, 2)
	}); n != 0 {
		t.Errorf("%v allocations a frame", n)
	}
}

func BenchmarkSend(b *testing.B) {
	track, err := Camera(1_500_000, 720, 30).prepare()
	if err != nil {
		b.Fatal(err)
	}
	s := newStream(&track, 0)
	s.bind(Binding{SSRC: 1, RTX: 2, MID: "0", Extensions: ids, Writer: nowhere{}}, origin)
	f := frame{layers: 1, bytes: 6000}
	b.ReportAllocs()
	for b.Loop() {
		_, _ = s.send(&f, 1, 6, 1, origin)
	}
}

func TestSourceGoesOnWithAnotherPeerConnection(t *testing.T) {
	play(t, Simulcast(1_000_000, 30), func(s *Source, p *Player, w *tape) {
		p.SetActive("f", false)
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		next := &tape{}
		s.Reconnect(next.writeRTCP)
		before := p.Stats()
		packets, reports := len(w.packets), len(w.reports)
		time.Sleep(2 * time.Second)
		for i, e := range p.Track().Encodings {
			p.Bind(e.RID, Binding{SSRC: uint32(5000 + i), PayloadType: 100, RTX: uint32(6000 + i), RTXPayloadType: 101, MID: "3", Extensions: ids, Writer: next})
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(next.packets)+len(next.reports) != 0 {
			t.Error("it sends before Start")
		}
		s.Start()
		time.Sleep(1500 * time.Millisecond)
		synctest.Wait()
		if len(w.packets) != packets || len(w.reports) != reports {
			t.Error("it still sends on the PeerConnection before")
		}
		for i, st := range p.Stats() {
			sent := next.of(uint32(5000 + i))
			if (len(sent) == 0) != (st.RID == "f") {
				t.Fatalf("%s: %d packets", st.RID, len(sent))
			}
			if len(sent) == 0 {
				continue
			}
			stamp, err := ReadStamp(sent[0].Payload)
			if err != nil || stamp.Sequence != before[i].Packets || stamp.Publisher != p.Track().Publisher {
				t.Errorf("%s: the first stamp is %+v after %d packets: %v", st.RID, stamp, before[i].Packets, err)
			}
			if sent[0].SequenceNumber >= 1<<15 || sent[0].PayloadType != 100 || st.SSRC != uint32(5000+i) {
				t.Errorf("%s: %+v, %+v", st.RID, sent[0].Header, st)
			}
			checkReports(t, next, uint32(5000+i), len(sent))
		}
	})
}

// checkReports wants the last sender report of an SSRC to speak of at most count packets, all of this PeerConnection.
func checkReports(t *testing.T, w *tape, ssrc uint32, count int) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	found := false
	for _, r := range w.reports {
		if sr, ok := r.(*rtcp.SenderReport); ok && sr.SSRC == ssrc {
			found = true
			if sr.PacketCount == 0 || int(sr.PacketCount) > count {
				t.Errorf("a report of %d: %d packets of %d", ssrc, sr.PacketCount, count)
			}
		}
	}
	if !found {
		t.Errorf("no report of %d", ssrc)
	}
}
