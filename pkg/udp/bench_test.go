package udp

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// benchPayload is the size of a video packet, in bytes.
const benchPayload = 1116

// A burst is what a Sender sends at a time: so many datagrams to each of so many sockets.
type burst struct {
	tb           testing.TB
	from         *Socket
	sender       *Sender
	readers      []*Reader
	into         [][]byte
	destinations []*Destination
	each, bytes  int
}

func newBurst(tb testing.TB, w way, cfg Config, destinations, each, bytes int) *burst {
	b := &burst{tb: tb, from: open(tb, w.sender, cfg), into: buffers(32), each: each, bytes: bytes}
	b.sender = b.from.NewSender()
	for range destinations {
		s := open(tb, w.receiver, Config{NoBatch: cfg.NoBatch})
		_ = s.SetReadDeadline(time.Time{})
		b.readers = append(b.readers, s.NewReader(len(b.into)))
		b.destinations = append(b.destinations, NewDestination(netip.AddrPortFrom(w.destination, s.LocalAddrPort().Port()), b.from))
	}
	return b
}

func (b *burst) size() int { return len(b.destinations) * b.each }

func (b *burst) send() {
	for _, to := range b.destinations {
		for range b.each {
			b.sender.Reserve()
			b.sender.Commit(b.bytes, to)
		}
	}
	b.sender.Flush()
}

// receive takes what send sent.
func (b *burst) receive() {
	for _, r := range b.readers {
		for got := 0; got < b.each; {
			n, err := r.Read(b.into)
			if err != nil {
				b.tb.Fatal(err)
			}
			for i := range n {
				if size, from, _ := r.Datagram(i); size != b.bytes || from.Port() != b.from.LocalAddrPort().Port() {
					b.tb.Fatalf("%d bytes from %v", size, from)
				}
			}
			got += n
		}
	}
}

// report says what a datagram costs.
func report(b *testing.B, datagrams int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*datagrams), "ns/datagram")
}

// BenchmarkSend sends to 50 sockets that throw away what comes.
func BenchmarkSend(b *testing.B) {
	for _, c := range []struct {
		name string
		cfg  Config
		each int
	}{
		{"WriteToUDPAddrPort", Config{}, 1},
		{"sendmsg", Config{NoBatch: true, NoGSO: true}, 1},
		{"sendmmsg", Config{NoGSO: true}, 1},
		{"sendmmsg/12", Config{NoGSO: true}, 12},
		{"GSO/2", Config{}, 2},
		{"GSO/4", Config{}, 4},
		{"GSO/12", Config{}, 12},
		{"GSO/32", Config{}, 32},
	} {
		b.Run(c.name, func(b *testing.B) {
			burst := newBurst(b, ways[0], c.cfg, 50, c.each, benchPayload)
			for _, r := range burst.readers {
				discard(b, r.socket)
			}
			var ports []netip.AddrPort
			if c.name == "WriteToUDPAddrPort" {
				for _, r := range burst.readers {
					ports = append(ports, r.socket.LocalAddrPort())
				}
			}
			payload := make([]byte, benchPayload)
			b.ReportAllocs()
			for b.Loop() {
				if ports == nil {
					burst.send()
				}
				for _, to := range ports {
					if _, err := burst.from.WriteToAddrPort(payload, to); err != nil {
						b.Fatal(err)
					}
				}
			}
			report(b, burst.size())
		})
	}
}

// BenchmarkReceive reads from a socket on which so many datagrams wait.
func BenchmarkReceive(b *testing.B) {
	for _, waiting := range []int{1, 8, 32} {
		for _, m := range []struct {
			name string
			cfg  Config
		}{{"ReadFromUDPAddrPort", Config{}}, {"recvmsg", Config{NoBatch: true}}, {"recvmmsg", Config{}}} {
			b.Run(fmt.Sprintf("%s/%d", m.name, waiting), func(b *testing.B) {
				burst := newBurst(b, ways[0], Config{}, 1, waiting, benchPayload)
				burst.readers[0].socket.batching.Store(!m.cfg.NoBatch)
				b.ReportAllocs()
				for b.Loop() {
					b.StopTimer()
					burst.send()
					b.StartTimer()
					if m.name != "ReadFromUDPAddrPort" {
						burst.receive()
						continue
					}
					for range waiting {
						if _, _, err := burst.readers[0].socket.ReadFromAddrPort(burst.into[0]); err != nil {
							b.Fatal(err)
						}
					}
				}
				report(b, waiting)
			})
		}
	}
}
