package transport_test

import (
	"context"
	"errors"
	"net"
	"reflect"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/pion/srtp/v3"
	"github.com/pion/webrtc/v4"

	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
	"sfu/pkg/transport"
)

// A side is the server's end of one client.
type side struct {
	conn     *transport.Conn
	statuses chan transport.Status
	layers   chan forwarder.DownTrackState
}

func (s *side) StatusChanged(status transport.Status) { s.statuses <- status }
func (s *side) DownTrackChanged(_ *forwarder.DownTrack, state forwarder.DownTrackState) {
	select {
	case s.layers <- state:
	default:
	}
}

type server struct {
	engine *transport.Engine
	pool   *forwarder.Pool
	group  *forwarder.Group
}

func newServer(t *testing.T) *server {
	t.Helper()
	return newServerOn(t, nil)
}

// newServerOn takes ICE-TCP from l as well.
func newServerOn(t *testing.T, l net.Listener) *server {
	t.Helper()
	return newServerWith(t, transport.Config{TCP: l})
}

func (s *server) newSide(t *testing.T) *side {
	t.Helper()
	one := &side{statuses: make(chan transport.Status, 64), layers: make(chan forwarder.DownTrackState, 64)}
	conn, err := s.engine.NewConn(s.group, one)
	if err != nil {
		t.Fatal(err)
	}
	one.conn = conn
	t.Cleanup(conn.Close)
	return one
}

var permitAll = transport.Permit{Publish: func(string, forwarder.Kind) bool { return true }, Slots: 32}

// negotiate lets pc offer and the server answer.
func negotiate(t *testing.T, pc *webrtc.PeerConnection, s *side) transport.Answer {
	t.Helper()
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	answer, err := s.conn.Answer(ctx, offer.SDP, permitAll)
	if err != nil {
		t.Fatalf("answer: %v", err)
	}
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.SDP}); err != nil {
		t.Fatalf("apply answer: %v\n%s", err, answer.SDP)
	}
	return answer
}

// A sender is a client that publishes VP8.
type sender struct {
	pc     *webrtc.PeerConnection
	track  *webrtc.TrackLocalStaticRTP
	side   *side
	source *forwarder.UpTrack
	begun  started
}

var (
	deltaFrame = []byte{0x10, 0x01, 0, 0, 'd', 'e', 'l', 't', 'a'}
	keyFrame   = []byte{0x10, 0x10, 0, 0, 0x9D, 0x01, 0x2A, 0x40, 0x01, 0xB4, 0x00, 'k', 'e', 'y'}
)

func newPC(t *testing.T) *webrtc.PeerConnection {
	t.Helper()
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{BundlePolicy: webrtc.BundlePolicyMaxBundle})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pc.Close() })
	return pc
}

// newSender publishes 50 frames a second, keyframes when asked, until the test ends.
func (s *server) newSender(t *testing.T) *sender {
	t.Helper()
	p := &sender{pc: newPC(t), begun: make(started, 4)}
	var err error
	p.track, err = webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "video", "stream")
	if err != nil {
		t.Fatal(err)
	}
	tr, err := p.pc.AddTransceiverFromTrack(p.track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil {
		t.Fatal(err)
	}
	p.side = s.newSide(t)
	answer := negotiate(t, p.pc, p.side)
	if len(answer.Sending) != 1 || answer.Sending[0].Kind != forwarder.Video {
		t.Fatalf("sending %+v", answer.Sending)
	}
	p.source = p.side.conn.Peer().Publish(answer.Sending[0].Mid, forwarder.Video, forwarder.Camera, p.begun)
	var wantKey atomic.Bool
	wantKey.Store(true)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			packets, _, err := tr.Sender().ReadRTCP()
			if err != nil {
				return
			}
			for _, packet := range packets {
				if _, ok := packet.(*rtcp.PictureLossIndication); ok {
					wantKey.Store(true)
				}
			}
		}
	})
	stop := make(chan struct{})
	running.Go(func() {
		ticker := time.NewTicker(20 * time.Millisecond)
		defer ticker.Stop()
		for n := uint16(0); ; n++ {
			select {
			case <-stop:
				return
			case <-ticker.C:
			}
			payload := deltaFrame
			if wantKey.Swap(false) {
				payload = keyFrame
			}
			_ = p.track.WriteRTP(&rtp.Packet{
				Header:  rtp.Header{Version: 2, SequenceNumber: n, Timestamp: uint32(n) * 1800, Marker: true},
				Payload: payload,
			})
		}
	})
	t.Cleanup(func() {
		close(stop)
		_ = p.pc.Close()
		running.Wait()
	})
	return p
}

