package forwarder

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"sfu/pkg/codec"
)

// counting takes packets and forgets them.
type counting struct{ packets int }

func (c *counting) Room() int       { return 1 << 10 }
func (c *counting) Write(*Outgoing) { c.packets++ }

// A fanOut is one publisher of 1100 byte VP8 packets and n viewers.
type fanOut struct {
	bench   *bench
	source  *source
	writer  counting
	packets [][]byte
	next    int
}

func newFanOut(tb testing.TB, n int) *fanOut {
	tb.Helper()
	b := newBench()
	p := newPublisher(b, rand.New(rand.NewPCG(1, 1)), 1)
	f := &fanOut{bench: b, source: p.encodings[0]}
	for range n {
		peer := b.group.NewPeer(&f.writer, silent{})
		downs := peer.Configure([]Media{{
			Mid: "1", Kind: Video, Send: true, Extensions: Extensions{TransportCC: 5}, Streams: []Stream{{SSRC: viewerSSRC, RTX: viewerRTX}},
			Formats: []Format{{Codec: codec.VP8, PayloadType: viewerVP8, RTX: viewerVP8RTX, NACK: true, PLI: true}},
		}})
		downs[0].SetSource(p.track)
	}
	b.run()
	// 1 << 16 packets so that sequence numbers go round without being seen again too soon.
	for len(f.packets) < 1<<16 {
		f.source.wanted = len(f.packets) == 0
		for _, packet := range f.source.next(rand.New(rand.NewPCG(1, 1))) {
			f.packets = append(f.packets, append(packet, make([]byte, 1100-len(packet))...))
		}
	}
	f.packets = f.packets[:1<<16]
	for range 5000 {
		f.one()
	}
	if f.writer.packets < 4900*n {
		tb.Fatalf("%d packets arrived at %d viewers", f.writer.packets, n)
	}
	return f
}

func (f *fanOut) one() {
	f.bench.now += Instant(2 * time.Millisecond)
	f.bench.receive(f.source.publisher.peer, f.packets[f.next%len(f.packets)], false)
	f.next++
	f.bench.run()
}

// BenchmarkFanOut is the whole path of a packet, from the queue to the writers, per delivery.
func BenchmarkFanOut(b *testing.B) {
	for _, n := range []int{1, 10, 50, 500} {
		b.Run(fmt.Sprintf("viewers=%d", n), func(b *testing.B) {
			f := newFanOut(b, n)
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				f.one()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/delivery")
		})
	}
}

func TestFanOutDoesNotAllocate(t *testing.T) {
	f := newFanOut(t, 20)
	if n := testing.AllocsPerRun(2000, f.one); n > 0 {
		t.Errorf("%v allocations per packet", n)
	}
}

func BenchmarkParse(b *testing.B) {
	f := newFanOut(b, 0)
	var h header
	b.ReportAllocs()
	for i := range b.N {
		if err := h.parse(f.packets[i&1023]); err != nil {
			b.Fatal(err)
		}
		h.element(testMID)
		h.element(testRID)
	}
}

func BenchmarkSelect(b *testing.B) {
	var s selector
	s.reset()
	s.aim(0, 1)
	p := &packet{info: codec.Info{Keyframe: true, Start: true, Temporal: 0}, payload: []byte{1}}
	s.begin(0, 0, p)
	b.ReportAllocs()
	for i := range b.N {
		p.timestamp = uint32(i)
		p.info = codec.Info{Temporal: int8(layers[i&3])}
		s.decide(0, 0, p, true, true)
	}
}

func BenchmarkRewrite(b *testing.B) {
	var r rewriter
	r.start(1 << 16)
	n := codec.Numbers{HasPictureID: true, LongID: true, HasTL0: true, HasKeyIndex: true}
	r.begin(1<<16, n)
	b.ReportAllocs()
	for i := range b.N {
		in := uint64(1<<16 + 1 + i)
		n.PictureID = uint16(i) & pictureMask
		if layers[i&3] == 2 {
			r.withhold(in, uint32(i), n)
		} else {
			r.pass(in, n)
		}
	}
}

func BenchmarkHistory(b *testing.B) {
	var h history
	var batch Batch
	b.ReportAllocs()
	for i := range b.N {
		seq := uint64(1<<16 + i)
		h.put(packet{seq: seq, arrival: Instant(i) * Instant(2*time.Millisecond), buf: NewBuffer()}, &batch)
		batch.reset()
		h.get(seq - 100)
	}
}

func BenchmarkAnswerNACK(b *testing.B) {
	f := newFanOut(b, 1)
	d := f.source.publisher.track.media.downs[0]
	b.ReportAllocs()
	for range b.N {
		f.one()
		d.answer(uint16(d.media.rewriter.lastOut-20), f.bench.now)
		f.bench.worker.flush()
	}
}
