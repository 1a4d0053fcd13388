package srtp

import (
	"encoding/binary"
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
		b.Run(name+"/in place", func(b *testing.B) {
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

func BenchmarkOpenRTP(b *testing.B) {
	for name, p := range profiles {
		traffic := newTraffic(b, p)
		b.Run(name+"/ours", func(b *testing.B) {
			b.SetBytes(benchSize)
			b.ReportAllocs()
			var opener *Opener
			for i := range b.N {
				if i%benchPackets == 0 {
					_, opener = pair(b, p, 16)
				}
				must(opener.OpenRTP(traffic.load(traffic.sealedRTP[i%benchPackets])))
			}
		})
		b.Run(name+"/pion", func(b *testing.B) {
			b.SetBytes(benchSize)
			b.ReportAllocs()
			var context *pion.Context
			var header rtp.Header
			for i := range b.N {
				if i%benchPackets == 0 {
					context = pionContext(b, p, pion.SRTPReplayProtection(64))
				}
				must(context.DecryptRTP(traffic.scratch, traffic.sealedRTP[i%benchPackets], &header))
			}
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
			b.SetBytes(benchSize)
			b.ReportAllocs()
			var opener *Opener
			for i := range b.N {
				if i%benchPackets == 0 {
					_, opener = pair(b, p, 16)
				}
				must(opener.OpenRTCP(traffic.load(traffic.sealedRTCP[i%benchPackets])))
			}
		})
		b.Run(name+"/pion", func(b *testing.B) {
			b.SetBytes(benchSize)
			b.ReportAllocs()
			var context *pion.Context
			var header rtcp.Header
			for i := range b.N {
				if i%benchPackets == 0 {
					context = pionContext(b, p, pion.SRTCPReplayProtection(64))
				}
				must(context.DecryptRTCP(traffic.scratch, traffic.sealedRTCP[i%benchPackets], &header))
			}
		})
	}
}