// A receiver is a client that watches.
type receiver struct {
	pc    *webrtc.PeerConnection
	side  *side
	slots []forwarder.Slot
	got   chan *rtp.Packet
}

func (s *server) newReceiver(t *testing.T, slots int) *receiver {
	t.Helper()
	return s.newReceiverWith(t, newPC(t), slots)
}

func (s *server) newReceiverWith(t *testing.T, pc *webrtc.PeerConnection, slots int) *receiver {
	t.Helper()
	v := &receiver{pc: pc, side: s.newSide(t), got: make(chan *rtp.Packet, 4096)}
	v.collect()
	v.grow(t, slots)
	return v
}

// collect has what arrives be put into got.
func (v *receiver) collect() {
	v.pc.OnTrack(func(r *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		for {
			p, _, err := r.ReadRTP()
			if err != nil {
				return
			}
			select {
			case v.got <- p:
			default:
			}
		}
	})
}

func (v *receiver) grow(t *testing.T, slots int) {
	t.Helper()
	for range slots {
		for _, k := range []webrtc.RTPCodecType{webrtc.RTPCodecTypeAudio, webrtc.RTPCodecTypeVideo} {
			if _, err := v.pc.AddTransceiverFromKind(k, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
				t.Fatal(err)
			}
		}
	}
	answer := negotiate(t, v.pc, v.side)
	if len(answer.Slots) != slots {
		t.Fatalf("%d slots for %d", len(answer.Slots), slots)
	}
	for _, slot := range answer.Slots {
		if slot.Audio == nil || slot.Video == nil {
			t.Fatalf("half a slot: %+v", slot)
		}
	}
	v.slots = append(v.slots, answer.Slots...)
}

// expect wants n packets with consecutive numbers and returns the last one.
func (v *receiver) expect(t *testing.T, n int, last *rtp.Packet) *rtp.Packet {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for i := range n {
		select {
		case p := <-v.got:
			if last != nil && p.SequenceNumber != last.SequenceNumber+1 {
				t.Errorf("sequence number %d after %d", p.SequenceNumber, last.SequenceNumber)
			}
			last = p
		case <-deadline:
			t.Fatalf("%d of %d packets came", i, n)
		}
	}
	return last
}

func TestCall(t *testing.T) {
	s := newServer(t)
	p := s.newSender(t)
	v := s.newReceiver(t, 2)
	v.slots[1].Video.SetSource(p.source)
	first := v.expect(t, 1, nil)
	if first.Payload[1]&1 != 0 {
		t.Error("the first packet is not of a keyframe")
	}
	v.expect(t, 50, first)
	if c := <-p.begun; c != codec.VP8 {
		t.Errorf("started with %v", c)
	}
	var last transport.Status
	for len(v.side.statuses) > 0 {
		last = <-v.side.statuses
	}
	if last.State != transport.Connected || last.Path != "udp" {
		t.Errorf("status %+v", last)
	}
	c, err := s.group.Counters(context.Background())
	if err != nil || c.PacketsIn[1] < 50 || c.PacketsOut[1] < 50 || c.Keyframes == 0 {
		t.Errorf("counters %+v, %v", c, err)
	}
}

// TestGrowth: slots that are added later carry media, and those that carry it already go on without a gap.
func TestGrowth(t *testing.T) {
	s := newServer(t)
	p := s.newSender(t)
	v := s.newReceiver(t, 1)
	v.slots[0].Video.SetSource(p.source)
	last := v.expect(t, 25, nil)
	v.grow(t, 3)
	last = v.expect(t, 25, last)
	v.slots[0].Video.SetSource(nil)
	v.slots[3].Video.SetSource(p.source)
	deadline := time.After(30 * time.Second)
	for {
		select {
		case packet := <-v.got:
			if packet.SSRC != last.SSRC {
				v.expect(t, 25, packet)
				return
			}
		case <-deadline:
			t.Fatal("nothing came in the new slot")
		}
	}
}

