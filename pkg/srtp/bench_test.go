package srtp

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	pion "github.com/pion/srtp/v3"
)

// benchSize is the payload of benchmarks in bytes, benchPackets how many sealed packets they go through before they begin anew.
const (
	benchSize    = 1100
	benchPackets = 4096
)

// traffic are sealed packets of one stream in order, and what they were.
type traffic struct {
	sealer                *Sealer
	header, payload       []byte
	compound              []byte
	sealedRTP, sealedRTCP [][]byte
	scratch               []byte
}

func newTraffic(tb testing.TB, p Profile) *traffic {
	tb.Helper()
	sealer, _ := pair(tb, p, 1)
	header := append(plainHeader(7, 0), 0xBE, 0xDE, 0, 1, 0x51, 0, 1, 0)
	header[0] |= 0x10
	t := &traffic{
		sealer: sealer, header: header, payload: make([]byte, benchSize),
		compound: append([]byte{0x80, 201, 1, 19, 0, 0, 0, 7}, make([]byte, benchSize)...), scratch: make([]byte, 1500),
	}
	for seq := range uint16(benchPackets) {
		binary.BigEndian.PutUint16(t.header[2:], seq)
		t.sealedRTP = append(t.sealedRTP, sealIndex(sealer, t.header, t.payload, uint64(seq)))
		t.sealedRTCP = append(t.sealedRTCP, must(sealer.SealRTCP(make([]byte, 1500), t.compound)))
	}
	return t
}

// load copies a sealed packet to where it may be destroyed, as it would come from a socket.
func (t *traffic) load(sealed []byte) []byte { return t.scratch[:copy(t.scratch, sealed)] }

