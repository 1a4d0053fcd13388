package transport

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"testing"

	"sfu/pkg/codec"
	"sfu/pkg/forwarder"
	"sfu/pkg/srtp"
	"sfu/pkg/udp"
)

// A directPath is everything between a publisher's datagrams, as the socket has read them, and those to n viewers, as the kernel has taken
// them. ICE and DTLS are left out: keys and routes are given.
type directPath struct {
	engine    *Engine
	publisher *Conn
	sealer    *srtp.Sealer
	inlet     forwarder.Inlet
	viewers   int
	next      uint64
	sent      uint64 // to viewers
	packet    [1200]byte
}

type deaf struct{}

func (deaf) StatusChanged(Status)                                            {}
func (deaf) DownTrackChanged(*forwarder.DownTrack, forwarder.DownTrackState) {}
func (deaf) UpTrackStarted(*forwarder.UpTrack, codec.Type)                   {}
func (deaf) UpTrackPoliced(*forwarder.UpTrack)                               {}

func newDirectPath(tb testing.TB, viewers int) *directPath {
	tb.Helper()
	engine, err := NewEngine(Config{Addresses: []Address{{Local: netip.MustParseAddr("127.0.0.1")}}})
	if err != nil {
		tb.Fatal(err)
	}
	const plenty = 1 << 40
	pool := forwarder.NewPool(forwarder.Config{
		Workers: 1, NewEgress: engine.NewEgress, Limits: forwarder.Limits{TrackPacketsPerSecond: plenty, CameraBitsPerSecond: plenty},
	})
	group := pool.NewGroup()
	keys := srtp.Keys{Key: make([]byte, 16), Salt: make([]byte, 12)}
	d := &directPath{engine: engine, viewers: viewers}
	var conns []*Conn
	connect := func() *Conn {
		c, err := engine.NewConn(group, deaf{})
		if err != nil {
			tb.Fatal(err)
		}
		conns = append(conns, c)
		return c
	}
	formats := []forwarder.Format{{Codec: codec.VP8, PayloadType: 96, NACK: true, PLI: true}}

	d.publisher = connect()
	opener, err := srtp.NewOpener(srtp.AES128GCM, keys, 4)
	if err != nil {
		tb.Fatal(err)
	}
	d.publisher.inbound.secure(opener)
	if d.sealer, err = srtp.NewSealer(srtp.AES128GCM, keys); err != nil {
		tb.Fatal(err)
	}
	d.publisher.peer.Configure([]forwarder.Media{{Mid: "0", Kind: forwarder.Video, Formats: formats, Streams: []forwarder.Stream{{SSRC: 1}}}})
	track := d.publisher.peer.Publish("0", forwarder.Video, forwarder.Camera, deaf{})

	// Nobody reads what is sent there: the kernel drops it at the end of its way.
	sink, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		tb.Fatal(err)
	}
	_ = sink.SetReadBuffer(1)
	for range viewers {
		c := connect()
		sealer, err := srtp.NewSealer(srtp.AES128GCM, keys)
		if err != nil {
			tb.Fatal(err)
		}
		c.writer.secure(sealer)
		to := sink.LocalAddr().(*net.UDPAddr).AddrPort()
		c.writer.redirect(&route{remote: to, socket: engine.sockets[0], to: udp.NewDestination(to, engine.sockets[0].Socket)})
		c.writer.open.Store(true)
		downs := c.peer.Configure([]forwarder.Media{{
			Mid: "0", Kind: forwarder.Video, Send: true, Formats: formats, Extensions: forwarder.Extensions{TransportCC: 5}, Streams: []forwarder.Stream{{SSRC: 2}},
		}})
		downs[0].SetSource(track)
	}
	tb.Cleanup(func() {
		for _, c := range conns {
			c.Close()
		}
		group.Close()
		pool.Close()
		if err := engine.Close(); err != nil {
			tb.Error(err)
		}
		_ = sink.Close()
	})
	warm := 1200 // until every ring has its size
	if raced {
		warm = 10
	}
	for range warm {
		d.receive(8)
	}
	return d
}

// receive takes count packets as one batch and waits until the kernel has what the viewers get of them.
func (d *directPath) receive(count int) {
	for range count {
		d.next++
		header := d.packet[:12]
		header[0], header[1] = 2<<6, 0x80|96
		binary.BigEndian.PutUint16(header[2:], uint16(d.next))
		binary.BigEndian.PutUint32(header[4:], uint32(d.next)*3000)
		binary.BigEndian.PutUint32(header[8:], 1)
		payload := d.packet[12:1112]
		payload[0], payload[1] = 0x10, 1 // the start of a frame; the next bit of the first byte is 0 in keyframes
		if d.next == 1 {
			copy(payload, []byte{0x10, 0x10, 0, 0, 0x9D, 0x01, 0x2A, 0x40, 0x01, 0xB4, 0x00})
		}
		b := forwarder.NewBuffer()
		sealed := d.sealer.SealRTP(b.Space()[:0], header, payload, uint32(d.next>>16))
		// The clock of the limit runs fast enough for all.
		if !d.publisher.inbound.take(&d.inlet, b, len(sealed), false, int64(d.next)*1e6) {
			panic("the connection has no keys")
		}
	}
	d.inlet.Flush()
	d.sent += uint64(count * d.viewers)
	for d.engine.counters.directOut.Load() < d.sent {
		runtime.Gosched()
	}
}

func TestDirectPathDoesNotAllocate(t *testing.T) {
	d := newDirectPath(t, 20)
	if got, want := d.engine.sockets[0].Stats().DatagramsOut, d.sent; got < want {
		t.Fatalf("%d of %d datagrams went to the kernel", got, want)
	}
	if raced {
		return
	}
	// Reports are made a few times a second, and a pool may be emptied by the collector; 8 packets to 20 viewers are one run.
	if n := testing.AllocsPerRun(500, func() { d.receive(8) }); n > 1 {
		t.Errorf("%v allocations for 8 packets to 20 viewers", n)
	}
}

// BenchmarkDirect is the cost of a delivery, the kernel's part with it.
func BenchmarkDirect(b *testing.B) {
	for _, viewers := range []int{4, 50} {
		for _, batch := range []int{1, 4, 12} {
			b.Run(fmt.Sprintf("viewers=%d/batch=%d", viewers, batch), func(b *testing.B) {
				d := newDirectPath(b, viewers)
				b.ReportAllocs()
				b.ResetTimer()
				for range b.N {
					d.receive(batch)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*batch*viewers), "ns/delivery")
			})
		}
	}
}
