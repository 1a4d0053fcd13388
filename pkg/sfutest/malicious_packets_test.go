package sfutest_test

import (
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
	"sfu/pkg/sfutest"
	"sfu/pkg/signaling/protocol"
	"sfu/pkg/synthetic"
)

// unreadable waits until the server has met n packets that it could not read, the last of them what is named.
func (s *scene) unreadable(what string, n uint64) {
	s.t.Helper()
	sfutest.Eventually(s.t, "counted as unreadable: "+what, func() bool { return s.srv.Engine.Stats().Unreadable >= n })
}

// largestRTP is the largest RTP packet that is taken: 1460 bytes with the tag of AES-GCM.
const largestRTP = 1444

func TestM27_HeadersThatCannotBe(t *testing.T) {
	s := newScene(t, sfutest.Options{})
	eve := newIntruder(t, s.srv, intent{camera: true})
	eve.enter()
	eve.behave(s.saw)
	fresh := func(payload []byte) []byte { return eve.media.packet(eve.media.next(), payload) }

	// What says in the clear what cannot be is thrown away before anybody decrypts it.
	rubbish := map[string]func(sealed []byte) []byte{
		"version 1":                     func(b []byte) []byte { b[0] = b[0]&0x3F | 1<<6; return b },
		"version 3":                     func(b []byte) []byte { b[0] |= 3 << 6; return b },
		"15 CSRCs beyond the end":       func(b []byte) []byte { b[0] |= 15; return b[:40] },
		"an extension beyond the end":   func(b []byte) []byte { b[0] |= 0x10; b[14], b[15] = 0xFF, 0xFF; return b },
		"an extension without a header": func(b []byte) []byte { b[0] |= 0x10; return b[:14] },
		"half a header":                 func(b []byte) []byte { return b[:11] },
		"a byte":                        func(b []byte) []byte { return b[:1] },
		"1500 bytes":                    func([]byte) []byte { return eve.seal(fresh(eve.media.vp8(true, 1500))) },
		"8 kB":                          func([]byte) []byte { return eve.seal(fresh(eve.media.vp8(true, 8000))) },
		"64 kB":                         func(b []byte) []byte { return append(b, make([]byte, 65_000)...) },
	}
	for name, spoil := range rubbish {
		before := s.srv.Engine.Stats().Unreadable
		for range 10 {
			eve.sendRaw(spoil(eve.seal(fresh(eve.media.vp8(true, 100)))))
		}
		s.unreadable(name, before+10)
	}
	eve.behave(s.saw)

	// What is sealed well and wrong inside is found by the forwarder.
	padded := func(payload []byte) []byte { b := fresh(payload); b[0] |= 0x20; return b }
	counters, first := s.counters(), eve.media.marks+1
	malformed := [][]byte{
		padded(append(eve.media.vp8(true, 100), 0)),   // padding of nothing
		padded(append(eve.media.vp8(true, 100), 255)), // longer than the packet
		padded(nil), // and no payload
	}
	for _, b := range malformed {
		eve.sendRTP(b)
	}
	s.dropped(counters, forwarder.DropMalformed, uint64(len(malformed)))
	for n := range 50 { // nothing at all, and nothing but padding
		eve.sendRTP(fresh(nil))
		eve.sendRTP(padded(append(make([]byte, n), byte(n+1))))
	}
	last := eve.media.marks
	eve.behave(s.saw)
	if n := s.saw.between(first, last); n != 0 {
		t.Errorf("%d of them reached bob", n)
	}

	// The largest that is taken arrives as it was, although its header grows on the way.
	largest := fresh(nil)
	eve.sendRTP(append(largest, eve.media.stamped(largestRTP-len(largest))...))
	sfutest.Eventually(t, "the largest packet arrives", func() bool { return s.bobs(eve.track()).Checked > 0 || s.bobs(eve.track()).Damaged > 0 })
	if got := s.bobs(eve.track()); got.Damaged != 0 {
		t.Errorf("%d packets are damaged", got.Damaged)
	}
	s.saw.noneTwice(t)
	eve.leave()
	s.over()
}

// A tape keeps the payloads that a source sends.
type tape struct {
	mu       sync.Mutex
	payloads [][]byte
}

func (r *tape) WriteRTP(_ *rtp.Header, payload []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.payloads = append(r.payloads, append([]byte(nil), payload...))
	return len(payload), nil
}

func (r *tape) recorded() [][]byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.payloads[:len(r.payloads):len(r.payloads)]
}

// payloadsOf returns some payloads of a codec, those of a keyframe first.
func payloadsOf(t *testing.T, c codec.Type) [][]byte {
	t.Helper()
	source := synthetic.NewSource("tape", func([]rtcp.Packet) error { return nil })
	defer source.Close()
	small := synthetic.Encoding{Width: 320, Height: 180, FPS: 100, Bitrate: 50_000, TemporalLayers: 2}
	player, err := source.Add(synthetic.Track{Codec: c, Encodings: []synthetic.Encoding{small}})
	if err != nil {
		t.Fatal(err)
	}
	recorder := &tape{}
	player.Bind("", synthetic.Binding{SSRC: 1, Writer: recorder})
	source.Start()
	sfutest.Eventually(t, "payloads", func() bool { return len(recorder.recorded()) >= 5 })
	return recorder.recorded()[:5]
}

