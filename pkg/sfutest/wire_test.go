package sfutest_test

import (
	"net"
	"net/netip"
	"sync"
	"testing"

	"sfu/pkg/link"
)

// What the client offers, and what SRTP adds to a packet (RFC 7714 section 14.1).
const (
	opusPayloadType, rtxPayloadType = 111, 97
	srtpTag                         = 16
)

// traffic counts the RTP packets of one direction; index 0 of a pair is audio, 1 is video. Bytes are without what SRTP adds.
type traffic struct{ packets, bytes, retransmitted [2]uint64 }

func (c *traffic) add(datagram []byte) {
	if len(datagram) < 12 || datagram[0]>>6 != 2 || datagram[1] >= 192 && datagram[1] <= 223 {
		return // STUN, DTLS or RTCP
	}
	payloadType, kind := datagram[1]&0x7f, 1
	if payloadType == opusPayloadType {
		kind = 0
	}
	c.packets[kind]++
	c.bytes[kind] += uint64(len(datagram) - srtpTag)
	if payloadType == rtxPayloadType {
		c.retransmitted[kind]++
	}
}

// A wire counts what passes between a client's link and the server: what the link loses on the way up does not come here, and what it
// loses on the way down has been here.
type wire struct {
	*net.UDPConn
	mu       sync.Mutex
	up, down traffic
}

func (w *wire) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, from, err := w.UDPConn.ReadFromUDPAddrPort(b)
	if err == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.down.add(b[:n])
	}
	return n, from, err
}

func (w *wire) WriteToUDPAddrPort(b []byte, to netip.AddrPort) (int, error) {
	w.mu.Lock()
	w.up.add(b)
	w.mu.Unlock()
	return w.UDPConn.WriteToUDPAddrPort(b, to)
}

func (w *wire) counts() (up, down traffic) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.up, w.down
}

// wired returns a path that loses nothing yet, and the wire at its end.
func wired(t *testing.T) (*link.Conn, *wire) {
	t.Helper()
	w := &wire{}
	path, err := link.Open(func() (link.Socket, error) {
		conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
		if err != nil {
			return nil, err
		}
		w.UDPConn = conn
		return w, nil
	}, link.Config{}, link.Config{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = path.Close() })
	return path, w
}