func TestNothingAllocates(t *testing.T) {
	traffic := newTraffic(t, AES128GCM)
	_, opener := pair(t, AES128GCM, 4)
	next := 0
	for name, call := range map[string]func(){
		"SealRTP":  func() { traffic.sealer.SealRTP(traffic.scratch, traffic.header, traffic.payload, 1) },
		"SealRTCP": func() { must(traffic.sealer.SealRTCP(traffic.scratch, traffic.compound)) },
		"OpenRTP":  func() { must(opener.OpenRTP(traffic.load(traffic.sealedRTP[next%benchPackets]))) },
		"OpenRTCP": func() { must(opener.OpenRTCP(traffic.load(traffic.sealedRTCP[next%benchPackets]))) },
		"OpenRTP of a forged packet": func() {
			packet := traffic.load(traffic.sealedRTP[0])
			packet[3] = byte(next)
			packet[11] = byte(next / 2)
			packet[20]++
			if _, err := opener.OpenRTP(packet); err == nil {
				t.Error("opened")
			}
		},
		"OpenRTP of a replay":       func() { _, _ = opener.OpenRTP(traffic.load(traffic.sealedRTP[0])) },
		"OpenRTP of a short packet": func() { _, _ = opener.OpenRTP(traffic.scratch[:20]) },
		"OpenRTCP of a forged packet": func() {
			packet := traffic.load(traffic.sealedRTCP[0])
			packet[len(packet)-4] = byte(next) // encrypted or not
			if _, err := opener.OpenRTCP(packet); err == nil {
				t.Error("opened")
			}
		},
	} {
		next = 0
		opener.rtpStreams, opener.rtcpStreams = streams{limit: 4}, streams{limit: 4}
		must(opener.OpenRTP(traffic.load(traffic.sealedRTP[0])))
		must(opener.OpenRTCP(traffic.load(traffic.sealedRTCP[0])))
		if n := testing.AllocsPerRun(2000, func() { next++; call() }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkSealRTP(b *testing.B) {
	for name, p := range profiles {
		traffic := newTraffic(b, p)
		b.Run(name+"/ours", func(b *testing.B) {
			b.SetBytes(benchSize)
			b.ReportAllocs()
			index := uint64(1 << 16)
			for b.Loop() {
				index++
				binary.BigEndian.PutUint16(traffic.header[2:], uint16(index))
				traffic.sealer.SealRTP(traffic.scratch, traffic.header, traffic.payload, uint32(index>>16))
			}
		})
		b.Run(name+"/ours, copied and sealed in place", func(b *testing.B) {
			b.SetBytes(benchSize)
			b.ReportAllocs()
			index, size := uint64(1<<32), len(traffic.header)
			for b.Loop() {
				index++
				binary.BigEndian.PutUint16(traffic.header[2:], uint16(index))
				n := copy(traffic.scratch[size:], traffic.payload)
				traffic.sealer.SealRTP(traffic.scratch, traffic.header, traffic.scratch[size:size+n], uint32(index>>16))
			}
		})
		b.Run(name+"/cipher alone", func(b *testing.B) {
			b.SetBytes(benchSize)
			session, nonce := &traffic.sealer.rtp, make([]byte, nonceSize)
			for b.Loop() {
				nonce[0]++
				session.aead.Seal(traffic.scratch[:0], nonce, traffic.payload, traffic.header)
			}
		})
		b.Run(name+"/pion", func(b *testing.B) {
			b.SetBytes(benchSize)
			b.ReportAllocs()
			context := pionContext(b, p)
			plain := append(append([]byte(nil), traffic.header...), traffic.payload...)
			var header rtp.Header
			must(header.Unmarshal(plain))
			for b.Loop() {
				header.SequenceNumber++
				binary.BigEndian.PutUint16(plain[2:], header.SequenceNumber)
				must(context.EncryptRTP(traffic.scratch, plain, &header))
			}
		})
	}
}

// laps calls begin and then open for each packet, again and again. The packets are new each time, for they are opened in place, and
// what that takes is not measured.
func laps(b *testing.B, sealed [][]byte, begin func(), open func(packet []byte)) {
	b.SetBytes(benchSize)
	b.ReportAllocs()
	packets := make([][]byte, len(sealed))
	for i := range b.N {
		at := i % len(sealed)
		if at == 0 {
			b.StopTimer()
			for n := range sealed {
				packets[n] = append(packets[n][:0], sealed[n]...)
			}
			begin()
			b.StartTimer()
		}
		open(packets[at])
	}
}

func BenchmarkOpenRTP(b *testing.B) {
	for name, p := range profiles {
		traffic := newTraffic(b, p)
		b.Run(name+"/ours", func(b *testing.B) {
			var opener *Opener
			laps(b, traffic.sealedRTP, func() { _, opener = pair(b, p, 16) }, func(packet []byte) { must(opener.OpenRTP(packet)) })
		})
		b.Run(name+"/pion", func(b *testing.B) {
			var context *pion.Context
			var header rtp.Header
			laps(b, traffic.sealedRTP, func() { context = pionContext(b, p, pion.SRTPReplayProtection(64)) },
				func(packet []byte) { must(context.DecryptRTP(traffic.scratch, packet, &header)) })
		})
	}
}

func BenchmarkSealRTCP(b *testing.B) {
	for name, p := range profiles {
		traffic := newTraffic(b, p)
		b.Run(name+"/ours", func(b *testing.B) {
			b.SetBytes(benchSize)
			b.ReportAllocs()
			for b.Loop() {
				must(traffic.sealer.SealRTCP(traffic.scratch, traffic.compound))
			}
		})
		b.Run(name+"/pion", func(b *testing.B) {
			b.SetBytes(benchSize)
			b.ReportAllocs()
			context := pionContext(b, p)
			var header rtcp.Header
			for b.Loop() {
				must(context.EncryptRTCP(traffic.scratch, traffic.compound, &header))
			}
		})
	}
}

func BenchmarkOpenRTCP(b *testing.B) {
	for name, p := range profiles {
		traffic := newTraffic(b, p)
		b.Run(name+"/ours", func(b *testing.B) {
			var opener *Opener
			laps(b, traffic.sealedRTCP, func() { _, opener = pair(b, p, 16) }, func(packet []byte) { must(opener.OpenRTCP(packet)) })
		})
		b.Run(name+"/pion", func(b *testing.B) {
			var context *pion.Context
			var header rtcp.Header
			laps(b, traffic.sealedRTCP, func() { context = pionContext(b, p, pion.SRTCPReplayProtection(64)) },
				func(packet []byte) { must(context.DecryptRTCP(traffic.scratch, packet, &header)) })
		})
	}
}

// BenchmarkFind looks for SSRCs of which no two in a row are the same.
func BenchmarkFind(b *testing.B) {
	for _, n := range []uint32{1, 4, 16, 64} {
		b.Run(fmt.Sprintf("streams=%d", n), func(b *testing.B) {
			table := streams{limit: int(n)}
			for ssrc := range n {
				table.add(ssrc)
			}
			b.ReportAllocs()
			for i := range uint32(b.N) {
				if table.find(i%n) == nil {
					b.Fatal("not found")
				}
			}
		})
	}
}