// Half slots count too: an m-line finds its other half only in its own offer.
func TestSlotsAreLimited(t *testing.T) {
	s := newServer(t)
	pc, side := newPC(t), s.newSide(t)
	permit := permitAll
	permit.Slots = 3
	for _, step := range []struct {
		kind           webrtc.RTPCodecType
		slots, refused int
	}{
		{webrtc.RTPCodecTypeAudio, 2, 0},
		{webrtc.RTPCodecTypeVideo, 1, 1},
		{webrtc.RTPCodecTypeAudio, 0, 3},
	} {
		for range 2 {
			if _, err := pc.AddTransceiverFromKind(step.kind, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
				t.Fatal(err)
			}
		}
		offer, err := pc.CreateOffer(nil)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := side.conn.Answer(t.Context(), offer.SDP, permit)
		if err != nil {
			t.Fatal(err)
		}
		for mid, why := range answer.Rejected {
			if why != transport.RefusedLimit {
				t.Errorf("m-line %s is rejected for %d", mid, why)
			}
		}
		if len(answer.Slots) != step.slots || len(answer.Rejected) != step.refused {
			t.Errorf("%s: %d slots, rejected %v", step.kind, len(answer.Slots), answer.Rejected)
		}
	}
}

// TestICERestart: new credentials leave SSRCs and numbers as they were.
func TestICERestart(t *testing.T) {
	s := newServer(t)
	p := s.newSender(t)
	v := s.newReceiver(t, 1)
	v.slots[0].Video.SetSource(p.source)
	last := v.expect(t, 25, nil)
	offer, err := v.pc.CreateOffer(&webrtc.OfferOptions{ICERestart: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := v.pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	answer, err := v.side.conn.Answer(context.Background(), offer.SDP, permitAll)
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Slots) != 0 {
		t.Errorf("%d slots are new", len(answer.Slots))
	}
	if err := v.pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.SDP}); err != nil {
		t.Fatal(err)
	}
	for range len(v.got) {
		last = <-v.got
	}
	v.completes(t, 50, last)
}

// completes wants the n numbers after last, of the same stream. Some may be late: an ICE agent that restarts has no pair for a moment, so
// that packets are lost then, and repaired.
func (v *receiver) completes(t *testing.T, n int, last *rtp.Packet) {
	t.Helper()
	missing := map[uint16]bool{}
	for i := range n {
		missing[last.SequenceNumber+1+uint16(i)] = true
	}
	deadline := time.After(30 * time.Second)
	for len(missing) > 0 {
		select {
		case p := <-v.got:
			if p.SSRC != last.SSRC {
				t.Fatalf("SSRC %d after %d", p.SSRC, last.SSRC)
			}
			delete(missing, p.SequenceNumber)
		case <-deadline:
			t.Fatalf("%d packets of %d never came", len(missing), n)
		}
	}
}

// TestWrongFingerprint: a client whose certificate is not the one of its offer gets no media and is closed.
func TestWrongFingerprint(t *testing.T) {
	s := newServer(t)
	p := s.newSender(t)
	pc, one := newPC(t), s.newSide(t)
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	pc.OnTrack(func(*webrtc.TrackRemote, *webrtc.RTPReceiver) { t.Error("media arrived") })
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pc.SetLocalDescription(offer); err != nil {
		t.Fatal(err)
	}
	i := strings.Index(offer.SDP, "a=fingerprint:sha-256 ") + len("a=fingerprint:sha-256 ")
	digit := "0"
	if offer.SDP[i] == '0' {
		digit = "1"
	}
	forged := offer.SDP[:i+2]
	forged = forged[:i] + digit + forged[i+1:]
	answer, err := one.conn.Answer(context.Background(), strings.ReplaceAll(offer.SDP, offer.SDP[i-5:i+2], forged[i-5:i+2]), permitAll)
	if err != nil {
		t.Fatal(err)
	}
	answer.Slots[0].Video.SetSource(p.source)
	if err := pc.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: answer.SDP}); err != nil {
		t.Fatal(err)
	}
	if status := one.until(t, transport.Failed); status.Step != "dtls" {
		t.Errorf("failed at %q", status.Step)
	}
}

// until waits for a state.
func (s *side) until(t *testing.T, state transport.State) transport.Status {
	t.Helper()
	deadline := time.After(30 * time.Second)
	for {
		select {
		case status := <-s.statuses:
			if status.State == state {
				return status
			}
		case <-deadline:
			t.Fatalf("never %v", state)
		}
	}
}

