package client

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/transport/v5/packetio"

	"sfu/pkg/reception"
)

// A MediaReceiver takes what arrives on a session's PeerConnection and says what to answer. It is the seam between a session, which
// knows signalling, ICE and DTLS, and what is done with the packets; *reception.Receiver is one.
type MediaReceiver interface {
	// Configure tells the m-lines after each negotiation.
	Configure([]reception.Line)
	// Samples reports whether Clear wants to see RTP packets before they are decrypted; it is asked once.
	Samples() bool
	// Clear takes an encrypted RTP packet and reports whether it is to be decrypted. It must not keep it.
	Clear(packet []byte, at time.Time) bool
	// RTP and RTCP take decrypted packets. They must not keep them.
	RTP(packet []byte, at time.Time)
	RTCP(packets []rtcp.Packet, at time.Time)
	// Feedback returns what is to be sent now, and when to ask again. Urgent has an element when that is earlier.
	Feedback(now time.Time) (packets []rtcp.Packet, next time.Time)
	Urgent() <-chan struct{}
	// SetRTT tells the round-trip time of the path.
	SetRTT(time.Duration)
	// Stats returns what arrived on each line.
	Stats() []reception.Stats
}

// rttInterval is how often the receiver is told the round-trip time.
const rttInterval = 3 * time.Second

// A reporter sends what the receiver wants to be sent.
type reporter struct {
	receiver MediaReceiver
	send     func([]rtcp.Packet) error
	rtt      func() (time.Duration, bool)
	measured time.Time // rtt
	next     time.Time // to ask the receiver; of attend
}

// step sends what is due and returns when there is more.
func (r *reporter) step(now time.Time) (next time.Time) {
	packets, next := r.receiver.Feedback(now)
	if len(packets) > 0 {
		_ = r.send(packets) // RTCP is repeated; the path's failure is seen elsewhere
		if now.Sub(r.measured) >= rttInterval {
			r.measured = now
			if d, ok := r.rtt(); ok {
				r.receiver.SetRTT(d)
			}
		}
	}
	return next
}

// run sends what is due until quit is closed.
func (r *reporter) run(quit <-chan struct{}) {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		timer.Reset(time.Until(r.step(time.Now())))
		select {
		case <-timer.C:
		case <-r.receiver.Urgent():
		case <-quit:
			return
		}
	}
}

// attend does the same for those who call it now and then.
func (r *reporter) attend(now time.Time) (next time.Time) {
	select {
	case <-r.receiver.Urgent():
		r.next = now
	default:
	}
	if !now.Before(r.next) {
		r.next = r.step(now)
	}
	return r.next
}

// sinks take what pion decrypts, in place of its buffers.
type sinks struct {
	receiver MediaReceiver
	// feedback takes RTCP about what is sent.
	feedback func([]rtcp.Packet)
	// last and lastSSRC belong to the goroutine that decrypts RTCP.
	last     []byte
	lastSSRC uint32
}

// buffer is pion's BufferFactory.
func (s *sinks) buffer(kind packetio.BufferPacketType, ssrc uint32) io.ReadWriteCloser {
	if kind == packetio.RTPBufferPacket {
		return rtpSink{s}
	}
	return rtcpSink{s, ssrc}
}

type rtpSink struct{ *sinks }

func (s rtpSink) Write(b []byte) (int, error) {
	s.receiver.RTP(b, time.Now())
	return len(b), nil
}
func (s rtpSink) Read([]byte) (int, error) { return 0, io.EOF }
func (s rtpSink) Close() error             { return nil }

// pion writes an RTCP packet once for every SSRC that it is about, in ascending order.
type rtcpSink struct {
	*sinks
	ssrc uint32
}

func (s rtcpSink) Write(b []byte) (int, error) {
	again := s.ssrc > s.lastSSRC && bytes.Equal(b, s.last)
	s.lastSSRC = s.ssrc
	if again {
		return len(b), nil
	}
	s.sinks.last = append(s.last[:0], b...)
	packets, err := rtcp.Unmarshal(b)
	if err != nil {
		return len(b), nil // the stream goes on
	}
	s.receiver.RTCP(packets, time.Now())
	s.feedback(packets)
	return len(b), nil
}
func (s rtcpSink) Read([]byte) (int, error) { return 0, io.EOF }
func (s rtcpSink) Close() error             { return nil }

// datagrams is how pion reads and writes a socket without allocating addresses.
type datagrams interface {
	net.PacketConn
	ReadFromAddrPort(b []byte) (int, netip.AddrPort, error)
	WriteToAddrPort(b []byte, addr netip.AddrPort) (int, error)
}

// udpDatagrams makes a *net.UDPConn one.
type udpDatagrams struct{ *net.UDPConn }

func (u udpDatagrams) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	return u.ReadFromUDPAddrPort(b)
}
func (u udpDatagrams) WriteToAddrPort(b []byte, addr netip.AddrPort) (int, error) {
	return u.WriteToUDPAddrPort(b, addr)
}

// A tap shows RTP packets to the receiver as they come off the socket, and lets pion see only those that are to be decrypted.
type tap struct {
	datagrams
	receiver MediaReceiver
}

func (t tap) ReadFromAddrPort(b []byte) (int, netip.AddrPort, error) {
	for {
		n, addr, err := t.datagrams.ReadFromAddrPort(b)
		if err != nil || !isRTP(b[:n]) || t.receiver.Clear(b[:n], time.Now()) {
			return n, addr, err
		}
	}
}

func (t tap) ReadFrom(b []byte) (int, net.Addr, error) {
	n, addr, err := t.ReadFromAddrPort(b)
	if err != nil {
		return 0, nil, err
	}
	return n, net.UDPAddrFromAddrPort(addr), nil
}

// A Served socket is read by someone who reads many. It shows what it receives, and has its user do what is due, instead of a goroutine
// for each: see polling.Socket, which is one. Where Serve comes with Relax, that is called when media can flow; Cork and Uncork
// enclose packets that leave together.
type Served interface {
	net.PacketConn
	Serve(show func(b []byte, at time.Time) bool, attend func(now time.Time) time.Time)
}

type relaxing interface{ Relax() error }

type corking interface {
	Cork()
	Uncork()
}

// shows tells which datagrams pion shall see.
func shows(receiver MediaReceiver) func(b []byte, at time.Time) bool {
	if !receiver.Samples() {
		return nil
	}
	return func(b []byte, at time.Time) bool { return !isRTP(b) || receiver.Clear(b, at) }
}

// isRTP tells RTP from STUN, DTLS and RTCP (RFC 7983, RFC 5761 section 4).
func isRTP(b []byte) bool {
	return len(b) >= 12 && b[0] >= 128 && b[0] <= 191 && (b[1] < 192 || b[1] > 223)
}
