//go:build linux && (amd64 || arm64)

package polling

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkDrain reads datagrams of 1100 bytes that are there: one is one datagram, sent by itself or in a run of 12 by GSO.
func BenchmarkDrain(b *testing.B) {
	for name, run := range map[string]int{"single": 1, "run12": 12} {
		b.Run(name, func(b *testing.B) {
			fd, at, err := openUDP(netip.AddrFrom4([4]byte{127, 0, 0, 1}))
			if err != nil {
				b.Fatal(err)
			}
			defer unix.Close(fd)
			r, err := newReader()
			if err != nil {
				b.Fatal(err)
			}
			defer unix.Close(r.fd)
			seen := 0
			s := newSocket(&Pool{}, fd, at)
			s.Serve(func([]byte, time.Time) bool {
				seen++
				return false
			}, nil)
			c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(at))
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			if run > 1 {
				segmented(b, c)
			}
			packets := make([]byte, 1100*run)
			const there = 48 // the smallest receive buffer holds more
			b.ReportAllocs()
			for sent := 0; sent < b.N; sent += there {
				b.StopTimer()
				for range there / run {
					if _, err := c.Write(packets); err != nil {
						b.Fatal(err)
					}
				}
				b.StartTimer()
				r.drain(s)
				if seen != sent+there {
					b.Fatalf("%d of %d datagrams", seen, sent+there)
				}
			}
		})
	}
}

// segmented has the kernel cut what c sends into datagrams of 1100 bytes.
func segmented(b *testing.B, c *net.UDPConn) {
	raw, err := c.SyscallConn()
	if err != nil {
		b.Fatal(err)
	}
	var gso error
	if err := raw.Control(func(fd uintptr) { gso = unix.SetsockoptInt(int(fd), unix.SOL_UDP, unix.UDP_SEGMENT, 1100) }); err != nil || gso != nil {
		b.Skipf("the kernel has no UDP GSO: %v, %v", err, gso)
	}
}