// codecChange is a little more than the second within which a track may change its codec once.
const codecChange = 1100 * time.Millisecond

// TestM28_TruncatedPayloads: payloads of every codec, cut at every byte, do no harm to anyone, and the track goes on after them.
func TestM28_TruncatedPayloads(t *testing.T) {
	s := newScene(t, sfutest.Options{})
	eve := newIntruder(t, s.srv, intent{camera: true})
	eve.enter()
	eve.behave(s.saw)
	before := s.counters()
	var pace pacer
	for payloadType, c := range map[byte]codec.Type{vp8Type: codec.VP8, vp9Type: codec.VP9, h264Type: codec.H264, av1Type: codec.AV1} {
		<-time.After(codecChange) // what comes sooner is dropped for that, whole or cut
		for _, payload := range payloadsOf(t, c) {
			for cut := range min(len(payload), 80) {
				h := eve.media.next()
				h.payloadType = payloadType
				eve.sendRTP(eve.media.packet(h, payload[:cut]))
				pace.wait()
			}
		}
		// Whole ones in between, so that cut ones also meet a stream that runs.
		for _, payload := range payloadsOf(t, c) {
			h := eve.media.next()
			h.payloadType = payloadType
			eve.sendRTP(eve.media.packet(h, payload))
		}
	}
	s.dropped(before, forwarder.DropMalformed, 4*5)
	eve.behave(s.saw)
	s.saw.noneTwice(t)
	eve.leave()
	s.over()
}

// TestM28_Flood: 20 Mbit/s, each frame a keyframe. The publisher is told, and viewers get what a camera may send and no more.
func TestM28_Flood(t *testing.T) {
	const bitsPerSecond = 2_000_000 // so that a machine that is slow to send floods all the same
	s := newScene(t, sfutest.Options{Limits: forwarder.Limits{CameraBitsPerSecond: bitsPerSecond}})
	eve := newIntruder(t, s.srv, intent{camera: true})
	eve.enter()
	eve.behave(s.saw)
	before, began, came := s.counters(), time.Now(), s.saw.bytes()
	limited := func(m protocol.ServerMessage) bool {
		e, ok := m.(protocol.Error)
		return ok && e.Code == protocol.BitrateLimited && e.Track == eve.track()
	}
	var pace pacer
	var sent uint64
	sfutest.Eventually(t, "the publisher is told", func() bool {
		for range 4 * burst {
			packet := eve.media.packet(eve.media.next(), eve.media.vp8(true, 1000))
			eve.sendRTP(packet)
			sent += uint64(len(packet))
			pace.wait()
		}
		return sent > 3_000_000 && eve.hears(limited)
	})
	s.dropped(before, forwarder.DropPoliced, 100)
	s.undisturbed()
	passed := s.saw.bytes() - came
	most := uint64(bitsPerSecond/8*(time.Since(began).Seconds()+1)*1.1) + 100_000 // what the new headers add
	if passed > most || passed == 0 {
		t.Errorf("%d bytes of %d reached bob, %d may", passed, sent, most)
	}
	eve.behave(s.saw)
	s.saw.noneTwice(t)
	eve.leave()
	s.over()
}

// TestM33_ReplayedAndFlipped: ten thousand packets that were sent before, half of them with a bit flipped.
func TestM33_ReplayedAndFlipped(t *testing.T) {
	s := newScene(t, sfutest.Options{})
	eve := newIntruder(t, s.srv, intent{camera: true})
	eve.enter()
	var recorded [][]byte
	for n := range 100 {
		sealed := eve.seal(eve.media.packet(eve.media.next(), eve.media.vp8(n%10 == 0, 100)))
		recorded = append(recorded, sealed)
		eve.sendRaw(sealed)
	}
	eve.behave(s.saw)
	sealed, err := eve.media.keys.EncryptRTCP(nil, pli(eve.media.ssrc, eve.media.ssrc), nil)
	if err != nil {
		t.Fatal(err)
	}
	recorded[50] = sealed
	eve.sendRaw(sealed)

	before, counters := s.srv.Engine.Stats().Unreadable, s.counters()
	const rounds = 50
	for n := range rounds {
		for i, packet := range recorded {
			eve.sendRaw(packet)
			flipped := append([]byte(nil), packet...)
			bit := (n*len(recorded) + i) % (8 * len(packet))
			flipped[bit/8] ^= 1 << (bit % 8)
			eve.sendRaw(flipped)
		}
		s.unreadable("replayed and flipped", before+uint64(190*(n+1))) // no faster than the server reads; a few may get lost
	}
	after := s.counters()
	for _, why := range forwarder.DropReasons() {
		if after.Dropped[why] != counters.Dropped[why] {
			t.Errorf("%d packets got as far as being dropped as %v", after.Dropped[why]-counters.Dropped[why], why)
		}
	}
	eve.behave(s.saw)
	s.saw.noneTwice(t)
	if state := eve.pc.ConnectionState().String(); state != "connected" {
		t.Errorf("the connection is %s", state)
	}
	eve.leave()
	s.over()
}