// TestManySSRCs: a client that sends on a thousand SSRCs is closed for it, costs little memory, and nobody else notices.
func TestManySSRCs(t *testing.T) {
	s := newServer(t)
	good := s.newSender(t)
	v := s.newReceiver(t, 1)
	v.slots[0].Video.SetSource(good.source)
	last := v.expect(t, 5, nil)

	bad := s.newSender(t)
	<-bad.begun
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	sender := bad.pc.GetSenders()[0]
	writer := srtpWriter(t, sender)
	for n := range 1000 {
		_, _ = writer.WriteRTP(&rtp.Header{Version: 2, PayloadType: 96, SSRC: uint32(n + 1), SequenceNumber: uint16(n)}, deltaFrame)
	}
	if status := bad.side.until(t, transport.Closed); !errors.Is(status.Err, transport.ErrTooManyStreams) {
		t.Errorf("closed for %v", status.Err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 32<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	v.expect(t, 25, last)
}

// srtpWriter gives the stream under a sender, which takes any SSRC.
func srtpWriter(t *testing.T, s *webrtc.RTPSender) *srtp.WriteStreamSRTP {
	t.Helper()
	transport := reflect.ValueOf(s.Transport()).Elem()
	session := transport.FieldByName("srtpSession")
	session = reflect.NewAt(session.Type(), unsafe.Pointer(session.UnsafeAddr())).Elem()
	stream, err := session.Addr().Interface().(*atomic.Value).Load().(*srtp.SessionSRTP).OpenWriteStream()
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// TestCloseLeavesNothing: connections that come and go leave neither goroutines nor places among those that connect.
func TestCloseLeavesNothing(t *testing.T) {
	s := newServer(t)
	for range 5 {
		p := s.newSender(t)
		v := s.newReceiver(t, 1)
		v.slots[0].Video.SetSource(p.source)
		v.expect(t, 2, nil)
		v.side.conn.Close()
		p.side.conn.Close()
		if got := s.engine.Stats(); got.Open != 0 || got.Connecting != 0 {
			t.Fatalf("%+v", got)
		}
	}
	never := s.newSide(t) // one that never connects
	pc := newPC(t)
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeAudio, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}); err != nil {
		t.Fatal(err)
	}
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := never.conn.Answer(context.Background(), offer.SDP, permitAll); err != nil {
		t.Fatal(err)
	}
	if got := s.engine.Stats(); got.Connecting != 1 {
		t.Errorf("%+v", got)
	}
	never.conn.Close()
	if _, err := never.conn.Answer(context.Background(), offer.SDP, permitAll); err == nil {
		t.Error("a closed connection answered")
	}
	if got := s.engine.Stats(); got.Open != 0 || got.Connecting != 0 {
		t.Errorf("%+v", got)
	}
}

type started chan codec.Type

func (s started) UpTrackStarted(_ *forwarder.UpTrack, c codec.Type) { s <- c }
func (s started) UpTrackPoliced(*forwarder.UpTrack)                 {}

// TestAnotherCertificate: who offers another certificate than the one that DTLS verifies is refused, and the connection stays as it is.
func TestAnotherCertificate(t *testing.T) {
	s := newServer(t)
	one := s.newSide(t)
	pc := newPC(t)
	init := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, init); err != nil {
		t.Fatal(err)
	}
	negotiate(t, pc, one)
	one.until(t, transport.Connected)
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	const key = "a=fingerprint:sha-256 "
	at := strings.Index(offer.SDP, key) + len(key)
	digits := offer.SDP[at : at+95]
	other := strings.ReplaceAll(offer.SDP, digits, digits[3:]+":"+digits[:2])
	if _, err := one.conn.Answer(context.Background(), other, permitAll); !errors.Is(err, transport.ErrBadSDP) {
		t.Errorf("another certificate: %v", err)
	}
	if _, err := one.conn.Answer(context.Background(), strings.Replace(offer.SDP, key, "a=fingerprint:SHA-256 ", 1), permitAll); err != nil {
		t.Errorf("the same one: %v", err)
	}
}

// TestCloseWhileAnswering: a connection that is closed while it answers leaves nothing behind.
func TestCloseWhileAnswering(t *testing.T) {
	s := newServer(t)
	one := s.newSide(t)
	pc := newPC(t)
	init := webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionRecvonly}
	if _, err := pc.AddTransceiverFromKind(webrtc.RTPCodecTypeVideo, init); err != nil {
		t.Fatal(err)
	}
	negotiate(t, pc, one)
	one.until(t, transport.Connected)
	offer, err := pc.CreateOffer(nil)
	if err != nil {
		t.Fatal(err)
	}
	begun := make(chan struct{})
	var answering sync.WaitGroup
	answering.Go(func() {
		for n := range 100_000 { // each one restarts ICE
			restart := strings.ReplaceAll(offer.SDP, "a=ice-ufrag:", "a=ice-ufrag:"+strconv.Itoa(n))
			if _, err := one.conn.Answer(context.Background(), restart, permitAll); err != nil {
				return
			}
			if n == 2 {
				close(begun)
			}
		}
	})
	<-begun
	one.conn.Close()
	answering.Wait()
	if left := s.engine.Listed(); left != 0 {
		t.Errorf("%d user names are still known", left)
	}
}
